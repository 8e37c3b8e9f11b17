package requesttracker_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/requesttracker"
)

const secretToken = "1-31-5ec4e7d0c0ffee"

// ticketBody is ticket 7 as RT shows it.
const ticketBody = `{"id":7,"Status":"new","Subject":"one","Owner":{"id":"Nobody"},"Creator":{"id":"usher"},"Queue":{"id":"3","Name":"Access"},
"LastUpdated":"2026-11-27T18:02:17Z","CustomFields":[{"id":"2","name":"External Id","values":["usher-r1"]}],
"_hyperlinks":[{"ref":"comment"},{"ref":"lifecycle","to":"resolved","label":"Done"}]}`

// askedBody is ticket 8 as RT shows it: a person asks by it.
const askedBody = `{"id":8,"Type":"ticket","Status":"new","Subject":"Wiki","Owner":{"id":"Nobody"},"Queue":{"id":"4","Name":"Help"},
"Creator":{"id":"eve","RealName":"Eve","EmailAddress":"eve@example.test"},"LastUpdated":"2026-11-27T18:02:17Z",
"CustomFields":[{"id":"2","name":"External Id","values":[]},{"id":"3","name":"Role","values":["wiki/editor"]}],"_hyperlinks":[]}`

// answers are what a small RT says by method and path.
func answers() map[string]string {
	return map[string]string{
		"GET /user/31":      `{"id":31,"Name":"usher","Privileged":1}`,
		"GET /queue/Access": `{"Name":"Access","Disabled":"0","TicketCustomFields":[{"id":"2","name":"External Id"}],"_hyperlinks":[{"ref":"create"}]}`,
		"GET /ticket/7":     ticketBody,
		"GET /ticket/7/history": `{"items":[{"id":"40","Type":"Correspond","ObjectId":"7","Creator":{"id":"eve"},
			"Created":"2026-11-27T18:02:17Z"},{"id":"39","Type":"Create","ObjectId":"7","Creator":{"id":"usher"}}],"pages":null,"total":null}`,
		"GET /ticket/7/attachments":       `{"items":[],"pages":null}`,
		"GET /tickets":                    `{"items":[` + ticketBody + `],"pages":1}`,
		"GET /queue/Help":                 `{"Name":"Help","Disabled":"0","TicketCustomFields":[{"name":"External Id"},{"name":"Role"}]}`,
		"GET /ticket/8":                   askedBody,
		"GET /ticket/8/history":           `{"items":[{"id":"50","Type":"Create","ObjectId":"8","Creator":{"id":"eve"}}],"pages":null,"total":null}`,
		"GET /attachment/60":              `{"Content":"RHVyYXRpb246IDMwZA=="}`,
		"GET /transaction/40/attachments": `{"items":[{"id":"60","ContentType":"text/plain","ContentLength":"13"}],"pages":null}`,
		"GET /transaction/50/attachments": `{"items":[{"id":"60","ContentType":"text/plain","ContentLength":"13",
			"Headers":"Subject: Wiki\nX-RT-Interface: REST\n"}],"pages":null}`,
		"GET /users":             `{"items":[{"Name":"ada","EmailAddress":"ada@example.test"}],"pages":1}`,
		"POST /ticket":           `{"id":"7","type":"ticket"}`,
		"POST /ticket/7/comment": `["Comments added"]`,
		"PUT /ticket/7":          `["Ticket 7: changed"]`,
	}
}

// small is an RT that answers from a table, save one call that a handler answers.
type small struct {
	url   string
	table map[string]string
	tag   string
	tap   *fakewire.Tap
}

func newSmall(t *testing.T) *small {
	t.Helper()
	s := &small{table: answers(), tag: `"39"`}
	s.tap = fakewire.NewTap(http.HandlerFunc(s.tabled))
	server := httptest.NewServer(s.tap)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *small) tabled(w http.ResponseWriter, r *http.Request) {
	body, known := s.table[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/REST/2.0")]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("ETag", s.tag)
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = io.WriteString(w, body)
}

func (s *small) answer(call string, with http.HandlerFunc) { s.tap.AnswerInstead(call, with) }

func (s *small) says(call string, status int, body string) {
	s.answer(call, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (s *small) desk(t *testing.T, timeout time.Duration) *desk.Desk {
	t.Helper()
	return s.deskWith(t, timeout, func(*requesttracker.Config) {})
}

func (s *small) deskWith(t *testing.T, timeout time.Duration, change func(*requesttracker.Config)) *desk.Desk {
	t.Helper()
	c := requesttracker.Config{
		BaseURL: s.url, Token: secretToken, Queue: "Access", MarkerField: "External Id",
		Config: desk.Config{
			Rate: 100_000, RequestTimeout: access.Duration(timeout),
			Intake: &desk.Intake{Kind: "Help", Fields: map[string]access.AskedField{"Role": access.AskedAccess}},
		},
	}
	change(&c)
	d, err := requesttracker.New(c, "rt")
	require.NoError(t, err)
	_, err = d.CreateTicket(t.Context(), newTicket())
	require.NoError(t, err, "the first contact")
	return d
}

func newTicket() access.NewTicket {
	return access.NewTicket{Marker: "usher-r1", Summary: "one", Body: "text"}
}

func requireKind(t *testing.T, want access.Kind, err error) {
	t.Helper()
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "%v", err)
	require.NotEmpty(t, e.Op)
	for ; err != nil; err = errors.Unwrap(err) {
		require.NotContains(t, err.Error(), secretToken)
		require.NotContains(t, err.Error(), "?")
	}
}
