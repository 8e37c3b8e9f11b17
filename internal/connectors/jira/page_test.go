package jira_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// A log-in's page comes with 200, and a write that is answered with nothing would else take it for success.
func TestAnswer_html(t *testing.T) {
	for name, row := range map[string]struct {
		op    jiratest.Operation
		write func(*jira.Desk, *testing.T, access.TicketID) error
		shows func(desktest.Snapshot) bool
	}{
		"a transition": {
			jiratest.OpTransition, func(d *jira.Desk, t *testing.T, id access.TicketID) error {
				return d.TransitionTicket(t.Context(), id, access.TicketDone)
			}, func(i desktest.Snapshot) bool { return i.Status == desktest.StatusDone },
		},
		"an assignment": {
			jiratest.OpAssign, func(d *jira.Desk, t *testing.T, id access.TicketID) error {
				return d.AssignTicket(t.Context(), id, jiratest.DefaultAccountID)
			}, func(i desktest.Snapshot) bool { return i.Assignee == jiratest.DefaultAccountID },
		},
		"a comment": {
			jiratest.OpAddComment, func(d *jira.Desk, t *testing.T, id access.TicketID) error {
				return d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "x"})
			}, func(i desktest.Snapshot) bool { return len(i.Comments) == 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, jiratest.Config{})
			desk := s.desk(t, func(*jira.Config) {})
			ref := open(t, desk)
			s.SetFaults(jiratest.Faults{Faults: fakewire.Rules(fakewire.Rule{
				Only: []jiratest.Operation{row.op}, Times: 1, Of: []fakewire.Fault{{Kind: fakewire.HTML}},
			})})
			requireKind(t, access.Transient, row.write(desk, t, ref.ID))
			i, there := s.Ticket(string(ref.ID))
			require.True(t, there)
			require.False(t, row.shows(i))
			require.NoError(t, row.write(desk, t, ref.ID))
			i, there = s.Ticket(string(ref.ID))
			require.True(t, there)
			require.True(t, row.shows(i))
		})
	}
}
