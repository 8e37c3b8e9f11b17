package ldap_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/ldap/ldaptest"
)

// ending is what a listing has besides people.
type ending struct {
	gone []access.PersonID
	end  access.Listing
}

// listAll returns a listing by ids.
func listAll(t *testing.T, s *ldap.Source, since string) (map[access.PersonID]access.PersonRecord, ending, error) {
	t.Helper()
	all := map[access.PersonID]access.PersonRecord{}
	var rest ending
	var err error
	rest.end, err = s.ListPeople(t.Context(), since, func(page access.PeoplePage) error {
		for _, p := range page.People {
			all[p.ID] = p
		}
		rest.gone = append(rest.gone, page.Gone...)
		return nil
	})
	return all, rest, err
}

// modify replaces one attribute of an entry.
func (r *room) modify(t *testing.T, id access.PersonID, name string, values ...string) {
	t.Helper()
	change := goldap.NewModifyRequest(r.names[id], nil)
	change.Replace(name, values)
	require.NoError(t, r.admin.Modify(change))
}

// move renames an entry, and puts it below another one.
func (r *room) move(t *testing.T, dn, rdn, below string) {
	t.Helper()
	require.NoError(t, r.admin.ModifyDN(goldap.NewModifyDNRequest(dn, rdn, true, below)))
}

// runTLS reads over each way to have TLS, and without.
func runTLS(t *testing.T, d directory) {
	r := d.room(t)
	ada := r.settle(t)[0]
	for name, row := range map[string]struct {
		change func(*ldap.Config)
		kind   access.Kind
		key    string
	}{
		"ldaps":          {func(c *ldap.Config) { c.URL, c.CAFile = d.server.TLSURL, d.server.CAFile }, "", ""},
		"StartTLS":       {func(c *ldap.Config) { c.URL, c.CAFile, c.StartTLS = d.server.URL, d.server.CAFile, true }, "", ""},
		"no CA":          {func(c *ldap.Config) { c.URL = d.server.TLSURL }, access.Transient, "ca_file"},
		"StartTLS no CA": {func(c *ldap.Config) { c.URL, c.StartTLS = d.server.URL, true }, access.Transient, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := r.open(t, row.change)
			got, err := s.Lookup(t.Context(), ada.ID)
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			if err == nil {
				require.Equal(t, ada.Person, got)
				return
			}
			require.ErrorContains(t, err, "certificate")
			findings, err := s.Check(t.Context())
			if row.key == "" {
				require.Equal(t, row.kind, access.KindOf(err))
				return
			}
			require.NoError(t, err)
			require.Len(t, findings, 1)
			require.Equal(t, row.key, findings[0].Key)
		})
	}
	t.Run("without", func(t *testing.T) {
		_, err := r.open(t, func(c *ldap.Config) { c.URL = d.server.URL }).Lookup(t.Context(), ada.ID)
		if d.kind == ldap.ActiveDirectory {
			require.Equal(t, access.Forbidden, access.KindOf(err))
			require.ErrorContains(t, err, "wants TLS")
			return
		}
		require.NoError(t, err)
	})
}

// runTraps holds a source to what directories really do.
func runTraps(t *testing.T, d directory) {
	for name, run := range map[string]func(*testing.T, *room){
		"a renamed entry":      trapRenamed,
		"managers":             trapManagers,
		"ambiguous people":     trapAmbiguous,
		"signs of filters":     trapSigns,
		"another base":         trapBase,
		"another filter":       trapFilter,
		"fields without value": trapFields,
		"connections":          trapConnections,
	} {
		t.Run(name, func(t *testing.T) { run(t, d.room(t)) })
	}
	own := map[string]func(*testing.T, *room){"rights": trapRights, "limits": trapLimits, "two values": trapTwoValues, "shared ids": trapShared}
	if d.kind == ldap.ActiveDirectory {
		own = map[string]func(*testing.T, *room){"the domain": trapDomain, "expiry": trapExpiry, "sub-codes": trapCodes}
	}
	for name, run := range own {
		t.Run(name, func(t *testing.T) { run(t, d.room(t)) })
	}
}

