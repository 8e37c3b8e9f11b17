package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

func TestSnapshot(t *testing.T) {
	for _, tt := range []struct {
		name    string
		changes []desk.Change
		want    access.TicketSnapshot
	}{
		{"nobody did anything", nil, access.TicketSnapshot{Phase: access.TicketWaiting, AssignedByUsher: true}},
		{"moved here twice", []desk.Change{change(5, "bob", "State", "2"), change(3, "ada", "State", "2"), change(7, "eve", "State", "9")}, access.TicketSnapshot{
			Phase: access.TicketWorking, AssignedByUsher: true,
			StatusChangedBy: "bob", StatusChangedByName: "name of bob", StatusChangedAt: minute(5),
		}},
		{"at one moment the later entry counts", []desk.Change{change(5, "bob", "State", "2"), change(5, me, "State", "2")}, access.TicketSnapshot{
			Phase: access.TicketWorking, AssignedByUsher: true,
			StatusChangedBy: me, StatusChangedByName: "name of usher", StatusChangedAt: minute(5), StatusChangedByUsher: true,
		}},
		{"ids that grow go before times", []desk.Change{
			{ID: "10", At: minute(1), By: "ada", Items: []desk.Item{{ID: "State", To: "2"}}},
			{ID: "9", At: minute(2), By: "bob", Items: []desk.Item{{ID: "State", To: "2"}}},
		}, access.TicketSnapshot{
			Phase: access.TicketWorking, AssignedByUsher: true, StatusChangedBy: "ada", StatusChangedAt: minute(1),
		}},
		{"assigned by somebody", []desk.Change{change(1, me, "Owner", "x"), change(2, "ada", "Owner", "y")}, access.TicketSnapshot{Phase: access.TicketWaiting}},
		{"the text changed by an editor, usher, and somebody", []desk.Change{
			change(1, "ada", "Subject", ""), change(2, "robot", "cf-2", ""), change(3, me, "Subject", ""),
		}, access.TicketSnapshot{Phase: access.TicketWaiting, AssignedByUsher: true, TextChangedBy: "ada", TextChange: access.ChangeName("", minute(1), "ada", "")}},
		{"a field that comes by a name nobody knows yet", []desk.Change{
			{At: minute(1), By: "ada", Items: []desk.Item{{Name: "Cost centre", NameOnly: true}}},
		}, access.TicketSnapshot{Phase: access.TicketWaiting, AssignedByUsher: true, TextChangedBy: "ada", TextChange: access.ChangeName("", minute(1), "ada", "")}},
		{"another field", []desk.Change{change(1, "ada", "Priority", "")}, access.TicketSnapshot{Phase: access.TicketWaiting, AssignedByUsher: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			s.tickets["id:1"] = open("id:1", tt.changes...)
			got, err := s.desk(desk.Config{
				TextEditors: []access.AccountID{"robot"}, Fields: map[string]access.TicketField{"cf-2": access.FieldReason},
			}).ReadTicket(t.Context(), "id:1")
			require.NoError(t, err)
			tt.want.Ref, tt.want.Status = access.TicketRef{Desk: "d", ID: "id:1", Key: "K-id:1"}, "open"
			require.Equal(t, tt.want, got)
		})
	}
}

func TestPhase_listed_by_id(t *testing.T) {
	s := newScript()
	s.tickets["id:1"] = open("id:1")
	byID := s.tickets["id:1"].Status.ID
	d := s.desk(desk.Config{Statuses: map[access.TicketPhase][]string{access.TicketApproved: {byID}}})
	got, err := d.ReadTicket(t.Context(), "id:1")
	require.NoError(t, err)
	require.NotEqual(t, got.Status, byID)
	require.Equal(t, access.TicketApproved, got.Phase)
}

func TestIsText_name_compared(t *testing.T) {
	s := newScript()
	s.schema.Fields["cf-1"] = desk.Field{ID: "cf-1", Name: "Reason", TakesText: true}
	s.tickets["id:1"] = open("id:1", desk.Change{At: minute(1), By: "ada", Items: []desk.Item{{Name: "Cost centre", NameOnly: true}}})
	s.tickets["id:2"] = open("id:2", desk.Change{At: minute(1), By: "ada", Items: []desk.Item{{Name: "Reason", NameOnly: true}}})
	d := s.desk(desk.Config{Fields: map[string]access.TicketField{"cf-1": access.FieldReason}})
	_, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m"})
	require.NoError(t, err)
	got, err := d.ReadTickets(t.Context(), []access.TicketID{"id:1", "id:2"})
	require.NoError(t, err)
	require.Empty(t, got.Tickets[0].TextChangedBy)
	require.Equal(t, access.AccountID("ada"), got.Tickets[1].TextChangedBy)
}

