package jira_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/rest"
)

// operation is one call of the port with the one call to Jira that does its work.
type operation struct {
	name, wire string
	mode       rest.Mode
	run        func(context.Context, *jira.Desk, access.TicketID) error
}

func operations(edition jiratest.Edition) []operation {
	find, many := "POST /search/jql", "POST /issue/bulkfetch"
	if edition == jiratest.DataCenter {
		find, many = "POST /search", "POST /search"
	}
	return []operation{
		{"find", find, rest.Read, func(ctx context.Context, d *jira.Desk, _ access.TicketID) error {
			_, err := d.FindTicket(ctx, "usher-r1")
			return err
		}},
		{"create", "POST /issue", rest.Create, func(ctx context.Context, d *jira.Desk, _ access.TicketID) error {
			_, err := d.CreateTicket(ctx, ticket())
			return err
		}},
		{"read", "GET /issue/10001", rest.Read, func(ctx context.Context, d *jira.Desk, id access.TicketID) error {
			_, err := d.ReadTicket(ctx, id)
			return err
		}},
		{"read many", many, rest.Read, func(ctx context.Context, d *jira.Desk, id access.TicketID) error {
			_, err := d.ReadTickets(ctx, []access.TicketID{id})
			return err
		}},
		{"changes", find, rest.Read, func(ctx context.Context, d *jira.Desk, _ access.TicketID) error {
			_, err := d.ChangedTickets(ctx, access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
			return err
		}},
		{"clock", "GET /myself", rest.Read, func(ctx context.Context, d *jira.Desk, _ access.TicketID) error {
			_, err := d.ChangedTickets(ctx, access.ChangesQuery{Limit: 1})
			return err
		}},
		{"comment", "POST /comment", rest.Write, func(ctx context.Context, d *jira.Desk, id access.TicketID) error {
			return d.AddComments(ctx, id, access.Comment{Marker: "c1", Text: "text"})
		}},
		{"read comments", "GET /comment", rest.Read, func(ctx context.Context, d *jira.Desk, id access.TicketID) error {
			_, err := d.ReadComments(ctx, id, time.Time{})
			return err
		}},
		{"move", "POST /transitions", rest.Write, func(ctx context.Context, d *jira.Desk, id access.TicketID) error {
			return d.TransitionTicket(ctx, id, access.TicketDone)
		}},
		{"assign", "PUT /assignee", rest.Write, func(ctx context.Context, d *jira.Desk, id access.TicketID) error {
			return d.AssignTicket(ctx, id, jiratest.DefaultAccountID)
		}},
		{"account", "GET /user/search", rest.Read, func(ctx context.Context, d *jira.Desk, _ access.TicketID) error {
			_, err := d.FindAccount(ctx, access.Person{ID: "p", Email: "x@example.test"})
			return err
		}},
		{"check", "GET /myself", rest.Read, func(ctx context.Context, d *jira.Desk, _ access.TicketID) error {
			_, err := d.Check(ctx)
			return err
		}},
	}
}

// kindOf is what a status means for an operation of this desk.
func kindOf(o operation, status int) access.Kind {
	switch {
	case status == http.StatusConflict:
		return access.Transient
	case status == http.StatusGone:
		return access.Invalid
	case status == http.StatusNotFound && slices.Contains([]string{"create", "check", "find", "read many", "changes", "clock"}, o.name):
		return access.Invalid
	}
	return rest.Classify(o.mode, status, nil)
}

// newOperated is a site with one ticket, and a desk that has had its first contact.
func newOperated(t *testing.T, edition jiratest.Edition) (*site, *jira.Desk, access.TicketID) {
	t.Helper()
	s := newSite(t, jiratest.Config{Edition: edition})
	desk := s.desk(t, func(c *jira.Config) { c.Reporter = false; c.RequestTimeout = access.Duration(5 * time.Second) })
	ref := open(t, desk)
	require.Equal(t, access.TicketID("10001"), ref.ID)
	return s, desk, ref.ID
}

func TestClassify_every_operation(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		for _, o := range operations(edition) {
			t.Run(o.name, func(t *testing.T) {
				s, desk, id := newOperated(t, edition)
				for status := 300; status <= 599; status++ {
					s.answerInstead(o.wire, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
					want := kindOf(o, status)
					err := o.run(t.Context(), desk, id)
					requireKind(t, want, err)
					require.Equal(t, status, rest.StatusOf(err))
				}
			})
		}
	})
}

