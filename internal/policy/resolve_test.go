package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

// staff are the people of these tests: Sue works for Mia.
func staff() map[access.PersonID]access.Person {
	all := map[access.PersonID]access.Person{}
	for _, id := range []access.PersonID{"sue", "mia", "max", "olga", "otto", "fay", "finn", "fred", "rita"} {
		all[id] = access.Person{ID: id, DisplayName: strings.ToUpper(string(id[:1])) + string(id[1:]), Active: true}
	}
	sue := all["sue"]
	sue.Manager = "mia"
	all["sue"] = sue
	return all
}

// running is a request that Rita made for Sue, as it was recorded, and who is there now.
type running struct {
	catalog string
	people  map[access.PersonID]access.Person
	absent  []access.PersonID
	need    access.Requirement
}

func newRunning(stages ...string) *running {
	item := access.ItemRequirement{Item: access.Item{ID: "1", Entitlement: "wiki/editor"}}
	for _, stage := range stages {
		item.Stages = append(item.Stages, access.Stage{Name: stage, Approvers: []access.Person{{ID: "whoever"}}})
	}
	people := staff()
	return &running{catalog: fallbackText, people: people, need: access.Requirement{
		Requester: people["rita"], Subject: people["sue"], Items: []access.ItemRequirement{item},
	}}
}

// reports sets who is the manager of Sue by now.
func (r *running) reports(id access.PersonID) {
	sue := r.people["sue"]
	sue.Manager = id
	r.people["sue"] = sue
}

func (r *running) left(ids ...access.PersonID) {
	for _, id := range ids {
		person := r.people[id]
		person.Active = false
		r.people[id] = person
	}
}

func (r *running) forget(ids ...access.PersonID) {
	for _, id := range ids {
		delete(r.people, id)
	}
}

// noFallback takes the application's fallback out of the catalog.
func (r *running) noFallback() {
	r.catalog = strings.Replace(r.catalog, "    fallback: [fay, finn]\n", "", 1)
}

func (r *running) resolve(t *testing.T) []policy.Resolution {
	t.Helper()
	in := policy.Input{Absent: r.absent}
	for _, person := range r.people {
		in.People = append(in.People, person)
	}
	return parse(t, r.catalog).Resolve(in, r.need)
}

// resolveRow is what has happened since a request began, and who approves its one stage by now.
type resolveRow struct {
	happened func(*running)
	want     []access.PersonID
	fallback bool
	problem  string
}

const fallbackGone = " Nor can the fallback of Wiki editor: Fay is not active, Finn is not active."

func TestResolve_manager(t *testing.T) {
	resolveEach(t, access.StageManager, map[string]resolveRow{
		"nothing": {func(*running) {}, []access.PersonID{"mia"}, false, ""},
		"another manager": {
			func(r *running) { r.reports("max") },
			[]access.PersonID{"max"},
			false, "",
		},
		"another manager, and the one of before has left": {
			func(r *running) { r.reports("max"); r.left("mia") },
			[]access.PersonID{"max"},
			false, "",
		},
		"the manager has left": {
			func(r *running) { r.left("mia") },
			[]access.PersonID{"fay", "finn"},
			true, "",
		},
		"the manager has left, no fallback": {
			func(r *running) { r.left("mia"); r.noFallback() },
			nil, false, "The manager of Sue, Mia, is not active, so nobody can approve as manager.",
		},
		"the manager is absent": {
			func(r *running) { r.absent = []access.PersonID{"mia"}; r.noFallback() },
			nil, false, "The manager of Sue, Mia, is not active, so nobody can approve as manager.",
		},
		"the manager is absent, and one of the fallback": {
			func(r *running) { r.absent = []access.PersonID{"mia", "fay"} },
			[]access.PersonID{"finn"},
			true, "",
		},
		"no manager": {
			func(r *running) { r.reports(""); r.left("fay", "finn") },
			nil, false, "The identity source names no manager of Sue, so nobody can approve as manager." + fallbackGone,
		},
		"a manager who is unknown": {
			func(r *running) { r.forget("mia"); r.left("fay", "finn") },
			nil, false, `The manager of Sue, "mia", is unknown to the identity source, so nobody can approve as manager.` + fallbackGone,
		},
		"the subject is their own manager": {
			func(r *running) { r.reports("sue"); r.left("fay", "finn") },
			nil, false, "The identity source names Sue as the manager of the same person, so nobody can approve as manager." + fallbackGone,
		},
		"the manager is the requester": {
			func(r *running) { r.reports("rita"); r.left("fay", "finn") },
			nil, false, "The manager of Sue, Rita, is the requester, so nobody can approve as manager." + fallbackGone,
		},
		"the manager has filed the request": {
			func(r *running) { r.need.Filer = r.people["mia"]; r.left("fay", "finn") },
			nil, false, "The manager of Sue, Mia, has filed this request, so nobody can approve as manager." + fallbackGone,
		},
		"the subject is unknown": {
			func(r *running) { r.forget("sue"); r.left("fay", "finn") },
			nil, false, `The subject, "sue", is unknown to the identity source, so nobody can approve as manager.` + fallbackGone,
		},
		"the subject has left": {
			func(r *running) { r.left("sue") },
			[]access.PersonID{"mia"},
			false, "",
		},
	})
}

