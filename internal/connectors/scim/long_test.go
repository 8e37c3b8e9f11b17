package scim_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

func TestLongGroup_listed_once(t *testing.T) {
	for _, row := range []struct {
		name    string
		members int
		quirks  scimtest.Quirks
		between func(http.ResponseWriter, *http.Request, http.Handler)
		// first and then are the calls of the first grant and of the next one, to somebody else; no then: the same.
		first, then []string
		method      string
	}{
		{
			name: "the directory filters by members.value", members: 500, method: byFilter,
			first: []string{"account", longList, byValue, longChange, byValue, valueOfNobody},
			then:  []string{"account", byValue, longChange, byValue},
		},
		{
			name: "the directory filters by member", members: 500, method: byFilter,
			quirks: scimtest.Quirks{MemberFilter: "member"},
			first:  []string{"account", longList, byValue, byMember, longChange, byMember, memberOfNobody},
			then:   []string{"account", byMember, longChange, byMember},
		},
		{
			name: "a PATCH is answered without a body", members: 500, method: byFilter,
			quirks: scimtest.Quirks{SilentPatch: true},
			first:  []string{"account", longList, byValue, "change", byValue, valueOfNobody},
			then:   []string{"account", byValue, "change", byValue},
		},
		{
			name: "the list is cut", members: 500, method: byFilter,
			quirks: scimtest.Quirks{CutMembers: 100},
			first:  []string{"account", longList, byValue, longChange, byValue, valueOfNobody},
			then:   []string{"account", byValue, longChange, byValue},
		},
		{
			name: "the list cannot be read", members: 500, method: byFilter,
			between: refusingLists,
			first:   []string{"account", "list", byValue, longChange, byValue, valueOfNobody},
			then:    []string{"account", byValue, longChange, byValue},
		},
		{
			name: "the directory cannot filter by member", members: 500, method: byList,
			quirks: scimtest.Quirks{MemberFilter: scimtest.NoMemberFilter},
			first:  []string{"account", longList, byValue, byMember, longChange, longList},
		},
		{
			name: "the directory ignores filters", members: 500, method: byList,
			quirks: scimtest.Quirks{IgnoreFilters: true},
			first:  []string{"account", longList, byValue, valueOfNobody, byMember, memberOfNobody, longChange, longList},
		},
		{
			name: "the directory finds nobody by filter", members: 500, method: byList,
			between: findingNobody,
			first:   []string{"account", longList, byValue, longChange, byValue, longList},
		},
		{
			name: "the group is short", members: 50, method: byList,
			first: []string{"account", "list", "change", "list"},
		},
		{
			name: "the list is hidden, and its length with it", members: 500, method: byFilter,
			quirks: scimtest.Quirks{HideMembers: true},
			first:  []string{"account", "list", byValue, "change", "list", byValue, valueOfNobody},
			then:   []string{"account", byValue, "change", byValue},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.then == nil {
				row.then = row.first
			}
			directory := scimtest.New(crowded(row.members, row.quirks))
			wires := &rewired{directory: directory}
			if row.between != nil {
				wires.put(row.between)
			}
			m := &meter{directory: wires}
			target := serve(t, m, rolesByID)
			for i, grant := range []struct {
				account access.PersonID
				calls   []string
			}{{"u-ada", row.first}, {"u-bob", row.then}} {
				verification, err := target.Grant(t.Context(), editor(grant.account))
				require.NoError(t, err)
				require.True(t, verification.Present)
				require.False(t, verification.Unchanged)
				require.Equal(t, string(grant.account), verification.Account)
				require.Equal(t, row.method, verification.Method)
				require.Equal(t, grant.calls, m.measured(longAnswer))
				require.Len(t, directory.Members("g-edit"), row.members+i+1)
			}
			verification, err := target.Grant(t.Context(), editor("u-bob"))
			require.NoError(t, err)
			require.True(t, verification.Unchanged, "who is a member is not taken for a new one")
			require.Equal(t, row.method, verification.Method)
			require.NotContains(t, m.taken(), "change")
		})
	}
}

func TestVerification_long_group(t *testing.T) {
	directory := scimtest.New(crowded(500, scimtest.Quirks{}))
	target := serve(t, directory, rolesByID)
	for _, step := range []struct {
		call     func() (access.Verification, error)
		method   string
		evidence string
	}{
		{
			func() (access.Verification, error) { return target.Grant(t.Context(), editor("u-ada")) }, byFilter,
			`group "g-edit" filtered by members.value: user "u-ada" among them`,
		},
		{
			func() (access.Verification, error) { return target.Grant(t.Context(), editor("u-bob")) }, byFilter,
			`group "g-edit" filtered by members.value: user "u-bob" among them, and not before the change`,
		},
		{
			func() (access.Verification, error) { return target.Grant(t.Context(), editor("u-bob")) }, byFilter,
			`group "g-edit" filtered by members.value: user "u-bob" among them`,
		},
		{
			func() (access.Verification, error) { return target.Verify(t.Context(), editor("u-bob")) }, byList,
			`group "g-edit" lists 502 members, user "u-bob" among them`,
		},
		{
			func() (access.Verification, error) { return target.Revoke(t.Context(), editor("u-bob")) }, byFilter,
			`group "g-edit" filtered by members.value: user "u-bob" not among them`,
		},
	} {
		verification, err := step.call()
		require.NoError(t, err)
		require.Equal(t, step.method, verification.Method)
		require.Equal(t, step.evidence, verification.Evidence)
	}
}

