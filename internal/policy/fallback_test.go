package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

const fallbackText = `
applications:
  - id: wiki
    name: Wiki
    owners: [olga, otto]
    fallback: [fay, finn]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: manual, stages: [manager, owner]}
      - {role: reader, title: Wiki reader, fulfilment: manual, stages: [manager], fallback: [fred]}
  - id: desk
    name: Desk
    entitlements:
      - {role: agent, title: Desk agent, fulfilment: manual, stages: [manager]}
`

// An entitlement's own fallback stands instead of the application's, as its owners do.
func TestParse_fallback(t *testing.T) {
	c := parse(t, fallbackText)
	found := func() [][]access.PersonID {
		var all [][]access.PersonID
		for _, e := range c.Entitlements() {
			all = append(all, e.Fallback)
		}
		return all
	}
	want := [][]access.PersonID{{"fay", "finn"}, {"fred"}, nil}
	require.Equal(t, want, found())
	c.Entitlements()[0].Fallback[0] = "x"
	require.Equal(t, want, found(), "a caller cannot change the catalog")

	for name, row := range map[string]struct{ from, to, want string }{
		"nobody, of an application": {
			"[fay, finn]", "[]",
			"applications[0].fallback (line 6): found none, expected at least one; leave the key out for nobody",
		},
		"nobody, of an entitlement": {
			"[fred]", "[]",
			"applications[0].entitlements[1].fallback (line 9): found none, expected at least one; leave the key out for the application's fallback",
		},
		"a person twice": {"[fay, finn]", "[fay, fay]", "applications[0].fallback[1] (line 6): found fay twice, expected each person once"},
		"no name":        {"[fay, finn]", "['']", "applications[0].fallback[0] (line 3): found none, expected text"},
		"no list":        {"[fred]", "fred", `applications[0].entitlements[1].fallback (line 9): found "fred", expected a list (invalid)`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Parse([]byte(strings.Replace(fallbackText, row.from, row.to, 1)))
			require.ErrorContains(t, err, row.want)
			require.Len(t, strings.Split(err.Error(), "\n"), 1)
		})
	}
}

// A catalog without a fallback has the hash that it had before the key was known, so the key changes no requirement's hash.
func TestHash_without_fallback(t *testing.T) {
	hash := parse(t, catalogText).Hash()
	require.Equal(t, "8217d719192d7c9c8cc0a16aefeec3be6a12279600d840eff0b0ba8e07643165", hash)
	require.NotEqual(t, hash, parse(t, strings.Replace(catalogText, "owners: [anna]", "owners: [anna], fallback: [olga]", 1)).Hash())
}

func TestPeople_fallback(t *testing.T) {
	c := parse(t, fallbackText)
	ask := access.Request{Requester: "sue", Subject: "sue"}
	for entitlement, want := range map[access.EntitlementID][]access.PersonID{
		"wiki/editor": {"fay", "finn", "olga", "otto", "sue"},
		"wiki/reader": {"fred", "sue"},
		"desk/agent":  {"sue"},
	} {
		ask.Items = []access.Item{{ID: "1", Entitlement: entitlement}}
		require.Equal(t, want, c.People(ask), entitlement)
	}
}

// TestPeopleOf: who is looked up for a requirement goes by its own stages, whatever stages the catalog has today.
func TestPeopleOf(t *testing.T) {
	need := func(entitlement access.EntitlementID, stages ...string) access.Requirement {
		item := access.ItemRequirement{Item: access.Item{ID: "1", Entitlement: entitlement}}
		for _, stage := range stages {
			item.Stages = append(item.Stages, access.Stage{Name: stage})
		}
		return access.Requirement{
			Requester: access.Person{ID: "rita"}, Subject: access.Person{ID: "sue"}, Filer: access.Person{ID: "fil"},
			Items: []access.ItemRequirement{item},
		}
	}
	c := parse(t, fallbackText)
	require.Equal(t, []access.PersonID{"fay", "fil", "finn", "olga", "otto", "rita", "sue"}, c.PeopleOf(need("wiki/editor", "manager", "owner")))
	require.Equal(t, []access.PersonID{"fay", "fil", "finn", "rita", "sue"}, c.PeopleOf(need("wiki/editor", "manager")), "no owner stage was recorded")
	require.Equal(t, []access.PersonID{"fil", "fred", "olga", "otto", "rita", "sue"}, c.PeopleOf(need("wiki/reader", "owner")), "the catalog has no owner stage any more")
	require.Equal(t, []access.PersonID{"fil", "rita", "sue"}, c.PeopleOf(need("wiki/gone", "manager", "owner")))
	require.Empty(t, c.PeopleOf(access.Requirement{}))
}
