package servicenow_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
	"usher/internal/rest"
)

// operation is one call of the port with the one call to ServiceNow that does its work.
type operation struct {
	name, wire string
	mode       rest.Mode
	run        func(context.Context, *servicenow.Desk, access.TicketID) error
}

func operations(id access.TicketID) []operation {
	return []operation{
		{"find", "GET /table/incident", rest.Read, func(ctx context.Context, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.FindTicket(ctx, "usher-r1")
			return err
		}},
		{"create", "POST /table/incident", rest.Create, func(ctx context.Context, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.CreateTicket(ctx, ticket())
			return err
		}},
		{"read", "GET /" + string(id), rest.Read, func(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
			_, err := d.ReadTicket(ctx, id)
			return err
		}},
		{"read many", "GET /table/incident", rest.Read, func(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
			_, err := d.ReadTickets(ctx, []access.TicketID{id})
			return err
		}},
		{"changes", "GET /table/incident", rest.Read, func(ctx context.Context, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.ChangedTickets(ctx, access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
			return err
		}},
		{"clock", "GET /sys_user", rest.Read, func(ctx context.Context, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.ChangedTickets(ctx, access.ChangesQuery{Limit: 1})
			return err
		}},
		{"comment", "PATCH /" + string(id), rest.Write, func(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
			return d.AddComments(ctx, id, access.Comment{Marker: "c1", Text: "text"})
		}},
		{"read comments", "GET /sys_journal_field", rest.Read, func(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
			_, err := d.ReadComments(ctx, id, time.Time{})
			return err
		}},
		{"move", "PATCH /" + string(id), rest.Write, func(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
			return d.TransitionTicket(ctx, id, access.TicketDone)
		}},
		{"assign", "PATCH /" + string(id), rest.Write, func(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
			return d.AssignTicket(ctx, id, servicenowtest.DefaultUser)
		}},
		{"account", "GET /sys_user", rest.Read, func(ctx context.Context, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.FindAccount(ctx, access.Person{ID: "p", Email: "x@example.test"})
			return err
		}},
		{"asked", "GET /table/incident", rest.Read, func(ctx context.Context, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.AskedTickets(ctx, hourAgo())
			return err
		}},
		{"read asked", "GET /" + string(id), rest.Read, readsAsked},
		{"property", "GET /sys_properties", rest.Read, readsAsked},
		{"approvals", "GET /sysapproval_approver", rest.Read, func(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
			_, err := d.ReadTicket(ctx, id)
			return err
		}},
		{"check", "GET /sys_user", rest.Read, func(ctx context.Context, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.Check(ctx)
			return err
		}},
	}
}

// readsAsked reads a ticket of usher's as if a person had opened it. That it asks for nothing is no failure.
func readsAsked(ctx context.Context, d *servicenow.Desk, id access.TicketID) error {
	_, err := d.ReadAsked(ctx, id)
	if err != nil && strings.Contains(err.Error(), "asks for nothing") {
		return nil
	}
	return err
}

// kindOf is what a status means for an operation of this desk.
func kindOf(o operation, status int) access.Kind {
	switch {
	case status == http.StatusUnauthorized && o.wire != "GET /sys_user":
		return access.Transient // The credentials prove to be good.
	case (status == http.StatusNotFound || status == http.StatusGone) &&
		slices.Contains([]string{"find", "create", "read many", "changes", "clock", "account", "asked", "property", "approvals", "check", "read comments"}, o.name):
		return access.Invalid
	}
	return rest.Classify(o.mode, status, nil)
}

// newOperated is a site with one incident, and a desk that has had its first contact.
func newOperated(t *testing.T) (*site, *servicenow.Desk, access.TicketID) {
	t.Helper()
	s := newSite(t, incidents, servicenowtest.Config{})
	d := s.desk(t, func(c *servicenow.Config) {
		s.asks(c)
		c.Reporter = false
	})
	return s, d, open(t, d).ID
}

func TestClassify_every_operation(t *testing.T) {
	s, d, id := newOperated(t)
	for _, o := range operations(id) {
		t.Run(o.name, func(t *testing.T) {
			for status := 300; status <= 599; status++ {
				s.answerInstead(o.wire, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(status)
					_, _ = io.WriteString(w, `{"error":{"message":"no","detail":null},"status":"failure"}`)
				})
				err := o.run(t.Context(), d, id)
				requireKind(t, kindOf(o, status), err)
			}
		})
	}
}

