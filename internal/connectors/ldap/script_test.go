package ldap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/ldap/ldaptest"
	"usher/internal/connectors/people"
)

const (
	scriptBase = "OU=staff,DC=big,DC=test"
	password   = "hidden-Passw0rd"
)

// scripted returns a source over a server with a script for searches.
func scripted(t *testing.T, search ldaptest.Script, change func(*ldap.Config)) (*ldap.Source, *ldaptest.Wire) {
	t.Helper()
	wire := ldaptest.NewScript(t, func(r ldaptest.Request) ([]*ber.Packet, error) {
		if r.Op == goldap.ApplicationSearchRequest {
			return search(r)
		}
		return []*ber.Packet{ldaptest.Done(r, 0, "", "")}, nil
	})
	c := ldap.Config{
		Directory: ldap.ActiveDirectory, URL: wire.URL, BindDN: "usher@big.test", Password: password, BaseDN: scriptBase,
		Fields: people.Fields{Attributes: map[string]string{"groups": "memberOf"}},
	}
	if change != nil {
		change(&c)
	}
	s, err := ldap.NewSource(c)
	require.NoError(t, err)
	return s, wire
}

// guid is the raw objectGUID of a number.
func guid(n int) string { return fmt.Sprintf("%016d", n) }

// big is a directory of so many people. It gives maxPage entries at once, and cuts a search without pages, as Active Directory does.
type big struct {
	people int
	// groups are how many groups the first of them is in.
	groups int
}

const (
	maxPage  = 1000
	maxRange = 1500
)

func (b big) name(n int) string { return fmt.Sprintf("CN=p%d,%s", n, scriptBase) }

func (b big) entry(r ldaptest.Request, n int) *ber.Packet {
	attributes := map[string][]string{}
	put := func(name string, values ...string) {
		if slices.Contains(r.Attributes, name) {
			attributes[name] = values
		}
	}
	put("objectGUID", guid(n))
	put("sAMAccountName", fmt.Sprintf("p%d", n))
	put("userAccountControl", "512")
	for _, name := range r.Attributes {
		if attribute, from, ranged := strings.Cut(name, ";range="); attribute == "memberOf" && n == 0 && b.groups > 0 {
			first := 0
			if ranged {
				first, _ = strconv.Atoi(strings.TrimSuffix(from, "-*"))
			}
			last, end := first+maxRange-1, strconv.Itoa(first+maxRange-1)
			if last >= b.groups-1 {
				last, end = b.groups-1, "*"
			}
			var values []string
			for i := first; i <= last; i++ {
				values = append(values, fmt.Sprintf("CN=g%d", i))
			}
			attributes[fmt.Sprintf("memberOf;range=%d-%s", first, end)] = values
		}
	}
	return ldaptest.Entry(r, b.name(n), attributes)
}

func (b big) search(r ldaptest.Request) ([]*ber.Packet, error) {
	if r.BaseDN != scriptBase {
		for n := range b.people {
			if r.BaseDN == b.name(n) {
				return []*ber.Packet{b.entry(r, n), ldaptest.Done(r, 0, "", "")}, nil
			}
		}
		return []*ber.Packet{ldaptest.Done(r, goldap.LDAPResultNoSuchObject, "", "")}, nil
	}
	if slices.Equal(r.Attributes, []string{"1.1"}) {
		return []*ber.Packet{ldaptest.Entry(r, scriptBase, nil), ldaptest.Done(r, 0, "", "")}, nil
	}
	from, _ := strconv.Atoi(r.Cookie)
	to := min(from+maxPage, b.people)
	var answers []*ber.Packet
	for n := from; n < to; n++ {
		answers = append(answers, b.entry(r, n))
	}
	answers = append(answers, ldaptest.Reference(r, "ldap://other.big.test/DC=other,DC=big,DC=test"))
	switch {
	case to == b.people:
		return append(answers, ldaptest.Done(r, 0, "", "")), nil
	case !r.Paged:
		return append(answers, ldaptest.Done(r, goldap.LDAPResultSizeLimitExceeded, "", "")), nil
	}
	return append(answers, ldaptest.Done(r, 0, "", strconv.Itoa(to))), nil
}

