package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

func requireKind(t testing.TB, kind access.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	var own *access.Error
	require.ErrorAs(t, err, &own)
	require.Equal(t, kind, own.Kind, err.Error())
}

func record(t testing.TB, s *ledger.Store, e access.Entry) {
	t.Helper()
	require.NoError(t, s.Record(t.Context(), e))
}

func testRoundTrip(t *testing.T, d databases) {
	s := d.open(t)
	first, second := event("r-1", 1), event("r-1", 2)
	first.At = noon.In(time.FixedZone("far away", 5*3600)) // recorded as the same moment in UTC
	second.Lease, second.Actor, second.Items = "r-1:1", "", nil
	v, l, k := view("r-1", 1), lease("r-1", "1", 1), ticket("10", "r-1", "")
	v.Ticket, v.ApprovalDeadline = &k.Ref, pointer(noon.Add(time.Hour))
	record(t, s, access.Entry{Events: []access.Event{first, second}, View: &v, Lease: &l, Ticket: &k})
	record(t, s, access.Entry{Events: []access.Event{event("r-2", 1)}})

	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	first.At = noon
	require.Equal(t, []access.Event{first, second}, events)
	gotView, err := s.View(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, v, gotView)
	gotLease, err := s.Lease(t.Context(), "r-1:1")
	require.NoError(t, err)
	require.Equal(t, l, gotLease)
	gotTicket, err := s.TicketByID(t.Context(), "jira", "10")
	require.NoError(t, err)
	require.Equal(t, k, gotTicket)
}

func testEmptyEntry(t *testing.T, d databases) {
	s := d.open(t)
	record(t, s, access.Entry{})
	page, err := s.Views(t.Context(), ledger.Filter{})
	require.NoError(t, err)
	require.Equal(t, ledger.Page{}, page)
}

func testReplay(t *testing.T, d databases) {
	s := d.open(t)
	v, l, k := view("r-1", 1), lease("r-1", "1", 1), ticket("10", "r-1", "")
	entry := access.Entry{Events: []access.Event{event("r-1", 1), event("r-1", 2), event("r-1", 1)}, View: &v, Lease: &l, Ticket: &k}
	for range 3 {
		record(t, s, entry)
	}
	entry.Events = append(entry.Events, event("r-1", 3)) // a repetition that has more to tell
	record(t, s, entry)

	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.Event{event("r-1", 1), event("r-1", 2), event("r-1", 3)}, events)
	page, err := s.Views(t.Context(), ledger.Filter{WaitingOn: "p-mara"})
	require.NoError(t, err)
	require.Equal(t, []access.RequestView{v}, page.Views)
}

func testConflictingEvent(t *testing.T, d databases) {
	s := d.open(t)
	record(t, s, access.Entry{Events: []access.Event{event("r-1", 1)}})
	changes := map[string]func(*access.Event){
		"the text":    func(e *access.Event) { e.Text = "Mara denied item 1." },
		"the actor":   func(e *access.Event) { e.Actor = "p-eve" },
		"the request": func(e *access.Event) { e.Request = "r-2" },
		"the items":   func(e *access.Event) { e.Items = append(e.Items, "2") },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			changed := event("r-1", 1)
			change(&changed)
			v := view("r-1", 1)
			err := s.Record(t.Context(), access.Entry{Events: []access.Event{event("r-1", 2), changed}, View: &v})
			requireKind(t, access.Conflict, err)
			require.ErrorContains(t, err, `"request/r-1#1"`)

			events, err := s.Events(t.Context(), "r-1")
			require.NoError(t, err)
			require.Equal(t, []access.Event{event("r-1", 1)}, events)
			_, err = s.View(t.Context(), "r-1")
			requireKind(t, access.NotFound, err)
		})
	}
}

