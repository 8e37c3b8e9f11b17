package joined_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
)

// population is people of two sources with keys that are often shared, missing, or spelt in another way.
type population struct{ hr, ad []access.PersonRecord }

// sharedBox begins addresses that several people may have.
const sharedBox = "box"

// newPopulation makes up people. Every value of a record begins with the record's own id.
func newPopulation(r *rand.Rand) population {
	var p population
	keys := make([]string, 0, 30)
	for i := range 30 {
		keys = append(keys, fmt.Sprintf("k%d", i))
	}
	make1 := func(prefix string, i int) access.PersonRecord {
		id := fmt.Sprintf("%s%d", prefix, i)
		rec := access.PersonRecord{
			Person:     access.Person{ID: access.PersonID(id), UserName: id + "-login", Active: r.IntN(8) > 0},
			Attributes: map[string][]string{},
		}
		if r.IntN(3) > 0 {
			rec.Email = id + "@example.com"
		}
		if r.IntN(4) == 0 {
			rec.Email = fmt.Sprintf("%s%d@example.com", sharedBox, r.IntN(6))
		}
		for _, name := range []string{access.AttributeDepartment, access.AttributePhone} {
			if r.IntN(3) > 0 {
				rec.Attributes[name] = []string{id + "-" + name}
			}
		}
		if r.IntN(6) > 0 {
			key := keys[r.IntN(len(keys))]
			if r.IntN(2) == 0 {
				key = strings.ToUpper(key)
			}
			rec.Attributes[number] = []string{key}
		}
		if r.IntN(12) == 0 {
			rec.Attributes[number] = append(rec.Attributes[number], keys[r.IntN(len(keys))])
		}
		return rec
	}
	for i := range r.IntN(25) {
		p.hr = append(p.hr, make1("hr", i))
	}
	for i := range 1 + r.IntN(25) {
		p.ad = append(p.ad, make1("ad", i))
	}
	return p
}