func trapRenamed(t *testing.T, r *room) {
	all, s := r.settle(t), r.open(t, nil)
	boss := all[3]
	r.move(t, r.names[boss.ID], "cn=Ümlaut\\, \\+ Co", "")
	got, err := s.Lookup(t.Context(), boss.ID)
	require.NoError(t, err)
	require.Equal(t, boss.UserName, got.UserName)
	// OpenLDAP leaves the name of the manager as it was; Active Directory follows.
	ada, err := s.Lookup(t.Context(), all[0].ID)
	require.NoError(t, err)
	listed, _, err := listAll(t, s, "")
	require.NoError(t, err)
	require.Equal(t, ada.Manager, listed[ada.ID].Manager)
	r.modify(t, all[0].ID, "manager", `CN=ümlaut\2C \2B co,`+r.base)
	ada, err = s.Lookup(t.Context(), all[0].ID)
	require.NoError(t, err)
	require.Equal(t, boss.ID, ada.Manager)
	listed, _, err = listAll(t, s, "")
	require.NoError(t, err)
	require.Equal(t, boss.ID, listed[ada.ID].Manager)
}

func trapManagers(t *testing.T, r *room) {
	all := r.settle(t)
	outside := r.account
	s := r.open(t, nil)
	narrow := r.open(t, func(c *ldap.Config) { c.Filter = "(|(title=*)(displayName=Eve))" })
	r.modify(t, all[0].ID, "manager", outside)
	same := func(s *ldap.Source, id, manager access.PersonID) {
		t.Helper()
		one, err := s.Lookup(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, manager, one.Manager)
		listed, _, err := listAll(t, s, "")
		require.NoError(t, err)
		require.Equal(t, manager, listed[id].Manager)
	}
	same(s, all[0].ID, "")
	r.modify(t, all[0].ID, "manager", r.names[all[3].ID])
	same(s, all[0].ID, all[3].ID)
	// The manager is there, but is none of those whom the filter lets in.
	same(narrow, all[0].ID, "")
	r.modify(t, all[0].ID, "manager", r.names[all[2].ID])
	same(narrow, all[0].ID, all[2].ID)
}

func trapAmbiguous(t *testing.T, r *room) {
	all, s := r.settle(t), r.open(t, nil)
	r.modify(t, all[1].ID, "mail", strings.ToUpper(all[0].Email))
	_, err := s.FindPerson(t.Context(), access.PersonQuery{Email: all[0].Email})
	require.Equal(t, access.NotFound, access.KindOf(err))
	for i := range 5 {
		r.enrol(t, access.PersonRecord{Person: access.Person{UserName: "many" + string(rune('a'+i)), Email: "many@example.com", Active: true}})
	}
	_, err = s.FindPerson(t.Context(), access.PersonQuery{Email: "many@example.com"})
	require.Equal(t, access.NotFound, access.KindOf(err))
}

func trapSigns(t *testing.T, r *room) {
	s := r.open(t, nil)
	odd := r.enrol(t, access.PersonRecord{Person: access.Person{UserName: `o*d(d)\x`, Email: "a+b@example.com", Active: true}})
	r.enrol(t, access.PersonRecord{Person: access.Person{UserName: "odddx", Active: true}})
	got, err := s.FindPerson(t.Context(), access.PersonQuery{UserName: odd.UserName})
	require.NoError(t, err)
	require.Equal(t, odd.Person, got)
	for _, name := range []string{"*", "o*x", ")(uid=*", `o\2ad(d)\x`, "\x00"} {
		_, err := s.FindPerson(t.Context(), access.PersonQuery{UserName: name})
		require.Equal(t, access.NotFound, access.KindOf(err), name)
		_, err = s.Lookup(t.Context(), access.PersonID(name))
		require.Equal(t, access.NotFound, access.KindOf(err), name)
	}
}

