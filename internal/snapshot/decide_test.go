package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/snapshot"
)

const today access.Date = "2026-11-28"

func rules() snapshot.Rules {
	return snapshot.Rules{Today: today, Whole: true, MissingListings: 3, MoverFields: []string{"manager", "attributes.department"}}
}

func ada(change func(*access.PersonRecord)) access.PersonRecord {
	p := access.PersonRecord{
		Person:     access.Person{ID: "ada", UserName: "ada", Manager: "mia", Active: true},
		Attributes: map[string][]string{"department": {"Research"}, "skills": {"go", "sql"}},
	}
	if change != nil {
		change(&p)
	}
	return p
}

func listed(change func(*access.PersonRecord)) access.ListedPerson {
	p := ada(change)
	return access.ListedPerson{Record: &p}
}

func known(state access.PersonState, change func(*access.KnownPerson)) *access.KnownPerson {
	k := &access.KnownPerson{Record: ada(nil), State: state, Joined: true}
	if change != nil {
		change(k)
	}
	return k
}

func TestDecide(t *testing.T) {
	inactive := func(p *access.PersonRecord) { p.Active = false }
	later := func(p *access.PersonRecord) { p.Starts = "2026-11-29" }
	begun := func(p *access.PersonRecord) { p.Starts = today }
	ended := func(p *access.PersonRecord) { p.Ends = "2026-11-27" }
	lastDay := func(p *access.PersonRecord) { p.Ends = today }
	missed := func(n int) func(*access.KnownPerson) { return func(k *access.KnownPerson) { k.Misses = n } }
	neverHere := func(k *access.KnownPerson) { k.Joined = false }
	for name, row := range map[string]struct {
		known  *access.KnownPerson
		listed access.ListedPerson
		parts  bool
		class  access.PersonClass
		reason string
		state  access.PersonState
		misses int
		fields []string
	}{
		"new":                      {nil, listed(nil), false, "joiner", "", "present", 0, nil},
		"new, from today":          {nil, listed(begun), false, "joiner", "", "present", 0, nil},
		"new, last day":            {nil, listed(lastDay), false, "joiner", "", "present", 0, nil},
		"new, from tomorrow":       {nil, listed(later), false, "recorded", "the employment begins on 2026-11-29", "expected", 0, nil},
		"new, inactive":            {nil, listed(inactive), false, "recorded", "is inactive in the source", "left", 0, nil},
		"new, ended":               {nil, listed(ended), false, "recorded", "the employment ended on 2026-11-27", "left", 0, nil},
		"new, unreadable":          {nil, access.ListedPerson{Problem: true}, false, "unchanged", "", "", 0, nil},
		"new, gone":                {nil, access.ListedPerson{Gone: true}, true, "unchanged", "", "", 0, nil},
		"expected, still":          {known("expected", func(k *access.KnownPerson) { k.Joined, k.Record = false, ada(later) }), listed(later), false, "unchanged", "", "expected", 0, nil},
		"expected, present":        {known("expected", neverHere), listed(nil), false, "joiner", "", "present", 0, nil},
		"expected, inactive":       {known("expected", neverHere), listed(inactive), false, "recorded", "is inactive in the source", "left", 0, []string{"active"}},
		"expected, gone":           {known("expected", neverHere), access.ListedPerson{Gone: true}, true, "recorded", "the source does not have the person any more", "left", 0, nil},
		"expected, missing":        {known("expected", neverHere), access.ListedPerson{}, false, "missing", "is missing in 1 of 3 listings", "expected", 1, nil},
		"present, same":            {known("present", nil), listed(nil), false, "unchanged", "", "present", 0, nil},
		"present, values in turn":  {known("present", nil), listed(func(p *access.PersonRecord) { p.Attributes["skills"] = []string{"sql", "go"} }), false, "unchanged", "", "present", 0, nil},
		"present, renamed":         {known("present", nil), listed(func(p *access.PersonRecord) { p.UserName = "ada.l" }), false, "changed", "", "present", 0, []string{"user_name"}},
		"present, another boss":    {known("present", nil), listed(func(p *access.PersonRecord) { p.Manager = "tom" }), false, "mover", "", "present", 0, []string{"manager"}},
		"present, no department":   {known("present", nil), listed(func(p *access.PersonRecord) { delete(p.Attributes, "department") }), false, "mover", "", "present", 0, []string{"attributes.department"}},
		"present, more skills":     {known("present", nil), listed(func(p *access.PersonRecord) { p.Attributes["new"] = []string{"x"} }), false, "changed", "", "present", 0, []string{"attributes.new"}},
		"present, inactive":        {known("present", nil), listed(inactive), false, "leaver", "is inactive in the source", "left", 0, []string{"active"}},
		"present, ended":           {known("present", nil), listed(ended), false, "leaver", "the employment ended on 2026-11-27", "left", 0, []string{"ends"}},
		"present, later":           {known("present", nil), listed(later), false, "leaver", "the employment begins on 2026-11-29", "expected", 0, []string{"starts"}},
		"present, gone":            {known("present", nil), access.ListedPerson{Gone: true}, true, "leaver", "the source does not have the person any more", "left", 0, nil},
		"present, missing":         {known("present", nil), access.ListedPerson{}, false, "missing", "is missing in 1 of 3 listings", "present", 1, nil},
		"present, missing again":   {known("present", missed(1)), access.ListedPerson{}, false, "missing", "is missing in 2 of 3 listings", "present", 2, nil},
		"present, missing thrice":  {known("present", missed(2)), access.ListedPerson{}, false, "leaver", "is missing in 3 listings in a row", "left", 0, nil},
		"present, no change told":  {known("present", missed(2)), access.ListedPerson{}, true, "unchanged", "", "present", 2, nil},
		"present, unreadable":      {known("present", missed(2)), access.ListedPerson{Problem: true}, false, "recorded", "is listed again", "present", 0, nil},
		"present, there again":     {known("present", missed(2)), listed(nil), false, "recorded", "is listed again", "present", 0, nil},
		"left, back":               {known("left", nil), listed(nil), false, "returner", "", "present", 0, nil},
		"left, first time":         {known("left", neverHere), listed(nil), false, "joiner", "", "present", 0, nil},
		"left, still":              {known("left", func(k *access.KnownPerson) { k.Record = ada(inactive) }), listed(inactive), false, "unchanged", "", "left", 0, nil},
		"left, another record":     {known("left", nil), listed(ended), false, "recorded", "", "left", 0, []string{"ends"}},
		"left, back later":         {known("left", nil), listed(later), false, "recorded", "the employment begins on 2026-11-29", "expected", 0, []string{"starts"}},
		"left, missing":            {known("left", nil), access.ListedPerson{}, false, "unchanged", "", "left", 0, nil},
		"expected, begins":         {known("expected", func(k *access.KnownPerson) { k.Joined, k.Record = false, ada(begun) }), access.ListedPerson{}, true, "joiner", "", "present", 0, nil},
		"present, ends":            {known("present", func(k *access.KnownPerson) { k.Record, k.Misses = ada(ended), 1 }), access.ListedPerson{}, true, "leaver", "the employment ended on 2026-11-27", "left", 0, nil},
		"present, ends unread":     {known("present", func(k *access.KnownPerson) { k.Record = ada(ended) }), access.ListedPerson{Problem: true}, false, "unchanged", "", "present", 0, nil},
		"present, ends unread now": {known("present", func(k *access.KnownPerson) { k.Record, k.Misses = ada(ended), 1 }), access.ListedPerson{Problem: true}, true, "recorded", "is listed again", "present", 0, nil},
		"expected, begins unread":  {known("expected", func(k *access.KnownPerson) { k.Joined, k.Record = false, ada(begun) }), access.ListedPerson{Problem: true}, true, "unchanged", "", "expected", 0, nil},
		"present, ends missing":    {known("present", func(k *access.KnownPerson) { k.Record = ada(ended) }), access.ListedPerson{}, false, "leaver", "the employment ended on 2026-11-27", "left", 0, nil},
		"expected, begins unseen":  {known("expected", func(k *access.KnownPerson) { k.Joined, k.Misses, k.Record = false, 2, ada(begun) }), access.ListedPerson{}, true, "joiner", "", "present", 2, nil},
		"expected, begins, gone":   {known("expected", func(k *access.KnownPerson) { k.Joined, k.Record = false, ada(begun) }), access.ListedPerson{}, false, "missing", "is missing in 1 of 3 listings", "expected", 1, nil},
		"left, not listed":         {known("left", nil), access.ListedPerson{}, true, "unchanged", "", "left", 0, nil},
		"left, unreadable":         {known("left", nil), access.ListedPerson{Problem: true}, false, "unchanged", "", "left", 0, nil},
		"left, gone":               {known("left", nil), access.ListedPerson{Gone: true}, true, "unchanged", "", "left", 0, nil},
		"new, out of scope":        {nil, access.ListedPerson{OutOfScope: true}, false, "unchanged", "", "", 0, nil},
		"expected, out of scope":   {known("expected", neverHere), access.ListedPerson{OutOfScope: true}, false, "recorded", "is out of scope", "left", 0, nil},
		"expected, out, begins":    {known("expected", func(k *access.KnownPerson) { k.Joined, k.Misses, k.Record = false, 1, ada(begun) }), access.ListedPerson{OutOfScope: true}, true, "recorded", "is out of scope", "left", 0, nil},
		"present, out of scope":    {known("present", missed(1)), access.ListedPerson{OutOfScope: true}, false, "missing", "is out of scope or missing in 2 of 3 listings", "present", 2, nil},
		"present, out thrice":      {known("present", missed(2)), access.ListedPerson{OutOfScope: true}, false, "leaver", "is out of scope or missing in 3 listings in a row", "left", 0, nil},
		"present, out by a change": {known("present", missed(2)), access.ListedPerson{OutOfScope: true}, true, "unchanged", "", "present", 2, nil},
		"present, ends out":        {known("present", func(k *access.KnownPerson) { k.Record = ada(ended) }), access.ListedPerson{OutOfScope: true}, true, "leaver", "the employment ended on 2026-11-27", "left", 0, nil},
		"left, out of scope":       {known("left", nil), access.ListedPerson{OutOfScope: true}, false, "unchanged", "", "left", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := rules()
			r.Whole = !row.parts
			c := r.Decide("ada", row.known, row.listed)
			require.Equal(t, row.class, c.Class)
			require.Equal(t, row.reason, c.Reason)
			require.Equal(t, row.state, c.After.State)
			require.Equal(t, row.misses, c.After.Misses)
			require.Equal(t, row.fields, c.Fields)
			require.Equal(t, row.listed.Record != nil || row.listed.Problem, c.Listed)
		})
	}
}

