package usersync_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// population is people and users of a desk, made at random of few names, so that they meet.
type population struct{ random *rand.Rand }

func (p population) of(values ...string) string { return values[p.random.IntN(len(values))] }

func (p population) person(i int) access.KnownPerson {
	name := p.of("", fmt.Sprint("n", p.random.IntN(12)), fmt.Sprint("N", p.random.IntN(12)), "svc-1")
	k := access.KnownPerson{
		State: access.PersonState(p.of("present", "present", "present", "left", "expected")),
		Record: access.PersonRecord{Person: access.Person{
			ID: idOf(i), UserName: name, DisplayName: p.of("A", "B", ""), Email: p.of("", fmt.Sprintf("n%d@example.com", p.random.IntN(12)), fmt.Sprintf("N%d@Example.com", p.random.IntN(12))),
			Manager: access.PersonID(p.of("", string(idOf(p.random.IntN(12))))), Active: true,
		}, Attributes: map[string][]string{}},
	}
	if d := p.of("", "X", "Y"); d != "" {
		k.Record.Attributes[access.AttributeDepartment] = []string{d}
	}
	return k
}

func (p population) user() access.DeskUser {
	u := access.DeskUser{Active: p.random.IntN(3) > 0, Person: access.PersonID(p.of("", "", "", string(idOf(p.random.IntN(12))))), Values: map[string]string{}}
	for name, value := range map[string]string{
		access.UserFieldName: p.of(fmt.Sprint("n", p.random.IntN(20)), fmt.Sprint("svc-", p.random.IntN(3))), access.UserFieldEmail: p.of("", fmt.Sprintf("n%d@example.com", p.random.IntN(12))),
		"department": p.of("", "X", "Z"),
	} {
		if value != "" {
			u.Values[name] = value
		}
	}
	return u
}

// Whatever people and users there are, and however they change: once a plan is applied and managers have their users, the next one writes nothing;
// nobody protected is touched; nobody is linked to a user of somebody else, nor two people to one; and no user is switched off whose person has
// not left.
func TestUserSync_random_populations(t *testing.T) {
	seeds := 16
	if raceDetector {
		// What could race is the same in each.
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := population{rand.New(rand.NewPCG(7, uint64(seed)))}
			o := newOffice(t, 0)
			o.settings.Brakes.DeactivationsShare, o.settings.Brakes.FieldShare, o.settings.Brakes.MissingShare = 1, 1, 1
			// A group that is empty has no share.
			o.settings.Brakes.Floor = 12
			taken := map[string]bool{}
			o.groups()
			members := map[string][]access.UserID{}
			for range p.random.IntN(12) {
				if u := p.user(); !taken[u.Values[access.UserFieldName]] {
					taken[u.Values[access.UserFieldName]] = true
					group := p.of(department, chiefs, "")
					members[group] = append(members[group], o.users.Put(u).ID)
				}
			}
			for _, name := range []string{department, chiefs} {
				o.users.PutGroup(name, members[name]...)
			}
			for round := range 3 {
				for i := range 12 {
					if round == 0 || p.random.IntN(3) == 0 {
						o.put(p.person(i))
					}
				}
				before := o.users.All()
				// A name that one user gives up is free for another in the next plan only; each plan frees at least one.
				for range 6 {
					o.ends()
				}
				writes := o.users.Writes()
				o.ends()
				require.Equal(t, writes, o.users.Writes(), "a plan after the last one writes")
				o.holdsTrue(t, before)
				o.groupsHoldTrue(t, members)
			}
		})
	}
}

// groupsHoldTrue checks that only those came into a group who are to be in it, and that only users of people went. was is who was in it at first.
func (o *office) groupsHoldTrue(t *testing.T, was map[string][]access.UserID) {
	t.Helper()
	reports := map[access.PersonID]bool{}
	for _, p := range o.people {
		reports[p.Record.Manager] = reports[p.Record.Manager] || (p.State != access.PersonLeft && p.Record.Manager != p.Record.ID)
	}
	for _, name := range []string{department, chiefs} {
		now := o.users.Members(name)
		for _, u := range o.users.All() {
			links, err := o.ledger.DeskLinksOf(t.Context(), it, []access.UserID{u.ID})
			require.NoError(t, err)
			is, before := slices.Contains(now, u.ID), slices.Contains(was[name], u.ID)
			if len(links) == 0 && u.Person == "" || o.settings.Guard.Protects(u) != "" {
				require.Equalf(t, before, is, "%s: somebody whom usher does not touch comes or goes: %+v", name, u)
				continue
			}
			if !is || before {
				continue
			}
			person := o.people[links[0].Person]
			require.Equal(t, access.PersonPresent, person.State)
			belongs := reports[person.Record.ID]
			if name == department {
				belongs = slices.Contains(person.Record.Attributes[access.AttributeDepartment], "X")
			}
			require.Truef(t, belongs, "%s has somebody who is not to be in it: %+v", name, person)
		}
		was[name] = now
	}
}

// holdsTrue checks what must be so whatever there was.
func (o *office) holdsTrue(t *testing.T, before []access.DeskUser) {
	t.Helper()
	var ids []access.PersonID
	for id := range o.people {
		ids = append(ids, id)
	}
	links, err := o.ledger.DeskLinks(t.Context(), it, ids)
	require.NoError(t, err)
	personOf := map[access.UserID]access.PersonID{}
	for _, l := range links {
		require.Empty(t, personOf[l.User], "two people have one user")
		personOf[l.User] = l.Person
	}
	was := map[access.UserID]access.DeskUser{}
	for _, u := range before {
		was[u.ID] = u
	}
	for _, u := range o.users.All() {
		if old, there := was[u.ID]; there && o.settings.Guard.Protects(old) != "" {
			require.Equal(t, old, u, "a protected user is touched")
		}
		if old := was[u.ID]; old.Active && !u.Active {
			person := personOrField(personOf, u)
			// Whoever is expected and has a user was here before.
			linked := slices.ContainsFunc(links, func(l access.DeskLink) bool { return l.Person == person })
			state := o.people[person].State
			require.Truef(t, state == access.PersonLeft || (state == access.PersonExpected && linked), "somebody is switched off who is %s: %+v", state, u)
		}
		if person := personOf[u.ID]; person != "" && u.Person != "" {
			require.Equal(t, u.Person, person)
		}
	}
}

func personOrField(linked map[access.UserID]access.PersonID, u access.DeskUser) access.PersonID {
	if p := linked[u.ID]; p != "" {
		return p
	}
	return u.Person
}

// The order in which a source lists its people, and a desk its users, means nothing: plans go by ids.
func TestUserSync_order_means_nothing(t *testing.T) {
	var plans []map[access.PersonID]access.SyncRow
	for seed := range 3 {
		o := newOffice(t, 0)
		users := rand.New(rand.NewPCG(1, 1))
		p := population{users}
		var all []access.DeskUser
		for i := range 15 {
			u := p.user()
			u.ID = access.UserID(fmt.Sprintf("user-%d", 100+i))
			all = append(all, u)
		}
		var people []access.KnownPerson
		for i := range 12 {
			people = append(people, p.person(i))
		}
		order := rand.New(rand.NewPCG(uint64(seed), 9))
		order.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		order.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
		for _, u := range all {
			o.users.Put(u)
		}
		for _, k := range people {
			o.put(k)
		}
		run, err := o.run(workflows.UserSyncParams{Dry: true})
		require.NoError(t, err)
		plans = append(plans, o.rows(run))
	}
	require.NotEmpty(t, plans[0])
	require.Equal(t, plans[0], plans[1])
	require.Equal(t, plans[0], plans[2])
}
