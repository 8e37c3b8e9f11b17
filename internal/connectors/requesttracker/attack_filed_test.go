package requesttracker_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// filing is a desk on which an account files tickets for others. Ticket 8 is eve's, and says that ana asks.
func filing(t *testing.T, change func(*requesttracker.Config)) (*small, *desk.Desk) {
	t.Helper()
	s := newSmall(t)
	s.table["GET /ticket/8"] = strings.Replace(askedBody, `{"id":"3"`, `{"id":"5","name":"Asker","values":["ana"]},{"id":"3"`, 1)
	s.table["GET /customfield/5"] = `{"Name":"Asker"}`
	config := requesttracker.Config{
		BaseURL: s.url, Token: secretToken, Queue: "Access", MarkerField: "External Id",
		Config: desk.Config{
			Rate: 100_000, RequestTimeout: access.Duration(5 * time.Second),
			Intake: &desk.Intake{
				Kind: "Help", FilesFor: []access.AccountID{"eve"},
				Fields: map[string]access.AskedField{"Role": access.AskedAccess, "Asker": access.AskedRequester},
			},
		},
	}
	change(&config)
	d, err := requesttracker.New(config, "rt")
	if err != nil {
		return s, nil
	}
	_, err = d.CreateTicket(t.Context(), newTicket())
	require.NoError(t, err)
	return s, d
}

// TestAttackFiled_requester_changed: the account that files wrote one name into the field, and somebody else has written another since.
func TestAttackFiled_requester_changed(t *testing.T) {
	s, d := filing(t, func(*requesttracker.Config) {})
	s.says("GET /ticket/8/history", http.StatusOK, `{"items":[{"id":"51","Type":"CustomField","Field":"5","NewValue":"ana","ObjectId":"8",
		"Creator":{"id":"mallory"},"Created":"2026-11-27T18:02:17Z"},{"id":"50","Type":"Create","ObjectId":"8","Creator":{"id":"eve"}}]}`)
	asked, err := d.ReadAsked(t.Context(), "8")
	if err != nil {
		return
	}
	require.True(t, asked.Filed)
	require.NotEqual(t, "ana", asked.Values[access.AskedRequester], "mallory has named who asks, in the name of the account that files")
}

// TestAttackFiled_spelling: RT does not tell Eve and eve apart. A configuration that writes the name otherwise is refused, or means the same:
// else a ticket for ana is taken as eve's own, and the access is eve's.
func TestAttackFiled_spelling(t *testing.T) {
	_, d := filing(t, func(c *requesttracker.Config) { c.Intake.FilesFor = []access.AccountID{"Eve"} })
	if d == nil {
		return
	}
	asked, err := d.ReadAsked(t.Context(), "8")
	if err != nil {
		return
	}
	require.True(t, asked.Filed, "the access that was asked for ana is asked for eve, by eve")
}

// TestAttackFiled_spelling_of_person: the account that files is a person's by the configuration, which writes it otherwise than RT. That person
// is who has filed the ticket, else she approves it with usher.
func TestAttackFiled_spelling_of_person(t *testing.T) {
	_, d := filing(t, func(c *requesttracker.Config) { c.Accounts = map[access.PersonID]access.AccountID{"p-17": "Eve"} })
	if d == nil {
		return
	}
	asked, err := d.ReadAsked(t.Context(), "8")
	if err != nil {
		return
	}
	require.True(t, asked.Filed)
	require.Equal(t, access.PersonID("p-17"), asked.Creator.Person, "nobody has filed the ticket")
}
