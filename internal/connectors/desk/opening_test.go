package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// Values of further fields are the same for each new ticket. They are compared with the desk as mapped fields are, and what is required
// may stand among them.
func TestOpeningFields(t *testing.T) {
	s := newScript()
	s.schema = &desk.Schema{Fields: map[string]desk.Field{
		"a": {ID: "a", Name: "Reason", TakesText: true}, "p": {ID: "p", Name: "Priority", Required: true},
	}}
	c := desk.Config{
		Fields:        map[string]access.TicketField{"a": access.FieldReason},
		OpeningFields: map[string]any{"p": "High", "x": 5},
	}
	findings, err := s.desk(c).Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []access.Finding{
		{Key: "desks.d.opening_fields.x", Problem: "the field is not on the create screen; there are: Reason (a), Priority (p)"},
	}, findings)

	delete(c.OpeningFields, "x")
	var draft desk.Draft
	s.create = func(d desk.Draft) (desk.Ref, desk.Refused, error) {
		draft = d
		return desk.Ref{ID: "id:1"}, desk.Refused{}, nil
	}
	d := s.desk(c)
	_, err = d.CreateTicket(t.Context(), access.NewTicket{Marker: "m"})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"p": "High"}, draft.Fixed)
	view, _, err := d.Inspect(t.Context())
	require.NoError(t, err)
	require.Equal(t, []access.DeskField{{ID: "a", Name: "Reason", Value: access.FieldReason}, {ID: "p", Name: "Priority", Required: true, Fixed: true}}, view.Fields)
}

func TestConfig_opening_fields(t *testing.T) {
	for want, c := range map[string]desk.Config{
		"opening_fields.a: it is in fields already; expected another field": {
			Fields: map[string]access.TicketField{"a": access.FieldReason}, OpeningFields: map[string]any{"a": "x"},
		},
		"opening_fields.own: usher fills this field itself; expected another one": {OpeningFields: map[string]any{"own": "x"}},
		"opening_fields.a: expected a value":                                      {OpeningFields: map[string]any{"a": ""}},
	} {
		require.EqualError(t, c.Validate("own"), want)
	}
	require.NoError(t, desk.Config{OpeningFields: map[string]any{"a": "x"}}.Validate("own"))
}
