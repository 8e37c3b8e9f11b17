package accesstest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// UserDirectoryHarness is a fresh desk behind the connector under test, with what the port cannot do. Its funcs fail the test themselves
// when they cannot do what they are asked for.
type UserDirectoryHarness struct {
	Directory access.UserDirectory
	// Put adds a user as an administrator of the desk does, and returns the user as the directory shall show it.
	Put func(access.DeskUser) access.DeskUser
	// Remove deletes a user; nil where the desk deletes nobody.
	Remove func(access.UserID)
	// RefuseCredentials makes the desk treat the connector's credentials as wrong.
	RefuseCredentials func()
	// CutShort makes the next listing end before its last page, as a lost connection does.
	CutShort func()
	// HideSome makes the desk hide users from listings while it goes on as if all were well; nil where nothing in the desk could show
	// that, and NoHiding says why.
	HideSome func()
	NoHiding string
	// LoseAnswer makes the desk create the next user and lose the answer; nil where it cannot be made to, and NoLoss says why.
	LoseAnswer func()
	NoLoss     string
	// IgnoreWrites makes the desk answer writes with success and keep nothing; nil where it cannot be made to, and NoDeaf says why.
	IgnoreWrites func()
	NoDeaf       string
	// New are values with which the desk creates a user: every usual field that it has, and one of its own, if it has any.
	New map[string]string
	// Own is a field of the desk's own, which can be written and become empty; "" where it has none.
	Own string
	// Pages is how many users a listing of several pages has at least; 0 where so many cannot be put.
	Pages int
}

// userCase is one promise of access.UserDirectory.
type userCase struct {
	name string
	run  func(*testing.T, UserDirectoryHarness)
}