// spoiled are answers with 200 that nobody can read.
func spoiled() map[string]http.HandlerFunc {
	body := func(kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, text)
		}
	}
	return map[string]http.HandlerFunc{
		"the page of a hibernating instance": body("text/html", "<html>Your instance is hibernating</html>"),
		"half of the JSON":                   body("application/json", `{"result":{"sys_id":"1`),
		"JSON of somebody else":              body("application/json", `{"ok":true}`),
		"no result":                          body("application/json", `{"result":null}`),
		"a result of another shape":          body("application/json", `{"result":"x"}`),
		"nothing":                            body("application/json", ``),
		"an error beside a part of the result": body("application/json",
			`{"result":[],"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"x"},"status":"failure"}`),
		"a cut body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"result":[`)
		},
		"a closed connection": func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
		},
	}
}

func TestClassify_unreadable(t *testing.T) {
	for name, answer := range spoiled() {
		t.Run(name, func(t *testing.T) {
			s, d, id := newOperated(t)
			for _, o := range operations(id) {
				s.answerInstead(o.wire, answer)
				want := access.Transient
				if o.mode == rest.Create {
					want = access.Unknown
				}
				requireKind(t, want, o.run(t.Context(), d, id))
			}
		})
	}
}

func TestHibernation_every_operation(t *testing.T) {
	s, d, id := newOperated(t)
	s.faults(func(f *servicenowtest.Faults) { f.Hibernating = true })
	for _, o := range operations(id) {
		err := o.run(t.Context(), d, id)
		if o.mode == rest.Create {
			requireKind(t, access.Unknown, err)
			continue
		}
		requireKind(t, access.Transient, err)
		require.ErrorContains(t, err, "an HTML page instead of JSON, such as that of a hibernating instance", o.name)
	}
}

