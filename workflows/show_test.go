package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestDetailsNameWhoIsAwaitedWhatIsNextAndTheTicket(t *testing.T) {
	since := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	text := details(access.RequestView{
		State: access.StateAwaitingApprove, Since: since, Next: "Waiting for Mia (manager) to decide.",
		WaitingOn: []access.Waiting{{Person: "mia", Name: "Mia", Stage: "manager", Items: []access.ItemID{"1", "2"}, Since: since}},
		Items:     []access.ItemView{{Item: access.Item{ID: "1"}, Title: "Wiki editor", State: access.ItemPending}},
		Ticket:    &access.TicketRef{Key: "ACC-1", URL: "https://desk.test/ACC-1"}, TicketProblem: "it is behind",
	})
	require.Contains(t, text, "### Awaiting approval since 2026-03-04 05:06 UTC")
	require.Contains(t, text, "**Next:** Waiting for Mia (manager) to decide.")
	require.Contains(t, text, "[ACC-1](https://desk.test/ACC-1) – it is behind")
	require.Contains(t, text, "Waiting for **Mia** (manager) since 2026-03-04 05:06 UTC, item 1, 2")
	require.Contains(t, text, "Item 1, Wiki editor: pending")
}

func TestWhatPeopleWriteIsNoMarkupInAnOperatorsPage(t *testing.T) {
	text := details(access.RequestView{
		State: access.OutcomeDenied,
		Items: []access.ItemView{{
			Item: access.Item{ID: "1"}, Title: "x", State: access.ItemDenied,
			Why: "denied: [click](https://evil.test) <script>\n# big **bold** \\*",
		}},
	})
	require.NotContains(t, text, "[click]")
	require.NotContains(t, text, "https://")
	require.NotContains(t, text, "<script>\n")
	require.NotContains(t, text, "\n# big")
	require.NotContains(t, text, "**bold**")
}

func TestDetailsOfASubjectNameEachLease(t *testing.T) {
	ends := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	text := leaseDetails([]access.LeaseView{
		{Lease: access.Lease{ID: "r1:1", Title: "Wiki editor"}, State: access.LeaseHeld, EndsAt: &ends},
		{Lease: access.Lease{ID: "r2:1", Title: "Wiki admin"}, State: access.LeaseRevoking, Problem: "the target is away"},
	})
	require.Contains(t, text, "**Wiki editor** is held, until 2026-03-04 05:06 UTC (lease r1:1)")
	require.Contains(t, text, "**Wiki admin** is revoking: the target is away, without end")
	require.Contains(t, leaseDetails(nil), "No lease is left.")
}

func TestTheNextAlarmIsTheEarliestAndOfTwoAtOnceTheMoreImportant(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	rows := []struct {
		name   string
		alarms []alarm
		want   alarmName
		some   bool
	}{
		{"none is set", []alarm{{what: alarmLook}}, "", false},
		{"no alarms at all", nil, "", false},
		{"the earliest", []alarm{{noon.Add(2), alarmDeadline}, {noon.Add(1), alarmLook}, {what: alarmReminder}}, alarmLook, true},
		{"two at one moment", []alarm{{noon, alarmDeadline}, {noon, alarmLook}}, alarmDeadline, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			next, some := nextAlarm(row.alarms...)
			require.Equal(t, row.some, some)
			require.Equal(t, row.want, next.what)
		})
	}
}

func TestPatienceGrowsToItsMost(t *testing.T) {
	p := patience{first: 10 * time.Second, most: time.Minute}
	for round, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
		require.Equal(t, want, p.after(round), "round %d", round)
	}
	require.Equal(t, time.Minute, p.after(1_000_000))
	require.Equal(t, time.Second, patience{first: time.Second, most: time.Second}.after(5))
}

func TestTheTally(t *testing.T) {
	person := func(ids ...access.PersonID) []access.Person {
		people := make([]access.Person, len(ids))
		for i, id := range ids {
			people[i] = access.Person{ID: id}
		}
		return people
	}
	item := func(id access.ItemID, stages ...access.Stage) access.ItemRequirement {
		return access.ItemRequirement{Item: access.Item{ID: id}, Stages: stages}
	}
	manager := access.Stage{Name: "manager", Approvers: person("mia")}
	owner := access.Stage{Name: "owner", Approvers: person("omar", "mia")}
	other := access.Stage{Name: "owner", Approvers: person("omar")}
	said := func(by access.PersonID, v access.Verdict, stage string, items ...access.ItemID) access.Decision {
		d := access.Decision{By: by, Verdict: v, Items: items}
		for range items {
			d.Stages = append(d.Stages, stage)
		}
		return d
	}
	rows := []struct {
		name      string
		items     []access.ItemRequirement
		decisions []access.Decision
		want      []access.ItemState
		open      string
	}{
		{"nobody has decided", []access.ItemRequirement{item("1", manager, other)}, nil, []access.ItemState{access.ItemPending}, "manager"},
		{
			"one stage of two",
			[]access.ItemRequirement{item("1", manager, other)},
			[]access.Decision{said("mia", access.Approve, "manager", "1")},
			[]access.ItemState{access.ItemPending},
			"owner",
		},
		{
			"an approval carries over to a stage that names the same person",
			[]access.ItemRequirement{item("1", manager, owner)},
			[]access.Decision{said("mia", access.Approve, "manager", "1")},
			[]access.ItemState{access.ItemApproved},
			"",
		},
		{
			"a denial ends the item",
			[]access.ItemRequirement{item("1", manager, other)},
			[]access.Decision{said("mia", access.Deny, "manager", "1"), said("omar", access.Approve, "owner", "1")},
			[]access.ItemState{access.ItemDenied},
			"",
		},
		{
			"a decision about one item says nothing about another",
			[]access.ItemRequirement{item("1", manager), item("2", manager)},
			[]access.Decision{said("mia", access.Approve, "manager", "2")},
			[]access.ItemState{access.ItemPending, access.ItemApproved},
			"manager",
		},
		{
			"a decision about a stage that is not open counts for nothing",
			[]access.ItemRequirement{item("1", manager, other)},
			[]access.Decision{said("omar", access.Approve, "owner", "1")},
			[]access.ItemState{access.ItemPending},
			"manager",
		},
		{
			"an operator's approval passes one stage and carries nothing over",
			[]access.ItemRequirement{item("1", manager, owner)},
			[]access.Decision{said("", access.Approve, "manager", "1")},
			[]access.ItemState{access.ItemPending},
			"owner",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			tallies := tallyOf(access.Requirement{Items: row.items}, row.decisions)
			for i, want := range row.want {
				require.Equal(t, want, tallies[i].state)
			}
			require.Equal(t, row.open, tallies[0].stage.Name)
		})
	}
}

func TestAnErrorOfAnActivityHasOneKind(t *testing.T) {
	require.Empty(t, kindOf(nil))
	for _, kind := range []access.Kind{
		access.Transient, access.RateLimited, access.Invalid, access.NotFound, access.Conflict,
		access.Forbidden, access.Unknown,
	} {
		require.Equal(t, kind, kindOf(refuse(&refused{kind: kind})))
	}
	require.Equal(t, access.Transient, kindOf(access.Errorf(access.Invalid, "x", "not an activity's error")))
}
