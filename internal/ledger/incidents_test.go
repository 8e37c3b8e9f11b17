package ledger_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// incidentCases are the promises about incidents.
func incidentCases() []suiteCase {
	return []suiteCase{
		{"an incident is read back; in whatever order views come, the highest is kept, and an end is for good", testIncidentVersions},
		{"pages of incidents are the whole, whatever is asked for, and while others are recorded", testIncidentPages},
		{"the incidents of users and of tickets are those that go on, and what they have seen never goes back", testIncidentsOf},
		{"incidents of nobody and of users who were removed are found and counted", testIncidentsOfNobody},
		{"of two changes at one time, the one that looks otherwise is seen", testIncidentsSeenAs},
		{"what people had assigned by hand before there was a column for it counts as assigned", testIncidentsByHandMigrated},
	}
}

// incident is an incident that was submitted at noon and has no ticket yet.
func incident(id access.IncidentID, version int) access.IncidentView {
	return access.IncidentView{
		Incident: access.Incident{ID: id, Caller: "p-ada", Reference: "INC-1", Application: "wiki", Summary: "It is down", SubmittedAt: noon},
		State:    access.IncidentOpening, Since: noon, StatusText: "The ticket is opened.", Desk: "jira", Version: version,
	}
}

// openIncident is an incident with a ticket that is assigned to a user.
func openIncident(id access.IncidentID, version int, ticket access.TicketID, user access.UserID) access.IncidentView {
	v := incident(id, version)
	v.State, v.Ticket = access.IncidentOpen, &access.TicketRef{Desk: "jira", ID: ticket, Key: "OPS-1", URL: "https://desk.example/1"}
	v.Assignee = &access.IncidentAssignee{User: user, Account: access.AccountID("acc-" + user), Why: "It has the fewest."}
	return v
}

// endedIncident is a later view of an incident, whose ticket was closed.
func endedIncident(v access.IncidentView) access.IncidentView {
	v.State, v.EndedAt, v.Version = access.IncidentClosed, pointer(noon.Add(time.Hour)), v.Version+1
	return v
}

func saveIncidents(t testing.TB, s *ledger.Store, views ...access.IncidentView) {
	t.Helper()
	for _, v := range views {
		require.NoError(t, s.SaveIncident(t.Context(), v))
	}
}

func incidentsOf(t testing.TB, s *ledger.Store, user access.UserID, limit int) []access.IncidentID {
	t.Helper()
	return pages(t, limit, func(last *access.IncidentID) ([]access.IncidentID, error) {
		var after access.IncidentID
		if last != nil {
			after = *last
		}
		return s.IncidentsOf(t.Context(), "jira", user, after, limit)
	})
}

func testIncident(t *testing.T, s *ledger.Store) {
	for _, id := range []access.IncidentID{"", "one", "i\x00"} {
		_, err := s.Incident(t.Context(), id)
		requireKind(t, access.NotFound, err)
	}
	opening := incident("one", 1)
	opening.Incident.Summary, opening.Incident.Description = "Zoë's \u0000 summary", "山田"
	open := openIncident("one", 2, "10", "u-1")
	for _, v := range []access.IncidentView{opening, open, endedIncident(open)} {
		saveIncidents(t, s, v, v)
		got, err := s.Incident(t.Context(), "one")
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

// orders returns the numbers below n in every order.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, order := range orders(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(order), at, n-1))
		}
	}
	return all
}

func testIncidentVersions(t *testing.T, d databases) {
	s := d.open(t)
	testIncident(t, s)
	for number, order := range orders(4) {
		id := access.IncidentID(fmt.Sprint("i-", number))
		open := openIncident(id, 2, "10", "u-1")
		again := open
		again.Version = 4
		views := []access.IncidentView{incident(id, 1), open, endedIncident(open), again}
		var want access.IncidentView
		for _, n := range order {
			require.NoError(t, s.SaveIncident(t.Context(), views[n], deskEvent(id, n)))
			if views[n].Version > want.Version && (views[n].State.Ended() || !want.State.Ended() || want.Version == 0) {
				want = views[n]
			}
			same := views[n]
			same.StatusText = "The same version says something else."
			saveIncidents(t, s, same)
			got, err := s.Incident(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, want, got, "in the order %v, after %d", order, n)
		}
		require.Len(t, deskEvents(t, s, access.DeskEventsQuery{Incident: id}), len(views), "the events of a late view are kept")
		counted, err := s.Incidents(t.Context(), access.IncidentsQuery{Open: true, Limit: 1})
		require.NoError(t, err)
		require.Equal(t, !want.State.Ended(), len(counted) == 1)
		saveIncidents(t, s, endedIncident(again))
	}
}