// RunUserDirectory checks every promise of access.UserDirectory, one case each. newHarness is called once per case; what it opens it
// closes by t.Cleanup.
func RunUserDirectory(t *testing.T, newHarness func(*testing.T) UserDirectoryHarness) {
	t.Helper()
	for _, c := range []userCase{
		{"all users are listed once, those who are switched off too, and counted", usersListed},
		{"a listing of several pages has everybody", usersPaged},
		{"a listing that is cut short is an error, and the next one is whole", usersCutShort},
		{"a listing that hides users is an error", usersHidden},
		{"bad credentials are forbidden, never an empty answer", usersForbidden},
		{"an error of the caller ends the listing and is returned", usersRefused},
		{"a context that has ended ends the call", usersEnded},
		{"a user is read as the desk has it now", userRead},
		{"nobody is not found", userNotFound},
		{"users are found by each key, without regard to case", usersFound},
		{"what is asked for is a value and never a part of the question", usersNotInjected},
		{"a user is created as asked, once", userCreated},
		{"a user name that is taken is a conflict", userTaken},
		{"a create whose answer is lost is unknown, and the user is found", userLost},
		{"a create without what the desk needs is invalid and names it", userIncomplete},
		{"fields are written, others stay, and repeating is safe", userUpdated},
		{"a field becomes empty", userEmptied},
		{"a rename keeps the id", userRenamed},
		{"a field that the desk does not have is invalid and named", userUnknownField},
		{"a value that is too long is invalid and named", userTooLong},
		{"a write that the desk does not keep is an error", userNotKept},
		{"whose user it is can be written", userOfPerson},
		{"a manager is a user of the desk", userManager},
		{"a user is switched off and on, and repeating is safe", userSwitched},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

func (h UserDirectoryHarness) schema(t *testing.T) access.UserSchema {
	t.Helper()
	s, err := h.Directory.UserSchema(t.Context())
	require.NoError(t, err)
	require.Contains(t, s.Fields, access.UserFieldName)
	return s
}

// able reports whether the desk can do something. Where it cannot, trying is Invalid.
func (h UserDirectoryHarness) able(t *testing.T, op access.UserOperation, try func() error) bool {
	t.Helper()
	why, cannot := h.schema(t).Cannot[op]
	if !cannot {
		return true
	}
	require.NotEmpty(t, why)
	requireKind(t, access.Invalid, try())
	t.Logf("fallback: the desk cannot %s: %s; rows of a plan say so", op, why)
	return false
}

// writable reports whether usher can write a field of a user. Where it cannot, trying is Invalid.
func (h UserDirectoryHarness) writable(t *testing.T, field string) bool {
	t.Helper()
	f, there := h.schema(t).Fields[field]
	if there && !f.ReadOnly {
		return true
	}
	if field != "" {
		user := h.Put(person("cyd"))
		_, err := h.Directory.UpdateUser(t.Context(), user.ID, access.UserChange{Values: map[string]string{field: "other"}})
		requireKind(t, access.Invalid, err)
	}
	t.Logf("fallback: the desk has no field %q that usher writes; plans leave it out", field)
	return false
}

// listed is everybody in a listing that must be complete.
func (h UserDirectoryHarness) listed(t *testing.T) map[access.UserID]access.DeskUser {
	t.Helper()
	all, n, err := h.list(t.Context())
	require.NoError(t, err)
	require.Len(t, all, n)
	return all
}

func (h UserDirectoryHarness) list(ctx context.Context) (map[access.UserID]access.DeskUser, int, error) {
	all := map[access.UserID]access.DeskUser{}
	n, err := h.Directory.ListUsers(ctx, func(page []access.DeskUser) error {
		if len(page) == 0 || len(page) > access.MaxUsersPage {
			return fmt.Errorf("a page has %d users, expected 1 to %d", len(page), access.MaxUsersPage)
		}
		for _, u := range page {
			if _, twice := all[u.ID]; twice || u.ID == "" {
				return fmt.Errorf("a user is listed twice, or has no id: %q", u.ID)
			}
			all[u.ID] = u
		}
		return nil
	})
	return all, n, err
}

// person returns a user of somebody, with a user name and an address.
func person(name string) access.DeskUser {
	return access.DeskUser{Person: access.PersonID("p-" + name), Active: true, Values: map[string]string{
		access.UserFieldName: name, access.UserFieldEmail: name + "@example.com", access.UserFieldDisplayName: "The person " + name,
	}}
}

// creates reports whether the desk can create the user of New.
func (h UserDirectoryHarness) creates(t *testing.T) bool {
	t.Helper()
	return h.able(t, access.UserCreate, func() error {
		_, err := h.Directory.CreateUser(t.Context(), access.NewUser{Person: "p-new", Values: h.New})
		return err
	})
}

// created creates the user of New.
func (h UserDirectoryHarness) created(t *testing.T) access.DeskUser {
	t.Helper()
	n := access.NewUser{Person: "p-new", Values: h.New}
	u, err := h.Directory.CreateUser(t.Context(), n)
	require.NoError(t, err)
	return u
}

func usersListed(t *testing.T, h UserDirectoryHarness) {
	before := len(h.listed(t))
	ana, off := h.Put(person("ana")), person("off")
	off.Active = false
	off = h.Put(off)
	all := h.listed(t)
	require.Len(t, all, before+2)
	require.Equal(t, ana, all[ana.ID])
	require.Equal(t, off, all[off.ID])
	require.False(t, all[off.ID].Active)
	require.Equal(t, "ana@example.com", ana.Values[access.UserFieldEmail])
	require.NotEmpty(t, ana.Account)
	if h.schema(t).KeepsPerson {
		require.Equal(t, access.PersonID("p-ana"), ana.Person)
	}
}

func usersPaged(t *testing.T, h UserDirectoryHarness) {
	if h.Pages == 0 {
		t.Log("fallback: so many users cannot be put; the listing has one page")
		return
	}
	before := len(h.listed(t))
	for i := range h.Pages {
		h.Put(person(fmt.Sprintf("user%04d", i)))
	}
	require.Len(t, h.listed(t), before+h.Pages)
}

func usersCutShort(t *testing.T, h UserDirectoryHarness) {
	h.Put(person("ana"))
	h.CutShort()
	_, _, err := h.list(t.Context())
	requireKind(t, access.Transient, err)
	require.NotEmpty(t, h.listed(t))
}

func usersHidden(t *testing.T, h UserDirectoryHarness) {
	if h.HideSome == nil {
		require.NotEmpty(t, h.NoHiding)
		t.Log("fallback: " + h.NoHiding)
		return
	}
	for _, name := range []string{"ana", "bob", "eve", "mia"} {
		h.Put(person(name))
	}
	h.HideSome()
	_, _, err := h.list(t.Context())
	require.Error(t, err)
	require.Truef(t, access.IsKind(err, access.Transient) || access.IsKind(err, access.Forbidden), "%v", err)
}

func usersForbidden(t *testing.T, h UserDirectoryHarness) {
	ana := h.Put(person("ana"))
	h.RefuseCredentials()
	_, _, err := h.list(t.Context())
	requireKind(t, access.Forbidden, err)
	_, err = h.Directory.ReadUser(t.Context(), ana.ID)
	requireKind(t, access.Forbidden, err)
	_, err = h.Directory.FindUsers(t.Context(), access.UserQuery{Email: "ana@example.com"})
	requireKind(t, access.Forbidden, err)
	_, err = h.Directory.SetUserActive(t.Context(), ana.ID, false)
	requireKind(t, access.Forbidden, err)
}

func usersRefused(t *testing.T, h UserDirectoryHarness) {
	h.Put(person("ana"))
	wrong := fmt.Errorf("enough")
	_, err := h.Directory.ListUsers(t.Context(), func([]access.DeskUser) error { return wrong })
	require.ErrorIs(t, err, wrong)
}

func usersEnded(t *testing.T, h UserDirectoryHarness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := h.list(ctx)
	require.Error(t, err)
	_, err = h.Directory.FindUsers(ctx, access.UserQuery{Email: "ana@example.com"})
	require.Error(t, err)
}

func userRead(t *testing.T, h UserDirectoryHarness) {
	ana := h.Put(person("ana"))
	got, err := h.Directory.ReadUser(t.Context(), ana.ID)
	require.NoError(t, err)
	require.Equal(t, ana, got)
}

func userNotFound(t *testing.T, h UserDirectoryHarness) {
	ana := h.Put(person("ana"))
	for _, id := range []access.UserID{ana.ID + "0", "nobody", "../" + ana.ID, "", "a b?c=d&e"} {
		_, err := h.Directory.ReadUser(t.Context(), id)
		requireKind(t, access.NotFound, err)
	}
	if h.Remove == nil {
		return
	}
	h.Remove(ana.ID)
	_, err := h.Directory.ReadUser(t.Context(), ana.ID)
	requireKind(t, access.NotFound, err)
	_, err = h.Directory.SetUserActive(t.Context(), ana.ID, false)
	requireKind(t, access.NotFound, err)
}

func usersFound(t *testing.T, h UserDirectoryHarness) {
	ana, off := h.Put(person("ana")), person("off")
	off.Active = false
	off = h.Put(off)
	// A desk whose people log in by their addresses shows these for user names.
	name, nameOff := ana.Values[access.UserFieldName], off.Values[access.UserFieldName]
	queries := []access.UserQuery{
		{UserName: name},
		{UserName: strings.ToUpper(name)},
		{UserName: nameOff},
		{Email: "ana@example.com"},
		{Email: "Ana@Example.com"},
		{Email: "off@example.com"},
	}
	if h.schema(t).KeepsPerson {
		queries = append(queries, access.UserQuery{Person: "p-ana"}, access.UserQuery{Person: "p-off"})
	}
	for _, q := range queries {
		got, err := h.Directory.FindUsers(t.Context(), q)
		require.NoErrorf(t, err, "%+v", q)
		require.Lenf(t, got, 1, "%+v", q)
		wanted := ana
		if strings.HasPrefix(string(q.Person)+q.UserName+q.Email, "off") || q.Person == "p-off" {
			wanted = off
		}
		require.Equalf(t, wanted, got[0], "%+v", q)
	}
}

func usersNotInjected(t *testing.T, h UserDirectoryHarness) {
	h.Put(person("ana"))
	for _, text := range []string{
		"nobody", "an", "ana*", "%", "*", "a^ORactive=true", `" OR "1"="1`, "javascript:gs.getUserID()", "ana,bob", "ana&maxResults=1", "_na", `an\a`, "ana\x00",
	} {
		got, err := h.Directory.FindUsers(t.Context(), access.UserQuery{UserName: text})
		if !access.IsKind(err, access.Invalid) {
			require.NoErrorf(t, err, "%q", text)
		}
		require.Emptyf(t, got, "%q", text)
		got, err = h.Directory.FindUsers(t.Context(), access.UserQuery{Email: text})
		if !access.IsKind(err, access.Invalid) {
			require.NoErrorf(t, err, "%q", text)
		}
		require.Emptyf(t, got, "%q", text)
	}
}

// requireKind fails the test unless err is of a kind.
func requireKind(t *testing.T, kind access.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Truef(t, access.IsKind(err, kind), "expected %v, found: %v", kind, err)
}
