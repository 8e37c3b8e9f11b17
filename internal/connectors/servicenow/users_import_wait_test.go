package servicenow_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestImportSet_changed_while_waiting: a row waits for the first one, which proves the transform map, and somebody changes its user meanwhile. What
// was read before the wait is not written back.
func TestImportSet_changed_while_waiting(t *testing.T) {
	for name, row := range map[string]struct {
		column string
		change func(*access.DeskUser)
	}{
		"another column":  {"email", func(u *access.DeskUser) { u.Values["email"] = "bob@berg.test" }},
		"the same column": {"title", func(u *access.DeskUser) { u.Values["title"] = "Head" }},
		"the user is off": {"active", func(u *access.DeskUser) { u.Active = false }},
		"the person":      {"u_person", func(u *access.DeskUser) { u.Person = "p-other" }},
	} {
		t.Run(name, func(t *testing.T) {
			s, users := importing(t, nil)
			ana, bob := s.put(someone("ana")), s.put(someone("bob"))
			_, err := users.UserSchema(t.Context())
			require.NoError(t, err)
			after := someone("bob")
			row.change(&after)
			read, done := make(chan struct{}), make(chan error, 1)
			var first, answered sync.Once
			s.tap.Instead(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/import/"):
					first.Do(func() {
						go func() {
							_, err := users.UpdateUser(t.Context(), bob.ID, titled("Chief"))
							done <- err
						}()
						<-read
						after = s.put(after)
					})
				case strings.Contains(r.URL.Query().Get("sysparm_query"), "sys_id="+string(bob.ID)):
					s.ServeHTTP(w, r)
					answered.Do(func() { close(read) })
					return true
				}
				return false
			})
			_, err = users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
			require.NoError(t, err)
			err = <-done
			requireKind(t, access.Transient, err)
			require.ErrorContains(t, err, row.column+": somebody has changed")
			require.Equal(t, after, s.user(t, bob.ID))
			require.Len(t, s.sent(t), 1)
			// Whoever asks again has read what is there now.
			_, err = users.UpdateUser(t.Context(), bob.ID, titled("Chief"))
			require.NoError(t, err)
			after.Values["title"] = "Chief"
			require.Equal(t, after, s.user(t, bob.ID))
		})
	}
}

// TestImportSet_changed_meanwhile: somebody changes the user while usher looks whether an address is free.
func TestImportSet_changed_meanwhile(t *testing.T) {
	s, users := importing(t, nil)
	ana := s.put(someone("ana"))
	after := someone("ana")
	after.Values["last_name"] = "Berg"
	s.tap.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Query().Get("sysparm_query"), "email=") {
			after = s.put(after)
		}
		return false
	})
	_, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldEmail: "a@example.test"}})
	requireKind(t, access.Transient, err)
	require.ErrorContains(t, err, "last_name: somebody has changed")
	require.Equal(t, after, s.user(t, ana.ID))
	require.Empty(t, s.sent(t))
}