func testIncidentKeepsAssignee(t *testing.T, s *ledger.Store) {
	registerUsers(t, s, "u-1", "u-2")
	early := incident("early", 1)
	early.Desk = ""
	saveIncidents(t, s, early)
	_, err := s.AssignIncident(t.Context(), "early", group(access.RoundRobin))
	require.NoError(t, err)
	early.Version = 2
	behind := incident("early", 3)
	behind.TicketProblem = "The desk is unavailable."
	for _, v := range []access.IncidentView{early, behind} {
		saveIncidents(t, s, v)
		require.Equal(t, []access.IncidentID{"early"}, incidentsOf(t, s, "u-1", 10))
	}
	saveIncidents(t, s, openIncident("early", 4, "10", "u-2"))
	require.Equal(t, []access.IncidentID{"early"}, incidentsOf(t, s, "u-2", 10), "the view counts that says who has it")
	saveIncidents(t, s, openIncident("early", 5, "10", ""))
	require.Empty(t, incidentsOf(t, s, "u-2", 10), "an account that is not in the register")
	saveIncidents(t, s, openIncident("early", 6, "10", "u-1"))
	elsewhere := incident("early", 7)
	elsewhere.Desk = "servicenow"
	saveIncidents(t, s, elsewhere)
	found, err := s.Incidents(t.Context(), access.IncidentsQuery{User: "u-1", Limit: 1})
	require.NoError(t, err)
	require.Empty(t, found, "a user of another desk")
	for _, u := range register(t, s) {
		require.NoError(t, s.RemoveIntegrationUser(t.Context(), u.Desk, u.ID, userEvent(u.ID, 2)))
	}
}

// someIncidents are incidents of all kinds, of which several share a microsecond.
func someIncidents(count int) []access.IncidentView {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(values ...string) string { return values[random.IntN(len(values))] }
	var views []access.IncidentView
	for n := range count {
		v := openIncident(access.IncidentID(fmt.Sprint(one("i", "I", "é"), "-", n)), 1, access.TicketID(fmt.Sprint(n)), access.UserID(one("u-1", "u-2", "")))
		v.Incident.Caller, v.Incident.Reference = access.PersonID(one("p-ada", "p-bo")), one("INC-1", "INC-2", "")
		v.Desk, v.State = access.DeskName(one("jira", "servicenow")), access.IncidentStates()[random.IntN(len(access.IncidentStates()))]
		v.Incident.SubmittedAt = noon.Add(time.Duration(random.IntN(count/3)) * time.Microsecond)
		views = append(views, v)
	}
	return views
}

func matches(v access.IncidentView, q access.IncidentsQuery) bool {
	return (q.Caller == "" || v.Incident.Caller == q.Caller) && (q.Reference == "" || v.Incident.Reference == q.Reference) &&
		(q.Desk == "" || v.Desk == q.Desk) && (q.User == "" || v.Assignee.User == q.User) && (q.State == "" || v.State == q.State) &&
		(!q.Open || !v.State.Ended())
}

func incidentPages(t testing.TB, s *ledger.Store, q access.IncidentsQuery) []access.IncidentView {
	t.Helper()
	return pages(t, q.Limit, func(last *access.IncidentView) ([]access.IncidentView, error) {
		if last != nil {
			q.Before, q.BeforeID = last.Incident.SubmittedAt, last.Incident.ID
		}
		return s.Incidents(t.Context(), q)
	})
}

func testIncidentPages(t *testing.T, d databases) {
	s := d.open(t)
	const count = 20
	views := someIncidents(count)
	saveIncidents(t, s, views...)
	slices.SortFunc(views, func(a, b access.IncidentView) int {
		return cmp.Or(b.Incident.SubmittedAt.Compare(a.Incident.SubmittedAt), cmp.Compare(b.Incident.ID, a.Incident.ID))
	})
	for _, q := range []access.IncidentsQuery{
		{},
		{Caller: "p-ada"},
		{Reference: "INC-2"},
		{Desk: "jira"},
		{User: "u-1"},
		{State: access.IncidentOpen},
		{Open: true},
		{Desk: "servicenow", Open: true},
		{Caller: "p-bo", Reference: "INC-1", Desk: "jira", User: "u-2", Open: true},
		{Caller: "' OR 1=1 --"},
		{Reference: "inc-1"},
		{User: "u\x00"},
	} {
		var want []access.IncidentView
		for _, v := range views {
			if matches(v, q) {
				want = append(want, v)
			}
		}
		for limit := 1; limit <= count+1; limit++ {
			q.Limit = limit
			require.Equal(t, want, incidentPages(t, s, q), "pages of %d of %+v", limit, q)
		}
	}
	for field, q := range map[string]access.IncidentsQuery{
		"limit: expected 1 to 200, found 0":   {},
		"limit: expected 1 to 200, found 201": {Limit: access.MaxIncidents + 1},
		"before_id: ":                         {Limit: 1, BeforeID: "\x00"},
	} {
		_, err := s.Incidents(t.Context(), q)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, field)
	}
	testIncidentPaging(t, s)
}

