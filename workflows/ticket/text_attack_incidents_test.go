package ticket_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows/ticket"
)

// TestForIncident_looks_like_no_request: whoever hands in incidents cannot have usher's account open a ticket that people take for that of a request
// which is approved and to be granted by hand.
func TestForIncident_looks_like_no_request(t *testing.T) {
	request := ticket.ForRequest(access.Request{ID: "r1", Reason: "to write"}, need(), "usher-r1:1")
	incident := ticket.ForIncident(access.Incident{
		ID: "i1", Caller: "scanner", Reference: "Ana", Application: request.Fields[access.FieldItems], Summary: request.Summary,
		Description: request.Body + "\n\n" + ticket.WorkText([]string{"Lab badge"}),
	}, "usher-incident:i1:1")
	t.Run("the summary", func(t *testing.T) {
		require.NotEqual(t, request.Summary, incident.Summary)
	})
	t.Run("the text", func(t *testing.T) {
		for _, paragraph := range strings.Split(request.Body, "\n\n") {
			require.NotContains(t, strings.Split(incident.Body, "\n\n"), paragraph, "stands there as if usher said it")
		}
	})
	t.Run("the fields", func(t *testing.T) {
		for field, value := range request.Fields {
			if field == access.FieldItems || field == access.FieldSubject {
				require.NotEqual(t, value, incident.Fields[field], "the desk's field of %s has who gets what", field)
			}
		}
	})
}

// TestForIncident_says_first_what_counts: a desk cuts long texts at their end. That nobody gets access by the ticket stands before what the caller wrote, so
// that no caller can have it cut off.
func TestForIncident_says_first_what_counts(t *testing.T) {
	const longest = 10_000
	description := strings.Repeat("x", longest)
	body := ticket.ForIncident(access.Incident{ID: "i1", Caller: "scanner", Reference: "R", Summary: "s", Description: description}, "usher-incident:i1:1").Body
	require.Less(t, strings.Index(body, "Nobody gets any access by this ticket"), strings.Index(body, description))
}
