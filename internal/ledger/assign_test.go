package ledger_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"usher/internal/access"
	"usher/internal/ledger"
)

// assignCases are the promises about whom incidents are assigned to.
func assignCases() []suiteCase {
	return []suiteCase{
		{"incidents are assigned as the rule of balance says", testAssign},
		{"incidents that are assigned at once leave even loads", testAssignAtOnce},
		{"an incident that has one of them keeps that one, unless a view says another", testAssignAgain},
		{"nobody is picked who is not available, or was not named, and what cannot be assigned is refused", testAssignNobody},
	}
}

// group are the users of the group "ops".
func group(by access.Balance) access.Assignees {
	return access.Assignees{Desk: "jira", Group: "ops", By: by}
}

func flag(t testing.TB, s *ledger.Store, id access.UserID, why string) {
	t.Helper()
	u := integrationUser(id)
	u.Flagged, u.FlaggedAt = why, noon
	require.NoError(t, s.UpdateIntegrationUser(t.Context(), u))
}

// model is what a register and its incidents must be like.
type model struct {
	flagged map[access.UserID]bool
	// last is the number of the assignment that each user got last.
	last  map[access.UserID]int
	has   map[access.IncidentID]access.UserID
	count int
}

func (m *model) open(id access.UserID, but access.IncidentID) (open int) {
	for incident, user := range m.has {
		if user == id && incident != but {
			open++
		}
	}
	return open
}

// assign returns who must get an incident, and "" for nobody.
func (m *model) assign(id access.IncidentID, by access.Balance) access.UserID {
	free := slices.DeleteFunc(slices.Collect(maps.Keys(m.flagged)), func(user access.UserID) bool { return m.flagged[user] })
	if len(free) == 0 {
		return ""
	}
	if has := m.has[id]; slices.Contains(free, has) {
		return has
	}
	picked := slices.MinFunc(free, func(a, b access.UserID) int {
		order := cmp.Or(cmp.Compare(m.last[a], m.last[b]), cmp.Compare(a, b))
		if by == access.LeastLoaded {
			return cmp.Or(cmp.Compare(m.open(a, id), m.open(b, id)), order)
		}
		return order
	})
	m.count++
	m.has[id], m.last[picked] = picked, m.count
	return picked
}

// testAssign compares each of many calls with what must be picked.
func testAssign(t *testing.T, d databases) {
	s := d.open(t)
	for _, by := range []access.Balance{access.LeastLoaded, access.RoundRobin} {
		random := rand.New(rand.NewPCG(7, uint64(len(by))))
		m := &model{flagged: map[access.UserID]bool{}, last: map[access.UserID]int{}, has: map[access.IncidentID]access.UserID{}}
		for _, id := range []access.UserID{"é", "a", "B", "c"} {
			registerUsers(t, s, id)
			m.flagged[id] = false
		}
		added := 0
		for step := range 120 {
			known := slices.Sorted(maps.Keys(m.has))
			switch one := random.IntN(10); {
			case one == 0:
				users := slices.Sorted(maps.Keys(m.flagged))
				id := users[random.IntN(len(users))]
				m.flagged[id] = !m.flagged[id]
				flag(t, s, id, map[bool]string{true: "The account is inactive."}[m.flagged[id]])
				continue
			case one < 4 && len(known) > 0:
				id := known[random.IntN(len(known))]
				delete(m.has, id)
				saveIncidents(t, s, endedIncident(incident(id, 1)))
				continue
			case one < 9 || len(known) == 0:
				added++
				known = []access.IncidentID{access.IncidentID(fmt.Sprint(by, "-", added))}
				saveIncidents(t, s, incident(known[0], 1))
			}
			id := known[random.IntN(len(known))]
			want := m.assign(id, by)
			got, err := s.AssignIncident(t.Context(), id, group(by))
			if want == "" {
				requireKind(t, access.NotFound, err)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, got.ID, "step %d, %s", step, by)
			require.Equal(t, m.open(want, ""), got.Open, "this incident is counted in")
		}
		for _, u := range register(t, s) {
			require.Equal(t, m.open(u.ID, ""), u.Open)
			require.NoError(t, s.RemoveIntegrationUser(t.Context(), u.Desk, u.ID, userEvent(u.ID, 2)))
		}
		for id := range m.has {
			saveIncidents(t, s, endedIncident(incident(id, 1)))
		}
	}
}