// spoiled answers in ways that no client can read.
func spoiled() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"a login page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>log in</html>")
		},
		"half of the JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"1`) },
		"a cut body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":"1"`)
		},
		"a closed connection": func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
		},
	}
}

func TestClassify_unreadable(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		for name, answer := range spoiled() {
			for _, o := range operations(edition) {
				if (o.name == "move" || o.name == "assign") && (name == "a login page" || name == "half of the JSON") {
					// Jira answers these without a body, so there is nothing to read in it.
					continue
				}
				t.Run(o.name+", "+name, func(t *testing.T) {
					s, desk, id := newOperated(t, edition)
					s.answerInstead(o.wire, answer)
					want := access.Transient
					if o.mode == rest.Create {
						want = access.Unknown
					}
					requireKind(t, want, o.run(t.Context(), desk, id))
				})
			}
		}
	})
}

func TestRequestTimeout(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		for _, o := range operations(edition) {
			t.Run(o.name, func(t *testing.T) {
				t.Parallel()
				s, _, id := newOperated(t, edition)
				desk := s.desk(t, func(c *jira.Config) { c.Reporter = false; c.RequestTimeout = access.Duration(500 * time.Millisecond) })
				_, err := desk.CreateTicket(t.Context(), ticket())
				require.NoError(t, err, "the first contact is made before Jira is slow")
				s.answerInstead(o.wire, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				err = o.run(t.Context(), desk, id)
				want := access.Transient
				if o.mode == rest.Create {
					want = access.Unknown
				}
				requireKind(t, want, err)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
	})
}

func TestBody_without_end(t *testing.T) {
	s, _, _ := newOperated(t, jiratest.Cloud)
	desk := s.desk(t, func(c *jira.Config) { c.RequestTimeout = access.Duration(300 * time.Millisecond) })
	s.answerInstead("POST /search/jql", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"issues":[`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	_, err := desk.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.Transient, err)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestRateLimit_shapes(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		for _, tt := range []struct {
			name  string
			limit fakewire.Fault
			want  time.Duration
		}{
			{"JSON with a time", fakewire.Fault{RetryAfter: "7", Reason: "jira-burst-based"}, 7 * time.Second},
			{"HTML with a time", fakewire.Fault{RetryAfter: "3", Body: "html"}, 3 * time.Second},
			{"empty without a time", fakewire.Fault{Body: "empty"}, 0},
		} {
			for _, o := range operations(edition) {
				t.Run(tt.name+", "+o.name, func(t *testing.T) {
					s, desk, id := newOperated(t, edition)
					limit := tt.limit
					limit.Kind = fakewire.RateLimit
					s.faults(func(f *jiratest.Faults) { f.Rules = []fakewire.Rule{{Times: 1, Of: []fakewire.Fault{limit}}} })
					err := o.run(t.Context(), desk, id)
					requireKind(t, access.RateLimited, err)
					require.Equal(t, tt.want, access.RetryAfterOf(err))
				})
			}
		}
	})
}

func TestUnavailable_with_retry_after(t *testing.T) {
	s, desk, _ := newOperated(t, jiratest.Cloud)
	s.faults(func(f *jiratest.Faults) {
		f.Rules = []fakewire.Rule{{Of: []fakewire.Fault{{Kind: fakewire.Status, RetryAfter: "9"}}}}
	})
	_, err := desk.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.RateLimited, err)
	require.Equal(t, 9*time.Second, access.RetryAfterOf(err))
}

func TestAnonymous_emptiness(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, desk, id := newOperated(t, edition)
		for _, o := range operations(edition) {
			t.Run(o.name, func(t *testing.T) {
				s.answerInstead(o.wire, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
					w.WriteHeader(http.StatusNotFound)
				})
				requireKind(t, access.Forbidden, o.run(t.Context(), desk, id))
			})
		}
		s.answerInstead(operations(edition)[0].wire, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
			_, _ = io.WriteString(w, `{"issues":[]}`)
		})
		_, err := desk.FindTicket(t.Context(), "usher-r1")
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "does not accept")
	})
}

func TestCaptcha_is_forbidden(t *testing.T) {
	s, desk, id := newOperated(t, jiratest.Cloud)
	s.answerInstead("GET /issue/10001", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATION_DENIED")
		w.WriteHeader(http.StatusForbidden)
	})
	_, err := desk.ReadTicket(t.Context(), id)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "CAPTCHA")
}

func TestRefusal_shapes(t *testing.T) {
	for _, tt := range []struct{ name, contentType, body, want string }{
		{"Jira's", "application/json", `{"errorMessages":["one","two"],"errors":{"b":"bad","a":"worse"}}`, "one; two; a: worse; b: bad"},
		{"errors that hold more than strings", "application/json", `{"errors":{"a":["x"],"b":{"c":1}}}`, `a: ["x"]; b: {"c":1}`},
		{"errors that are a list", "application/json", `{"errorMessages":["one"],"errors":["x"]}`, `one; errors: ["x"]`},
		{"null members", "application/json", `{"errorMessages":null,"errors":null,"message":"so"}`, "so"},
		{"the service desk's", "application/json", `{"errorMessage":"no","i18nErrorMessage":{"i18nKey":"k"}}`, "no"},
		{"the gateway's", "application/json", `{"code":400,"message":"bad"}`, "bad"},
		{"Connect's", "application/json", `{"error":"Failed to parse token"}`, "Failed to parse token"},
		{"a page", "text/html;charset=UTF-8", `<html>`, "text/html"},
		{"nothing", "application/json", ``, "400 Bad Request (invalid)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, desk, id := newOperated(t, jiratest.Cloud)
			s.answerInstead("GET /issue/10001", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := desk.ReadTicket(t.Context(), id)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestErrors_no_secret(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		login := map[jiratest.Edition]string{jiratest.Cloud: jiratest.DefaultEmail, jiratest.DataCenter: jiratest.DefaultAccountID}[edition]
		basic := base64.StdEncoding.EncodeToString([]byte(login + ":" + jiratest.DefaultToken))
		for _, o := range operations(edition) {
			for _, status := range []int{200, 400, 401, 404, 500} {
				t.Run(fmt.Sprintf("%s, %d", o.name, status), func(t *testing.T) {
					s, desk, id := newOperated(t, edition)
					s.answerInstead(o.wire, func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Content-Type", "application/json")
						w.WriteHeader(status)
						_, _ = fmt.Fprintf(w, `{"errorMessages":["you sent %s, which is %s, to https://x.test/y?z=%s"],"id":7,"issues":7}`,
							r.Header.Get("Authorization"), jiratest.DefaultToken, "in-the-query")
					})
					err := o.run(t.Context(), desk, id)
					if status != 200 {
						require.Error(t, err)
					}
					for ; err != nil; err = errors.Unwrap(err) {
						require.NotContains(t, err.Error(), jiratest.DefaultToken)
						require.NotContains(t, err.Error(), basic)
						require.NotContains(t, err.Error(), "in-the-query")
					}
				})
			}
		}
	})
}

func TestCall_headers(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, desk, id := newOperated(t, edition)
		for _, o := range operations(edition) {
			require.NotErrorIs(t, o.run(t.Context(), desk, id), context.Canceled)
		}
		c := s.config()
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Email+c.User+":"+c.Token))
		require.NotEmpty(t, s.calls("GET /myself"))
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.sent {
			require.Equal(t, want, c.header.Get("Authorization"), c.path)
			require.Equal(t, "application/json", c.header.Get("Accept"), c.path)
			require.Equal(t, "usher", c.header.Get("User-Agent"), c.path)
			require.Empty(t, c.header.Get("Cookie"), c.path)
		}
	})
}

func TestRate(t *testing.T) {
	s, _, id := newOperated(t, jiratest.Cloud)
	desk := s.desk(t, func(c *jira.Config) { c.Rate, c.RequestTimeout = 0.01, access.Duration(time.Second) })
	_, err := desk.ReadTicket(t.Context(), id)
	requireKind(t, access.RateLimited, err)
	require.Greater(t, access.RetryAfterOf(err), time.Minute)
}
