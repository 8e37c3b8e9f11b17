package jira_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// wrote counts the calls that reached the site and are no GET.
func (s *site) wrote() int {
	n := 0
	for _, call := range s.tap.Calls("") {
		if call.Method != http.MethodGet {
			n++
		}
	}
	return n
}

// TestWriteDeadline holds every operation that writes to it, through the vendor's library and with each way to log in.
func TestWriteDeadline(t *testing.T) {
	timeout := 10 * time.Second
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		tokens := newTokens(t)
		for name, change := range map[string]func(*jira.Config){
			"basic": func(c *jira.Config) { c.RequestTimeout = access.Duration(timeout) },
			"oauth": oauth(func(c *jira.Config) {
				c.RequestTimeout, c.TokenURL = access.Duration(timeout), tokens.url
				c.BaseURL += map[jiratest.Edition]string{jiratest.Cloud: "/ex/jira/" + jiratest.DefaultCloudID}[edition]
			}),
		} {
			t.Run(name, func(t *testing.T) {
				s := newSite(t, jiratest.Config{Edition: edition})
				desk := s.desk(t, change)
				ada := access.Person{ID: "p-ada", Email: "ada@example.test", Active: true}
				account := s.addAccount(ada)
				ref, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: "m1", Summary: "one", Requester: ada})
				require.NoError(t, err)
				wrote := s.wrote()
				// The deadline has yet to come, but a call that takes its whole time-out would end after it.
				late := access.WithWriteDeadline(t.Context(), time.Now().Add(timeout/2))
				for name, write := range map[string]func() error{
					"CreateTicket": func() error {
						_, err := desk.CreateTicket(late, access.NewTicket{Marker: "m2", Summary: "two", Requester: ada})
						return err
					},
					"AddComments":      func() error { return desk.AddComments(late, ref.ID, access.Comment{Marker: "c1", Text: "late"}) },
					"TransitionTicket": func() error { return desk.TransitionTicket(late, ref.ID, access.TicketDone) },
					"AssignTicket":     func() error { return desk.AssignTicket(late, ref.ID, account) },
				} {
					err := write()
					require.Equal(t, access.Transient, access.KindOf(err), "%s: %v", name, err)
					require.ErrorIs(t, err, access.ErrTooLate, name)
				}
				require.Equal(t, wrote, s.wrote())
				_, err = desk.ReadTicket(late, ref.ID)
				require.NoError(t, err)
			})
		}
	})
}