func testIncidentPaging(t *testing.T, s *ledger.Store) {
	views := make([]access.IncidentView, 12)
	for n := range views {
		views[n] = incident(access.IncidentID(fmt.Sprintf("p-%02d", 11-n)), 1)
		views[n].Desk = "paged"
	}
	saveIncidents(t, s, views...)
	round, q := 0, access.IncidentsQuery{Desk: "paged", Limit: 5}
	got := pages(t, q.Limit, func(last *access.IncidentView) ([]access.IncidentView, error) {
		if last != nil {
			round++
			newer := incident(access.IncidentID(fmt.Sprint("p-new-", round)), 1)
			newer.Desk = "paged"
			newer.Incident.SubmittedAt = noon.Add(time.Second)
			saveIncidents(t, s, newer, endedIncident(*last))
			q.Before, q.BeforeID = last.Incident.SubmittedAt, last.Incident.ID
		}
		return s.Incidents(t.Context(), q)
	})
	require.Equal(t, views, got)
}

func testIncidentsOf(t *testing.T, d databases) {
	s := d.open(t)
	testIncidentsByTicket(t, s)
	elsewhere := openIncident("i-9", 1, "10", "u-1")
	elsewhere.Desk = "servicenow"
	saveIncidents(t, s, openIncident("é", 1, "1", "u-1"), openIncident("a", 1, "2", "u-1"), openIncident("B", 1, "3", "u-1"), openIncident("c", 1, "4", "u-2"),
		endedIncident(openIncident("d", 1, "5", "u-1")), openIncident("e", 1, "6", ""), incident("f", 1), elsewhere)
	for limit := 1; limit <= 4; limit++ {
		require.Equal(t, []access.IncidentID{"B", "a", "é"}, incidentsOf(t, s, "u-1", limit), "in the order of bytes")
		require.Equal(t, []access.IncidentID{"c"}, incidentsOf(t, s, "u-2", limit))
		for _, nobody := range []access.UserID{"", "u-3", "u\x00"} {
			require.Empty(t, incidentsOf(t, s, nobody, limit))
		}
	}
	for field, call := range map[string]func() ([]access.IncidentID, error){
		"limit: ": func() ([]access.IncidentID, error) {
			return s.IncidentsOf(t.Context(), "jira", "u-1", "", access.MaxIncidents+1)
		},
		"after: ": func() ([]access.IncidentID, error) { return s.IncidentsOf(t.Context(), "jira", "u-1", "\xff", 1) },
	} {
		_, err := call()
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, field)
	}
}

// assignedByHand is an open incident whose ticket people have assigned to an account that is not in the register.
func assignedByHand(id access.IncidentID, version int) access.IncidentView {
	v := openIncident(id, version, access.TicketID("t-"+id), "")
	v.Assignee.Account = "acc-omar"
	return v
}

// withNobody is an open incident that could be assigned to nobody.
func withNobody(id access.IncidentID, version int) access.IncidentView {
	v := openIncident(id, version, access.TicketID("t-"+id), "")
	v.Assignee.Account = ""
	return v
}

