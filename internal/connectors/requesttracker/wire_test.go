package requesttracker_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
	"usher/internal/rest"
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
	url     string
	table   map[string]string
	tag     string
	instead atomic.Pointer[replaced]
}

type replaced struct {
	call   string
	answer http.HandlerFunc
}

func newSmall(t *testing.T) *small {
	t.Helper()
	s := &small{table: answers(), tag: `"39"`}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/REST/2.0")
		if one := s.instead.Load(); one != nil && one.call == call {
			one.answer(w, r)
			return
		}
		body, known := s.table[call]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", s.tag)
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *small) answer(call string, with http.HandlerFunc) { s.instead.Store(&replaced{call, with}) }

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

// calls are the calls of the port, each with the call to RT that does its work.
func calls() []struct {
	name, wire string
	mode       rest.Mode
	run        func(context.Context, *desk.Desk) error
} {
	type operation = struct {
		name, wire string
		mode       rest.Mode
		run        func(context.Context, *desk.Desk) error
	}
	return []operation{
		{"find", "GET /tickets", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.FindTicket(ctx, "usher-r1")
			return err
		}},
		{"create", "POST /ticket", rest.Create, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.CreateTicket(ctx, newTicket())
			return err
		}},
		{"read", "GET /ticket/7", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.ReadTicket(ctx, "7")
			return err
		}},
		{"history", "GET /ticket/7/history", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.ReadTicket(ctx, "7")
			return err
		}},
		{"read many", "GET /tickets", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.ReadTickets(ctx, []access.TicketID{"7"})
			return err
		}},
		{"changes", "GET /tickets", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.ChangedTickets(ctx, access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
			return err
		}},
		{"clock", "GET /user/31", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.ChangedTickets(ctx, access.ChangesQuery{Limit: 1})
			return err
		}},
		{"comments", "GET /ticket/7/attachments", rest.Read, comment},
		{"comment", "POST /ticket/7/comment", rest.Write, comment},
		{"replies", "GET /ticket/7/history", rest.Read, replies},
		{"reply", "GET /transaction/40/attachments", rest.Read, replies},
		{"text of a reply", "GET /attachment/60", rest.Read, replies},
		{"move", "PUT /ticket/7", rest.Write, func(ctx context.Context, d *desk.Desk) error {
			return d.TransitionTicket(ctx, "7", access.TicketDone)
		}},
		{"assign", "PUT /ticket/7", rest.Write, func(ctx context.Context, d *desk.Desk) error {
			return d.AssignTicket(ctx, "7", "ada")
		}},
		{"asked", "GET /tickets", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.AskedTickets(ctx, access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
			return err
		}},
		{"read", "GET /ticket/8", rest.Read, readAsked},
		{"history", "GET /ticket/8/history", rest.Read, readAsked},
		{"way", "GET /transaction/50/attachments", rest.Read, readAsked},
		{"text", "GET /attachment/60", rest.Read, readAsked},
		{"mark", "PUT /ticket/8", rest.Write, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.BindTicket(ctx, "8", "eve", "usher-rt.8:0123456789abcdef")
			return err
		}},
		{"account", "GET /users", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.FindAccount(ctx, access.Person{ID: "p", UserName: "x"})
			return err
		}},
		{"check", "GET /user/31", rest.Read, func(ctx context.Context, d *desk.Desk) error {
			_, err := d.Check(ctx)
			return err
		}},
	}
}

func readAsked(ctx context.Context, d *desk.Desk) error {
	_, err := d.ReadAsked(ctx, "8")
	return err
}

func replies(ctx context.Context, d *desk.Desk) error {
	_, err := d.ReadComments(ctx, "7", time.Time{})
	return err
}

func comment(ctx context.Context, d *desk.Desk) error {
	return d.AddComments(ctx, "7", access.Comment{Marker: "c1", Text: "text"})
}

// kindOf is what a status means for a call.
func kindOf(name string, mode rest.Mode, status int) access.Kind {
	addressed := map[string]bool{"create": true, "find": true, "read many": true, "changes": true, "asked": true, "clock": true, "check": true}
	switch {
	case status == http.StatusPreconditionFailed:
		return access.Transient
	case status == http.StatusForbidden && name == "read":
		return access.NotFound
	case (status == http.StatusNotFound || status == http.StatusGone) && addressed[name]:
		return access.Invalid
	}
	return rest.Classify(mode, status, nil)
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

func TestWire_statuses(t *testing.T) {
	for _, c := range calls() {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall(t)
			d := s.desk(t, 5*time.Second)
			for status := 300; status <= 599; status++ {
				s.says(c.wire, status, `{"message":"no, token `+secretToken+`"}`)
				err := c.run(t.Context(), d)
				requireKind(t, kindOf(c.name, c.mode, status), err)
				require.Equal(t, status, rest.StatusOf(err))
			}
		})
	}
}

func TestWire_unreadable(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a login page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>log in</html>")
		},
		"nothing":          func(http.ResponseWriter, *http.Request) {},
		"half of the JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"7`) },
		"another shape":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `"7"`) },
		"a cut body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":"7"`)
		},
		"a closed connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		for _, c := range calls() {
			t.Run(c.name+", "+name, func(t *testing.T) {
				s := newSmall(t)
				d := s.desk(t, 5*time.Second)
				s.answer(c.wire, answer)
				want := access.Transient
				if c.mode == rest.Create {
					want = access.Unknown
				}
				requireKind(t, want, c.run(t.Context(), d))
			})
		}
	}
}

func TestWire_timeout(t *testing.T) {
	for _, c := range calls() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSmall(t)
			d := s.desk(t, 500*time.Millisecond)
			s.answer(c.wire, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
			})
			err := c.run(t.Context(), d)
			want := access.Transient
			if c.mode == rest.Create {
				want = access.Unknown
			}
			requireKind(t, want, err)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}
