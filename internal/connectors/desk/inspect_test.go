package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

func TestInspect(t *testing.T) {
	s := newScript()
	s.schema = &desk.Schema{
		Fields: map[string]desk.Field{"b": {ID: "b", Name: "Why", TakesText: true, Required: true}, "a": {ID: "a", Type: "date"}},
		Statuses: []desk.Status{
			{ID: "1", Name: "new", Phase: access.TicketWaiting}, {ID: "2", Name: "Signed"}, {ID: "3", Name: "Parked"},
		},
	}
	c := desk.Config{
		Fields:   map[string]access.TicketField{"b": access.FieldReason},
		Statuses: map[access.TicketPhase][]string{access.TicketApproved: {"signed"}},
	}
	view, findings, err := s.desk(c).Inspect(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
	require.NotEmpty(t, view.Account)
	require.NotEmpty(t, view.Place)
	require.NotNil(t, view.ClockAhead)
	require.Equal(t, []access.DeskStatus{
		{ID: "1", Name: "new", Phase: access.TicketWaiting},
		{ID: "2", Name: "Signed", Phase: access.TicketApproved, Configured: true},
		{ID: "3", Name: "Parked", Phase: access.TicketOther},
	}, view.Statuses)
	require.Equal(t, []access.DeskField{{ID: "a", Type: "date"}, {ID: "b", Name: "Why", Required: true, Value: access.FieldReason}}, view.Fields)

	c.Fields["x"] = access.FieldSubject
	view, findings, err = s.desk(c).Inspect(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1, "what is wrong is found, and the view is there all the same")
	require.Len(t, view.Statuses, 3)
}
