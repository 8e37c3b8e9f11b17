package ldap_test

import (
	"os"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/ldap/ldaptest"
	"usher/internal/connectors/people"
)

// The copies that a crowd is made of are read, changed and deleted as entries that Samba made.
func TestRealServerActiveDirectory_crowd(t *testing.T) {
	t.Parallel()
	crowd := ldaptest.Crowd{Size: 230, Unit: "staff", Prefix: "staff-", Manager: "mia", MailDomain: "example.test", Title: "Engineer"}
	server := ldaptest.StartActiveDirectoryOf(t, crowd)
	source, err := ldap.NewSource(ldap.Config{
		Directory: ldap.ActiveDirectory, URL: server.TLSURL, CAFile: server.CAFile, BindDN: server.AdminDN, Password: server.AdminPassword, BaseDN: crowd.BaseDN(),
		Fields: people.Fields{UserName: "userPrincipalName", Attributes: map[string]string{access.AttributeTitle: "title"}},
	})
	require.NoError(t, err)

	all, first, err := listAll(t, source, "")
	require.NoError(t, err)
	require.Len(t, all, crowd.Size+1, "the crowd and its manager, each with an id of its own")
	ids := idsOf(all)
	require.Len(t, ids, crowd.Size+1)
	mia := all[ids["mia@example.test"]]
	require.Empty(t, mia.Manager)
	for name, id := range ids {
		one := all[id]
		require.True(t, one.Active, name)
		require.Equal(t, name, one.Email)
		if id != mia.ID {
			require.Equal(t, mia.ID, one.Manager, name)
			require.Equal(t, []string{"Engineer"}, one.Attributes[access.AttributeTitle], name)
		}
	}

	require.NoError(t, crowd.SetTitle(server, "Lead Engineer", []int{1, 2, 201}))
	changed, second, err := listAll(t, source, first.end.Watermark)
	require.NoError(t, err)
	require.True(t, second.end.Changes)
	require.Empty(t, second.gone)
	require.Len(t, changed, 3)
	for _, name := range []string{"staff-1@example.test", "staff-2@example.test", "staff-201@example.test"} {
		require.Equal(t, []string{"Lead Engineer"}, changed[ids[name]].Attributes[access.AttributeTitle], name)
		require.Equal(t, mia.ID, changed[ids[name]].Manager, name)
	}

	admin, err := server.Admin()
	require.NoError(t, err)
	require.NoError(t, admin.Del(goldap.NewDelRequest(crowd.DN(230), nil)))
	require.NoError(t, admin.Close())
	changed, third, err := listAll(t, source, second.end.Watermark)
	require.NoError(t, err)
	require.Empty(t, changed)
	require.Equal(t, []access.PersonID{ids["staff-230@example.test"]}, third.gone)
}

// idsOf are the ids of people by their user names.
func idsOf(all map[access.PersonID]access.PersonRecord) map[string]access.PersonID {
	ids := map[string]access.PersonID{}
	for id, one := range all {
		ids[one.UserName] = id
	}
	return ids
}

func TestCrowd_refused(t *testing.T) {
	t.Parallel()
	whole := ldaptest.Crowd{Size: 1, Unit: "staff", Prefix: "staff-", Manager: "mia", MailDomain: "example.test", Title: "Engineer"}
	for name, change := range map[string]func(*ldaptest.Crowd){
		"nobody": func(c *ldaptest.Crowd) { c.Size = 0 }, "unit": func(c *ldaptest.Crowd) { c.Unit = "" }, "prefix": func(c *ldaptest.Crowd) { c.Prefix = "" },
		"manager": func(c *ldaptest.Crowd) { c.Manager = "" }, "mail": func(c *ldaptest.Crowd) { c.MailDomain = "" }, "title": func(c *ldaptest.Crowd) { c.Title = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, home := whole, t.TempDir()
			change(&one)
			_, err := ldaptest.ActiveDirectoryOf(t.Context(), home, one)
			require.ErrorContains(t, err, "a crowd: ")
			left, err := os.ReadDir(home)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
