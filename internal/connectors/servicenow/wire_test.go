package servicenow_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

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

// TestHibernation: people learn what stands before the instance.
func TestHibernation(t *testing.T) {
	s, d, id := newOperated(t)
	s.faults(func(f *servicenowtest.Faults) { f.Hibernating = true })
	_, err := d.ReadTicket(t.Context(), id)
	requireKind(t, access.Transient, err)
	require.ErrorContains(t, err, "an HTML page instead of JSON, such as that of a hibernating instance")
}

// TestUnauthorized: one 401 is no proof of bad credentials; the answer to who we are is one.
func TestUnauthorized(t *testing.T) {
	s, d, id := newOperated(t)
	s.faults(func(f *servicenowtest.Faults) {
		f.Rules = []fakewire.Rule{{Times: 1, Of: []fakewire.Fault{{Kind: fakewire.Status, Status: http.StatusUnauthorized}}}}
	})
	requireKind(t, access.Transient, d.TransitionTicket(t.Context(), id, access.TicketDone))
	s.faults(func(f *servicenowtest.Faults) { f.Rules, f.RefuseCredentials = nil, true })
	requireKind(t, access.Forbidden, d.TransitionTicket(t.Context(), id, access.TicketDone))
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
			tokens := s.tap.Calls("POST /oauth_token.do")
			if row.grant == "" {
				require.Empty(t, tokens)
				return
			}
			require.Contains(t, tokens[len(tokens)-1].Body, "grant_type="+row.grant)
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