// The last day of an employment moved, and the new one cannot be read: nobody leaves by the old one.
func TestDecide_unreadable_row_does_not_leave(t *testing.T) {
	known := known("present", func(k *access.KnownPerson) { k.Record = ada(func(p *access.PersonRecord) { p.Ends = "2026-11-27" }) })
	for _, whole := range []bool{true, false} {
		r := rules()
		r.Whole = whole
		c := r.Decide("ada", known, access.ListedPerson{Problem: true})
		require.Equal(t, access.ClassUnchanged, c.Class)
		require.Equal(t, *known, c.After)
	}
}

// population is a random company, and what a later listing has of it.
type population struct {
	rand  *rand.Rand
	known map[access.PersonID]*access.KnownPerson
}

func (p *population) record(id access.PersonID) access.PersonRecord {
	r := access.PersonRecord{Person: access.Person{
		ID: id, UserName: string(id), Manager: access.PersonID(fmt.Sprintf("p%d", p.rand.IntN(5))), Active: p.rand.IntN(6) > 0,
	}}
	if p.rand.IntN(3) > 0 {
		r.Attributes = map[string][]string{"department": {fmt.Sprint(p.rand.IntN(3))}}
	}
	days := []access.Date{"", "", "2026-11-27", today, "2026-11-29"}
	r.Starts, r.Ends = days[p.rand.IntN(len(days))], days[p.rand.IntN(len(days))]
	return r
}

