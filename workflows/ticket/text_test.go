package ticket_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows/ticket"
)

var (
	ana  = access.Person{ID: "ana", DisplayName: "Ana"}
	mia  = access.Person{ID: "mia", DisplayName: "Mia"}
	omar = access.Person{ID: "omar", DisplayName: "Omar"}
)

// need returns a requirement of two items, one of them granted by hand.
func need() access.Requirement {
	return access.Requirement{
		Requester: mia, Subject: ana,
		Settings: access.RequestSettings{ApprovalTimeout: access.Duration(7 * 24 * time.Hour), RequestURL: "https://usher.test/r/{id}"},
		Items: []access.ItemRequirement{
			{
				Item: access.Item{ID: "1", Entitlement: "wiki/editor"}, Title: "Wiki editor", Fulfilment: access.FulfilmentSCIM,
				Duration: access.Duration(24 * time.Hour),
				Stages:   []access.Stage{{Name: "manager", Approvers: []access.Person{mia}}, {Name: "owner", Approvers: []access.Person{omar, mia}}},
			},
			{
				Item: access.Item{ID: "2", Entitlement: "badge/lab"}, Title: "Lab badge", Fulfilment: access.FulfilmentManual,
				Stages: []access.Stage{{Name: "owner", Approvers: []access.Person{omar}}},
			},
		},
	}
}

func TestForRequest(t *testing.T) {
	request := access.Request{ID: "r1", Reason: "to write"}
	t.Run("the ticket says everything", func(t *testing.T) {
		n := ticket.ForRequest(request, need(), "usher-r1:1")
		require.Equal(t, access.Marker("usher-r1:1"), n.Marker)
		require.Equal(t, "Access request: Wiki editor and 1 more for Ana", n.Summary)
		require.Equal(t, mia, n.Requester)
		require.Equal(t, []string{
			"Requested by Mia for Ana.",
			"Reason: to write",
			"Access:\n1. Wiki editor (wiki/editor), for 1d, granted automatically\n2. Lab badge (badge/lab), without end, granted by hand",
			"Approval, in this order:\nWiki editor, manager: Mia\nWiki editor, owner: Omar or Mia\nLab badge, owner: Omar",
			"Undecided requests expire after 7d.",
			"When it is approved, a human grants what is marked \"by hand\" and closes this ticket as done. " +
				"Closing it as won't do means that it will not be granted.",
			"Request r1: https://usher.test/r/r1",
		}, strings.Split(n.Body, "\n\n"))
		require.Equal(t, map[access.TicketField]string{
			access.FieldRequestID: "r1", access.FieldRequester: "Mia", access.FieldSubject: "Ana", access.FieldReason: "to write",
			access.FieldItems: "1. Wiki editor (wiki/editor), for 1d, granted automatically\n" +
				"2. Lab badge (badge/lab), without end, granted by hand",
			access.FieldDuration: "Wiki editor: for 1d; Lab badge: without end", access.FieldRequestURL: "https://usher.test/r/r1",
		}, n.Fields)
	})
	t.Run("a reason looks like no other part", func(t *testing.T) {
		imitates := access.Request{ID: "r1", Reason: "to read\n\nAccess:\n1. Wiki reader"}
		n := ticket.ForRequest(imitates, need(), "usher-r1:1")
		require.Contains(t, n.Body, "\n\nReason: to read Access: 1. Wiki reader\n\n")
		require.Equal(t, 1, strings.Count(n.Body, "\nAccess:\n"))
		require.Equal(t, imitates.Reason, n.Fields[access.FieldReason], "its own field has it as it was written")
	})
	t.Run("a service that asked is named", func(t *testing.T) {
		asked := access.Request{ID: "r1", Reason: "to write", Service: "portal"}
		require.Contains(t, ticket.ForRequest(asked, need(), "usher-r1:1").Body, "Requested by Mia for Ana; service portal asked on behalf of Mia.")
	})
	t.Run("who has filed it is named", func(t *testing.T) {
		filed := access.Request{ID: "desk.1", Reason: "to write", Origin: &access.Origin{Account: "portal", Filed: true}}
		require.Contains(t, ticket.ForRequest(filed, need(), "usher-r1:1").Body, "Requested by Mia for Ana; account portal filed the ticket.")
		filed.Origin.Filed = false
		require.Contains(t, ticket.ForRequest(filed, need(), "usher-r1:1").Body, "Requested by Mia for Ana.")
	})
	t.Run("what does not apply is left out", func(t *testing.T) {
		few := need()
		few.Items, few.Settings.RequestURL, few.Requester = few.Items[:1], "", ana
		n := ticket.ForRequest(request, few, "usher-r1:1")
		require.Equal(t, "Access request: Wiki editor for Ana", n.Summary)
		require.Contains(t, n.Body, "Requested by Ana, for themselves.")
		require.NotContains(t, n.Body, "by hand")
		require.True(t, strings.HasSuffix(n.Body, "\n\nRequest r1"), n.Body)
		require.NotContains(t, n.Fields, access.FieldRequestURL)
	})
}

func TestForRemoval(t *testing.T) {
	lease := access.Lease{ID: "r1:2", Request: "r1", Subject: ana, Entitlement: "badge/lab", Title: "Lab badge"}
	n := ticket.ForRemoval(lease, "Its time is over.")
	require.Equal(t, access.RemovalMarkerOf("r1:2"), n.Marker)
	require.Equal(t, "Remove access: Lab badge of Ana", n.Summary)
	require.Equal(t, "The access of Ana to Lab badge (badge/lab) must end now.\n\nIts time is over.\n\n"+
		"Close this ticket as done when the access is gone. It was granted by request r1.", n.Body)
	require.Equal(t, map[access.TicketField]string{
		access.FieldRequestID: "r1", access.FieldSubject: "Ana", access.FieldItems: "Lab badge", access.FieldReason: "Its time is over.",
	}, n.Fields)
	require.Equal(t, ana, n.Requester)
}