func TestScript_pages(t *testing.T) {
	t.Parallel()
	s, _ := scripted(t, big{people: 2*maxPage + 7, groups: 2*maxRange + 11}.search, nil)
	all, rest, err := listAll(t, s, "")
	require.NoError(t, err)
	require.Len(t, all, 2*maxPage+7)
	require.Equal(t, access.ProofCount, rest.end.Proof)
	require.Empty(t, rest.end.Watermark)
	groups := 0
	for _, p := range all {
		if n := len(p.Attributes["groups"]); n > 0 {
			require.Equal(t, "p0", p.UserName)
			require.Zero(t, groups)
			groups = n
			require.Equal(t, "CN=g0", p.Attributes["groups"][0])
			require.Equal(t, fmt.Sprintf("CN=g%d", n-1), p.Attributes["groups"][n-1])
		}
	}
	require.Equal(t, 2*maxRange+11, groups)
	findings, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "base_dn", findings[0].Key)
	require.Contains(t, findings[0].Problem, "ldap://other.big.test/")
	// The script answers a search for one id with many others.
	got, err := s.Lookup(t.Context(), "30303030-3030-3030-3030-303030303037")
	require.NoError(t, err)
	require.Equal(t, "p7", got.UserName)
	_, err = s.Lookup(t.Context(), "40404040-3030-3030-3030-303030303030")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

// TestScript_listings holds a listing of a server that does not give everything.
func TestScript_listings(t *testing.T) {
	t.Parallel()
	b := big{people: 25}
	paged := func(change func(r ldaptest.Request, answers []*ber.Packet) ([]*ber.Packet, error)) ldaptest.Script {
		return func(r ldaptest.Request) ([]*ber.Packet, error) {
			answers, err := b.search(r)
			if err != nil || !r.Paged {
				return answers, err
			}
			return change(r, answers)
		}
	}
	// ids reports whether a search is the first one.
	ids := func(r ldaptest.Request) bool { return len(r.Attributes) == 1 }
	code := func(code uint16) ldaptest.Script {
		return paged(func(r ldaptest.Request, _ []*ber.Packet) ([]*ber.Packet, error) {
			return []*ber.Packet{ldaptest.Done(r, code, "", "")}, nil
		})
	}
	for name, row := range map[string]struct {
		search ldaptest.Script
		kind   access.Kind
		text   string
	}{
		"a third is hidden from the second search": {paged(func(r ldaptest.Request, answers []*ber.Packet) ([]*ber.Packet, error) {
			if ids(r) {
				return answers, nil
			}
			return answers[8:], nil
		}), access.Transient, "the search for ids found 25 entries, and the one for attributes 17"},
		"a third is hidden from the first search": {paged(func(r ldaptest.Request, answers []*ber.Packet) ([]*ber.Packet, error) {
			if !ids(r) {
				return answers, nil
			}
			return answers[8:], nil
		}), access.Transient, "an entry that the search for ids did not"},
		"another one in the second search": {paged(func(r ldaptest.Request, answers []*ber.Packet) ([]*ber.Packet, error) {
			if !ids(r) {
				answers[0] = ldaptest.Entry(r, b.name(0), map[string][]string{"objectGUID": {guid(99)}, "sAMAccountName": {"p0"}, "userAccountControl": {"512"}})
			}
			return answers, nil
		}), access.Transient, "another id"},
		"the same page for ever": {paged(func(r ldaptest.Request, answers []*ber.Packet) ([]*ber.Packet, error) {
			return append(answers[:25], ldaptest.Done(r, 0, "", "again")), nil
		}), access.Transient, "lists an entry twice"},
		"the connection is lost": {paged(func(r ldaptest.Request, answers []*ber.Packet) ([]*ber.Packet, error) {
			if ids(r) {
				return answers, nil
			}
			return answers[:5], ldaptest.ErrCut
		}), access.Transient, ""},
		"nobody, and no base": {func(r ldaptest.Request) ([]*ber.Packet, error) {
			return []*ber.Packet{ldaptest.Done(r, 0, "", "")}, nil
		}, access.Forbidden, "bind_dn may not read base_dn"},
		"nobody shows an id": {paged(func(r ldaptest.Request, _ []*ber.Packet) ([]*ber.Packet, error) {
			return []*ber.Packet{ldaptest.Entry(r, b.name(0), nil), ldaptest.Done(r, 0, "", "")}, nil
		}), access.Forbidden, "fields.id: objectGUID"},
		"size limit":  {code(goldap.LDAPResultSizeLimitExceeded), access.Transient, "size limit exceeded"},
		"time limit":  {code(goldap.LDAPResultTimeLimitExceeded), access.Transient, "time limit exceeded"},
		"admin limit": {code(goldap.LDAPResultAdminLimitExceeded), access.Transient, "administrative limit exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := scripted(t, row.search, nil)
			_, _, err := listAll(t, s, "")
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.ErrorContains(t, err, row.text)
		})
	}
	t.Run("nobody, and the base", func(t *testing.T) {
		s, _ := scripted(t, big{}.search, nil)
		all, _, err := listAll(t, s, "")
		require.NoError(t, err)
		require.Empty(t, all)
	})
	t.Run("an active attribute that is not shown", func(t *testing.T) {
		s, _ := scripted(t, paged(func(r ldaptest.Request, _ []*ber.Packet) ([]*ber.Packet, error) {
			return []*ber.Packet{
				ldaptest.Entry(r, b.name(0), map[string][]string{"objectGUID": {guid(0)}, "sAMAccountName": {"p0"}}), ldaptest.Done(r, 0, "", ""),
			}, nil
		}), nil)
		var problems []access.PersonProblem
		end, err := s.ListPeople(t.Context(), "", func(page access.PeoplePage) error {
			problems = append(problems, page.Problems...)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, end.Problems)
		require.Contains(t, problems[0].Problem, "userAccountControl")
		require.NotEmpty(t, problems[0].ID)
	})
}

