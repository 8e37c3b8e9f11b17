package ldap_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/ldap/ldaptest"
)

// runChanges holds a listing of changes to what Active Directory really does.
func runChanges(t *testing.T, d directory) {
	for name, run := range map[string]func(*testing.T, *room){
		"out of the filter":  changesFilter,
		"out of the base":    changesBase,
		"a container moves":  changesContainer,
		"another watermark":  changesWatermark,
		"derived attributes": changesDerived,
		"an account without": changesRights,
		"managers":           changesManagers,
		"in between":         changesBetween,
	} {
		t.Run(name, func(t *testing.T) { run(t, d.room(t)) })
	}
}

// mark returns the watermark of a listing of everybody.
func mark(t *testing.T, s *ldap.Source) string {
	t.Helper()
	_, rest, err := listAll(t, s, "")
	require.NoError(t, err)
	require.NotEmpty(t, rest.end.Watermark)
	return rest.end.Watermark
}

func changesFilter(t *testing.T, r *room) {
	all := r.settle(t)
	s := r.open(t, func(c *ldap.Config) { c.Filter = "(displayName=*)" })
	since := mark(t, s)
	r.modify(t, all[0].ID, "displayName")
	r.modify(t, all[2].ID, "displayName", "Eve Other")
	listed, rest, err := listAll(t, s, since)
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{all[0].ID}, rest.gone)
	require.Equal(t, "Eve Other", listed[all[2].ID].DisplayName)
	require.Len(t, listed, 1)
	require.Equal(t, 1, rest.end.People)
	require.True(t, rest.end.Changes)
}

func changesBase(t *testing.T, r *room) {
	all, s := r.settle(t), r.open(t, nil)
	since := mark(t, s)
	dn := r.names[all[0].ID]
	rdn, _, _ := strings.Cut(dn, ",")
	r.move(t, dn, rdn, "CN=Users,"+r.server.BaseDN)
	r.names[all[0].ID] = rdn + ",CN=Users," + r.server.BaseDN
	t.Cleanup(func() { r.remove(t, all[0].ID) })
	_, rest, err := listAll(t, s, since)
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{all[0].ID}, rest.gone)
	_, rest, err = listAll(t, s, rest.end.Watermark)
	require.NoError(t, err)
	require.Empty(t, rest.gone)
}

// changesContainer: people in a container that moves do not change.
func changesContainer(t *testing.T, r *room) {
	s := r.open(t, nil)
	inner := "OU=inner," + r.base
	r.add(t, inner, map[string][]string{"objectClass": {"organizationalUnit"}})
	since := mark(t, s)
	_, _, err := listAll(t, s, since)
	require.NoError(t, err)
	name, _, _ := strings.Cut(r.base, ",")
	r.move(t, inner, name+" inner", r.server.BaseDN)
	t.Cleanup(func() { r.del(t, name+" inner,"+r.server.BaseDN) })
	_, _, err = listAll(t, s, since)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "list everybody")
}

func changesWatermark(t *testing.T, r *room) {
	r.settle(t)
	s := r.open(t, nil)
	since := mark(t, s)
	parts := strings.Split(since, "/")
	require.Equal(t, "dc1.ad.test", parts[1])
	with := func(i int, value string) string {
		other := append([]string{}, parts...)
		other[i] = value
		return strings.Join(other, "/")
	}
	for name, other := range map[string]string{
		"another form":   with(0, "ad2"),
		"another server": with(1, "dc2.ad.test"),
		"another life":   with(2, "0f0f0f0f-1111-2222-3333-444444444444"),
		"the future":     with(3, "9000000000"),
		"no number":      with(3, "x"),
		"below nothing":  with(3, "-1"),
		"long ago":       with(4, time.Now().AddDate(0, -2, 0).Format(time.DateOnly)),
		"no day":         with(4, "today"),
		"cut":            strings.Join(parts[:4], "/"),
	} {
		_, _, err := listAll(t, s, other)
		require.Equal(t, access.Invalid, access.KindOf(err), name)
	}
	_, _, err := listAll(t, s, since)
	require.NoError(t, err)
}

// changesDerived: membership changes without a change of the person.
func changesDerived(t *testing.T, r *room) {
	all := r.settle(t)
	for _, change := range []func(*ldap.Config){
		func(c *ldap.Config) { c.Filter = "(|(objectClass=user)(memberOf=CN=x," + r.server.BaseDN + "))" },
		func(c *ldap.Config) { c.Fields.Attributes["groups"] = "MemberOf" },
		func(c *ldap.Config) { c.Fields.ID = "sAMAccountName" },
	} {
		s := r.open(t, change)
		listed, rest, err := listAll(t, s, "")
		require.NoError(t, err)
		require.Len(t, listed, len(all))
		require.Empty(t, rest.end.Watermark)
		_, _, err = listAll(t, s, mark(t, r.open(t, nil)))
		require.Equal(t, access.Invalid, access.KindOf(err))
	}
}

// changesRights: an ordinary account does not see what was deleted.
func changesRights(t *testing.T, r *room) {
	all := r.settle(t)
	since := mark(t, r.open(t, nil))
	// Samba 4.17 shows it to everybody, Windows to administrators only.
	r.wire.Set(func(q ldaptest.Request, p *ber.Packet) ([]*ber.Packet, error) {
		if strings.HasPrefix(q.BaseDN, "CN=Deleted Objects,") && ldaptest.IsEntry(p) {
			return nil, nil
		}
		return []*ber.Packet{p}, nil
	})
	s := r.open(t, nil)
	listed, rest, err := listAll(t, s, "")
	require.NoError(t, err)
	require.Len(t, listed, len(all))
	require.Empty(t, rest.end.Watermark)
	_, _, err = listAll(t, s, since)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "Deleted Objects")
}

// changesManagers: the manager of who changed may not have changed.
func changesManagers(t *testing.T, r *room) {
	all, s := r.settle(t), r.open(t, nil)
	since := mark(t, s)
	r.modify(t, all[1].ID, "manager", r.names[all[3].ID])
	r.modify(t, all[2].ID, "manager", r.account)
	listed, _, err := listAll(t, s, since)
	require.NoError(t, err)
	require.Len(t, listed, 2)
	require.Equal(t, all[3].ID, listed[all[1].ID].Manager)
	require.Empty(t, listed[all[2].ID].Manager)
}

// changesBetween: somebody becomes one of usher's people after the first of the searches.
func changesBetween(t *testing.T, r *room) {
	all := r.settle(t)
	s := r.open(t, func(c *ldap.Config) { c.Filter = "(displayName=*)" })
	r.modify(t, all[0].ID, "displayName")
	since := mark(t, s)
	r.modify(t, all[0].ID, "title", "Changed")
	once := sync.OnceFunc(func() { r.modify(t, all[0].ID, "displayName", "Ada again") })
	r.wire.Set(func(q ldaptest.Request, p *ber.Packet) ([]*ber.Packet, error) {
		if ldaptest.IsSearchDone(p) && strings.Contains(q.Filter, "uSNChanged") && slices.Equal(q.Attributes, []string{"objectGUID"}) {
			once()
		}
		return []*ber.Packet{p}, nil
	})
	listed, rest, err := listAll(t, s, since)
	require.NoError(t, err)
	require.Empty(t, rest.gone)
	require.Equal(t, "Ada again", listed[all[0].ID].DisplayName)
}
