package ldap_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/ldap/ldaptest"
	"usher/internal/connectors/people"
)

func TestRealServerOpenLDAP(t *testing.T) {
	t.Parallel()
	conform(t, directory{server: ldaptest.StartOpenLDAP(t), kind: ldap.OpenLDAP})
}

func TestRealServerActiveDirectory(t *testing.T) {
	t.Parallel()
	d := directory{server: ldaptest.StartActiveDirectory(t), kind: ldap.ActiveDirectory}
	conform(t, d)
	t.Run("changes", func(t *testing.T) { runChanges(t, d) })
}

// conform runs both suites over one directory.
func conform(t *testing.T, d directory) {
	t.Run("as a source", func(t *testing.T) {
		accesstest.RunIdentitySource(t, func(t *testing.T) accesstest.IdentitySourceHarness { return d.room(t).source(t) })
	})
	t.Run("as a source that lists", func(t *testing.T) {
		accesstest.RunPeopleLister(t, func(t *testing.T) accesstest.PeopleListerHarness { return d.room(t).lister(t) })
	})
	t.Run("as a source that finds", func(t *testing.T) {
		accesstest.RunPeopleFinder(t, func(t *testing.T) accesstest.PeopleListerHarness { return d.room(t).lister(t) })
	})
	t.Run("TLS", func(t *testing.T) { runTLS(t, d) })
	t.Run("real traps", func(t *testing.T) { runTraps(t, d) })
}

// directory is a real server.
type directory struct {
	server *ldaptest.Server
	kind   ldap.Directory
}

// rooms makes names that no other room has.
var rooms atomic.Int64

// room is a part of a directory that one case has to itself.
type room struct {
	directory
	base, account string
	wire          *ldaptest.Wire
	admin         *goldap.Conn
	// made counts entries, names are the names of entries by ids.
	made  *atomic.Int64
	names map[access.PersonID]string
}

func (d directory) room(t *testing.T) *room {
	t.Helper()
	admin, err := d.server.Admin()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	name := fmt.Sprintf("room %d", rooms.Add(1))
	r := &room{
		directory: d, admin: admin, wire: ldaptest.NewWire(t, d.server), made: &atomic.Int64{}, names: map[access.PersonID]string{},
		base: "ou=" + name + "," + ldaptest.People,
	}
	if d.kind == ldap.ActiveDirectory {
		r.base = "OU=" + name + "," + d.server.BaseDN
	}
	r.add(t, r.base, map[string][]string{"objectClass": {"organizationalUnit"}})
	r.account = r.enrolAccount(t, strings.ReplaceAll(name, " ", "-"))
	t.Cleanup(func() {
		r.empty(t)
		r.del(t, r.base)
		r.del(t, r.account)
	})
	return r
}

// enrolAccount makes the account that a source reads with.
func (r *room) enrolAccount(t *testing.T, name string) string {
	t.Helper()
	if r.kind == ldap.OpenLDAP {
		dn := "cn=account " + name + "," + r.server.BaseDN
		r.add(t, dn, map[string][]string{"objectClass": {"person"}, "sn": {name}, "userPassword": {r.server.AdminPassword}})
		return dn
	}
	dn := "CN=account " + name + ",CN=Users," + r.server.BaseDN
	r.add(t, dn, map[string][]string{
		"objectClass": {"user"}, "sAMAccountName": {"account-" + name}, "userAccountControl": {"512"}, "unicodePwd": {quoted(r.server.AdminPassword)},
	})
	member := goldap.NewModifyRequest("CN=Administrators,CN=Builtin,"+r.server.BaseDN, nil)
	member.Add("member", []string{dn})
	require.NoError(t, r.admin.Modify(member))
	return dn
}