// owners returns the ids of those whose values a person has.
func owners(p access.PersonRecord) []string {
	values := []string{p.UserName, p.DisplayName, p.Email}
	for name, all := range p.Attributes {
		if name != number {
			values = append(values, all...)
		}
	}
	var ids []string
	for _, value := range values {
		id := strings.FieldsFunc(value, func(r rune) bool { return r == '-' || r == '@' })
		if len(id) > 0 && !strings.HasPrefix(id[0], sharedBox) {
			ids = append(ids, id[0])
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// partner returns the only record of the other source that is a person's by the keys, and whether that is certain.
func (p population) partner(of access.PersonRecord) (id string, known bool) {
	having := func(all []access.PersonRecord, key string) (found []access.PersonRecord) {
		for _, one := range all {
			if slices.ContainsFunc(one.Attributes[number], func(k string) bool { return strings.EqualFold(k, key) }) {
				found = append(found, one)
			}
		}
		return found
	}
	distinct := func(p access.PersonRecord) int {
		keys := slices.Clone(p.Attributes[number])
		for i := range keys {
			keys[i] = strings.ToLower(keys[i])
		}
		slices.Sort(keys)
		return len(slices.Compact(keys))
	}
	switch distinct(of) {
	case 0:
		return "", true
	case 1:
	default:
		return "", false
	}
	key := of.Attributes[number][0]
	others, same := having(p.ad, key), having(p.hr, key)
	// Of several people, the key is that of the only one who is here.
	here := slices.DeleteFunc(slices.Clone(same), func(p access.PersonRecord) bool { return !p.Active })
	switch {
	case len(same) > 1 && (!of.Active || len(here) > 1), len(others) > 1, len(others) == 1 && distinct(others[0]) > 1:
		return "", false
	case len(others) == 0:
		return "", true
	}
	return string(others[0].ID), true
}

// Random people of two sources join to the same people whatever the order of the rows is. Nobody has a value of anybody's but their own and those
// of the one record that is theirs by the keys; no record is two people's; whoever is not clear is a problem; and each is looked up and found as
// listed.
func TestPopulations(t *testing.T) {
	c := joined.Config{
		Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: numberKey}},
		Fields:  map[string][]access.SourceName{"user_name": {"ad", "hr"}, "attributes.phone": {"ad"}, "email": {"ad", "hr"}},
	}
	joins, problems, lookedUp := 0, 0, 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 7))
		p := newPopulation(r)
		hr, ad := &script{people: p.hr}, &script{people: p.ad}
		s := join(t, c, hr, ad)
		got, err := list(t, s)
		require.NoError(t, err, "seed %d", seed)
		require.Equal(t, len(p.hr), len(got.people)+len(got.problems), "seed %d: everybody of the first source is listed", seed)
		taken := map[string]access.PersonID{}
		for _, of := range p.hr {
			partner, sure := p.partner(of)
			person, listed := got.people[of.ID]
			require.Equal(t, sure || !of.Active, listed, "seed %d: %s", seed, of.ID)
			found, err := s.Lookup(t.Context(), of.ID)
			if !listed {
				problems++
				require.Equal(t, access.Invalid, access.KindOf(err), "seed %d: %s", seed, of.ID)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, person.Person, found, "seed %d: %s", seed, of.ID)
			lookedUp++
			for _, owner := range owners(person) {
				require.Contains(t, []string{string(of.ID), partner}, owner, "seed %d: %s", seed, of.ID)
			}
			if partner != "" {
				joins++
				require.Empty(t, taken[partner], "seed %d: one record is two people's", seed)
				taken[partner] = of.ID
				require.Equal(t, partner+"-login", person.UserName, "seed %d: %s", seed, of.ID)
			}
			byName, err := s.FindPerson(t.Context(), access.PersonQuery{UserName: strings.ToUpper(person.UserName)})
			require.NoError(t, err, "seed %d: %s", seed, of.ID)
			require.Equal(t, person.Person, byName)
		}
		for range 3 {
			hr.people, ad.people = shuffled(r, p.hr), shuffled(r, p.ad)
			again, err := list(t, s)
			require.NoError(t, err)
			require.Equal(t, got, again, "seed %d: the order of rows does not matter", seed)
		}
	}
	require.Greater(t, joins, 500)
	require.Greater(t, problems, 500)
	require.Greater(t, lookedUp, 500)
}

// Whoever is found by an address is the only one who is listed with it; and whoever is, is found, unless somebody who is not clear may have it, too.
func TestPopulations_found(t *testing.T) {
	c := joined.Config{
		Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: numberKey}},
		Fields:  map[string][]access.SourceName{"email": {"ad", "hr"}},
	}
	found, several := 0, 0
	for seed := range uint64(600) {
		p := newPopulation(rand.New(rand.NewPCG(seed, 8)))
		s := join(t, c, &script{people: p.hr}, &script{people: p.ad})
		got, err := list(t, s)
		require.NoError(t, err)
		for box := range 6 {
			address := fmt.Sprintf("%s%d@example.com", sharedBox, box)
			var having []access.Person
			for _, person := range got.people {
				if person.Email == address {
					having = append(having, person.Person)
				}
			}
			person, err := s.FindPerson(t.Context(), access.PersonQuery{Email: strings.ToUpper(address)})
			if err == nil {
				found++
				require.Equal(t, []access.Person{person}, having, "seed %d: %s", seed, address)
				continue
			}
			require.Equal(t, access.NotFound, access.KindOf(err))
			if len(having) > 1 {
				several++
			}
			require.True(t, len(having) != 1 || len(got.problems) > 0, "seed %d: %s is one person's, and nobody is unclear", seed, address)
		}
	}
	require.Greater(t, found, 100)
	require.Greater(t, several, 100)
}

func shuffled(r *rand.Rand, all []access.PersonRecord) []access.PersonRecord {
	out := slices.Clone(all)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