func trapBase(t *testing.T, r *room) {
	s := r.open(t, func(c *ldap.Config) { c.BaseDN = "ou=nowhere," + c.BaseDN })
	_, err := s.Lookup(t.Context(), "0f0f0f0f-1111-2222-3333-444444444444")
	require.Equal(t, access.Invalid, access.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "base_dn")
	_, _, err = listAll(t, s, "")
	require.Equal(t, access.Invalid, access.KindOf(err))
	findings, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "base_dn", findings[0].Key)
}

func trapFilter(t *testing.T, r *room) {
	r.settle(t)
	s := r.open(t, func(c *ldap.Config) { c.Filter = "(mail=nobody@example.com)" })
	all, rest, err := listAll(t, s, "")
	require.NoError(t, err)
	require.Empty(t, all)
	require.Equal(t, access.ProofCount, rest.end.Proof)
	findings, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "filter", findings[0].Key)
}

func trapFields(t *testing.T, r *room) {
	all := r.settle(t)
	s := r.open(t, func(c *ldap.Config) {
		c.Fields.Attributes = map[string]string{access.AttributePhone: "mobile", access.AttributeTitle: "title"}
		c.Fields.UserName, c.Fields.Starts = "mail", "pager"
	})
	findings, err := s.Check(t.Context())
	require.NoError(t, err)
	var keys []string
	for _, f := range findings {
		keys = append(keys, f.Key)
	}
	require.ElementsMatch(t, []string{"fields.user_name", "fields.starts", "fields.attributes.phone"}, keys)
	_, err = s.Lookup(t.Context(), all[1].ID)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "mail: is empty, expected a login name")
}

func trapConnections(t *testing.T, r *room) {
	all, s := r.settle(t), r.open(t, nil)
	for range 5 {
		_, err := s.Lookup(t.Context(), all[0].ID)
		require.NoError(t, err)
		_, err = s.FindPerson(t.Context(), access.PersonQuery{UserName: "x"})
		require.Error(t, err)
		_, _, err = listAll(t, s, "")
		require.NoError(t, err)
		_, err = s.ListPeople(t.Context(), "", func(access.PeoplePage) error { return context.Canceled })
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, 20, r.wire.Opened())
	require.Eventually(t, func() bool { return r.wire.Open() == 0 }, 5*time.Second, 10*time.Millisecond, "connections are left open")
}

func trapRights(t *testing.T, r *room) {
	all := r.settle(t)
	for account, kind := range map[string]access.Kind{
		ldaptest.Reader: "", ldaptest.Dim: access.Forbidden, ldaptest.Blind: access.Invalid,
		// It sees the base alone, as where there is nobody. That is what brakes on leavers are for.
		ldaptest.Base: "",
	} {
		base := r.base
		if account == ldaptest.Base {
			base = ldaptest.People
		}
		s := r.open(t, func(c *ldap.Config) { c.BindDN, c.BaseDN = account, base })
		listed, _, err := listAll(t, s, "")
		require.Equal(t, kind, access.KindOf(err), "%s: %v", account, err)
		if account == ldaptest.Reader {
			require.Len(t, listed, len(all))
		} else {
			require.Empty(t, listed)
		}
		_, err = s.Lookup(t.Context(), all[0].ID)
		if account != ldaptest.Reader {
			require.Error(t, err)
		}
	}
}

func trapLimits(t *testing.T, r *room) {
	for i := range 12 {
		r.enrol(t, access.PersonRecord{Person: access.Person{UserName: "limit" + string(rune('a'+i)), Active: true}})
	}
	_, _, err := listAll(t, r.open(t, func(c *ldap.Config) { c.BindDN = ldaptest.Limited }), "")
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "size limit exceeded")
	require.ErrorContains(t, err, "size.prtotal")
}

