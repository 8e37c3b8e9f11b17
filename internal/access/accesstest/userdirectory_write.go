package accesstest

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func userCreated(t *testing.T, h UserDirectoryHarness) {
	if !h.creates(t) {
		return
	}
	before := len(h.listed(t))
	u := h.created(t)
	require.True(t, u.Active)
	require.NotEmpty(t, u.ID)
	for name, value := range h.New {
		require.Equal(t, value, u.Values[name], name)
	}
	if h.schema(t).KeepsPerson {
		require.Equal(t, access.PersonID("p-new"), u.Person)
	}
	now, err := h.Directory.ReadUser(t.Context(), u.ID)
	require.NoError(t, err)
	require.Equal(t, u, now)
	require.Len(t, h.listed(t), before+1)
}

func userTaken(t *testing.T, h UserDirectoryHarness) {
	if !h.creates(t) {
		return
	}
	h.created(t)
	before := h.listed(t)
	_, err := h.Directory.CreateUser(t.Context(), access.NewUser{Person: "p-other", Values: h.New})
	requireKind(t, access.Conflict, err)
	require.Equal(t, before, h.listed(t))
}

func userLost(t *testing.T, h UserDirectoryHarness) {
	if h.LoseAnswer == nil {
		require.NotEmpty(t, h.NoLoss)
		t.Log("fallback: " + h.NoLoss)
		return
	}
	if !h.creates(t) {
		return
	}
	h.LoseAnswer()
	_, err := h.Directory.CreateUser(t.Context(), access.NewUser{Person: "p-new", Values: h.New})
	requireKind(t, access.Unknown, err)
	found, err := h.Directory.FindUsers(t.Context(), access.UserQuery{Email: h.New[access.UserFieldEmail]})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func userIncomplete(t *testing.T, h UserDirectoryHarness) {
	if !h.creates(t) {
		return
	}
	for name, f := range h.schema(t).Fields {
		if !f.Required {
			continue
		}
		values := maps.Clone(h.New)
		delete(values, name)
		_, err := h.Directory.CreateUser(t.Context(), access.NewUser{Person: "p-new", Values: values})
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, name)
	}
}

func userUpdated(t *testing.T, h UserDirectoryHarness) {
	if !h.writable(t, access.UserFieldDisplayName) {
		return
	}
	ana, bob := h.Put(person("ana")), h.Put(person("bob"))
	for range 2 {
		got, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldDisplayName: "Ana Löwe-Šimić"}})
		require.NoError(t, err)
		wanted := maps.Clone(ana.Values)
		wanted[access.UserFieldDisplayName] = "Ana Löwe-Šimić"
		require.Equal(t, wanted, got.Values)
		require.Equal(t, ana.Person, got.Person)
		require.True(t, got.Active)
	}
	same, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{})
	require.NoError(t, err)
	require.Equal(t, "Ana Löwe-Šimić", same.Values[access.UserFieldDisplayName])
	other, err := h.Directory.ReadUser(t.Context(), bob.ID)
	require.NoError(t, err)
	require.Equal(t, bob, other)
	_, err = h.Directory.UpdateUser(t.Context(), "nobody", access.UserChange{Values: map[string]string{access.UserFieldDisplayName: "x"}})
	requireKind(t, access.NotFound, err)
}

func userEmptied(t *testing.T, h UserDirectoryHarness) {
	if !h.writable(t, h.Own) {
		return
	}
	require.True(t, h.schema(t).Fields[h.Own].Clears)
	ana := person("ana")
	ana.Values[h.Own] = h.New[h.Own]
	ana = h.Put(ana)
	require.Equal(t, h.New[h.Own], ana.Values[h.Own])
	for range 2 {
		got, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{h.Own: ""}})
		require.NoError(t, err)
		require.NotContains(t, got.Values, h.Own)
	}
}

