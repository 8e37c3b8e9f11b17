package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// TestAttackFiler_second_account: who files by one account (a portal's log-in of hers, which the configuration names as hers) grants by
// hand by another one.
func TestAttackFiler_second_account(t *testing.T) {
	b := newBinding(t)
	b.accounts["portal"] = b.desk.AddAccount(access.Person{ID: "portal", DisplayName: "Portal of Olga"})
	b.desk.SetFulfillers(b.accounts["ben"], b.accounts["olga"])
	r := b.filedBy("portal", "badge/lab", "olga")
	b.at(time.Hour, func() { b.decide("omar", access.Approve) })
	b.at(2*time.Hour, func() { b.moves("olga", access.TicketDone) })
	byBen := false
	b.at(3*time.Hour, func() {
		byBen = true
		b.moves("ben", access.TicketDone)
	})
	require.Equal(t, access.OutcomeGranted, b.run(r).Outcome)
	require.True(t, byBen, "olga has filed the request, and her word that it was granted by hand counts")
}

// TestAttackFiler_source_unsure: the account that files is omar's, and usher knows it as his when he approves. The source names two people
// for its address when the ticket is looked into, so that no filer is recorded. Omar is the only owner.
func TestAttackFiler_source_unsure(t *testing.T) {
	a := newAsking(t)
	a.desk.SetFilesFor(a.accounts["omar"])
	a.source.Put(access.Person{ID: "omar-old", DisplayName: "Omar (old entry)", Email: "omar@example.test", Active: false})
	a.look(a.desk.FileAs(a.accounts["omar"], "Access: badge/lab", "ana"))
	if len(a.requests) == 0 {
		return // Refused as long as nobody knows whose the account is: that is safe.
	}
	r := a.only()
	require.Empty(t, r.Origin.Filer)
	a.newRun()
	a.at(time.Hour, func() { a.decide("omar", access.Approve) })
	approved := false
	a.at(2*time.Hour, func() { approved = has(a.events(r.ID), access.EventDecided) > 0 })
	a.at(3*time.Hour, a.env.CancelWorkflow)
	a.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: r})
	require.False(t, approved, "who has filed the request has approved it, with usher")
}

// TestAttackFiler_early: the same, and omar decides before it is known whose account has filed the request: before policy has answered, or in the
// moment in which an administrator names him.
func TestAttackFiler_early(t *testing.T) {
	for name, decides := range map[string]func(*asking){
		"before policy has answered": func(a *asking) {
			a.source.Down(true)
			a.at(time.Minute, func() { a.decide("omar", access.Approve) })
			a.at(10*time.Minute, func() { a.source.Down(false) })
		},
		"as he is named": func(a *asking) {
			a.at(time.Hour, func() { a.reassign("n1", "ben") })
			a.at(2*time.Hour, func() { a.reassign("n2", "omar"); a.decide("omar", access.Approve) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			a.desk.SetFilesFor(a.accounts["omar"])
			a.source.Put(access.Person{ID: "omar-old", DisplayName: "Omar (old entry)", Email: "omar@example.test", Active: false})
			a.look(a.desk.FileAs(a.accounts["omar"], "Access: badge/lab", "ana"))
			r := a.only()
			require.Empty(t, r.Origin.Filer)
			a.newRun()
			decides(a)
			a.at(5*time.Hour, a.env.CancelWorkflow)
			a.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: r})
			require.Zero(t, has(a.events(r.ID), access.EventDecided), "who has filed the request has approved it")
		})
	}
}

// TestAttackFiler_gives_back: an account that files for others gives back what ana holds. Nobody gives back the access of somebody else,
// and where they do, the audit trail names both, as it does for what is asked.
func TestAttackFiler_gives_back(t *testing.T) {
	a := newAsking(t)
	a.desk.SetFilesFor(a.accounts["omar"])
	a.held("first", access.LeaseActive, 1)
	a.entity = func(access.LeaseSpec) { a.held("first", access.LeaseEnded, 2) }
	a.look(a.desk.FileAs(a.accounts["omar"], "Give back: wiki/editor", "ana"))
	for _, spec := range a.ensures {
		require.Regexp(t, "(?i)omar", spec.Reason, "omar has ended ana's access, and the audit trail says that she did")
	}
}

// TestAttackFiler_joins: what ana has asked for by herself is not told to who files a ticket in her name.
func TestAttackFiler_joins(t *testing.T) {
	a := newAsking(t)
	a.desk.SetFilesFor(a.accounts["ben"])
	a.open(access.StateAwaitingApproval, 1, nil)
	ticket := a.desk.FileAs(a.accounts["ben"], "Access: wiki/editor", "ana")
	a.at(time.Hour, func() { a.open(access.OutcomeDenied, 2, nil) })
	a.looks(ticket)
	for _, comment := range a.desk.Comments(ticket.ID) {
		require.NotContains(t, comment, "request before", "ben reads on his ticket what ana has asked with usher")
		require.NotContains(t, comment, "denied", "and how that ended")
	}
}
