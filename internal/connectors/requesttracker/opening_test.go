package requesttracker_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/requesttracker"
)

// Custom fields and the priority can have one value for each ticket, from its first moment.
func TestCreateTicket_opening_fields(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d := one.desk(t, func(c *requesttracker.Config) {
		c.OpeningFields = map[string]any{"Priority": 40, "Cost centre": "4711"}
	})
	findings, err := d.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
	ref, err := d.CreateTicket(t.Context(), newTicket())
	require.NoError(t, err)
	var seen struct {
		InitialPriority any
		CustomFields    []struct {
			Name   string   `json:"name"`
			Values []string `json:"values"`
		}
	}
	s.do(t, "root", http.MethodGet, path(ref.ID), nil, &seen)
	require.NotEmpty(t, seen.CustomFields)
	for _, f := range seen.CustomFields {
		if f.Name == "Cost centre" {
			require.Equal(t, []string{"4711"}, f.Values)
		}
	}
	require.Len(t, one.search(t, "id = "+string(ref.ID)+" AND Priority = 40"), 1)

	d = one.desk(t, func(c *requesttracker.Config) { c.OpeningFields = map[string]any{"Nope": "x"} })
	findings, err = d.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, "desks.rt.opening_fields.Nope", findings[0].Key)
}
