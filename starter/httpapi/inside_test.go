package httpapi_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// TestErrors_hold_nothing_of_the_inside: what a database, Temporal or the issuer says about itself is for the log, with the call's id.
func TestErrors_hold_nothing_of_the_inside(t *testing.T) {
	const inside = "failed to connect to `user=usher_read database=access`: 10.0.7.5:5432 (db.corp.example): dial error"
	refused := &pgconn.PgError{Code: "42501", Message: inside}
	paths := []string{
		"GET /v1/requests?requester=ana", "GET /v1/requests/r1", "GET /v1/requests/r1/audit", "GET /v1/subjects/ana/leases",
		"GET /v1/people/hr/runs", "GET /v1/people/hr/runs/x", "GET /v1/people/hr/runs/x/changes", "GET /v1/people/hr/runs/x/problems",
		"GET /v1/desks/jira/syncs", "GET /v1/desks/jira/syncs/x", "GET /v1/desks/jira/syncs/x/rows", "GET /v1/tickets", "GET /v1/tickets/x",
		"GET /v1/tickets/x/events", "GET /v1/integration-users", "GET /v1/integration-users/jira/events", "GET /readyz", "GET /v1/catalog", "GET /v1/inbox",
		"POST /v1/requests", "POST /v1/requests/r1/decisions", "POST /v1/requests/r1/withdraw", "POST /v1/people/hr/runs",
	}
	bodies := map[string]string{"POST /v1/requests": `{"id":"r1",` + wiki[1:], "POST /v1/requests/r1/decisions": `{"verdict":"deny"}`}
	for name, err := range map[string]error{
		"unavailable":         access.Errorf(access.Transient, "read ledger", "%s", inside),
		"refused":             &access.Error{Kind: access.Forbidden, Op: "read ledger", Err: refused},
		"missing":             &access.Error{Kind: access.NotFound, Op: "read ledger", Err: refused},
		"a value it has not":  &access.Error{Kind: access.Invalid, Op: "read ledger", Err: refused},
		"a conflict":          &access.Error{Kind: access.Conflict, Op: "read ledger", Err: refused},
		"nobody classified":   errors.New(inside),
		"of unknown kind":     access.Errorf(access.Unknown, "read ledger", "%s", inside),
		"too many for vendor": access.Errorf(access.RateLimited, "read ledger", "%s", inside),
	} {
		for _, call := range paths {
			w := newWorld(t, func(c *httpapi.Config, d *httpapi.Deps) {
				c.Auditors, c.Administrators = []access.PersonID{"adam"}, []access.PersonID{"adam"}
				d.Ledger = away{err: err}
			})
			w.gateway.err = access.Errorf(access.Transient, "ask Temporal", "%s", inside)
			w.gateway.viewErr = w.gateway.err
			method, path, _ := strings.Cut(call, " ")
			got := w.call("adam", method, path, bodies[call], "X-Request-Id", "trace-9")
			require.GreaterOrEqual(t, got.status, http.StatusInternalServerError, "%s: %s: %s", name, call, got.body)
			for _, secret := range []string{"usher_read", "access`", "10.0.7.5", "corp.example", "dial"} {
				require.NotContains(t, got.body, secret, "%s: %s", name, call)
			}
			require.NotEmpty(t, got.problem.Detail)
			lines := strings.Split(w.log.String(), "\n")
			require.True(t, slices.ContainsFunc(lines, func(line string) bool {
				return strings.Contains(line, "corp.example") && strings.Contains(line, `"http_request_id":"trace-9"`)
			}), "%s: %s: the log has it, with the call's id: %s", name, call, w.log)
		}
	}
}
