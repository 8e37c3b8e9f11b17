package desk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// carrier is a ticket of usher's that carries the marker m.
func carrier(id access.TicketID, created int) desk.Ticket {
	return desk.Ticket{Ref: desk.Ref{ID: id}, Creator: me, Created: minute(created), Markers: []access.Marker{"other", "m"}}
}

func TestFindTicket_choice(t *testing.T) {
	others, loose, nobodys, copied := carrier("id:1", 1), carrier("id:2", 1), carrier("id:3", 1), carrier("id:z", 2)
	others.Creator, loose.Markers, nobodys.Creator = "ada", []access.Marker{"M"}, ""
	original := carrier("id:o", 7)
	original.Original = true
	for _, tt := range []struct {
		name    string
		tickets []desk.Ticket
		want    access.TicketID
	}{
		{"none", nil, ""},
		{"somebody else's, another marker, and nobody's", []desk.Ticket{others, loose, nobodys}, ""},
		{"the oldest", []desk.Ticket{carrier("id:a", 3), copied, others}, "id:z"},
		{"the original before an older one", []desk.Ticket{copied, original}, "id:o"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			// One ticket a page, and empty pages between them.
			s.search = func(q desk.Search) (desk.Page, error) {
				require.Equal(t, access.Marker("m"), q.Marker)
				n := len(q.Page)
				page := desk.Page{Next: q.Page + "p"}
				if n >= 2*len(tt.tickets) {
					page.Next = q.Page
				} else if n%2 == 1 {
					page.Tickets = tt.tickets[n/2 : n/2+1]
				}
				return page, nil
			}
			got, err := s.desk(desk.Config{}).FindTicket(t.Context(), "m")
			if tt.want == "" {
				requireKind(t, access.NotFound, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, access.TicketRef{Desk: "d", ID: tt.want}, got)
		})
	}
}

// TestFindTicket_unnamed: a list of something else than tickets does not prove that there is none.
func TestFindTicket_unnamed(t *testing.T) {
	s := newScript()
	s.search = func(desk.Search) (desk.Page, error) { return desk.Page{Tickets: []desk.Ticket{{}}}, nil }
	d := s.desk(desk.Config{})
	_, err := d.FindTicket(t.Context(), "m")
	requireKind(t, access.Transient, err)
	_, err = d.ChangedTickets(t.Context(), access.ChangesQuery{Since: minute(1)})
	requireKind(t, access.Transient, err)
}

func TestFindTicket_originals(t *testing.T) {
	s := &stamping{script: newScript(), original: "id:104"}
	d := desk.New(s, desk.Config{}, "d")
	hits := 1
	s.search = func(desk.Search) (desk.Page, error) {
		var page desk.Page
		for n := range hits {
			page.Tickets = append(page.Tickets, carrier(access.TicketID(fmt.Sprintf("id:%d", 100+hits-n)), 0))
		}
		return page, nil
	}
	_, err := d.FindTicket(t.Context(), "m")
	require.NoError(t, err)
	require.Equal(t, []string{"self", "search"}, s.asked())
	hits = 30
	got, err := d.FindTicket(t.Context(), "m")
	require.NoError(t, err)
	require.Equal(t, access.TicketID("id:104"), got.ID)
	require.Len(t, s.asked(), 1+20, "of a mass copy only the oldest are looked at")
}

func TestNothingFoundIsProved(t *testing.T) {
	s := newScript()
	now := minute(0)
	s.traits.Now = func() time.Time { return now }
	d := s.desk(desk.Config{})
	_, err := d.FindTicket(t.Context(), "m")
	requireKind(t, access.NotFound, err)
	require.Equal(t, []string{"self", "search"}, s.asked())
	now, s.self = minute(2), bad
	_, err = d.FindTicket(t.Context(), "m")
	requireKind(t, access.Forbidden, err)
	_, err = d.FindAccount(t.Context(), access.Person{ID: "p", Email: "a@example.test"})
	requireKind(t, access.Forbidden, err)
}