func testSameEventLater(t *testing.T, d databases) {
	s := d.open(t)
	first := event("r-1", 1)
	record(t, s, access.Entry{Events: []access.Event{first}})
	for _, later := range []time.Duration{time.Nanosecond, time.Hour, -time.Hour} {
		again := first
		again.At = first.At.Add(later)
		v := view("r-1", 1)
		record(t, s, access.Entry{Events: []access.Event{again, event("r-1", 2)}, View: &v})

		events, err := s.Events(t.Context(), "r-1")
		require.NoError(t, err)
		require.Equal(t, []access.Event{first, event("r-1", 2)}, events, "the first one stays")
	}
	other := first
	other.At, other.Text = first.At.Add(time.Hour), "Mara denied item 1."
	requireKind(t, access.Conflict, s.Record(t.Context(), access.Entry{Events: []access.Event{other}}))
}

func testLateViews(t *testing.T, d databases) {
	s := d.open(t)
	newest, older := view("r-1", 3), view("r-1", 2)
	newest.State, newest.WaitingOn = access.OutcomeGranted, nil
	newestLease, olderLease := lease("r-1", "1", 3), lease("r-1", "1", 2)
	newestLease.State = access.LeaseEnded
	same, sameLease := view("r-1", 3), lease("r-1", "1", 3)

	record(t, s, access.Entry{Events: []access.Event{event("r-1", 1)}, View: pointer(view("r-1", 1)), Lease: pointer(lease("r-1", "1", 1))})
	record(t, s, access.Entry{Events: []access.Event{event("r-1", 3)}, View: &newest, Lease: &newestLease})
	record(t, s, access.Entry{Events: []access.Event{event("r-1", 2)}, View: &older, Lease: &olderLease})
	record(t, s, access.Entry{Events: []access.Event{event("r-1", 4)}, View: &same, Lease: &sameLease})

	got, err := s.View(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, newest, got)
	leases, err := s.LeasesOf(t.Context(), "p-bo")
	require.NoError(t, err)
	require.Equal(t, []access.LeaseView{newestLease}, leases)

	stolen := lease("r-1", "1", 9)
	stolen.Lease.Subject.ID = "p-other"
	requireKind(t, access.Conflict, s.Record(t.Context(), access.Entry{Lease: &stolen}))
	leases, err = s.LeasesOf(t.Context(), "p-bo")
	require.NoError(t, err)
	require.Equal(t, []access.LeaseView{newestLease}, leases, "a lease never passes to another subject")
	waiting, err := s.Views(t.Context(), ledger.Filter{WaitingOn: "p-mara"})
	require.NoError(t, err)
	require.Empty(t, waiting.Views)
	open, err := s.Views(t.Context(), ledger.Filter{Open: true})
	require.NoError(t, err)
	require.Empty(t, open.Views)
	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []string{"request/r-1#1", "request/r-1#3", "request/r-1#2", "request/r-1#4"}, eventIDs(events), "in recorded order")
}

func testTickets(t *testing.T, d databases) {
	s := d.open(t)
	own, removal2, removal1 := ticket("9", "r-1", ""), ticket("100", "r-1", "r-1:2"), ticket("20", "r-1", "r-1:1")
	for _, k := range []access.TicketLink{removal2, own, removal1, ticket("7", "r-2", "")} {
		record(t, s, access.Entry{Ticket: &k})
	}
	moved := own
	moved.Ref.Key, moved.Ref.URL = "OPS-1", "https://desk.example/OPS-1"
	record(t, s, access.Entry{Ticket: &moved})
	links, err := s.TicketsOf(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.TicketLink{moved, removal1, removal2}, links)

	otherDesk := ticket("9", "r-3", "")
	otherDesk.Ref.Desk = "servicedesk"
	record(t, s, access.Entry{Ticket: &otherDesk})
	for name, stolen := range map[string]access.TicketLink{
		"another request": ticket("9", "r-2", ""), "another lease": ticket("20", "r-1", "r-1:2"),
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Record(t.Context(), access.Entry{Ticket: &stolen})
			requireKind(t, access.Conflict, err)
			require.ErrorContains(t, err, fmt.Sprintf("%q", stolen.Ref.ID))
		})
	}
	got, err := s.TicketByID(t.Context(), "jira", "9")
	require.NoError(t, err)
	require.Equal(t, moved, got)
}

