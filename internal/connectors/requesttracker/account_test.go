package requesttracker_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

func matchedBy(match desk.Match) func(*requesttracker.Config) {
	return func(c *requesttracker.Config) { c.Match = match }
}

func TestFindAccount_user_name(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	account := one.addAccount(t, eve())
	p := eve()
	p.UserName = strings.ToUpper(string(account))
	for _, match := range []desk.Match{"", desk.MatchUserName} {
		found, err := one.desk(t, matchedBy(match)).FindAccount(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, account, found.ID, "match %q", match)
	}
}

// TestFindAccount_own_address has somebody take an approver's address for their own account.
func TestFindAccount_own_address(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	approver := access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"}
	thief := one.addAccount(t, eve())
	s.put(t, string(thief), "user/"+string(thief), map[string]any{"EmailAddress": approver.Email})
	found, err := one.desk(t, matchedBy(desk.MatchEmail)).FindAccount(t.Context(), approver)
	require.NoError(t, err)
	require.Equal(t, thief, found.ID, "RT lets people do this, so an address proves nothing")

	approver.UserName = "ada"
	found, err = one.desk(t, matchedBy("")).FindAccount(t.Context(), approver)
	require.NoError(t, err)
	require.Empty(t, found.ID)
	s.do(t, string(thief), http.MethodPut, "user/"+string(thief), map[string]any{"Name": "ada"}, nil)
	found, err = one.desk(t, matchedBy("")).FindAccount(t.Context(), approver)
	require.NoError(t, err)
	require.Empty(t, found.ID, "nobody changes his own user name")
}

func TestFindAccount_disabled(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	account := one.addAccount(t, eve())
	p := eve()
	p.UserName = string(account)
	s.put(t, "root", "user/"+string(account), map[string]any{"Disabled": 1})
	for _, match := range []desk.Match{desk.MatchUserName, desk.MatchEmail} {
		found, err := one.desk(t, matchedBy(match)).FindAccount(t.Context(), p)
		require.NoError(t, err)
		require.Empty(t, found.ID)
	}
	d := one.desk(t, nil)
	requireKind(t, access.Invalid, d.AssignTicket(t.Context(), open(t, d), account))
}