func TestResolve_owner(t *testing.T) {
	resolveEach(t, access.StageOwner, map[string]resolveRow{
		"nothing":            {func(*running) {}, []access.PersonID{"olga", "otto"}, false, ""},
		"an owner has left":  {func(r *running) { r.left("olga") }, []access.PersonID{"otto"}, false, ""},
		"an owner is absent": {func(r *running) { r.absent = []access.PersonID{"otto"} }, []access.PersonID{"olga"}, false, ""},
		"the owners are others": {
			func(r *running) { r.catalog = strings.Replace(r.catalog, "[olga, otto]", "[max, olga]", 1) },
			[]access.PersonID{"max", "olga"},
			false, "",
		},
		"all owners have left": {
			func(r *running) { r.left("olga"); r.forget("otto") },
			[]access.PersonID{"fay", "finn"},
			true, "",
		},
		"all owners have left, no fallback": {
			func(r *running) { r.left("olga"); r.forget("otto"); r.noFallback() },
			nil, false, `Nobody can approve Wiki editor as owner: Olga is not active, "otto" is unknown to the identity source.`,
		},
		"nobody of the fallback can": {
			func(r *running) {
				r.catalog = strings.Replace(r.catalog, "[fay, finn]", "[fay, finn, sue, rita, fred]", 1)
				r.left("olga", "otto", "fay")
				r.forget("finn")
				r.need.Filer = r.people["fred"]
			},
			nil, false, "Nobody can approve Wiki editor as owner: Olga is not active, Otto is not active. Nor can the fallback of Wiki editor: " +
				`Fay is not active, "finn" is unknown to the identity source, Sue is the subject, Rita is the requester, Fred has filed this request.`,
		},
		"one of the fallback can": {
			func(r *running) {
				r.catalog = strings.Replace(r.catalog, "[fay, finn]", "[fay, finn, sue, rita, max]", 1)
				r.left("olga", "otto", "fay")
				r.forget("finn")
			},
			[]access.PersonID{"max"},
			true, "",
		},
		"no owners any more": {
			func(r *running) {
				r.catalog = strings.Replace(r.catalog, "    owners: [olga, otto]\n", "", 1)
				r.catalog = strings.Replace(r.catalog, "[manager, owner]", "[manager]", 1)
			},
			[]access.PersonID{"fay", "finn"},
			true, "",
		},
		"no owners any more, no fallback": {
			func(r *running) {
				r.catalog = strings.Replace(r.catalog, "    owners: [olga, otto]\n", "", 1)
				r.catalog = strings.Replace(r.catalog, "[manager, owner]", "[manager]", 1)
				r.noFallback()
			},
			nil, false, "Nobody can approve Wiki editor as owner: the catalog names none.",
		},
		"no such entitlement any more": {
			func(r *running) { r.catalog = strings.Replace(r.catalog, "role: editor", "role: writer", 1) },
			nil, false, "The catalog does not have wiki/editor any more, so nobody can approve as owner.",
		},
	})
}