func userRenamed(t *testing.T, h UserDirectoryHarness) {
	if !h.writable(t, access.UserFieldName) {
		return
	}
	ana := h.Put(person("ana"))
	got, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldName: "ana.new"}})
	require.NoError(t, err)
	require.Equal(t, ana.ID, got.ID)
	require.Equal(t, "ana.new", got.Values[access.UserFieldName])
	h.Put(person("bob"))
	_, err = h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldName: "bob"}})
	requireKind(t, access.Conflict, err)
}

func userUnknownField(t *testing.T, h UserDirectoryHarness) {
	ana := h.Put(person("ana"))
	_, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{"shoe_size": "42"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "shoe_size")
}

func userTooLong(t *testing.T, h UserDirectoryHarness) {
	ana := h.Put(person("ana"))
	tried := false
	for name, f := range h.schema(t).Fields {
		if f.Runes == 0 || f.ReadOnly || name == access.UserFieldManager {
			continue
		}
		tried = true
		_, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{name: strings.Repeat("ö", f.Runes+1)}})
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, name)
	}
	now, err := h.Directory.ReadUser(t.Context(), ana.ID)
	require.NoError(t, err)
	require.Equal(t, ana, now)
	if !tried {
		t.Log("fallback: no field that usher writes has a limit; there is nothing to check before the desk does")
	}
}

func userNotKept(t *testing.T, h UserDirectoryHarness) {
	if h.IgnoreWrites == nil {
		require.NotEmpty(t, h.NoDeaf)
		t.Log("fallback: " + h.NoDeaf)
		return
	}
	ana := h.Put(person("ana"))
	h.IgnoreWrites()
	if _, cannot := h.schema(t).Cannot[access.UserDeactivate]; !cannot {
		_, err := h.Directory.SetUserActive(t.Context(), ana.ID, false)
		requireKind(t, access.Invalid, err)
	}
	if f := h.schema(t).Fields[access.UserFieldDisplayName]; !f.ReadOnly {
		_, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldDisplayName: "Other"}})
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, access.UserFieldDisplayName)
	}
}

func userOfPerson(t *testing.T, h UserDirectoryHarness) {
	if !h.schema(t).KeepsPerson {
		t.Log("fallback: the desk does not keep whose user it is; the ledger does")
		return
	}
	ana := person("ana")
	ana.Person = ""
	ana = h.Put(ana)
	require.Empty(t, ana.Person)
	for range 2 {
		got, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Person: "p-ana"})
		require.NoError(t, err)
		require.Equal(t, access.PersonID("p-ana"), got.Person)
		require.Equal(t, ana.Values, got.Values)
	}
}

func userManager(t *testing.T, h UserDirectoryHarness) {
	if !h.writable(t, access.UserFieldManager) {
		return
	}
	ana, mia := h.Put(person("ana")), h.Put(person("mia"))
	got, err := h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldManager: string(mia.ID)}})
	require.NoError(t, err)
	require.Equal(t, string(mia.ID), got.Values[access.UserFieldManager])
	_, err = h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldManager: "nobody"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, access.UserFieldManager)
	got, err = h.Directory.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldManager: ""}})
	require.NoError(t, err)
	require.NotContains(t, got.Values, access.UserFieldManager)
}

func userSwitched(t *testing.T, h UserDirectoryHarness) {
	ana := h.Put(person("ana"))
	if !h.able(t, access.UserDeactivate, func() error {
		_, err := h.Directory.SetUserActive(t.Context(), ana.ID, false)
		return err
	}) {
		return
	}
	for _, active := range []bool{false, false, true, true} {
		got, err := h.Directory.SetUserActive(t.Context(), ana.ID, active)
		require.NoError(t, err)
		require.Equal(t, active, got.Active)
		require.Equal(t, ana.Values, got.Values)
		now, err := h.Directory.ReadUser(t.Context(), ana.ID)
		require.NoError(t, err)
		require.Equal(t, got, now)
	}
	_, err := h.Directory.SetUserActive(t.Context(), "nobody", false)
	requireKind(t, access.NotFound, err)
}