// quoted is a password as Active Directory takes it.
func quoted(password string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(`"` + password + `"`)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

// refuse makes the server refuse the account.
func (r *room) refuse(t *testing.T) {
	t.Helper()
	change := goldap.NewModifyRequest(r.account, nil)
	if r.kind == ldap.OpenLDAP {
		change.Replace("userPassword", []string{"another"})
	} else {
		change.Replace("userAccountControl", []string{"514"})
	}
	require.NoError(t, r.admin.Modify(change))
}

func (r *room) config() ldap.Config {
	c := ldap.Config{
		Directory: r.kind, URL: r.wire.URL, BindDN: r.account, Password: r.server.AdminPassword, BaseDN: r.base, PageSize: 5,
		Fields: people.Fields{Attributes: map[string]string{
			access.AttributeDepartment: "departmentNumber", access.AttributeCostCenter: "businessCategory", access.AttributeTitle: "title",
		}},
	}
	if r.kind == ldap.ActiveDirectory {
		c.Fields.UserName = "userPrincipalName"
		c.Fields.Attributes[access.AttributeDepartment] = "department"
		c.Fields.Attributes[access.AttributeCostCenter] = "division"
	}
	return c
}

func (r *room) open(t *testing.T, change func(*ldap.Config)) *ldap.Source {
	t.Helper()
	c := r.config()
	if change != nil {
		change(&c)
	}
	s, err := ldap.NewSource(c)
	require.NoError(t, err)
	return s
}

func (r *room) add(t *testing.T, dn string, attributes map[string][]string) {
	t.Helper()
	request := goldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		request.Attribute(name, values)
	}
	require.NoError(t, r.admin.Add(request), dn)
}

func (r *room) del(t *testing.T, dn string) {
	t.Helper()
	require.NoError(t, r.admin.Del(goldap.NewDelRequest(dn, nil)), dn)
}

// attributes are those of the entry of a person, without those that are empty.
func (r *room) attributes(p access.PersonRecord) map[string][]string {
	config := r.config()
	all := map[string][]string{}
	put := func(name, value string) {
		if value != "" {
			all[name] = []string{value}
		}
	}
	put("displayName", p.DisplayName)
	put("mail", p.Email)
	put("manager", r.names[p.Manager])
	for name, values := range p.Attributes {
		all[config.Fields.Attributes[name]] = values
	}
	if r.kind == ldap.OpenLDAP {
		put("uid", p.UserName)
		if !p.Active {
			put("pwdAccountLockedTime", "000001010000Z")
		}
		return all
	}
	put("userPrincipalName", p.UserName)
	put("userAccountControl", "546")
	if p.Active {
		put("userAccountControl", "544")
	}
	return all
}

// enrol adds an entry, and returns the person as the directory keeps it.
func (r *room) enrol(t *testing.T, p access.PersonRecord) access.PersonRecord {
	t.Helper()
	n := r.made.Add(1)
	all := r.attributes(p)
	cn := fmt.Sprintf("entry %d", n)
	dn := "cn=" + cn + "," + r.base
	if r.kind == ldap.OpenLDAP {
		all["objectClass"], all["sn"] = []string{"inetOrgPerson"}, []string{cn}
	} else {
		all["objectClass"], all["sAMAccountName"] = []string{"user"}, []string{fmt.Sprintf("u%d-%d", rooms.Load(), n)}
	}
	r.add(t, dn, all)
	if p.DisplayName == "" {
		p.DisplayName = cn
	}
	p.ID = r.idOf(t, dn)
	r.names[p.ID] = dn
	return p
}

// idOf returns the id of an entry.
func (r *room) idOf(t *testing.T, dn string) access.PersonID {
	t.Helper()
	name := "entryUUID"
	if r.kind == ldap.ActiveDirectory {
		name = "objectGUID"
	}
	result, err := r.admin.Search(goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{name}, nil))
	require.NoError(t, err)
	require.Len(t, result.Entries, 1)
	raw := result.Entries[0].GetRawAttributeValue(name)
	if r.kind == ldap.OpenLDAP {
		return access.PersonID(raw)
	}
	require.Len(t, raw, 16)
	part := func(order ...int) string {
		var out []byte
		for _, i := range order {
			out = append(out, raw[i])
		}
		return hex.EncodeToString(out)
	}
	return access.PersonID(strings.Join([]string{part(3, 2, 1, 0), part(5, 4), part(7, 6), part(8, 9), part(10, 11, 12, 13, 14, 15)}, "-"))
}

