package servicenow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// A change of one column must not cut what a user has in another one, which the staging table cannot hold: usher knows the limits.
func TestAttackImport_cuts_what_was_not_changed(t *testing.T) {
	for name, hide := range map[string]func(*servicenowtest.Faults){
		"limits are known":     func(*servicenowtest.Faults) {},
		"limits are not known": unreadable,
	} {
		t.Run(name, func(t *testing.T) {
			s, users := importing(t, func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { set.Columns["u_title"] = 20 })
			s.faults(hide)
			ana := someone("ana")
			ana.Values["title"] = strings.Repeat("Chief of everything ", 2) + "else"
			ana = s.put(ana)
			_, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{"first_name": "Ana"}})
			t.Logf("error: %v; title now: %q", err, s.user(t, ana.ID).Values["title"])
			if err == nil {
				require.Equal(t, ana.Values["title"], s.user(t, ana.ID).Values["title"], "success is reported, and the title was cut")
			}
			if name == "limits are known" {
				require.Equal(t, ana.Values["title"], s.user(t, ana.ID).Values["title"])
				return
			}
			// Nobody can know it before, but no further row is sent.
			require.ErrorContains(t, err, "title: the row for the user")
			_, err = users.UpdateUser(t.Context(), s.put(someone("ben")).ID, titled("Chief"))
			requireKind(t, access.Forbidden, err)
		})
	}
}

// A user name that the staging table cannot hold finds the user whose name is its beginning.
func TestAttackImport_cut_key_finds_another(t *testing.T) {
	s, _ := coalescing(t, "user_name")
	s.SetImportSet(importSet(func(set *servicenowtest.ImportSet, m *servicenowtest.TransformMap) {
		m.Coalesce, set.Columns["u_user_name"] = []string{"user_name"}, 8
	}))
	users := s.users(t, byImportSet(coalesceBy("user_name")), ownFields...)
	short, long := s.put(someone("ana.berg")), s.put(someone("ana.berger"))
	_, err := users.UpdateUser(t.Context(), long.ID, titled("Chief"))
	t.Logf("error: %v", err)
	require.Error(t, err)
	require.Equal(t, "Clerk", s.user(t, short.ID).Values["title"], "the row was written to another user, whose limit usher had read")
}

// A person's id that the staging table cannot hold: switching somebody off cuts whose user it is.
func TestAttackImport_cuts_the_person(t *testing.T) {
	s, users := importing(t, func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { set.Columns["u_person"] = 8 })
	ana := someone("ana")
	ana.Person = "p-00000012345"
	ana = s.put(ana)
	_, err := users.SetUserActive(t.Context(), ana.ID, false)
	t.Logf("error: %v; person now: %q", err, s.user(t, ana.ID).Person)
	require.Equal(t, access.PersonID("p-00000012345"), s.user(t, ana.ID).Person)
}

// A map that writes one column from another, which usher may not read: "the first rows show it".
func TestAttackImport_wrong_entry_unseen(t *testing.T) {
	s, users := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.Fields["u_user_name"] = "title" })
	s.faults(unreadable)
	ana := s.put(someone("ana"))
	_, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{"first_name": "Ana"}})
	now := s.user(t, ana.ID)
	t.Logf("error: %v; now: %v", err, now.Values)
	if now.Values["title"] != "Clerk" {
		require.Error(t, err, "the title is %q, and success is reported", now.Values["title"])
	}
}

// What a user has by the text NULL is left out of the row, and a map that copies what is empty empties it.
func TestAttackImport_null_is_emptied(t *testing.T) {
	s, users := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.CopyEmpty = true })
	ana := someone("ana")
	ana.Values["last_name"] = "NULL"
	ana = s.put(ana)
	_, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	now := s.user(t, ana.ID)
	t.Logf("error: %v; now: %v", err, now.Values)
	if now.Values["last_name"] != "NULL" {
		require.Error(t, err, "the name was emptied, and success is reported")
	}
}

func coalesceBy(column string) func(*servicenow.ImportSetConfig) {
	return func(c *servicenow.ImportSetConfig) { c.Coalesce = column }
}