func testIncidentsOfNobody(t *testing.T, d databases) {
	s := d.open(t)
	registerUsers(t, s, "u-1", "u-2", "u-3")
	elsewhere, twin := withNobody("i-9", 1), integrationUser("gone")
	elsewhere.Desk, twin.Desk = "servicenow", "servicenow"
	require.NoError(t, s.SaveIntegrationUser(t.Context(), twin, userEvent("gone", 1)))
	saveIncidents(t, s, openIncident("a", 1, "1", "u-1"), openIncident("b", 1, "2", "u-2"), openIncident("c", 1, "3", "gone"), openIncident("B", 1, "4", "never"),
		withNobody("d", 1), incident("é", 1), assignedByHand("e", 1), endedIncident(withNobody("f", 1)), endedIncident(openIncident("g", 1, "5", "gone")), elsewhere)
	flagged := integrationUser("u-2")
	flagged.Flagged = "The account is inactive."
	require.NoError(t, s.UpdateIntegrationUser(t.Context(), flagged))

	type find = func(access.IncidentID, int) ([]access.IncidentID, error)
	nobody := func(after access.IncidentID, limit int) ([]access.IncidentID, error) {
		return s.UnassignedIncidents(t.Context(), "jira", after, limit)
	}
	strays := func(after access.IncidentID, limit int) ([]access.IncidentID, error) {
		return s.StrayIncidents(t.Context(), "jira", after, limit)
	}
	whole := func(from find, limit int) []access.IncidentID {
		return pages(t, limit, func(last *access.IncidentID) ([]access.IncidentID, error) {
			if last == nil {
				return from("", limit)
			}
			return from(*last, limit)
		})
	}
	for limit := 1; limit <= 3; limit++ {
		require.Equal(t, []access.IncidentID{"d", "é"}, whole(nobody, limit))
		require.Equal(t, []access.IncidentID{"B", "c"}, whole(strays, limit), "in the order of bytes")
	}
	counts, err := s.CountIncidents(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, access.IncidentCounts{Open: 7, Unassigned: 5, Flagged: 1}, counts)

	saveIncidents(t, s, withNobody("e", 2), assignedByHand("d", 2), assignedByHand("c", 2))
	require.Equal(t, []access.IncidentID{"e", "é"}, whole(nobody, 10), "as the last view has it")
	require.Equal(t, []access.IncidentID{"B"}, whole(strays, 10))
	for _, from := range []find{nobody, strays} {
		for field, call := range map[string]func() ([]access.IncidentID, error){
			"limit: ": func() ([]access.IncidentID, error) { return from("", access.MaxIncidents+1) },
			"after: ": func() ([]access.IncidentID, error) { return from("\xff", 1) },
		} {
			_, err := call()
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, field)
		}
	}
	for _, find := range []func(context.Context, access.DeskName, access.IncidentID, int) ([]access.IncidentID, error){s.UnassignedIncidents, s.StrayIncidents} {
		none, err := find(t.Context(), "jira\x00", "", 1)
		require.NoError(t, err)
		require.Empty(t, none)
	}
}

