package servicenow_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// What is the same for each ticket is a column of a new incident, and a variable of an order.
func TestCreateTicket_opening_fields(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s := newSite(t, kind, servicenowtest.Config{})
		field, call := "cost_center", "POST /incident"
		if kind == items {
			field, call = "role", "POST /order_now"
		}
		d := s.desk(t, func(c *servicenow.Config) { c.OpeningFields = map[string]any{field: "4711"} })
		open(t, d)
		var body struct{ Variables map[string]any }
		sent := s.tap.Calls(call)
		require.Len(t, sent, 1)
		require.NoError(t, json.Unmarshal([]byte(sent[0].Body), &body))
		if kind == items {
			require.Equal(t, "4711", body.Variables[field])
			return
		}
		require.Contains(t, sent[0].Body, `"cost_center":"4711"`)
	})
}
