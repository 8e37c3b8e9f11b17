package servicenow_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
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

// A caller of opening_fields is that of requesters whom the desk does not know.
func TestCreateTicket_opening_caller(t *testing.T) {
	const nobody = "11111111111111111111111111111111"
	s := newSite(t, incidents, servicenowtest.Config{})
	d := s.desk(t, func(c *servicenow.Config) {
		c.Reporter, c.OpeningFields = true, map[string]any{"caller_id": nobody}
	})
	ada := access.Person{ID: "ada", Email: "ada@example.test", Active: true}
	account := s.person(ada)
	for n, requester := range []access.Person{{ID: "eve", Email: "eve@example.test", Active: true}, ada} {
		_, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: access.NewMarker("r", fmt.Sprint(n)), Summary: "s", Body: "b", Requester: requester})
		require.NoError(t, err)
		want := nobody
		if requester.ID == "ada" {
			want = servicenowtest.AccountID(string(account))
		}
		require.Contains(t, s.tap.Calls("POST /incident")[n].Body, `"caller_id":"`+want+`"`)
	}
}

func TestConfig_caller_id(t *testing.T) {
	c := servicenow.Config{}
	c.Fields = map[string]access.TicketField{"caller_id": access.TicketFields()[0]}
	require.ErrorContains(t, c.Validate(), "fields.caller_id: usher fills this field itself")
}