func testIncidentsSeenAs(t *testing.T, d databases) {
	s := d.open(t)
	saveIncidents(t, s, openIncident("i-1", 1, "1", "t-1"))
	for _, row := range []struct{ save, want access.SeenChange }{
		{access.SeenChange{At: minutes(5), As: "open"}, access.SeenChange{At: minutes(5), As: "open"}},
		{access.SeenChange{At: minutes(5), As: "done"}, access.SeenChange{At: minutes(5), As: "done"}},
		{access.SeenChange{At: minutes(4), As: "open"}, access.SeenChange{At: minutes(5), As: "done"}},
		{access.SeenChange{At: minutes(6)}, access.SeenChange{At: minutes(6)}},
	} {
		require.NoError(t, s.SaveIncidentsSeen(t.Context(), "jira", map[access.TicketID]access.SeenChange{"1": row.save}))
		require.Equal(t, []access.IncidentTicket{{Incident: "i-1", Ticket: "1", Seen: row.want}}, ticketsOf(t, s, "1"))
	}
	err := s.SaveIncidentsSeen(t.Context(), "jira", map[access.TicketID]access.SeenChange{"1": {At: minutes(7), As: "\x00"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "seen[1]: ")
}

func testIncidentsByHandMigrated(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	odd := assignedByHand("odd", 1)
	odd.Incident.Summary = "a \u0000 in it"
	saveIncidents(t, s, odd, assignedByHand("by-hand", 1), withNobody("nobody", 1), openIncident("user", 1, "9", "u-1"), incident("opening", 1))
	for _, statement := range []string{
		`ALTER TABLE incidents DROP COLUMN seen_as`, `ALTER TABLE incidents DROP COLUMN by_hand`, `DROP TABLE pauses`, `DROP TABLE revocations`, `DROP TABLE catalog`, `DROP TABLE catalog_applications`, `DROP TABLE catalog_entitlements`,
		`DROP TABLE catalog_owners`, `DROP TABLE hand_over_leavers`, `DELETE FROM ledger_schema WHERE version_id >= 12`,
	} {
		require.NoError(t, d.exec(t, url, statement))
	}
	require.NoError(t, s.Migrate(t.Context()))
	nobody, err := s.UnassignedIncidents(t.Context(), "jira", "", 10)
	require.NoError(t, err)
	require.Equal(t, []access.IncidentID{"nobody", "opening"}, nobody)
}

func ticketsOf(t testing.TB, s *ledger.Store, ids ...access.TicketID) []access.IncidentTicket {
	t.Helper()
	found, err := s.IncidentsByTicket(t.Context(), "jira", ids)
	require.NoError(t, err)
	return found
}

func testIncidentsByTicket(t *testing.T, s *ledger.Store) {
	ends := openIncident("i-2", 1, "2", "t-1")
	elsewhere := openIncident("i-9", 1, "1", "t-1")
	elsewhere.Desk = "servicenow"
	unnamed := openIncident("i-4", 1, "4", "t-1")
	unnamed.Desk = ""
	saveIncidents(t, s, openIncident("i-1", 1, "1", "t-1"), ends, openIncident("i-3", 1, "Ä", ""), incident("i-5", 1), elsewhere, unnamed)
	many := []access.TicketID{"Ä", "2", "1", "4", "1", "", "9", "x\x00"}
	for n := range 2500 {
		many = append(many, access.TicketID(fmt.Sprint("none-", n)))
	}
	require.Equal(t, []access.IncidentTicket{
		{Incident: "i-1", Ticket: "1"}, {Incident: "i-2", Ticket: "2"}, {Incident: "i-4", Ticket: "4"}, {Incident: "i-3", Ticket: "Ä"},
	}, ticketsOf(t, s, many...))
	saveIncidents(t, s, endedIncident(ends))
	require.Equal(t, []access.IncidentTicket{{Incident: "i-1", Ticket: "1"}}, ticketsOf(t, s, "2", "1"))
	require.Empty(t, ticketsOf(t, s))
	found, err := s.IncidentsByTicket(t.Context(), "\x00", many)
	require.NoError(t, err)
	require.Empty(t, found)
	testIncidentsSeen(t, s)
}

func testIncidentsSeen(t *testing.T, s *ledger.Store) {
	var want time.Time
	for _, minute := range []int{5, 3, 5, 9, 0, 7} {
		seen := minutes(minute)
		want = slices.MaxFunc([]time.Time{want, seen}, time.Time.Compare)
		require.NoError(t, s.SaveIncidentsSeen(t.Context(), "jira", map[access.TicketID]access.SeenChange{
			"1": {At: seen.In(time.FixedZone("far away", 3600)).Add(999)}, "2": {At: seen}, "none": {At: seen}, "": {At: seen}, "\xff": {At: seen},
		}))
		require.Equal(t, []access.IncidentTicket{{Incident: "i-1", Ticket: "1", Seen: access.SeenChange{At: want}}}, ticketsOf(t, s, "1", "2"))
	}
	require.NoError(t, s.SaveIncidentsSeen(t.Context(), "jira", map[access.TicketID]access.SeenChange{"1": {}}))
	require.NoError(t, s.SaveIncidentsSeen(t.Context(), "jira", nil))
	require.NoError(t, s.SaveIncidentsSeen(t.Context(), "\x00", map[access.TicketID]access.SeenChange{"1": {At: noon}}))
	saveIncidents(t, s, openIncident("i-1", 2, "1", "t-2"))
	require.Equal(t, want, ticketsOf(t, s, "1")[0].Seen.At, "a new view keeps what was seen")
	found, err := s.IncidentsByTicket(t.Context(), "servicenow", []access.TicketID{"1"})
	require.NoError(t, err)
	require.Equal(t, []access.IncidentTicket{{Incident: "i-9", Ticket: "1"}}, found, "each desk by itself")
}

func testIncidentKeys(t *testing.T, s *ledger.Store) {
	for field, change := range map[string]func(*access.IncidentView){
		"view.incident.id":        func(v *access.IncidentView) { v.Incident.ID = "" },
		"view.incident.caller":    func(v *access.IncidentView) { v.Incident.Caller = "\xff" },
		"view.incident.reference": func(v *access.IncidentView) { v.Incident.Reference = strings.Repeat("r", 513) },
		"view.state":              func(v *access.IncidentView) { v.State = "" },
		"view.desk":               func(v *access.IncidentView) { v.Desk = "\x00" },
		"view.ticket.id":          func(v *access.IncidentView) { v.Ticket.ID = "\x00" },
		"view.assignee.user":      func(v *access.IncidentView) { v.Assignee.User = "\x00" },
	} {
		v := openIncident("i-1", 1, "10", "u-1")
		change(&v)
		err := s.SaveIncident(t.Context(), v, deskEvent("i-1", 1))
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, field+": ")
	}
}