// put adds a person, or replaces the one of that id.
func (r *room) put(t *testing.T, p access.PersonRecord) access.PersonRecord {
	t.Helper()
	dn, known := r.names[p.ID]
	if !known {
		return r.enrol(t, p)
	}
	change := goldap.NewModifyRequest(dn, nil)
	for name, values := range r.attributes(p) {
		change.Replace(name, values)
	}
	require.NoError(t, r.admin.Modify(change))
	return p
}

// deactivate makes a person inactive.
func (r *room) deactivate(t *testing.T, id access.PersonID) {
	t.Helper()
	change := goldap.NewModifyRequest(r.names[id], nil)
	if r.kind == ldap.OpenLDAP {
		change.Replace("pwdAccountLockedTime", []string{"000001010000Z"})
	} else {
		change.Replace("userAccountControl", []string{"546"})
	}
	require.NoError(t, r.admin.Modify(change))
}

func (r *room) remove(t *testing.T, id access.PersonID) {
	t.Helper()
	r.del(t, r.names[id])
	delete(r.names, id)
}

// empty removes everybody.
func (r *room) empty(t *testing.T) {
	t.Helper()
	search := goldap.NewSearchRequest(r.base, goldap.ScopeWholeSubtree, 0, 0, 0, false, "(objectClass=person)", []string{"1.1"}, nil)
	result, err := r.admin.SearchWithPaging(search, 100)
	require.NoError(t, err)
	for _, e := range result.Entries {
		r.del(t, e.DN)
	}
}

// settle adds the people of the suites.
func (r *room) settle(t *testing.T) []access.PersonRecord {
	t.Helper()
	boss := r.enrol(t, access.PersonRecord{Person: access.Person{UserName: "mia@example.com", DisplayName: "Mia", Active: true}})
	var all []access.PersonRecord
	for _, p := range accesstest.SomePeople() {
		if p.ID == "mia" {
			continue
		}
		if p.Manager != "" {
			p.Manager = boss.ID
		}
		all = append(all, r.enrol(t, p))
	}
	// Not the last: the suite removes that one.
	return slices.Insert(all, 3, boss)
}

func (r *room) source(t *testing.T) accesstest.IdentitySourceHarness {
	t.Helper()
	all := r.settle(t)
	return accesstest.IdentitySourceHarness{
		Source: r.open(t, nil), Known: all[0].Person, Bare: all[1].Person, Inactive: all[2].Person,
		Unknown:           "0f0f0f0f-1111-2222-3333-444444444444",
		Deactivate:        func(p access.Person) { r.deactivate(t, p.ID) },
		RefuseCredentials: func() { r.refuse(t) },
	}
}

func (r *room) lister(t *testing.T) accesstest.PeopleListerHarness {
	t.Helper()
	all := r.settle(t)
	h := accesstest.PeopleListerHarness{
		Lister: r.open(t, nil), Finder: r.open(t, nil), People: all,
		Put:               func(p access.PersonRecord) access.PersonRecord { return r.put(t, p) },
		Remove:            func(id access.PersonID) { r.remove(t, id) },
		RefuseCredentials: func() { r.refuse(t) },
		CutShort:          func() { r.wire.Set(cutOnce(r.wire)) },
		HideSome:          func() { r.wire.Set(hideThird()) },
		Repeat:            func() { r.wire.Set(repeat) },
		Empty:             func() { r.empty(t) },
	}
	h.Spoil = func() access.PersonID {
		change := goldap.NewModifyRequest(r.names[all[1].ID], nil)
		name := r.config().Fields.UserName
		if name == "" {
			name = "uid"
		}
		change.Delete(name, nil)
		require.NoError(t, r.admin.Modify(change))
		return all[1].ID
	}
	if r.kind == ldap.OpenLDAP {
		h.NoChanges = "OpenLDAP shows nobody who is gone"
	}
	return h
}
