package workflows_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
)

// The size of the company, and how many of its days are played.
const (
	companyPeople = 500
	quarterDays   = 90
	companyApps   = 12
)

// workday is what HR has changed until a night's run, by person: the record from then on.
type workday struct {
	changes map[access.PersonID]access.Person
	classes map[access.PersonID]access.PersonClass
}

// company is a company through a quarter: who is there on the first day, and what changes each day.
type company struct {
	first   map[access.PersonID]access.Person
	days    []workday
	catalog string
	// random decides everything that is not decided yet.
	random *rand.Rand
	// joiners, movers and leavers count the changes.
	joiners, movers, leavers int
}

func employeeID(n int) access.PersonID { return access.PersonID(fmt.Sprintf("p-%03d", n)) }

// newCompany makes a company. Persons 0 to 2 never leave: they are the fallback. Those who approve leave more often than others.
func newCompany(seed uint64) *company {
	c := &company{first: map[access.PersonID]access.Person{}, random: rand.New(rand.NewPCG(seed, 9))}
	for n := range companyPeople {
		id := employeeID(n)
		c.first[id] = access.Person{ID: id, DisplayName: "Person " + strconv.Itoa(n), Email: string(id) + "@example.test", Manager: employeeID(n / 8), Active: true}
	}
	var text strings.Builder
	text.WriteString("applications:\n")
	for n := range companyApps {
		fmt.Fprintf(&text, "  - {id: app%d, name: App %d, owners: [%s, %s], fallback: [p-001, p-002], entitlements: [\n", n, n, employeeID(3+n), employeeID(20+n))
		fmt.Fprintf(&text, "      {role: user, title: App %d, fulfilment: scim, target: directory, target_role: app%d, stages: [manager]},\n", n, n)
		fmt.Fprintf(&text, "      {role: admin, title: App %d admin, fulfilment: scim, target: directory, target_role: app%d-admins, stages: [manager, owner]}]}\n", n, n)
	}
	c.catalog = text.String()
	now, next := c.stateOn(0), companyPeople
	for range quarterDays {
		d := workday{changes: map[access.PersonID]access.Person{}, classes: map[access.PersonID]access.PersonClass{}}
		for range c.random.IntN(5) {
			c.leaves(d, now)
		}
		for range c.random.IntN(6) {
			c.moves(d, now)
		}
		if c.random.IntN(2) == 0 {
			id := employeeID(next)
			next++
			c.joiners++
			d.add(now, access.Person{ID: id, DisplayName: string(id), Email: string(id) + "@example.test", Manager: c.anybody(now), Active: true}, access.ClassJoiner)
		}
		c.days = append(c.days, d)
	}
	return c
}

func (d workday) add(now map[access.PersonID]access.Person, p access.Person, class access.PersonClass) {
	d.changes[p.ID], now[p.ID] = p, p
	if d.classes[p.ID] == "" || class == access.ClassLeaver {
		d.classes[p.ID] = class
	}
}

// anybody returns somebody who is there.
func (c *company) anybody(now map[access.PersonID]access.Person) access.PersonID {
	for {
		if id := employeeID(c.random.IntN(companyPeople)); now[id].Active {
			return id
		}
	}
}

// leaves has somebody leave: in one of two cases one of the 60 who approve most. Most of those whom they managed get another manager the same day.
func (c *company) leaves(d workday, now map[access.PersonID]access.Person) {
	id := employeeID(3 + c.random.IntN(companyPeople-3))
	if c.random.IntN(2) == 0 {
		id = employeeID(3 + c.random.IntN(60))
	}
	gone := now[id]
	if !gone.Active || d.classes[id] != "" {
		return
	}
	c.leavers++
	gone.Active = false
	d.add(now, gone, access.ClassLeaver)
	heir := c.anybody(now)
	for n := range companyPeople {
		report := now[employeeID(n)]
		if report.Active && report.Manager == id && c.random.IntN(10) < 7 {
			report.Manager = heir
			d.add(now, report, access.ClassMover)
		}
	}
}

// moves has somebody get another manager.
func (c *company) moves(d workday, now map[access.PersonID]access.Person) {
	p := now[c.anybody(now)]
	if d.classes[p.ID] != "" {
		return
	}
	c.movers++
	p.Manager = c.anybody(now)
	d.add(now, p, access.ClassMover)
}

// stateOn returns who the people are when the runs of the first so many days have been applied.
func (c *company) stateOn(days int) map[access.PersonID]access.Person {
	now := map[access.PersonID]access.Person{}
	for id, p := range c.first {
		now[id] = p
	}
	for _, d := range c.days[:days] {
		for id, p := range d.changes {
			now[id] = p
		}
	}
	return now
}

// employment is a request in a company: the world that it runs in, and who is there by the last run.
type employment struct {
	*company
	*world
	now  map[access.PersonID]access.Person
	from int
	// checks counts the looks at the request while it was open, and handed how often others approved from then on.
	checks, handed int
}

