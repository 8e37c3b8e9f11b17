package requesttracker_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/requesttracker/rttest"
)

// password is that of every account but root's.
func password(name string) string {
	if name == rttest.Root {
		return rttest.RootPassword
	}
	return "password of " + name
}

// try makes one call as an account, and returns its status; 200 for every good one.
func (s *server) try(t *testing.T, by, method, path string, body, into any) (int, error) {
	t.Helper()
	err := s.Call(t.Context(), rttest.Call{As: by, Password: password(by), Method: method, Path: path, Body: body, Into: into})
	if refused := (*rttest.StatusError)(nil); errors.As(err, &refused) {
		return refused.Status, nil
	}
	return http.StatusOK, err
}

// do makes one call that must go well.
func (s *server) do(t *testing.T, by, method, path string, body, into any) {
	t.Helper()
	status, err := s.try(t, by, method, path, body, into)
	require.NoError(t, err)
	require.Less(t, status, 300, "%s %s as %s", method, path, by)
}

// put makes a change that must be made: RT says 200 as well when it makes none.
func (s *server) put(t *testing.T, by, path string, body map[string]any) {
	t.Helper()
	var said []string
	s.do(t, by, http.MethodPut, path, body, &said)
	require.NotRegexp(t, `\bnot\b`, strings.Join(said, "; "), "%v", body)
}

// query is the query part of a path.
func query(pairs ...string) string {
	values := url.Values{}
	for n := 0; n < len(pairs); n += 2 {
		values.Add(pairs[n], pairs[n+1])
	}
	return "?" + values.Encode()
}

func path(id access.TicketID) string { return "ticket/" + string(id) }

// addAccount makes an account that can log in. RT refuses a second account with one address, but old databases have them.
func (s *site) addAccount(t *testing.T, p access.Person) access.AccountID {
	t.Helper()
	name := fmt.Sprintf("%s-%d", p.ID, s.next())
	s.do(t, "root", http.MethodPost, "user", map[string]any{
		"Name": name, "RealName": p.DisplayName, "Privileged": 1, "Password": password(name),
	}, nil)
	s.execute(t, `UPDATE Users SET EmailAddress = ? WHERE Name = ?`, p.Email, name)
	t.Cleanup(func() { s.execute(t, `UPDATE Users SET EmailAddress = '' WHERE Name = ?`, name) })
	return access.AccountID(name)
}

// openAs opens a ticket as that account's human does.
func (s *site) openAs(t *testing.T, by access.AccountID) access.TicketID {
	t.Helper()
	var made struct{ ID access.TicketID }
	s.do(t, string(by), http.MethodPost, "ticket", map[string]any{
		"Queue": s.queue, "Subject": "by hand", "Content": "by hand", "ContentType": "text/plain",
	}, &made)
	return made.ID
}

// askAs opens a ticket by which that account's human asks for access. The body may say more than Subject and Content.
func (s *site) askAs(t *testing.T, by access.AccountID, body map[string]any) access.TicketID {
	t.Helper()
	all := map[string]any{"Queue": s.asking, "Subject": "Wiki", "ContentType": "text/plain"}
	maps.Copy(all, body)
	var made struct{ ID access.TicketID }
	s.do(t, string(by), http.MethodPost, "ticket", all, &made)
	return made.ID
}

// commentAs adds a comment as that account's human does.
func (s *site) commentAs(t *testing.T, by access.AccountID, id access.TicketID, text string) {
	t.Helper()
	s.do(t, string(by), http.MethodPost, path(id)+"/comment", map[string]any{"Content": text, "ContentType": "text/plain"}, nil)
}

// replyAs answers the requestor as that account's human does.
func (s *site) replyAs(t *testing.T, by access.AccountID, id access.TicketID, text string) {
	t.Helper()
	s.do(t, string(by), http.MethodPost, path(id)+"/correspond", map[string]any{"Content": text, "ContentType": "text/plain"}, nil)
}

// moveAs moves a ticket as that account's human does.
func (s *site) moveAs(t *testing.T, by access.AccountID, id access.TicketID, to access.TicketPhase) {
	t.Helper()
	s.put(t, string(by), path(id), map[string]any{"Status": statusOf(to)})
}

// setFieldAs sets a custom field as that account's human does.
func (s *site) setFieldAs(t *testing.T, by access.AccountID, id access.TicketID, field, value string) {
	t.Helper()
	s.put(t, string(by), path(id), map[string]any{"CustomFields": map[string]string{field: value}})
}

// statusOf and phaseOf are the lifecycles of the server.
func statusOf(phase access.TicketPhase) string {
	return map[access.TicketPhase]string{
		access.TicketWaiting: "new", access.TicketApproved: "approved", access.TicketDenied: "denied",
		access.TicketWorking: "open", access.TicketDone: "resolved", access.TicketWontDo: "rejected",
	}[phase]
}

func phaseOf(status string) access.TicketPhase {
	for _, phase := range []access.TicketPhase{
		access.TicketWaiting, access.TicketApproved, access.TicketDenied, access.TicketWorking, access.TicketDone, access.TicketWontDo,
	} {
		if statusOf(phase) == status {
			return phase
		}
	}
	return access.TicketOther
}