// testAssignAtOnce has two processes assign many incidents at once.
func testAssignAtOnce(t *testing.T, d databases) {
	one, url := d.openWithURL(t)
	other := openAt(t, url)
	users := []access.UserID{"u-1", "u-2", "u-3", "u-4", "u-5", "u-6"}
	registerUsers(t, one, users...)
	const incidents, workers = 64, 8
	for round, by := range []access.Balance{access.LeastLoaded, access.RoundRobin} {
		for n := range incidents {
			saveIncidents(t, one, incident(access.IncidentID(fmt.Sprint("i-", round, "-", n)), 1))
		}
		picked := make([]access.UserID, incidents)
		workersAtOnce, ctx := errgroup.WithContext(t.Context())
		for w := range workers {
			s := []*ledger.Store{one, other}[w%2]
			workersAtOnce.Go(func() error {
				return assignEvery(ctx, s, by, fmt.Sprint("i-", round, "-"), picked[w*incidents/workers:(w+1)*incidents/workers], w*incidents/workers)
			})
		}
		require.NoError(t, workersAtOnce.Wait())
		loads := map[access.UserID]int{}
		for _, id := range picked {
			loads[id]++
		}
		counts := slices.Sorted(maps.Values(loads))
		require.Len(t, counts, len(users))
		require.LessOrEqual(t, counts[len(counts)-1]-counts[0], 1, "%s: %v", by, loads)
		for _, u := range register(t, one) {
			require.Equal(t, loads[u.ID], u.Open, "what each call has said is so")
		}
		for n := range incidents {
			saveIncidents(t, one, endedIncident(incident(access.IncidentID(fmt.Sprint("i-", round, "-", n)), 1)))
		}
		requireTurns(t, d, url, len(users))
	}
}

// assignEvery assigns the incidents whose numbers follow first.
func assignEvery(ctx context.Context, s *ledger.Store, by access.Balance, prefix string, picked []access.UserID, first int) error {
	for n := range picked {
		u, err := s.AssignIncident(ctx, access.IncidentID(fmt.Sprint(prefix, first+n)), group(by))
		if err != nil {
			return err
		}
		picked[n] = u.ID
	}
	return nil
}

// testTurns: SQLite has one writer anyway.
func testTurns(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	registerUsers(t, s, "u-1")
	saveIncidents(t, s, incident("i-1", 1))
	tx, err := d.raw(t, url).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `UPDATE integration_turns SET turn = turn WHERE desk = 'jira'`)
	require.NoError(t, err)
	calls := map[string]func(context.Context) error{
		"save": func(ctx context.Context) error {
			return s.SaveIntegrationUser(ctx, integrationUser("u-2"), userEvent("u-2", 1))
		},
		"update": func(ctx context.Context) error { return s.UpdateIntegrationUser(ctx, integrationUser("u-1")) },
		"remove": func(ctx context.Context) error {
			return s.RemoveIntegrationUser(ctx, "jira", "u-1", userEvent("u-1", 2))
		},
		"assign": func(ctx context.Context) error {
			_, err := s.AssignIncident(ctx, "i-1", group(access.RoundRobin))
			return err
		},
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var atOnce errgroup.Group
	errs := make(chan error, len(calls))
	for _, call := range calls {
		atOnce.Go(func() error { errs <- call(short); return nil })
	}
	require.NoError(t, atOnce.Wait())
	for range calls {
		requireKind(t, access.Transient, <-errs)
	}
	elsewhere := integrationUser("u-1")
	elsewhere.Desk = "servicenow"
	require.NoError(t, s.SaveIntegrationUser(t.Context(), elsewhere, userEvent("u-1", 3)), "each desk by itself")
	require.NoError(t, tx.Rollback())
	for _, name := range []string{"save", "update", "assign", "remove"} {
		require.NoError(t, calls[name](t.Context()), name)
	}
}