func testNotFound(t *testing.T, d databases) {
	s := d.open(t)
	record(t, s, access.Entry{View: pointer(view("r-1", 1)), Ticket: pointer(ticket("10", "r-1", ""))})
	for _, id := range []string{"", "r-2", "R-1", "r-1'", "r-1\x00", "r-\xff", strings.Repeat("r", 5000)} {
		_, err := s.View(t.Context(), access.RequestID(id))
		requireKind(t, access.NotFound, err)
		_, err = s.Lease(t.Context(), access.LeaseID(id))
		requireKind(t, access.NotFound, err)
		_, err = s.TicketByID(t.Context(), "jira", access.TicketID(id))
		requireKind(t, access.NotFound, err)
		events, err := s.Events(t.Context(), access.RequestID(id))
		require.NoError(t, err)
		require.Empty(t, events)
		leases, err := s.LeasesOf(t.Context(), access.PersonID(id))
		require.NoError(t, err)
		require.Empty(t, leases)
		links, err := s.TicketsOf(t.Context(), access.RequestID(id))
		require.NoError(t, err)
		require.Empty(t, links)
	}
	_, err := s.TicketByID(t.Context(), "servicedesk", "10")
	requireKind(t, access.NotFound, err)
}

func testBadIDs(t *testing.T, d databases) {
	s := d.open(t)
	cases := map[string]struct {
		entry access.Entry
		field string
	}{
		"an event without an id":            {access.Entry{Events: []access.Event{event("r", 1), {Request: "r"}}}, "events[1].id"},
		"an event of no request":            {access.Entry{Events: []access.Event{{ID: "x#1"}}}, "events[0].request"},
		"an event of no type":               {access.Entry{Events: []access.Event{{ID: "x#1", Request: "r"}}}, "events[0].type"},
		"an actor with a NUL":               {access.Entry{Events: []access.Event{{ID: "x#1", Request: "r", Type: "t", Actor: "a\x00"}}}, "events[0].actor"},
		"a view without a request id":       {access.Entry{View: pointer(view("", 1))}, "view.request.id"},
		"a request id that is not UTF-8":    {access.Entry{View: pointer(view("\xff", 1))}, "view.request.id"},
		"a lease without an id":             {access.Entry{Lease: &access.LeaseView{}}, "lease.lease.id"},
		"a ticket without a desk":           {access.Entry{Ticket: &access.TicketLink{}}, "ticket.ref.desk"},
		"a ticket id that nobody can index": {access.Entry{Ticket: pointer(ticket(access.TicketID(strings.Repeat("9", 513)), "r", ""))}, "ticket.ref.id"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := s.Record(t.Context(), c.entry)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, c.field+": ")
		})
	}
	longest := ticket(access.TicketID(strings.Repeat("9", 512)), access.RequestID(strings.Repeat("r", 512)), access.LeaseID(strings.Repeat("l", 512)))
	longest.Ref.Desk = access.DeskName(strings.Repeat("d", 512))
	record(t, s, access.Entry{Ticket: &longest})
}

func testUnicode(t *testing.T, d databases) {
	s := d.open(t)
	const text = "Zoë 山田 עברית 👩‍🚀 \u0000 \u2028 <b>&'\"\\ \U0010ffff"
	const composed, decomposed = "p-\u00e9", "p-e\u0301" // é as one rune and as two: different ids
	e, v := event("r-1", 1), view("r-1", 1)
	e.Text, e.Actor, v.Request.Reason, v.Request.Requester = text, "p-山田", text, composed
	v.WaitingOn[0].Person, v.WaitingOn[0].Name = "p-👩‍🚀", text
	record(t, s, access.Entry{Events: []access.Event{e}, View: &v})

	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.Event{e}, events)
	page, err := s.Views(t.Context(), ledger.Filter{Requester: composed, WaitingOn: "p-👩‍🚀"})
	require.NoError(t, err)
	require.Equal(t, []access.RequestView{v}, page.Views)
	page, err = s.Views(t.Context(), ledger.Filter{Requester: decomposed})
	require.NoError(t, err)
	require.Empty(t, page.Views)
}