func TestRequestTimeout(t *testing.T) {
	s, _, id := newOperated(t)
	d := s.desk(t, func(c *servicenow.Config) {
		s.asks(c)
		c.Reporter = false
		c.RequestTimeout = access.Duration(300 * time.Millisecond)
	})
	open(t, d)
	for _, o := range operations(id) {
		s.answerInstead(o.wire, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		err := o.run(t.Context(), d, id)
		want := access.Transient
		if o.mode == rest.Create {
			want = access.Unknown
		}
		requireKind(t, want, err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

// TestFault_rows spoils the call that does an operation's work in each way that the wire can.
func TestFault_rows(t *testing.T) {
	unclear := map[rest.Mode]access.Kind{rest.Read: access.Transient, rest.Write: access.Transient, rest.Create: access.Unknown}
	for name, row := range map[string]struct {
		fault fakewire.Fault
		kinds map[rest.Mode]access.Kind
	}{
		"dropped":             {fakewire.Fault{Kind: fakewire.Drop}, unclear},
		"done and dropped":    {fakewire.Fault{Kind: fakewire.Drop, Committed: true}, unclear},
		"slow":                {fakewire.Fault{Kind: fakewire.Slow, DelayMS: 1}, map[rest.Mode]access.Kind{}},
		"a slow body":         {fakewire.Fault{Kind: fakewire.SlowBody, DelayMS: 10}, map[rest.Mode]access.Kind{}},
		"an outage":           {fakewire.Fault{Kind: fakewire.Status, Body: "html"}, unclear},
		"a page":              {fakewire.Fault{Kind: fakewire.HTML}, unclear},
		"truncated":           {fakewire.Fault{Kind: fakewire.Truncate}, unclear},
		"done and cut":        {fakewire.Fault{Kind: fakewire.Cut, Committed: true}, unclear},
		"sent to a log-in":    {fakewire.Fault{Kind: fakewire.Redirect}, map[rest.Mode]access.Kind{rest.Read: access.Forbidden, rest.Write: access.Forbidden, rest.Create: access.Forbidden}},
		"an outage with time": {fakewire.Fault{Kind: fakewire.Status, RetryAfter: "3"}, map[rest.Mode]access.Kind{rest.Read: access.RateLimited, rest.Write: access.RateLimited, rest.Create: access.Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, id := newOperated(t)
			for _, o := range operations(id) {
				d := s.desk(t, func(c *servicenow.Config) {
					s.asks(c)
					c.Reporter = false
				})
				_, err := d.Check(t.Context())
				require.NoError(t, err)
				if method, _, _ := strings.Cut(o.wire, " "); method != http.MethodGet {
					only := map[string]fakewire.Operation{http.MethodPost: servicenowtest.OpInsert, http.MethodPatch: servicenowtest.OpUpdate}[method]
					s.faults(func(f *servicenowtest.Faults) {
						f.Rules = []fakewire.Rule{{Only: []fakewire.Operation{only}, Of: []fakewire.Fault{row.fault}}}
					})
				} else {
					s.faults(func(f *servicenowtest.Faults) {
						f.Rules = []fakewire.Rule{{Only: []fakewire.Operation{servicenowtest.OpList, servicenowtest.OpRead}, Of: []fakewire.Fault{row.fault}}}
					})
				}
				err = o.run(t.Context(), d, id)
				s.faults(func(f *servicenowtest.Faults) { f.Rules = nil })
				if want := row.kinds[o.mode]; want != "" {
					requireKind(t, want, err)
				} else if !access.IsKind(err, access.NotFound) {
					require.NoError(t, err, o.name)
				}
			}
		})
	}
}

func TestUnauthorized_once(t *testing.T) {
	s, d, id := newOperated(t)
	for _, o := range operations(id) {
		s.faults(func(f *servicenowtest.Faults) {
			f.Rules = []fakewire.Rule{{Times: 1, Of: []fakewire.Fault{{Kind: fakewire.Status, Status: http.StatusUnauthorized}}}}
		})
		requireKind(t, access.Transient, o.run(t.Context(), d, id))
	}
	s.faults(func(f *servicenowtest.Faults) { f.Rules, f.RefuseCredentials = nil, true })
	for _, o := range operations(id) {
		requireKind(t, access.Forbidden, o.run(t.Context(), d, id))
	}
}

func TestRateLimit(t *testing.T) {
	s, d, id := newOperated(t)
	s.faults(func(f *servicenowtest.Faults) {
		f.Rules = []fakewire.Rule{{Of: []fakewire.Fault{{Kind: fakewire.RateLimit, RetryAfter: "7"}}}}
	})
	for _, o := range operations(id) {
		err := o.run(t.Context(), d, id)
		requireKind(t, access.RateLimited, err)
		require.Equal(t, 7*time.Second, access.RetryAfterOf(err), o.name)
	}
}

func TestErrors_no_secret(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte(servicenowtest.DefaultUser + ":" + servicenowtest.DefaultToken))
	s, d, id := newOperated(t)
	for _, o := range operations(id) {
		for _, status := range []int{200, 400, 401, 403, 404, 500} {
			s.answerInstead(o.wire, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, `{"error":{"message":"you sent %s, which is %s","detail":"to https://x.test/y?z=in-the-query"},"status":"failure"}`,
					r.Header.Get("Authorization"), servicenowtest.DefaultToken)
			})
			err := o.run(t.Context(), d, id)
			require.Error(t, err)
			for ; err != nil; err = errors.Unwrap(err) {
				require.NotContains(t, err.Error(), servicenowtest.DefaultToken)
				require.NotContains(t, err.Error(), basic)
				require.NotContains(t, err.Error(), "in-the-query")
			}
		}
	}
}

func TestAuth(t *testing.T) {
	oauth := func(c *servicenow.Config) {
		c.User, c.Password = "", ""
		c.ClientID, c.ClientSecret = servicenowtest.DefaultClientID, servicenowtest.DefaultClientSecret
	}
	for name, row := range map[string]struct {
		change func(*servicenow.Config)
		grant  string
	}{
		"basic":              {func(*servicenow.Config) {}, ""},
		"api_key":            {func(c *servicenow.Config) { c.User, c.Password, c.APIKey = "", "", servicenowtest.DefaultToken }, ""},
		"client credentials": {oauth, "client_credentials"},
		"refresh token": {func(c *servicenow.Config) {
			oauth(c)
			c.RefreshToken = servicenowtest.DefaultRefreshToken
		}, "refresh_token"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, incidents, servicenowtest.Config{})
			d := s.desk(t, row.change)
			ref := open(t, d)
			_, err := d.ReadTicket(t.Context(), ref.ID)
			require.NoError(t, err)
			tokens := s.calls("POST /oauth_token.do")
			if row.grant == "" {
				require.Empty(t, tokens)
				return
			}
			require.Contains(t, tokens[len(tokens)-1].body, "grant_type="+row.grant)
		})
		t.Run(name+", wrong", func(t *testing.T) {
			s := newSite(t, incidents, servicenowtest.Config{})
			d := s.desk(t, func(c *servicenow.Config) {
				row.change(c)
				for _, secret := range []*string{&c.Password, &c.APIKey, &c.ClientSecret} {
					if *secret != "" {
						*secret = "another-secret"
					}
				}
			})
			_, err := d.CreateTicket(t.Context(), ticket())
			requireKind(t, access.Forbidden, err)
			require.NotContains(t, err.Error(), "another-secret")
			require.Empty(t, s.Tickets())
		})
	}
}