// requireTurns holds that no two users got an incident in the same turn.
func requireTurns(t *testing.T, d databases, url string, users int) {
	t.Helper()
	var distinct int
	require.NoError(t, d.raw(t, url).QueryRowContext(t.Context(), `SELECT count(DISTINCT assigned) FROM integration_users WHERE assigned > 0`).Scan(&distinct))
	require.Equal(t, users, distinct)
}

// turns returns in which turn each user got an incident last.
func turns(t *testing.T, d databases, url string) map[string]int {
	t.Helper()
	rows, err := d.raw(t, url).QueryContext(t.Context(), `SELECT id, assigned FROM integration_users`)
	require.NoError(t, err)
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var id string
		var turn int
		require.NoError(t, rows.Scan(&id, &turn))
		all[id] = turn
	}
	require.NoError(t, rows.Err())
	return all
}

func testAssignAgain(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	testIncidentKeepsAssignee(t, s)
	registerUsers(t, s, "u-1", "u-2", "u-3")
	saveIncidents(t, s, incident("i-1", 1), incident("i-2", 1))
	assigned := func(c access.Assignees) access.UserID {
		u, err := s.AssignIncident(t.Context(), "i-1", c)
		require.NoError(t, err)
		require.Equal(t, 1, u.Open)
		return u.ID
	}
	require.Equal(t, access.UserID("u-1"), assigned(group(access.RoundRobin)))
	view, err := s.Incident(t.Context(), "i-1")
	require.NoError(t, err)
	require.Equal(t, incident("i-1", 1), view, "the view is the workflow's to write")
	first := turns(t, d, url)
	for _, by := range []access.Balance{access.RoundRobin, access.LeastLoaded} {
		require.Equal(t, access.UserID("u-1"), assigned(group(by)))
	}
	require.Equal(t, first, turns(t, d, url), "the user got it when it was assigned first")
	u, err := s.AssignIncident(t.Context(), "i-2", group(access.RoundRobin))
	require.NoError(t, err)
	require.Equal(t, access.UserID("u-2"), u.ID)

	named := access.Assignees{Desk: "jira", Emails: []string{"u-3@example.com"}, By: access.LeastLoaded}
	require.Equal(t, access.UserID("u-3"), assigned(named), "whom it has is not among them")
	saveIncidents(t, s, openIncident("i-1", 2, "10", "u-1"))
	require.Equal(t, access.UserID("u-1"), assigned(group(access.RoundRobin)), "whom its view names is kept as well")
	flag(t, s, "u-1", "The account is inactive.")
	require.Equal(t, access.UserID("u-2"), func() access.UserID {
		u, err := s.AssignIncident(t.Context(), "i-1", group(access.RoundRobin))
		require.NoError(t, err)
		require.Equal(t, 2, u.Open)
		return u.ID
	}(), "who is not available any more is not kept")
	require.NoError(t, s.RemoveIntegrationUser(t.Context(), "jira", "u-2", userEvent("u-2", 2)))
	require.Equal(t, access.UserID("u-3"), assigned(group(access.RoundRobin)), "who was removed is not kept")
}