// TestScript_ids holds that nobody is found by another spelling of an id: directories compare without regard to case and spaces.
func TestScript_ids(t *testing.T) {
	t.Parallel()
	s, _ := scripted(t, func(r ldaptest.Request) ([]*ber.Packet, error) {
		return []*ber.Packet{
			ldaptest.Entry(r, "uid=ada,"+scriptBase, map[string][]string{"employeeNumber": {"e17"}, "uid": {"ada"}, "mail": {"Ada@example.com"}}),
			ldaptest.Done(r, 0, "", ""),
		}, nil
	}, func(c *ldap.Config) { c.Directory, c.Fields.ID = ldap.OpenLDAP, "employeeNumber" })
	got, err := s.Lookup(t.Context(), "e17")
	require.NoError(t, err)
	require.Equal(t, access.Person{ID: "e17", UserName: "ada", Email: "Ada@example.com", Active: true}, got)
	for _, other := range []access.PersonID{"E17", " e17", "e17 ", "e1", "*"} {
		_, err := s.Lookup(t.Context(), other)
		require.Equal(t, access.NotFound, access.KindOf(err), other)
	}
	got, err = s.FindPerson(t.Context(), access.PersonQuery{Email: "ada@EXAMPLE.com"})
	require.NoError(t, err)
	require.Equal(t, access.PersonID("e17"), got.ID)
	_, err = s.FindPerson(t.Context(), access.PersonQuery{UserName: "adä"})
	require.Equal(t, access.NotFound, access.KindOf(err), "Active Directory compares some letters with others")
}

// TestScript_lookups holds that nobody is unknown before the base has shown itself.
func TestScript_lookups(t *testing.T) {
	t.Parallel()
	s, _ := scripted(t, func(r ldaptest.Request) ([]*ber.Packet, error) {
		return []*ber.Packet{ldaptest.Done(r, 0, "", "")}, nil
	}, nil)
	for _, id := range []access.PersonID{"30303030-3030-3030-3030-303030303030", "no guid", ""} {
		_, err := s.Lookup(t.Context(), id)
		require.Equal(t, access.Forbidden, access.KindOf(err))
	}
	_, err := s.FindPerson(t.Context(), access.PersonQuery{UserName: "ada"})
	require.Equal(t, access.Forbidden, access.KindOf(err))
	findings, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "base_dn", findings[0].Key)
}