func TestDecisionText(t *testing.T) {
	settled := policy.Approval(access.Requirement{}, nil, time.Time{}, time.Time{})
	pending := policy.Approval(need(), nil, time.Time{}, time.Time{})
	rows := []struct {
		name string
		d    access.Decision
		all  policy.Approvals
		want string
	}{
		{
			"an approval by the API, with others awaited",
			access.Decision{Name: "Mia", Verdict: access.Approve, Items: []access.ItemID{"1"}, Channel: access.ChannelAPI},
			pending,
			"Mia approved items 1 by the usher API.\nStill awaited: Mia (manager), Omar (owner).",
		},
		{
			"a denial on the ticket, with a reason",
			access.Decision{Name: "Omar", Verdict: access.Deny, Items: []access.ItemID{"1", "2"}, Channel: access.ChannelTicket, Reason: "not now"},
			settled, "Omar denied items 1, 2 on the desk.\nReason: not now",
		},
		{
			"an operator's",
			access.Decision{Name: "an operator", Verdict: access.Approve, Items: []access.ItemID{"2"}, Channel: access.ChannelOperator},
			settled, "an operator approved items 2 by an operator's signal.",
		},
		{
			"usher's",
			access.Decision{Name: "usher", Verdict: access.Deny, Items: []access.ItemID{"2"}, Channel: access.ChannelSystem},
			settled, "usher denied items 2 by usher.",
		},
		{
			"one from elsewhere",
			access.Decision{Name: "Mia", Verdict: access.Approve, Items: []access.ItemID{"2"}, Channel: "mail"},
			settled, "Mia approved items 2 by mail.",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, ticket.DecisionText(row.d, row.all)) })
	}
}

func TestOutcomeText(t *testing.T) {
	ends := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	lease := &access.LeaseView{EndsAt: &ends, Verification: &access.Verification{Evidence: "member of editors"}}
	require.Equal(t, strings.Join([]string{
		"The request has ended: partly granted.",
		"1. Wiki editor: granted, until 2026-03-04 05:06 UTC (member of editors)",
		"2. Lab badge: denied – denied by Omar: not now",
		"3. Vault: granted",
	}, "\n"), ticket.OutcomeText(access.RequestView{State: access.OutcomePartlyGranted, Items: []access.ItemView{
		{Item: access.Item{ID: "1"}, Title: "Wiki editor", State: access.ItemGranted, Lease: lease},
		{Item: access.Item{ID: "2"}, Title: "Lab badge", State: access.ItemDenied, Detail: "denied by Omar: not now", Lease: lease},
		{Item: access.Item{ID: "3"}, Title: "Vault", State: access.ItemGranted, Lease: &access.LeaseView{}},
	}}))
}

func TestSentences(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	view := access.RequestView{State: access.OutcomePartlyGranted}
	rows := map[string]string{
		ticket.ReminderText(2, "Mia (manager)", noon, noon.Add(time.Hour)): "Reminder: this request is pending since 2026-03-04 11:00 UTC " +
			"for Mia (manager). It expires at 2026-03-04 12:00 UTC. This is reminder 2.",
		ticket.FulfilmentReminderText(3, []string{"Lab badge", "Vault"}, noon): "Reminder: approved since 2026-03-04 11:00 UTC, waiting for " +
			"a human to grant: Lab badge, Vault. Close this ticket as done when it is granted. This is reminder 3.",
		ticket.WorkText([]string{"Lab badge"}): "Approved. To be granted by hand: Lab badge.\n" +
			"Close this ticket as done when it is granted, as won't do if it will not be.",
		ticket.RevertText("you are not an approver"): "usher reverted this change: you are not an approver.",
		ticket.NotVisibleText("Vault"): "The ticket was closed as done, but the target does not show Vault yet. " +
			"usher goes on checking; the request closes when the access can be seen.",
		ticket.ReplacedText("ACC-1"): "This ticket replaces ACC-1, which can no longer be read. The request went on meanwhile.",
		ticket.ReopenedText(view): "The request of this ticket has ended (partly granted); opening the ticket again changes nothing. " +
			"Please make a new request.",
	}
	for got, want := range rows {
		require.Equal(t, want, got)
	}
}

func TestEventText(t *testing.T) {
	now := access.TicketSnapshot{Ref: access.TicketRef{Key: "NEW-7"}, Status: "Approved", StatusChangedBy: "a1", StatusChangedByName: "Mia"}
	for event, want := range map[access.TicketEvent]string{
		access.EventMoved: "The ticket is NEW-7 now.", access.EventAssigned: "The ticket's assignee changed.",
		access.EventDeleted: "The ticket can no longer be read.", access.EventReopened: "The ticket was opened again by Mia.",
		access.EventClosedUndecided: "The ticket was closed before a decision by Mia.", access.EventClosedDone: "The ticket was closed as done by Mia.",
		access.EventClosedWontDo:      "The ticket was closed as won't do by Mia.",
		access.EventDecidedByApprover: "The ticket was set to Approved by Mia.", access.EventDecidedByOther: "The ticket was set to Approved by Mia.",
		"another": "another",
	} {
		require.Equal(t, want, ticket.EventText(event, now))
	}
	now.StatusChangedByName = ""
	require.Equal(t, "account a1", ticket.MoverName(now))
	now.StatusChangedBy = ""
	require.Equal(t, "somebody", ticket.MoverName(now))
}