func (p *population) listing() map[access.PersonID]access.ListedPerson {
	all := map[access.PersonID]access.ListedPerson{}
	for i := range 40 {
		id := access.PersonID(fmt.Sprintf("p%d", i))
		switch p.rand.IntN(8) {
		case 0:
		case 1:
			all[id] = access.ListedPerson{Problem: true}
		default:
			r := p.record(id)
			all[id] = access.ListedPerson{Record: &r}
		}
	}
	return all
}

// apply plans a listing, in the order of ids, and applies what is not held.
func (p *population) apply(r snapshot.Rules, b snapshot.Brakes, all map[access.PersonID]access.ListedPerson, ids []access.PersonID) (changes []access.PersonChange, held []access.PeopleHold) {
	counts := access.PeopleCounts{Listed: len(all)}
	for _, id := range ids {
		c := r.Decide(id, p.known[id], all[id])
		b.Add(&counts, p.known[id], c, r.Whole && all[id] == access.ListedPerson{})
		changes = append(changes, c)
	}
	held = b.Holds(counts, false)
	for _, c := range changes {
		if c.Class != access.ClassUnchanged && !holds(b, held, c) {
			after := c.After
			p.known[c.Person] = &after
		}
	}
	return changes, held
}

func (p *population) ids(all map[access.PersonID]access.ListedPerson) []access.PersonID {
	seen := map[access.PersonID]bool{}
	for id := range all {
		seen[id] = true
	}
	for id := range p.known {
		seen[id] = true
	}
	var ids []access.PersonID
	for id := range seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func TestDecide_random_populations(t *testing.T) {
	open := snapshot.Brakes{LeaversCount: 1000, LeaversShare: 1, ShrunkShare: 1, FieldShare: 1}
	for seed := range uint64(300) {
		p := &population{rand: rand.New(rand.NewPCG(seed, 1)), known: map[access.PersonID]*access.KnownPerson{}}
		for range 3 {
			all := p.listing()
			before := map[access.PersonID]access.PersonState{}
			for id, k := range p.known {
				before[id] = k.State
			}
			changes, held := p.apply(rules(), open, all, p.ids(all))
			require.Empty(t, held, "seed %d", seed)
			for _, c := range changes {
				if c.Class == access.ClassLeaver {
					require.Equal(t, access.PersonPresent, before[c.Person], "seed %d: only who was present can leave", seed)
					require.NotEqual(t, access.PersonPresent, c.After.State)
					require.NotEmpty(t, c.Reason)
				}
			}
			again, _ := p.apply(snapshot.Rules{Today: today, MissingListings: 3, MoverFields: rules().MoverFields}, open, all, p.ids(all))
			for _, c := range again {
				require.Equal(t, access.ClassUnchanged, c.Class, "seed %d: %s: a plan of the same listing is empty", seed, c.Person)
			}
		}
	}
}

func TestDecide_order_of_people(t *testing.T) {
	brakes := snapshot.Brakes{LeaversCount: 3, LeaversShare: 0.1, ShrunkShare: 0.1, FieldShare: 0.1, Floor: 2, Protected: []string{"p1*"}}
	for seed := range uint64(100) {
		var results []map[access.PersonID]*access.KnownPerson
		for _, turn := range []bool{false, true} {
			p := &population{rand: rand.New(rand.NewPCG(seed, 2)), known: map[access.PersonID]*access.KnownPerson{}}
			for range 3 {
				all := p.listing()
				ids := p.ids(all)
				if turn {
					slices.Reverse(ids)
				}
				_, _ = p.apply(rules(), brakes, all, ids)
			}
			results = append(results, p.known)
		}
		require.Equal(t, results[0], results[1], "seed %d", seed)
	}
}

func TestDecide_protected_people_stay(t *testing.T) {
	brakes := snapshot.Brakes{LeaversCount: 1000, LeaversShare: 1, ShrunkShare: 1, FieldShare: 1, Protected: []string{"P1?"}}
	left := 0
	for seed := range uint64(100) {
		p := &population{rand: rand.New(rand.NewPCG(seed, 3)), known: map[access.PersonID]*access.KnownPerson{}}
		for range 4 {
			all := p.listing()
			present := map[access.PersonID]bool{}
			for id, k := range p.known {
				present[id] = k.State == access.PersonPresent
			}
			_, _ = p.apply(rules(), brakes, all, p.ids(all))
			for id, was := range present {
				isLeft := was && p.known[id].State != access.PersonPresent
				if len(id) == 3 && id[1] == '1' {
					require.False(t, isLeft, "seed %d: %s is protected", seed, id)
				} else if isLeft {
					left++
				}
			}
		}
	}
	require.Positive(t, left, "others do leave")
}

func TestSame(t *testing.T) {
	decide := func(change func(*access.PersonRecord)) access.PersonChange {
		return rules().Decide("ada", known("present", nil), listed(change))
	}
	boss := func(name access.PersonID) func(*access.PersonRecord) {
		return func(p *access.PersonRecord) { p.Manager = name }
	}
	leaves := decide(func(p *access.PersonRecord) { p.Active = false })
	for name, row := range map[string]struct {
		a, b access.PersonChange
		same bool
	}{
		"the same boss":       {decide(boss("tom")), decide(boss("tom")), true},
		"another boss":        {decide(boss("tom")), decide(boss("eve")), false},
		"no boss":             {decide(boss("tom")), decide(boss("")), false},
		"another field too":   {decide(boss("tom")), decide(func(p *access.PersonRecord) { p.Manager, p.Email = "tom", "x" }), false},
		"another class":       {decide(boss("tom")), leaves, false},
		"leaves, and renamed": {leaves, decide(func(p *access.PersonRecord) { p.Active, p.UserName = false, "x" }), true},
		"skills in turn": {
			decide(func(p *access.PersonRecord) { p.Attributes["skills"] = []string{"a", "b"} }),
			decide(func(p *access.PersonRecord) { p.Attributes["skills"] = []string{"b", "a"} }), true,
		},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, row.same, snapshot.Same(row.a, row.b)) })
	}
}
