package desk_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// asker is a script on which people ask. Each read of the ticket says the next of its texts, the last one for ever.
type asker struct {
	*script
	ticket desk.Asked
	texts  []string
}

func (a *asker) Asked(context.Context, string, desk.Intake, desk.Search) (desk.Page, error) {
	return desk.Page{}, nil
}

func (a *asker) AskedTicket(context.Context, string, desk.Intake, access.TicketID) (desk.Asked, error) {
	a.called("asked ticket")
	t := a.ticket
	if t.Text = a.texts[0]; len(a.texts) > 1 {
		a.texts = a.texts[1:]
	}
	return t, nil
}

func (a *asker) Mark(context.Context, string, access.TicketID, access.Marker) error { return nil }

// TestReadAsked_changed_while_read: the text that is returned is never older than the change that is named.
func TestReadAsked_changed_while_read(t *testing.T) {
	for name, row := range map[string]struct {
		whole bool
		text  string
		calls int
	}{
		"the history comes after the text": {false, "new", 2},
		"the history comes with the text":  {true, "old", 1},
	} {
		t.Run(name, func(t *testing.T) {
			edit := change(5, "ben", "Subject", "new")
			a := &asker{script: newScript(), texts: []string{"old", "new"}, ticket: desk.Asked{Ticket: open("id:1"), OfKind: true}}
			a.ticket.Creator, a.ticket.Whole = "ana", row.whole
			a.histories = map[access.TicketID][]desk.Change{"id:1": {edit}}
			if row.whole {
				a.ticket.Changes = []desk.Change{edit}
			}
			d := desk.New(a, desk.Config{Intake: &desk.Intake{Kind: "k"}}, "d")
			asked, err := d.ReadAsked(t.Context(), "id:1")
			require.NoError(t, err)
			require.Equal(t, row.text, asked.Text)
			require.NotEmpty(t, asked.TextChange)
			calls := 0
			for _, call := range a.asked() {
				if call == "asked ticket" {
					calls++
				}
			}
			require.Equal(t, row.calls, calls)
		})
	}
}
