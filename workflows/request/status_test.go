package request

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows/outbox"
)

func TestDetails(t *testing.T) {
	since := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	t.Run("they name who is awaited, what is next, and the ticket", func(t *testing.T) {
		text := details(access.RequestView{
			State: access.StateAwaitingApproval, Since: since, StatusText: "Waiting for Mia (manager) to decide.",
			WaitingOn: []access.Waiting{{Person: "mia", Name: "Mia", Stage: "manager", Items: []access.ItemID{"1", "2"}, Since: since}},
			Items: []access.ItemView{
				{Item: access.Item{ID: "1"}, Title: "Wiki editor", State: access.ItemPending},
				{Item: access.Item{ID: "2", Entitlement: "badge/lab"}, State: access.ItemDenied, Detail: "denied by Omar"},
			},
			Ticket: &access.TicketRef{Key: "ACC-1", URL: "https://desk.test/ACC-1"}, TicketProblem: "it is behind",
		}, []string{"mia"}, outbox.State{})
		require.Contains(t, text, "### Awaiting approval since 2026-03-04 05:06 UTC")
		require.Contains(t, text, "**Next:** Waiting for Mia (manager) to decide.")
		require.Contains(t, text, "**Ticket:** [ACC-1](https://desk.test/ACC-1) – it is behind\n")
		require.Contains(t, text, "- Waiting for **Mia** (manager) since 2026-03-04 05:06 UTC, item 1, 2\n")
		require.Contains(t, text, "- Item 1, Wiki editor: pending\n")
		require.Contains(t, text, "- Item 2, badge/lab: denied: denied by Omar\n")
		require.NotContains(t, text, "more")
	})
	t.Run("of those awaited they name those in the search attribute, and the ticket's assignee", func(t *testing.T) {
		text := details(access.RequestView{State: access.StateFulfilling, WaitingOn: []access.Waiting{
			{Person: "mia", Name: "Mia"}, {Person: "omar", Name: "Omar"}, {Person: "olga", Name: "Olga"}, {Name: "the ticket's assignee"},
		}}, []string{"omar"}, outbox.State{})
		require.NotContains(t, text, "Mia")
		require.NotContains(t, text, "Olga")
		require.Contains(t, text, "**Omar**")
		require.Contains(t, text, "**the ticket's assignee**")
		require.Contains(t, text, "- and 2 more\n")
	})
	t.Run("what the ledger refuses is named", func(t *testing.T) {
		text := details(access.RequestView{State: access.StateFulfilling}, nil,
			outbox.State{RefusedCount: 1, Refused: []outbox.Refusal{{What: "decided", Reason: "no such column"}}})
		require.Contains(t, text, "The ledger refuses 1 facts for good.")
		require.Contains(t, text, "- decided: no such column\n")
	})
	t.Run("what people write is no markup", func(t *testing.T) {
		text := details(access.RequestView{
			State: access.OutcomeDenied,
			Items: []access.ItemView{{
				Item: access.Item{ID: "1"}, Title: "x", State: access.ItemDenied,
				Detail: "denied: [click](https://evil.test) <script>\n# big **bold** \\*",
			}},
		}, nil, outbox.State{})
		for _, markup := range []string{"[click]", "https://", "<script>\n", "\n# big", "**bold**"} {
			require.NotContains(t, text, markup)
		}
	})
	for name, row := range map[string]struct {
		view access.RequestView
		want string
	}{
		"none yet":                  {access.RequestView{}, "none yet"},
		"without a URL":             {access.RequestView{Ticket: &access.TicketRef{Key: "ACC-1"}}, "ACC-1"},
		"it cannot be opened":       {access.RequestView{TicketProblem: "no *desk*"}, "none yet – no \\*desk\\*"},
		"with a URL and no problem": {access.RequestView{Ticket: &access.TicketRef{Key: "ACC-1", URL: "https://desk.test"}}, "[ACC-1](https://desk.test)"},
	} {
		t.Run("the ticket, "+name, func(t *testing.T) { require.Equal(t, row.want, ticketLink(row.view)) })
	}
}
