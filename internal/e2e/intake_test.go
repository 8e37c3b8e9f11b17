package e2e_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// commentsOn are the texts of usher's comments that begin so.
func (s *system) commentsOn(ctx context.Context, t *testing.T, ticket access.TicketID, begins string) []string {
	t.Helper()
	all, err := s.Tickets(ctx)
	require.NoError(t, err)
	var texts []string
	for _, one := range all {
		for _, c := range one.Comments {
			if one.ID == string(ticket) && strings.HasPrefix(c.Body, begins) {
				texts = append(texts, c.Body)
			}
		}
	}
	return texts
}

const refusedOnTicket = "usher cannot take this ticket"

// askingHands are what people do who ask on the desk.
type askingHands interface {
	deskHands
	// mend changes what a ticket asks for.
	mend(ctx context.Context, who access.PersonID, id, entitlement string) error
	// stranger opens a ticket as eve, who has an account of the desk and is nobody of the company.
	stranger(ctx context.Context, text string) (access.TicketID, error)
}

func (h jiraHands) mend(ctx context.Context, who access.PersonID, id, entitlement string) error {
	return h.edit(ctx, who, id, description, "Access: "+entitlement)
}

func (h jiraHands) stranger(ctx context.Context, text string) (access.TicketID, error) {
	var made struct{ ID access.TicketID }
	err := exchange(ctx, message{
		method: http.MethodPost, address: h.url + "/rest/api/2/issue", into: &made,
		header: map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("boss@example.test:token-of-eve"))},
		body: map[string]any{"fields": map[string]any{
			"project": map[string]string{"key": "ACCESS"}, "issuetype": map[string]string{"name": "Access request"},
			"summary": "I need the wiki", "description": text,
		}},
	})
	return made.ID, err
}

func (h trackerHands) mend(ctx context.Context, who access.PersonID, id, entitlement string) error {
	return h.call(ctx, who, http.MethodPut, "ticket/"+id, map[string]any{"CustomFields": map[string]string{"Role": entitlement}}, nil)
}

func (h trackerHands) stranger(ctx context.Context, text string) (access.TicketID, error) {
	var made struct{ ID access.TicketID }
	err := h.call(ctx, "eve", http.MethodPost, "ticket", map[string]string{
		"Queue": "Help", "Subject": "I need the wiki", "Content": text, "ContentType": "text/plain",
	}, &made)
	return made.ID, err
}

func (h serviceNowHands) mend(ctx context.Context, who access.PersonID, id, entitlement string) error {
	return h.edit(ctx, who, id, description, "Access: "+entitlement)
}

func (h serviceNowHands) stranger(ctx context.Context, text string) (access.TicketID, error) {
	var made struct {
		Result struct {
			ID access.TicketID `json:"sys_id"`
		}
	}
	err := h.call(ctx, "eve", http.MethodPost, "", map[string]string{
		"category": "access", "contact_type": "self-service", "short_description": "I need the wiki", "description": text,
	}, &made)
	return made.Result.ID, err
}

// TestIntake: people ask on the desk, with its own API and their own credentials.
func TestIntake(t *testing.T) {
	for _, desk := range []struct {
		kind    stack.DeskKind
		account access.AccountID
		hands   func(*system) askingHands
	}{
		{stack.Jira, access.AccountID(stack.DeskAccount("ana")), func(s *system) askingHands { return jiraHands{url: s.jira.url} }},
		{stack.RequestTracker, "ana@example.test", func(s *system) askingHands { return trackerHands{s.jira.url} }},
		{stack.ServiceNow, "ana@example.test", func(s *system) askingHands { return serviceNowHands{s.jira.url} }},
	} {
		t.Run(string(desk.kind), func(t *testing.T) {
			t.Parallel()
			s := start(t, settings{desk: desk.kind})
			s.peopleAsk(t, desk.hands(s), access.Origin{Desk: access.DeskName(desk.kind), Account: desk.account})
		})
	}
}