func resolveEach(t *testing.T, stage string, rows map[string]resolveRow) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			r := newRunning(stage)
			row.happened(r)
			found := r.resolve(t)
			require.Len(t, found, 1)
			require.Equal(t, access.ItemID("1"), found[0].Item)
			require.Equal(t, stage, found[0].Stage)
			require.Equal(t, row.want, ids(found[0].Approvers))
			require.Equal(t, row.fallback, found[0].Fallback)
			require.Equal(t, row.problem, found[0].Problem)
		})
	}
}

func ids(people []access.Person) []access.PersonID {
	var all []access.PersonID
	for _, person := range people {
		all = append(all, person.ID)
	}
	return all
}

// TestResolve_stages: every stage that was recorded has an answer, in the requirement's order, and no other has.
func TestResolve_stages(t *testing.T) {
	r := newRunning(access.StageOwner, access.StageManager)
	r.need.Items = append(r.need.Items,
		access.ItemRequirement{Item: access.Item{ID: "2", Entitlement: "wiki/gone"}, Stages: []access.Stage{{Name: "manager"}, {Name: "owner"}}},
		access.ItemRequirement{Item: access.Item{ID: "3", Entitlement: "wiki/editor"}, Stages: []access.Stage{{Name: "manager"}}},
	)
	want := []policy.Resolution{
		{Item: "1", Stage: "owner", Approvers: []access.Person{r.people["olga"], r.people["otto"]}},
		{Item: "1", Stage: "manager", Approvers: []access.Person{r.people["mia"]}},
		{Item: "2", Stage: "manager", Problem: "The catalog does not have wiki/gone any more, so nobody can approve as manager."},
		{Item: "2", Stage: "owner", Problem: "The catalog does not have wiki/gone any more, so nobody can approve as owner."},
		{Item: "3", Stage: "manager", Approvers: []access.Person{r.people["mia"]}},
	}
	require.Equal(t, want, r.resolve(t))
	r.need.Items = nil
	require.Empty(t, r.resolve(t))
}

// company is a generated catalog with one entitlement, people, and a request.
type company struct {
	catalog  *policy.Catalog
	in       policy.Input
	owners   []access.PersonID
	fallback []access.PersonID
	stages   []string
}

func newCompany(t *testing.T, random *rand.Rand) company {
	t.Helper()
	all := []access.PersonID{"a", "b", "c", "d", "e", "f"}
	some := func(most int) []access.PersonID {
		mixed := slices.Clone(all)
		random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		return mixed[:random.IntN(most+1)]
	}
	one := func() access.PersonID { return all[random.IntN(len(all))] }
	c := company{owners: append([]access.PersonID{one()}, "x"), fallback: some(3)}
	c.stages = [][]string{{"manager"}, {"owner"}, {"manager", "owner"}, {"owner", "manager"}}[random.IntN(4)]
	text := fmt.Sprintf("applications: [{id: w, name: W, entitlements: [{role: r, title: R, fulfilment: manual, stages: [%s], owners: [%s]%s}]}]",
		strings.Join(c.stages, ", "), list(c.owners), fallbackKey(c.fallback))
	c.catalog = parse(t, text)
	for _, id := range all {
		person := access.Person{ID: id, Active: random.IntN(4) > 0, Manager: []access.PersonID{one(), one(), one(), "", "x"}[random.IntN(5)]}
		if random.IntN(8) > 0 {
			c.in.People = append(c.in.People, person)
		}
	}
	c.in.Absent = some(2)
	c.in.Request = access.Request{
		ID: "r", Requester: one(), Subject: one(), Reason: "why", Items: []access.Item{{ID: "1", Entitlement: "w/r"}},
	}
	if random.IntN(2) == 0 {
		c.in.Request.Origin = &access.Origin{Filer: one()}
	}
	return c
}

