package accesstest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// RunPeopleFinder checks every promise of access.PeopleFinder, one case each, with the harness of a source that lists its people. newHarness
// is called once per case; what it opens it closes by t.Cleanup.
func RunPeopleFinder(t *testing.T, newHarness func(*testing.T) PeopleListerHarness) {
	t.Helper()
	for _, c := range []listingCase{
		{"whoever has a value is found by it, as a listing has the person", findByEach},
		{"all who have a value are found", findSeveral},
		{"of many who have a value some are found, and that there are more", findMany},
		{"nobody is found by what nobody has", findByNothing},
		{"what is no person is found as a problem", findSpoiled},
		{"a field that the source does not have is invalid", findUnknownField},
		{"bad credentials are forbidden, never nobody", findForbidden},
		{"a context that has ended ends the search", findEnded},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

// fields are those by which a person can be found who has them all.
func (h PeopleListerHarness) fields(p access.PersonRecord) []string {
	fields := []string{access.FieldID, access.FieldUserName}
	if h.NoEmails == "" {
		fields = append(fields, access.FieldEmail)
	}
	if h.NoAttributeKeys != "" {
		return fields
	}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		fields = append(fields, access.AttributeField(name))
	}
	return fields
}

func (h PeopleListerHarness) found(t *testing.T, field, value string) access.FoundPeople {
	t.Helper()
	got, err := h.Finder.FindPeople(t.Context(), field, value)
	require.NoError(t, err, "%s %q", field, value)
	require.LessOrEqual(t, len(got.People)+len(got.Problems), access.MaxFoundPeople)
	return got
}

func findByEach(t *testing.T, h PeopleListerHarness) {
	p := h.People[0]
	for _, field := range h.fields(p) {
		values := p.FieldValues(field)
		require.NotEmpty(t, values, "the harness promises a person with every field")
		spellings := []string{values[0]}
		if field != access.FieldID || !h.ExactIDs {
			spellings = append(spellings, strings.ToUpper(values[0]), strings.ToLower(values[0]))
		}
		for _, value := range spellings {
			require.Equal(t, access.FoundPeople{People: []access.PersonRecord{p}}, h.found(t, field, value), "%s %q", field, value)
		}
	}
}

func findSeveral(t *testing.T, h PeopleListerHarness) {
	if h.NoAttributeKeys != "" {
		return
	}
	p := h.People[0]
	name := slices.Sorted(maps.Keys(p.Attributes))[0]
	other := h.Put(access.PersonRecord{
		Person: access.Person{ID: "other", UserName: "other", Active: true}, Attributes: map[string][]string{name: p.Attributes[name]},
	})
	got := h.found(t, access.AttributeField(name), p.Attributes[name][0])
	require.Empty(t, got.Problems)
	require.False(t, got.More)
	require.ElementsMatch(t, []access.PersonRecord{p, other}, got.People)
}

func findMany(t *testing.T, h PeopleListerHarness) {
	if h.NoAttributeKeys != "" {
		return
	}
	p := h.People[0]
	name := slices.Sorted(maps.Keys(p.Attributes))[0]
	for i := range access.MaxFoundPeople + 3 {
		id := fmt.Sprintf("other-%d", i)
		h.Put(access.PersonRecord{
			Person: access.Person{ID: access.PersonID(id), UserName: id, Active: true}, Attributes: map[string][]string{name: p.Attributes[name]},
		})
	}
	got := h.found(t, access.AttributeField(name), p.Attributes[name][0])
	require.True(t, got.More)
	require.Greater(t, len(got.People), 1)
}

func findByNothing(t *testing.T, h PeopleListerHarness) {
	p := h.People[0]
	for _, field := range h.fields(p) {
		has := p.FieldValues(field)[0]
		for _, value := range []string{"", " ", "x" + has, has + "x", "*", "' or ''='", "a)(b=*", "nul\x00"} {
			require.Equal(t, access.FoundPeople{}, h.found(t, field, value), "%s %q", field, value)
		}
		// Some directories take no quotes.
		got, err := h.Finder.FindPeople(t.Context(), field, `" or "" eq "`)
		require.Equal(t, access.FoundPeople{}, got)
		if err != nil {
			requireFailure(t, access.Invalid, err)
		}
	}
}

func findSpoiled(t *testing.T, h PeopleListerHarness) {
	id := h.Spoil()
	if id == "" {
		return
	}
	got := h.found(t, access.FieldID, string(id))
	require.Empty(t, got.People)
	require.Len(t, got.Problems, 1)
	require.Equal(t, id, got.Problems[0].ID)
	require.NotEmpty(t, got.Problems[0].Row)
	require.NotEmpty(t, got.Problems[0].Problem)
}

func findUnknownField(t *testing.T, h PeopleListerHarness) {
	fields := []string{"", "manager", "active", "attributes.", "department"}
	if h.NoAttributeKeys != "" {
		fields = append(fields, access.AttributeField(access.AttributeTitle))
	}
	for _, field := range fields {
		_, err := h.Finder.FindPeople(t.Context(), field, "x")
		requireFailure(t, access.Invalid, err)
	}
}

func findForbidden(t *testing.T, h PeopleListerHarness) {
	if h.RefuseCredentials == nil {
		return
	}
	h.RefuseCredentials()
	for _, value := range []string{h.People[0].UserName, "nobody"} {
		_, err := h.Finder.FindPeople(t.Context(), access.FieldUserName, value)
		requireFailure(t, access.Forbidden, err)
	}
}

func findEnded(t *testing.T, h PeopleListerHarness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Finder.FindPeople(ctx, access.FieldID, string(h.People[0].ID))
	require.Error(t, err)
	require.Equal(t, access.Transient, access.KindOf(err))
}
