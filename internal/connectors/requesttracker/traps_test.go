package requesttracker_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// What a reader of RT's documents would not expect, each with the real server.

func open(t *testing.T, d *desk.Desk) access.TicketID {
	t.Helper()
	ref, err := d.CreateTicket(t.Context(), newTicket())
	require.NoError(t, err)
	return ref.ID
}

func read(t *testing.T, d *desk.Desk, id access.TicketID) access.TicketSnapshot {
	t.Helper()
	got, err := d.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	return got
}

func eve() access.Person {
	return access.Person{ID: "p-eve", DisplayName: "Eve", Email: "eve@example.test"}
}

func TestTransition_refused_status(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d := one.desk(t, func(c *requesttracker.Config) { c.Statuses[access.TicketDone] = []string{"closed for good"} })
	id := open(t, d)
	err := d.TransitionTicket(t.Context(), id, access.TicketDone)
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, "closed for good")
	require.ErrorContains(t, err, `"Done" to "resolved"`)
	require.Equal(t, access.TicketWaiting, one.seen(t, id).Phase)
}

func TestTransition_closing_field(t *testing.T) {
	one := newSite(t, realServer(t), "demanding")
	d := one.desk(t, func(c *requesttracker.Config) {
		c.ClosingFields = map[access.TicketPhase]map[string]any{access.TicketDone: {"Cost centre": "4711"}}
	})
	id := open(t, d)
	require.NoError(t, d.TransitionTicket(t.Context(), id, access.TicketDone))
	require.Equal(t, access.TicketDone, one.seen(t, id).Phase)
	require.True(t, read(t, d, id).StatusChangedByUsher)
}

func TestChange_in_between(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	id := open(t, d)
	one.before(func() { one.commentAs(t, human, id, "wait") })
	err := d.TransitionTicket(t.Context(), id, access.TicketDone)
	requireKind(t, access.Transient, err)
	require.ErrorContains(t, err, "412")
	require.Equal(t, access.TicketWaiting, one.seen(t, id).Phase)
	one.before(func() { one.moveAs(t, human, id, access.TicketDenied) })
	requireKind(t, access.Transient, d.TransitionTicket(t.Context(), id, access.TicketDone))
	require.Equal(t, access.TicketDenied, one.seen(t, id).Phase, "the decision is not written over")
	require.NoError(t, d.TransitionTicket(t.Context(), id, access.TicketDone))

	one.before(func() { s.put(t, string(human), path(id), map[string]any{"Owner": string(human)}) })
	requireKind(t, access.Transient, d.AssignTicket(t.Context(), id, "root"))
	require.Equal(t, human, one.seen(t, id).Assignee)
}

func TestMerge_away(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d := one.desk(t, nil)
	id, into := open(t, d), one.openAs(t, one.addAccount(t, eve()))
	s.put(t, "root", path(id), map[string]any{"MergeInto": string(into)})
	_, err := d.ReadTicket(t.Context(), id)
	requireKind(t, access.NotFound, err)
	many, err := d.ReadTickets(t.Context(), []access.TicketID{id})
	require.NoError(t, err)
	require.Equal(t, []access.TicketID{id}, many.Missing)
	requireKind(t, access.NotFound, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "not for others"}))
	requireKind(t, access.NotFound, d.TransitionTicket(t.Context(), id, access.TicketDone))
	requireKind(t, access.NotFound, d.AssignTicket(t.Context(), id, ""))
	require.Equal(t, access.TicketWaiting, one.seen(t, into).Phase, "nothing was written to the other ticket")
	require.NotContains(t, one.seen(t, into).Comments, "not for others")
}

func TestMerge_into(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	id, other := open(t, d), one.openAs(t, human)
	require.NoError(t, d.TransitionTicket(t.Context(), id, access.TicketApproved))
	s.put(t, string(human), path(other), map[string]any{"Subject": "administrator", "Status": "approved"})
	s.put(t, "root", path(other), map[string]any{"MergeInto": string(id)})
	got := read(t, d, id)
	require.Equal(t, access.TicketApproved, got.Phase)
	require.True(t, got.StatusChangedByUsher, "moved by %s", got.StatusChangedBy)
	require.Empty(t, got.TextChangedBy)
}