func trapTwoValues(t *testing.T, r *room) {
	all, s := r.settle(t), r.open(t, nil)
	r.modify(t, all[0].ID, "mail", "first@example.com", "second@example.com")
	for _, address := range []string{"first@example.com", "SECOND@example.com"} {
		got, err := s.FindPerson(t.Context(), access.PersonQuery{Email: address})
		require.NoError(t, err)
		require.Equal(t, all[0].ID, got.ID)
	}
	r.modify(t, all[0].ID, "uid", "one", "two")
	_, err := s.Lookup(t.Context(), all[0].ID)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "uid: found 2 values, expected one")
}

// trapShared: an id of one's own choice may be given twice.
func trapShared(t *testing.T, r *room) {
	all := r.settle(t)
	s := r.open(t, func(c *ldap.Config) { c.Fields.ID = "employeeNumber" })
	for i, number := range []string{"17", "17", "18", "a"} {
		r.modify(t, all[i].ID, "employeeNumber", number)
	}
	var problems []access.PersonProblem
	end, err := s.ListPeople(t.Context(), "", func(page access.PeoplePage) error {
		problems = append(problems, page.Problems...)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, end.People)
	require.Len(t, problems, 1+3, "one for the shared id, and one for each without")
	require.Equal(t, access.PersonID("17"), problems[0].ID)
	require.Contains(t, problems[0].Problem, "employeeNumber: 2 entries have this id")
	_, err = s.Lookup(t.Context(), "17")
	require.Equal(t, access.Invalid, access.KindOf(err))
	_, err = s.Lookup(t.Context(), "A")
	require.Equal(t, access.NotFound, access.KindOf(err), "an id in another spelling")
}

// trapDomain: the root of a domain also answers with references to its other parts.
func trapDomain(t *testing.T, r *room) {
	all := r.settle(t)
	s := r.open(t, func(c *ldap.Config) { c.BaseDN = r.server.BaseDN })
	listed, rest, err := listAll(t, s, "")
	require.NoError(t, err)
	require.Equal(t, len(listed), rest.end.People)
	for _, p := range all {
		require.Equal(t, p, listed[p.ID])
	}
	findings, err := s.Check(t.Context())
	require.NoError(t, err)
	for _, f := range findings {
		require.NotEqual(t, "base_dn", f.Key, f.Problem)
	}
}

func trapExpiry(t *testing.T, r *room) {
	ada := r.settle(t)[0]
	for name, row := range map[string]struct {
		value, zone string
		want        access.Date
	}{
		"never":    {"0", "", ""},
		"never so": {"9223372036854775807", "", ""},
		"midnight": {ticks(time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC)), "", "2026-12-31"},
		"New York": {ticks(time.Date(2027, time.January, 1, 5, 0, 0, 0, time.UTC)), "America/New_York", "2026-12-31"},
		"Berlin":   {ticks(time.Date(2026, time.December, 31, 23, 0, 0, 0, time.UTC)), "Europe/Berlin", "2026-12-31"},
	} {
		r.modify(t, ada.ID, "accountExpires", row.value)
		listed, _, err := listAll(t, r.open(t, func(c *ldap.Config) { c.TimeZone = row.zone }), "")
		require.NoError(t, err)
		require.Equal(t, row.want, listed[ada.ID].Ends, name)
	}
}

// ticks is a time as accountExpires has it.
func ticks(at time.Time) string {
	return strconv.FormatInt(at.Unix()*10_000_000+116_444_736_000_000_000, 10)
}

func trapCodes(t *testing.T, r *room) {
	_, err := r.open(t, func(c *ldap.Config) { c.Password = "wrong" }).Lookup(t.Context(), "x")
	require.Equal(t, access.Forbidden, access.KindOf(err))
	require.ErrorContains(t, err, "wrong account or password")
	r.refuse(t)
	_, err = r.open(t, nil).Lookup(t.Context(), "x")
	require.Equal(t, access.Forbidden, access.KindOf(err))
	require.ErrorContains(t, err, "the account is disabled")
}