func testAppendOnly(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	record(t, s, access.Entry{Events: []access.Event{event("r-1", 1), event("r-1", 2)}})
	for _, statement := range []string{
		`UPDATE events SET body = '{}'`, `UPDATE events SET actor_id = 'p-eve' WHERE request_id = 'r-1'`,
		`DELETE FROM events`, `DELETE FROM events WHERE id = 'request/r-1#1'`,
	} {
		require.ErrorContains(t, d.exec(t, url, statement), "events are append-only", statement)
	}
	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.Event{event("r-1", 1), event("r-1", 2)}, events)
}

func testRelations(t *testing.T, d databases) {
	s := d.open(t)
	found := func(f ledger.Filter) bool {
		page, err := s.Views(t.Context(), f)
		require.NoError(t, err)
		return len(page.Views) == 1
	}
	steps := []struct {
		persons []access.PersonID
		ended   access.RequestState
	}{
		{persons: []access.PersonID{"p-mara", "p-olu"}},
		{persons: []access.PersonID{"p-mara", "p-olu"}},
		{persons: []access.PersonID{"p-olu", "p-cyd", "p-cyd"}},
		{},
		{persons: []access.PersonID{"p-mara"}},
		{ended: access.OutcomeGranted},
	}
	for i, step := range steps {
		v := view("r-1", i+1)
		v.State, v.WaitingOn = access.StateAwaitingApproval, nil
		if step.ended != "" {
			v.State = step.ended
		}
		for _, p := range step.persons {
			v.WaitingOn = append(v.WaitingOn, access.Waiting{Person: p})
		}
		record(t, s, access.Entry{View: &v})
		for _, p := range []access.PersonID{"p-mara", "p-olu", "p-cyd"} {
			require.Equal(t, slices.Contains(step.persons, p), found(ledger.Filter{WaitingOn: p}), "step %d, %s", i, p)
		}
		require.True(t, found(ledger.Filter{Entitlement: "wiki/editor"}), "step %d", i)
	}

	// More than one statement takes.
	const many = 230
	v := view("r-2", 1)
	v.WaitingOn, v.Request.Items = nil, nil
	for n := range many {
		v.WaitingOn = append(v.WaitingOn, access.Waiting{Person: access.PersonID(fmt.Sprintf("p-%d", n))})
		v.Request.Items = append(v.Request.Items, access.Item{Entitlement: access.EntitlementID(fmt.Sprintf("e-%d", n))})
	}
	record(t, s, access.Entry{View: &v})
	for n := range many {
		require.True(t, found(ledger.Filter{WaitingOn: v.WaitingOn[n].Person, Entitlement: v.Request.Items[n].Entitlement}), n)
	}
	less := v
	less.Version, less.WaitingOn = 2, v.WaitingOn[:1]
	record(t, s, access.Entry{View: &less})
	for n := range many {
		require.Equal(t, n == 0, found(ledger.Filter{WaitingOn: v.WaitingOn[n].Person}), n)
	}
}

func testManyEvents(t *testing.T, d databases) {
	s := d.open(t)
	var events []access.Event
	for n := range 70 {
		events = append(events, event("r-1", n))
	}
	record(t, s, access.Entry{Events: events[:20]})
	record(t, s, access.Entry{Events: events})
	got, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, events, got)

	last, next := event("r-1", 69), event("r-1", 70)
	last.Text = "Somebody else did."
	requireKind(t, access.Conflict, s.Record(t.Context(), access.Entry{Events: []access.Event{next, last}}))
	twice := next
	twice.Text = "Twice in one entry."
	requireKind(t, access.Conflict, s.Record(t.Context(), access.Entry{Events: []access.Event{next, twice}}))
	got, err = s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Len(t, got, len(events))
}