func TestCheck_without_rights(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	foreign := one.openAs(t, one.addAccount(t, eve()))
	s.put(t, "root", "user/"+one.self, map[string]any{"Privileged": 0})
	d := one.desk(t, func(c *requesttracker.Config) { c.Reporter = false })
	findings, err := d.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "desks.rt.queue", findings[0].Key)
	require.Contains(t, findings[0].Problem, "SeeQueue")
	_, err = d.CreateTicket(t.Context(), newTicket())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.rt.queue")
	_, err = d.ReadTicket(t.Context(), foreign)
	requireKind(t, access.NotFound, err)
	_, err = d.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.NotFound, err)
	_, err = d.FindAccount(t.Context(), eve())
	requireKind(t, access.Forbidden, err)
	require.Zero(t, one.count(t, "usher-r1"))
}

func TestCheck_wrong_keys(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	for key, change := range map[string]func(*requesttracker.Config){
		"desks.rt.queue":        func(c *requesttracker.Config) { c.Queue = "No such/queue?" },
		"desks.rt.marker_field": func(c *requesttracker.Config) { c.MarkerField = "No such field" },
		"desks.rt.fields.Nope": func(c *requesttracker.Config) {
			c.Fields = map[string]access.TicketField{"Nope": access.FieldReason}
		},
	} {
		findings, err := one.desk(t, change).Check(t.Context())
		require.NoError(t, err)
		require.Len(t, findings, 1, key)
		require.Equal(t, key, findings[0].Key)
	}
	s.do(t, "root", http.MethodDelete, "queue/"+strings.ReplaceAll(one.other, " ", "%20"), nil, nil)
	findings, err := one.desk(t, func(c *requesttracker.Config) { c.Queue = one.other }).Check(t.Context())
	require.NoError(t, err)
	require.Contains(t, findings[0].Problem, "disabled")
}

func TestCreate_dropped_marker(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d := one.desk(t, func(c *requesttracker.Config) { c.Token, c.Reporter = s.Tokens["dumb"], false })
	for range 2 {
		_, err := d.CreateTicket(t.Context(), newTicket())
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "desks.rt.marker_field")
		require.ErrorContains(t, err, "ModifyCustomField")
	}
	require.Len(t, one.search(t, "Queue = '"+one.queue+"'"), 1, "no second ticket is left behind")
	findings, err := d.Check(t.Context())
	require.NoError(t, err)
	var problems []string
	for _, f := range findings {
		problems = append(problems, f.Problem)
	}
	require.Contains(t, strings.Join(problems, "\n"), "CommentOnTicket")
	require.Contains(t, strings.Join(problems, "\n"), "not privileged")
}

func TestComment_unseen(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d := one.desk(t, func(c *requesttracker.Config) { c.Token, c.Reporter = s.Tokens["blind"], false })
	id := open(t, d)
	for range 2 {
		err := d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "said once"})
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "ShowTicketComments")
	}
	require.Equal(t, []string{"said once"}, one.seen(t, id).Comments)
}

func TestComment_of_others(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	id := open(t, d)
	one.commentAs(t, human, id, "text\n\n(reference c1)")
	require.NoError(t, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "usher's own"}))
	require.Equal(t, []string{"text", "usher's own"}, one.seen(t, id).Comments)
}

func TestAssign_kept_owner(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	human := one.addAccount(t, eve())
	d := one.desk(t, func(c *requesttracker.Config) { c.Token, c.Reporter = s.Tokens["blind"], false })
	id := open(t, d)
	s.put(t, string(human), path(id), map[string]any{"Owner": string(human)})
	err := d.AssignTicket(t.Context(), id, "")
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "ReassignTicket")
	require.Equal(t, human, one.seen(t, id).Assignee)
}

// TestChanges_time_zone moves usher's account from zone to zone while usher runs.
func TestChanges_time_zone(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d := one.desk(t, nil)
	for _, zone := range []string{"Pacific/Honolulu", "Pacific/Auckland", "UTC"} {
		s.put(t, "root", "user/"+one.self, map[string]any{"Timezone": zone})
		findings, err := d.Check(t.Context())
		require.NoError(t, err)
		require.Empty(t, findings)
		id := open(t, d)
		changed := read(t, d, id).UpdatedAt
		page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: changed, Limit: 100})
		require.NoError(t, err)
		require.NotEmpty(t, page.Tickets, zone)
		require.Equal(t, id, page.Tickets[len(page.Tickets)-1].Ref.ID, zone)
		page, err = d.ChangedTickets(t.Context(), access.ChangesQuery{Since: changed.Add(time.Minute), Limit: 100})
		require.NoError(t, err)
		require.Empty(t, page.Tickets, zone)
	}
}