func list(people []access.PersonID) string {
	words := make([]string, len(people))
	for i, id := range people {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}

func fallbackKey(people []access.PersonID) string {
	if len(people) == 0 {
		return ""
	}
	return ", fallback: [" + list(people) + "]"
}

// can reports whether somebody may approve anything of the request.
func (c company) can(id access.PersonID) bool {
	r := c.in.Request
	if id == r.Requester || id == r.Subject || (r.Origin != nil && id == r.Origin.Filer) || slices.Contains(c.in.Absent, id) {
		return false
	}
	return slices.ContainsFunc(c.in.People, func(p access.Person) bool { return p.ID == id && p.Active })
}

// want returns who approves a stage, found in another way than policy does.
func (c company) want(stage string) (found []access.PersonID, fallback bool) {
	first := c.owners
	if stage == access.StageManager {
		first = nil
		for _, p := range c.in.People {
			if p.ID == c.in.Request.Subject {
				first = []access.PersonID{p.Manager}
			}
		}
	}
	for i, group := range [][]access.PersonID{first, c.fallback} {
		for _, id := range group {
			if c.can(id) {
				found, fallback = append(found, id), i == 1
			}
		}
		if len(found) > 0 {
			return found, fallback
		}
	}
	return nil, false
}

// need is the requirement of the company's request, as if it had been submitted when everybody could approve.
func (c company) need() access.Requirement {
	item := access.ItemRequirement{Item: c.in.Request.Items[0]}
	for _, stage := range c.stages {
		item.Stages = append(item.Stages, access.Stage{Name: stage, Approvers: []access.Person{{ID: "before"}}})
	}
	need := access.Requirement{
		Requester: access.Person{ID: c.in.Request.Requester}, Subject: access.Person{ID: c.in.Request.Subject}, Items: []access.ItemRequirement{item},
	}
	if c.in.Request.Origin != nil {
		need.Filer.ID = c.in.Request.Origin.Filer
	}
	return need
}

// TestResolve_companies holds, for many generated companies, that whoever is found can approve, that nobody is passed over, and that
// Evaluate and Resolve find the same people.
func TestResolve_companies(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 20000 {
		c := newCompany(t, random)
		asked := c.in
		c.in.Request = access.Request{}
		found := c.catalog.Resolve(c.in, company{in: asked, stages: c.stages}.need())
		c.in = asked
		require.Len(t, found, len(c.stages))
		stuck := false
		for i, stage := range c.stages {
			want, fallback := c.want(stage)
			require.Equal(t, want, ids(found[i].Approvers), "%s of %+v", stage, c)
			require.Equal(t, fallback, found[i].Fallback)
			require.Equal(t, len(want) == 0, found[i].Problem != "")
			for _, person := range found[i].Approvers {
				require.True(t, c.can(person.ID), "%s of %+v", person.ID, c)
			}
			stuck = stuck || len(want) == 0
			seen[fmt.Sprintf("%s, fallback: %v, nobody: %v", stage, fallback, len(want) == 0)]++
		}
		need, refusals := c.catalog.Evaluate(c.in)
		if stuck {
			require.NotEmpty(t, refusals)
			continue
		}
		if len(refusals) > 0 {
			require.NotContains(t, fmt.Sprint(refusals), "can approve", "somebody can approve each stage")
			continue
		}
		seen["accepted"]++
		require.Equal(t, found, c.catalog.Resolve(c.in, need))
		for i, stage := range need.Items[0].Stages {
			require.Equal(t, found[i].Stage, stage.Name)
			require.Equal(t, found[i].Approvers, stage.Approvers)
		}
	}
	for _, stage := range []string{"manager", "owner"} {
		for _, how := range []string{"fallback: false, nobody: false", "fallback: true, nobody: false", "fallback: false, nobody: true"} {
			require.Greater(t, seen[stage+", "+how], 1000)
		}
	}
	require.Greater(t, seen["accepted"], 1000)
	t.Logf("%v", seen)
}
