package jira_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/apispec"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// site is a fake Jira that listens, remembers what reached it, and lets a test answer in its place.
type site struct {
	*jiratest.Server
	tap     *fakewire.Tap
	url     string
	edition jiratest.Edition
	// guarded is the fake behind the vendor's documents.
	guarded http.Handler
}

func newSite(t *testing.T, c jiratest.Config) *site {
	t.Helper()
	s := &site{Server: jiratest.New(c), edition: cmp.Or(c.Edition, jiratest.Cloud)}
	s.guarded = apispec.Guard(t, apispec.Edition(s.edition), s.Server)
	s.tap = fakewire.NewTap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(withQuotedDate(body)))
		s.guarded.ServeHTTP(w, r)
	}))
	server := httptest.NewServer(s.tap)
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	return s
}

// withQuotedDate writes a search's time in milliseconds as the fake's search knows times: quoted, in the zone of the
// account's profile, by the minute.
func withQuotedDate(body []byte) []byte {
	return unquotedDate.ReplaceAllFunc(body, func(found []byte) []byte {
		text := found[bytes.LastIndexByte(found, ' ')+1:]
		millis, _ := strconv.ParseInt(string(text), 10, 64)
		zone, err := time.LoadLocation(jiratest.DefaultZone)
		if err != nil {
			return found
		}
		quoted := time.UnixMilli(millis).In(zone).Format(` \"2006/01/02 15:04\"`)
		return append(bytes.TrimSuffix(bytes.TrimSuffix(slices.Clone(found), text), []byte(" ")), quoted...)
	})
}

var unquotedDate = regexp.MustCompile(`updated \\u003e= [0-9]+`)

// onEachEdition runs a test once for each edition.
func onEachEdition(t *testing.T, run func(*testing.T, jiratest.Edition)) {
	t.Helper()
	for _, edition := range []jiratest.Edition{jiratest.Cloud, jiratest.DataCenter} {
		t.Run(string(edition), func(t *testing.T) { run(t, edition) })
	}
}

// api is where the site's API is.
func (s *site) api() string {
	if s.edition == jiratest.DataCenter {
		return s.url + "/rest/api/2/"
	}
	return s.url + "/rest/api/3/"
}

// last is the body of the last such call, decoded.
func (s *site) last(t *testing.T, call string) map[string]any {
	t.Helper()
	calls := s.tap.Calls(call)
	require.NotEmpty(t, calls)
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(calls[len(calls)-1].Body), &body))
	return body
}

// fields are the fields of the last new issue as they reached the wire.
func (s *site) fields(t *testing.T) map[string]any {
	t.Helper()
	fields, ok := s.last(t, "POST /issue")["fields"].(map[string]any)
	require.True(t, ok)
	return fields
}

func ticket() access.NewTicket {
	return access.NewTicket{
		Marker: "usher-r1", Summary: "Wiki editor for Ada", Body: "Please.",
		Fields: map[access.TicketField]string{
			access.FieldRequestID: "r1", access.FieldRequestURL: "https://usher.test/requests/r1?tab=1",
			access.FieldRequester: "Ada", access.FieldSubject: "Bob", access.FieldItems: "Wiki editor\nWiki reader",
			access.FieldDuration: "30d", access.FieldReason: "because",
		},
		Requester: access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"},
	}
}

func open(t *testing.T, desk *jira.Desk) access.TicketRef {
	t.Helper()
	ref, err := desk.CreateTicket(t.Context(), ticket())
	require.NoError(t, err)
	return ref
}

func requireKind(t *testing.T, want access.Kind, err error) {
	t.Helper()
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "%v", err)
	require.NotEmpty(t, e.Op)
}
