package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// TestReadAsked_ticket_of_an_incident: the ticket of an incident asks for nothing and becomes no request's, also where usher's account is another one by now
// than when it was opened, and whatever the ticket says.
func TestReadAsked_ticket_of_an_incident(t *testing.T) {
	marker := access.IncidentMarkerOf("i1", "run")
	for name, id := range map[string]access.RequestID{"any request": "r1", "a request whose id is the word": "incident"} {
		t.Run(name, func(t *testing.T) {
			a := &asker{script: newScript(), texts: []string{"Access: wiki/admin"}, ticket: desk.Asked{Ticket: open("id:1"), OfKind: true}}
			a.ticket.Creator, a.ticket.By, a.ticket.Whole = "ana", desk.User{ID: "ana", Name: "ana", Usable: true}, true
			a.ticket.Markers = []access.Marker{marker}
			d := desk.New(a, desk.Config{Intake: &desk.Intake{Kind: "k", FilesFor: []access.AccountID{"ana"}}}, "d")
			_, err := d.ReadAsked(t.Context(), "id:1")
			require.Equal(t, access.Invalid, access.KindOf(err), "%v", err)
			_, err = d.BindTicket(t.Context(), "id:1", "ana", access.NewMarker(id, "run"))
			require.Equal(t, access.Invalid, access.KindOf(err), "%v", err)
			require.False(t, marker.IsOf(id))
			require.NotEqual(t, access.NewMarker(id, "run"), marker)
		})
	}
}