func testAssignNobody(t *testing.T, d databases) {
	s := d.open(t)
	testAssignRefused(t, s)
	registerUsers(t, s, "u-2", "u-3")
	elsewhere := integrationUser("u-4")
	elsewhere.Desk = "servicenow"
	unnamed := integrationUser("u-0")
	unnamed.Email, unnamed.Groups = "", nil
	for _, u := range []access.IntegrationUser{elsewhere, unnamed} {
		require.NoError(t, s.SaveIntegrationUser(t.Context(), u, userEvent(u.ID, 1)))
	}
	version := 1
	flag(t, s, "u-1", "The account is inactive.")
	for name, c := range map[string]struct {
		among  access.Assignees
		wanted []access.UserID
	}{
		"a group":                      {access.Assignees{Group: "ops"}, []access.UserID{"u-2", "u-3"}},
		"addresses in another case":    {access.Assignees{Emails: []string{" U-3@Example.COM\t", "u-1@example.com"}}, []access.UserID{"u-3"}},
		"who is flagged":               {access.Assignees{Emails: []string{"u-1@example.com"}}, nil},
		"nobody":                       {access.Assignees{}, nil},
		"an address that nobody has":   {access.Assignees{Emails: []string{"u-4@example.com", "u-9@example.com", "u-2@example"}}, nil},
		"no address":                   {access.Assignees{Emails: []string{"", " "}}, nil},
		"a group in another case":      {access.Assignees{Group: "Ops"}, nil},
		"a group that nobody is in":    {access.Assignees{Group: "night"}, nil},
		"an address, and then a group": {access.Assignees{Group: "night", Emails: []string{"u-2@example.com"}}, []access.UserID{"u-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.among.Desk = "jira"
			var got []access.UserID
			for _, by := range []access.Balance{access.LeastLoaded, access.RoundRobin} {
				c.among.By = by
				for range 3 {
					version++
					saveIncidents(t, s, openIncident("i-1", version, "10", "u-9"))
					u, err := s.AssignIncident(t.Context(), "i-1", c.among)
					if c.wanted == nil {
						requireKind(t, access.NotFound, err)
						require.ErrorContains(t, err, "none of these integration users of jira is available")
						require.Equal(t, []access.IncidentID{"i-1"}, incidentsOf(t, s, "u-9", 1), "the incident keeps whom it had")
						continue
					}
					require.NoError(t, err)
					require.Equal(t, []access.IncidentID{"i-1"}, incidentsOf(t, s, u.ID, 1))
					got = append(got, u.ID)
				}
			}
			slices.Sort(got)
			require.Equal(t, c.wanted, slices.Compact(got))
		})
	}
}

func testAssignRefused(t *testing.T, s *ledger.Store) {
	registerUsers(t, s, "u-1")
	saveIncidents(t, s, endedIncident(openIncident("over", 1, "1", "u-1")), incident("i-1", 1))
	for name, c := range map[string]struct {
		id    access.IncidentID
		among access.Assignees
		kind  access.Kind
		text  string
	}{
		"it has ended":               {"over", group(access.RoundRobin), access.Conflict, `the incident "over" has ended`},
		"the ledger does not know":   {"i-2", group(access.RoundRobin), access.NotFound, `the ledger knows no incident "i-2"`},
		"no id":                      {"", group(access.RoundRobin), access.Invalid, "incident: "},
		"an id that cannot be kept":  {"i\x00", group(access.RoundRobin), access.Invalid, "incident: "},
		"no desk":                    {"i-1", access.Assignees{Group: "ops", By: access.RoundRobin}, access.Invalid, "desk: "},
		"no way to pick":             {"i-1", group(""), access.Invalid, "by: "},
		"a way that there is not":    {"i-1", group("random"), access.Invalid, `found "random"`},
		"a desk that nobody is of":   {"i-1", access.Assignees{Desk: "none", Group: "ops", By: access.RoundRobin}, access.NotFound, "of none is available"},
		"a desk that cannot be kept": {"i-1", access.Assignees{Desk: "\xff", Group: "ops", By: access.RoundRobin}, access.Invalid, "desk: "},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := s.AssignIncident(t.Context(), c.id, c.among)
			requireKind(t, c.kind, err)
			require.ErrorContains(t, err, c.text)
			require.Empty(t, u)
		})
	}
	require.Empty(t, incidentsOf(t, s, "u-1", 1))
}