// peopleAsk plays those who ask, and those who want more than they may have. ana is the desk and the account of hers.
func (s *system) peopleAsk(t *testing.T, hands askingHands, ana access.Origin) {
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	open := func(who access.PersonID, text string) access.TicketID {
		id, err := s.OpenTicket(ctx, who, "I need the wiki", text)
		require.NoError(t, err)
		return id
	}
	answered := func(ticket access.TicketID, says string) {
		require.NoError(t, awaited(ctx, func(ctx context.Context) error {
			if texts := s.commentsOn(ctx, t, ticket, refusedOnTicket); len(texts) != 1 || !strings.Contains(texts[0], says) {
				return fmt.Errorf("expected one comment with %q, found %q", says, texts)
			}
			return nil
		}))
	}
	granted := func(detail stack.Detail) {
		require.NoError(t, s.TransitionTicket(ctx, "mia", detail.Ticket.Key, statusApproved))
		_, err := s.Await(ctx, detail.Request.ID, func(d stack.Detail) error {
			if d.State != access.OutcomeGranted {
				return fmt.Errorf("it is %s: %s", d.State, d.StatusText)
			}
			return nil
		})
		require.NoError(t, err)
		// The outcome shows before the ticket is closed.
		require.NoError(t, awaited(ctx, func(ctx context.Context) error {
			tickets, err := s.TicketsOf(ctx, detail.Request.ID)
			if err == nil && (len(tickets) != 1 || tickets[0].Status != statusDone) {
				err = fmt.Errorf("expected one ticket that is done, found %+v", tickets)
			}
			return err
		}))
	}

	t.Run("a ticket becomes a request, and is closed with its outcome", func(t *testing.T) {
		ticket := open("ana", "Access: wiki/editor\nReason: the handbook")
		detail, err := s.TakenIn(ctx, ticket)
		require.NoError(t, err)
		require.Equal(t, access.PersonID("ana"), detail.Request.Requester)
		ana.Ticket, ana.Key = ticket, detail.Ticket.Key
		require.Equal(t, &ana, detail.Request.Origin)
		granted(detail)
		require.Len(t, s.commentsOn(ctx, t, ticket, "usher keeps this ticket"), 1)
	})
	t.Run("what cannot be taken is answered once, and an approval from before does not count", func(t *testing.T) {
		ticket := open("ben", "the wiki, please")
		answered(ticket, "Access: Missing.")
		all, err := s.Tickets(ctx)
		require.NoError(t, err)
		var key access.TicketKey
		for _, one := range all {
			if one.ID == string(ticket) {
				key = access.TicketKey(one.Key)
			}
		}
		require.NoError(t, s.TransitionTicket(ctx, "mia", key, statusApproved))
		require.NoError(t, hands.mend(ctx, "ben", string(ticket), "wiki/editor"))
		detail, err := s.TakenIn(ctx, ticket)
		require.NoError(t, err)
		require.NoError(t, awaited(ctx, func(ctx context.Context) error {
			seen, err := s.Ticket(ctx, detail.Ticket.Key)
			if err == nil && seen.Status != s.statuses()[statusWaiting] {
				err = fmt.Errorf("it is %s", seen.Status)
			}
			return err
		}))
		detail, err = s.Show(ctx, stack.Auditor, detail.Request.ID)
		require.NoError(t, err)
		require.Equal(t, access.StateAwaitingApproval, detail.State)
		require.Empty(t, detail.Decisions)
		answered(ticket, "Access: Missing.")
		granted(detail)
	})
	t.Run("an account that is nobody's, a planted marker, and an id that a client chose", func(t *testing.T) {
		planted := open("ana", "please wait")
		require.NoError(t, hands.mark(ctx, "ana", string(planted), access.Marker("usher-planted:0123456789abcdef")))
		require.NoError(t, hands.mend(ctx, "ana", string(planted), "wiki/admin"))
		stranger, err := hands.stranger(ctx, "Access: wiki/editor\nFor: ana")
		require.NoError(t, err)
		answered(stranger, "is nobody's whom usher knows")
		later, err := s.TakenIn(ctx, open("ana", "Access: wiki/admin"))
		require.NoError(t, err)
		for _, ticket := range []access.TicketID{planted, stranger} {
			_, err := s.Show(ctx, stack.Auditor, s.AskedRequest(ticket))
			require.Equal(t, http.StatusNotFound, stack.StatusOf(err), "%v", err)
		}
		_, err = s.Submit(ctx, "eve", stack.Ask{
			ID: s.AskedRequest(stranger), Items: []stack.AskItem{{Entitlement: "wiki/editor"}}, Reason: "mine",
		})
		require.Equal(t, http.StatusUnprocessableEntity, stack.StatusOf(err), "%v", err)
		require.ErrorContains(t, err, "ids with a dot are those of requests that begin in a desk")
		require.Equal(t, access.StateAwaitingApproval, later.State)
	})
}