// asksIn makes the world of a request that is made on a day.
func (c *company) asksIn(t *testing.T, from int) *employment {
	t.Helper()
	w := newWorldWith(t, func(s *access.RequestSettings) { s.ApprovalTimeout = access.Duration(40 * 24 * time.Hour) })
	catalog, err := policy.Parse([]byte(c.catalog))
	require.NoError(t, err)
	e := &employment{company: c, world: w, now: c.stateOn(from), from: from}
	w.catalog, w.source, w.people = catalog, memory.NewSource(), map[access.PersonID]access.Person{}
	for _, id := range sortedIDs(e.now) {
		w.source.Put(e.now[id])
		w.target.AddAccounts(id)
		w.people[id] = e.now[id]
		w.accounts[id] = w.desk.AddAccount(e.now[id])
	}
	for n := range companyApps {
		w.target.AddRole(fmt.Sprintf("app%d", n))
		w.target.AddRole(fmt.Sprintf("app%d-admins", n))
	}
	w.newRun()
	return e
}

func sortedIDs[T any](people map[access.PersonID]T) []access.PersonID {
	ids := make([]access.PersonID, 0, len(people))
	for id := range people {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// night is the run over people of a day: HR has changed the source, a run applies it, and requests are notified.
func (e *employment) night(d workday) {
	for _, id := range sortedIDs(d.changes) {
		e.source.Put(d.changes[id])
		e.people[id], e.now[id] = d.changes[id], d.changes[id]
	}
	e.appliedAll(d.classes)
	e.tell()
}

// look holds that somebody can decide what is open, and that nobody is asked who cannot.
func (e *employment) look(subject access.PersonID) {
	v := e.view()
	if v.State != access.StateAwaitingApproval {
		return
	}
	e.checks++
	require.True(e.t, e.now[subject].Active, "the request of somebody who has left goes on")
	waits := map[access.ItemID]bool{}
	for _, w := range v.WaitingOn {
		require.True(e.t, e.now[w.Person].Active, "%s is asked, and has left", w.Person)
		require.NotEqual(e.t, subject, w.Person)
		for _, item := range w.Items {
			waits[item] = true
		}
	}
	for _, item := range v.Items {
		require.True(e.t, item.State != access.ItemPending || waits[item.Item.ID], "nobody can decide item %s: %s", item.Item.ID, v.StatusText)
	}
}

// decides has one of those who are asked decide: most approve.
func (e *employment) decides() {
	v := e.view()
	if v.State != access.StateAwaitingApproval || len(v.WaitingOn) == 0 || e.random.IntN(14) > 0 {
		return
	}
	verdict := access.Approve
	if e.random.IntN(10) == 0 {
		verdict = access.Deny
	}
	e.decide(v.WaitingOn[e.random.IntN(len(v.WaitingOn))].Person, verdict)
}

// plays makes one request, and plays the company around it until it has ended.
func (e *employment) plays(t *testing.T) access.RequestView {
	t.Helper()
	subject := e.anybody(e.now)
	r := e.request(access.EntitlementID(fmt.Sprintf("app%d/user", e.random.IntN(companyApps))), access.EntitlementID(fmt.Sprintf("app%d/admin", e.random.IntN(companyApps))))
	r.Requester, r.Subject = subject, subject
	for n, d := range e.days[e.from:] {
		night := time.Duration(n+1)*24*time.Hour + time.Minute
		e.at(night, func() { e.night(d) })
		e.at(night+5*time.Minute, func() { e.look(subject) })
		e.at(night+8*time.Hour, func() { e.look(subject); e.decides() })
	}
	result := e.run(r)
	e.handed = has(e.events("r1"), access.EventReassigned)
	return result.View
}

// TestQuarter: 500 people through a quarter, with joiners, movers and leavers who approve. No open request is without somebody who can decide it.
func TestQuarter(t *testing.T) {
	requests, seed := 16, uint64(11)
	if os.Getenv("FULL") == "1" {
		requests = 300
	}
	if text := os.Getenv("QUARTER_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	c := newCompany(seed)
	checks, handed, outcomes := 0, 0, map[access.RequestState]int{}
	for n := range requests {
		e := c.asksIn(t, c.random.IntN(quarterDays-45))
		v := e.plays(t)
		checks, handed = checks+e.checks, handed+e.handed
		outcomes[v.State]++
		require.True(t, v.State.Ended(), n)
		for _, d := range v.Decisions {
			require.Equal(t, access.ChannelAPI, d.Channel)
		}
	}
	t.Logf("quarter: people %d, joiners %d, movers %d, leavers %d, requests %d, looked at %d times while open, handed over %d times, without anybody 0, outcomes %v",
		companyPeople, c.joiners, c.movers, c.leavers, requests, checks, handed, outcomes)
	require.Positive(t, outcomes[access.OutcomeGranted])
	require.Positive(t, handed)
}