// TestRevoke_never_by_the_filter_alone: a revoke and a verify begin with the list, whatever is known.
func TestRevoke_never_by_the_filter_alone(t *testing.T) {
	wires := &rewired{directory: scimtest.New(crowded(500, scimtest.Quirks{}))}
	m := &meter{directory: wires}
	target := serve(t, m, rolesByID)
	_, err := target.Grant(t.Context(), editor("u-ada"))
	require.NoError(t, err)
	m.taken()

	wires.put(findingNobody)
	verification, err := target.Verify(t.Context(), editor("u-ada"))
	require.NoError(t, err)
	require.True(t, verification.Present)
	require.Equal(t, []string{"account", "list"}, m.taken())

	wires.put(untouched)
	verification, err = target.Revoke(t.Context(), editor("u-ada"))
	require.NoError(t, err)
	require.False(t, verification.Present)
	require.False(t, verification.Unchanged)
	require.Equal(t, []string{"account", "list", "change", "list", byValue}, m.taken())
}

func TestLongGroup_gone(t *testing.T) {
	directory := scimtest.New(crowded(500, scimtest.Quirks{}))
	target := serve(t, directory, rolesByID)
	_, err := target.Grant(t.Context(), editor("u-ada"))
	require.NoError(t, err)
	require.NoError(t, directory.RemoveGroup("g-edit"))
	_, err = target.Grant(t.Context(), editor("u-bob"))
	require.Equal(t, access.NotFound, access.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "g-edit")
}

// TestFilter_is_proved_by_any_read: who was found by the filter and not in the list was found by a filter that works.
func TestFilter_is_proved_by_any_read(t *testing.T) {
	config := crowded(500, scimtest.Quirks{CutMembers: 100})
	config.Groups[0].Members = append(config.Groups[0].Members, "u-ada")
	m := &meter{directory: scimtest.New(config)}
	target := serve(t, m, rolesByID)
	verification, err := target.Verify(t.Context(), editor("u-ada"))
	require.NoError(t, err)
	require.True(t, verification.Present)
	m.taken()
	_, err = target.Grant(t.Context(), editor("u-bob"))
	require.NoError(t, err)
	require.Equal(t, []string{"account", byValue, "change", byValue}, m.taken())
}

func TestLongGroup_many_grants(t *testing.T) {
	const people = 40
	config := crowded(150, scimtest.Quirks{})
	for i := range people {
		config.Users = append(config.Users, scimtest.User{ID: fmt.Sprintf("p-%d", i), UserName: fmt.Sprintf("p-%d", i)})
	}
	directory := scimtest.New(config)
	target := serve(t, directory, rolesByID)
	everybody := func(call func(a access.Assignment) error) {
		var all sync.WaitGroup
		errs := make([]error, people)
		for i := range people {
			all.Go(func() { errs[i] = call(editor(access.PersonID(fmt.Sprintf("p-%d", i)))) })
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	everybody(func(a access.Assignment) error {
		verification, err := target.Grant(t.Context(), a)
		if err == nil && (!verification.Present || verification.Unchanged) {
			return fmt.Errorf("granted %s: %+v", a.Subject.ID, verification)
		}
		return err
	})
	require.Len(t, directory.Members("g-edit"), 150+people)
	everybody(func(a access.Assignment) error {
		verification, err := target.Grant(t.Context(), a)
		if err == nil && !verification.Unchanged {
			return fmt.Errorf("granted %s again: %+v", a.Subject.ID, verification)
		}
		return err
	})
	everybody(func(a access.Assignment) error {
		verification, err := target.Revoke(t.Context(), a)
		if err == nil && (verification.Present || verification.Unchanged) {
			return fmt.Errorf("revoked %s: %+v", a.Subject.ID, verification)
		}
		return err
	})
	require.Len(t, directory.Members("g-edit"), 150)
}

func TestGroupMemory_is_bounded(t *testing.T) {
	var known scim.ProvenFilters
	for i := range scim.MaxProvenFilters {
		known.Remember(fmt.Sprintf("g-%d", i), "members.value")
	}
	require.Equal(t, "members.value", known.Attribute("g-0"))
	known.Remember("g-0", "member")
	require.Equal(t, "member", known.Attribute("g-0"))
	require.Equal(t, "members.value", known.Attribute("g-1"), "what is known takes no more room when it is said again")
	known.Remember("one more", "member")
	require.Equal(t, "member", known.Attribute("one more"))
	require.Empty(t, known.Attribute("g-1"), "all others are forgotten")
	known.Forget("one more")
	require.Empty(t, known.Attribute("one more"))
}