// TestScript_results holds every result code that a directory may answer with.
func TestScript_results(t *testing.T) {
	t.Parallel()
	for code, kind := range map[uint16]access.Kind{
		goldap.LDAPResultInvalidCredentials: access.Forbidden, goldap.LDAPResultInsufficientAccessRights: access.Forbidden,
		goldap.LDAPResultStrongAuthRequired: access.Forbidden, goldap.LDAPResultConfidentialityRequired: access.Forbidden,
		goldap.LDAPResultInappropriateAuthentication: access.Forbidden, goldap.LDAPResultAuthorizationDenied: access.Forbidden,
		goldap.LDAPResultNoSuchObject: access.Invalid, goldap.LDAPResultInvalidDNSyntax: access.Invalid, goldap.LDAPResultReferral: access.Invalid,
		goldap.LDAPResultBusy: access.Transient, goldap.LDAPResultUnavailable: access.Transient, goldap.LDAPResultOther: access.Transient,
		goldap.LDAPResultOperationsError: access.Transient, goldap.LDAPResultUnwillingToPerform: access.Transient,
		goldap.LDAPResultTimeLimitExceeded: access.Transient, goldap.LDAPResultSizeLimitExceeded: access.Transient,
		goldap.LDAPResultAdminLimitExceeded: access.Transient, 4711: access.Transient,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			said := "you sent " + password + "\x00\n, and that is " + strings.Repeat("x", 500)
			check := func(s *ldap.Source) {
				_, err := s.Lookup(t.Context(), "30303030-3030-3030-3030-303030303030")
				require.Equal(t, kind, access.KindOf(err), "%v", err)
				_, _, listed := listAll(t, s, "")
				require.Equal(t, kind, access.KindOf(listed), "%v", listed)
				for _, err := range []error{err, listed, errors.Unwrap(err)} {
					require.NotContains(t, err.Error(), password)
					require.NotContains(t, err.Error(), "\n")
					require.Less(t, len(err.Error()), 700)
				}
			}
			s, _ := scripted(t, func(r ldaptest.Request) ([]*ber.Packet, error) {
				return []*ber.Packet{ldaptest.Done(r, code, said, "")}, nil
			}, nil)
			check(s)
			wire := ldaptest.NewScript(t, func(r ldaptest.Request) ([]*ber.Packet, error) {
				return []*ber.Packet{ldaptest.Done(r, code, said, "")}, nil
			})
			s, _ = scripted(t, nil, func(c *ldap.Config) { c.URL = wire.URL })
			check(s)
		})
	}
}

// TestScript_silence holds that no call waits longer than it may.
func TestScript_silence(t *testing.T) {
	t.Parallel()
	silent := func(ldaptest.Request) ([]*ber.Packet, error) { return nil, nil }
	s, wire := scripted(t, silent, func(c *ldap.Config) { c.RequestTimeout = access.Duration(50 * time.Millisecond) })
	_, err := s.Lookup(t.Context(), "30303030-3030-3030-3030-303030303030")
	require.Equal(t, access.Transient, access.KindOf(err))

	s, other := scripted(t, silent, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = s.ListPeople(ctx, "", func(access.PeoplePage) error { return nil })
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begin), 10*time.Second)
	require.Eventually(t, func() bool { return wire.Open()+other.Open() == 0 }, 5*time.Second, 10*time.Millisecond)

	gone := ldaptest.NewScript(t, func(ldaptest.Request) ([]*ber.Packet, error) { return nil, ldaptest.ErrCut })
	s, _ = scripted(t, nil, func(c *ldap.Config) { c.URL = gone.URL })
	_, err = s.Lookup(t.Context(), "x")
	require.Equal(t, access.Transient, access.KindOf(err))
	s, _ = scripted(t, nil, func(c *ldap.Config) { c.URL = "ldap://127.0.0.1:1" })
	_, err = s.Lookup(t.Context(), "x")
	require.Equal(t, access.Transient, access.KindOf(err))
}

// TestScript_slowTaker: whoever takes the pages may need longer than an operation may take.
func TestScript_slowTaker(t *testing.T) {
	t.Parallel()
	s, _ := scripted(t, big{people: 2*maxPage + 1}.search, func(c *ldap.Config) { c.RequestTimeout = access.Duration(2 * time.Second) })
	var slept atomic.Bool
	end, err := s.ListPeople(t.Context(), "", func(access.PeoplePage) error {
		if !slept.Swap(true) {
			<-time.After(2200 * time.Millisecond)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2*maxPage+1, end.People)
}

// TestScript_leaks is not parallel: it counts goroutines.
func TestScript_leaks(t *testing.T) {
	s, _ := scripted(t, func(r ldaptest.Request) ([]*ber.Packet, error) {
		if r.Paged {
			return nil, ldaptest.ErrCut
		}
		return big{people: 3}.search(r)
	}, nil)
	before := runtime.NumGoroutine()
	for range 20 {
		_, err := s.Lookup(t.Context(), "40404040-3030-3030-3030-303030303030")
		require.Error(t, err)
		_, _, err = listAll(t, s, "")
		require.Error(t, err)
	}
	// One is that of the condition.
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 5*time.Second, 10*time.Millisecond)
}