func TestHistory_together(t *testing.T) {
	s := newScript()
	for _, id := range []access.TicketID{"id:1", "id:2", "id:3"} {
		ticket := open(id, change(1, "ada", "State", "2"))
		ticket.Whole = id == "id:2"
		s.tickets[id] = ticket
	}
	s.histories = map[access.TicketID][]desk.Change{"id:1": {change(2, "bob", "State", "2")}}
	d := s.desk(desk.Config{Fields: map[string]access.TicketField{"b": access.FieldReason, "a": access.FieldItems}})
	got, err := d.ReadTickets(t.Context(), []access.TicketID{"id:1", "id:2", "id:3", "id:1"})
	require.NoError(t, err)
	require.Equal(t, []string{"self", "tickets [id:1 id:2 id:3]", "history [State Owner Subject a b] of [id:1 id:3]"}, s.asked())
	var by []access.AccountID
	for _, one := range got.Tickets {
		by = append(by, one.StatusChangedBy)
	}
	require.Equal(t, []access.AccountID{"bob", "ada", ""}, by, "what is asked for replaces what came along")
	s.historyErr = access.Errorf(access.RateLimited, "history", "slowly")
	_, err = d.ReadTickets(t.Context(), []access.TicketID{"id:1"})
	requireKind(t, access.RateLimited, err)
}

func TestReadTicket_missing_with_proof(t *testing.T) {
	s := newScript()
	d := s.desk(desk.Config{})
	_, err := d.ReadTicket(t.Context(), "id:1")
	requireKind(t, access.NotFound, err)
	require.Equal(t, []string{"self", "ticket id:1", "self"}, s.asked())
	for _, id := range []access.TicketID{"", "1", "id:1 OR 1=1"} {
		_, err = d.ReadTicket(t.Context(), id)
		requireKind(t, access.NotFound, err)
		require.Equal(t, []string{"self"}, s.asked(), "what cannot be an id is not sent")
	}
	got, err := d.ReadTickets(t.Context(), []access.TicketID{"1", "id:1"})
	require.NoError(t, err)
	require.Equal(t, access.TicketsRead{Missing: []access.TicketID{"1", "id:1"}}, got)
	require.Equal(t, []string{"tickets [id:1]", "self"}, s.asked())

	s.self = bad
	for name, err := range map[string]error{
		"read":    second(d.ReadTicket(t.Context(), "id:1")),
		"many":    second(d.ReadTickets(t.Context(), []access.TicketID{"id:1"})),
		"no id":   second(d.ReadTicket(t.Context(), "1")),
		"move":    d.TransitionTicket(t.Context(), "id:1", access.TicketDone),
		"assign":  d.AssignTicket(t.Context(), "id:1", "ada"),
		"comment": d.AddComments(t.Context(), "1", access.Comment{Marker: "m"}),
	} {
		require.Equal(t, access.Forbidden, access.KindOf(err), name)
	}
}

func second[T any](_ T, err error) error { return err }

func TestReadTickets_later(t *testing.T) {
	s := newScript()
	s.tickets["id:1"], s.tickets["id:2"] = open("id:1"), open("id:2")
	s.later = []access.TicketID{"id:2", "id:3"}
	got, err := s.desk(desk.Config{}).ReadTickets(t.Context(), []access.TicketID{"id:3", "id:2", "id:1"})
	require.NoError(t, err)
	require.Equal(t, []access.TicketID{"id:3"}, got.Missing)
	require.Len(t, got.Tickets, 2)
	require.Equal(t, access.TicketID("id:2"), got.Tickets[0].Ref.ID, "in the order of the call")
}

func TestAnswer_without_status(t *testing.T) {
	s := newScript()
	s.tickets["id:1"] = desk.Ticket{Ref: desk.Ref{ID: "id:1"}, Whole: true}
	d := s.desk(desk.Config{})
	_, err := d.ReadTicket(t.Context(), "id:1")
	requireKind(t, access.Transient, err)
	_, err = d.ReadTickets(t.Context(), []access.TicketID{"id:1"})
	requireKind(t, access.Transient, err)
}

// The history may have been read after the rest of the ticket, or the rest may come from a search that lags.
func TestSnapshot_younger_history(t *testing.T) {
	s := newScript()
	d := s.desk(desk.Config{Statuses: map[access.TicketPhase][]string{access.TicketApproved: {"yes"}}})
	ticket := open("id:1", change(3, "bob", "State", "yes"), change(4, me, "State", "2"), change(5, "ada", "State", "yes"))
	for updated, want := range map[int][]access.AccountID{2: nil, 3: {"bob"}, 4: {"bob"}, 5: {"bob", "ada"}} {
		ticket.Updated = minute(updated)
		s.tickets["id:1"] = ticket
		got, err := d.ReadTicket(t.Context(), "id:1")
		require.NoError(t, err)
		var by []access.AccountID
		for _, move := range got.DecisionMoves {
			by = append(by, move.By)
		}
		require.Equal(t, want, by, "updated at minute %d", updated)
	}
}
