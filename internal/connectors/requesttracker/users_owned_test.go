package requesttracker_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// ownedUsers is a directory that hands over the tickets of a queue, "tickets", and those of all queues, "all".
func ownedUsers(t *testing.T, s *site, queue string) *requesttracker.Users {
	t.Helper()
	c := usersKept()
	c.Owned = map[string]requesttracker.OwnedConfig{"tickets": {Queues: []string{queue}}, "all": {}}
	return s.users(t, c)
}

// putPrivileged adds a user who may own tickets.
func (s *site) putPrivileged(t *testing.T, u access.DeskUser) access.DeskUser {
	t.Helper()
	active := u.Active
	u.Active = true
	u = s.putUser(t, u)
	s.put(t, "root", "user/"+string(u.ID), map[string]any{"Privileged": 1})
	if !active {
		s.put(t, "root", "user/"+string(u.ID), map[string]any{"Disabled": 1})
	}
	u.Active = active
	return u
}

// putTicket opens a ticket that somebody works on, and returns its number. An account that is not root opens it as usher does.
func (s *site) putTicket(t *testing.T, queue, subject string, owner access.DeskUser) string {
	t.Helper()
	var made struct{ ID string }
	s.do(t, "root", http.MethodPost, "ticket", map[string]any{
		"Queue": queue, "Subject": subject, "Content": "It is broken.", "ContentType": "text/plain", "Owner": string(owner.Account),
	}, &made)
	return made.ID
}

// adopt makes a ticket that a person has opened the ticket of a request.
func (s *site) adopt(t *testing.T, queue, id string) {
	t.Helper()
	d := s.desk(t, func(c *requesttracker.Config) { c.Intake = &desk.Intake{Kind: queue} })
	asked, err := d.ReadAsked(t.Context(), access.TicketID(id))
	require.NoError(t, err)
	_, err = d.BindTicket(t.Context(), access.TicketID(id), asked.Creator.ID, access.NewMarker(access.AskedRequestID("rt", access.TicketID(id)), "run-1"))
	require.NoError(t, err)
}

// ownerOf is the number of the user who works on a ticket.
func (s *site) ownerOf(t *testing.T, id string) access.UserID {
	t.Helper()
	var owner string
	require.NoError(t, s.db.QueryRow(`SELECT Owner FROM Tickets WHERE id = ?`, id).Scan(&owner))
	return access.UserID(owner)
}

// newQueue makes a queue.
func (s *site) newQueue(t *testing.T) string {
	t.Helper()
	name := "Owned " + strings.ReplaceAll(t.Name(), "/", " ")
	s.do(t, "root", http.MethodPost, "queue", map[string]any{"Name": name}, nil)
	return name
}

func TestUserBelongings(t *testing.T) {
	s := realServer(t)
	accesstest.RunUserBelongings(t, func(t *testing.T) accesstest.UserBelongingsHarness {
		one := newUsersSite(t, s, "directory")
		one.short = true
		queue := one.newQueue(t)
		return accesstest.UserBelongingsHarness{
			Belongings: ownedUsers(t, one, queue), Kind: "tickets", Unknown: "999999",
			PutUser:  func(u access.DeskUser) access.DeskUser { return one.putPrivileged(t, u) },
			PutOwned: func(title string, owner access.DeskUser) string { return one.putTicket(t, queue, title, owner) },
			SetOwner: func(id string, owner access.DeskUser) {
				one.put(t, "root", "ticket/"+id, map[string]any{"Owner": string(owner.Account)})
			},
			Owner:             func(id string) access.UserID { return one.ownerOf(t, id) },
			PutOther:          func(owner access.DeskUser) string { return one.putTicket(t, "General", "elsewhere", owner) },
			Close:             func(id string) { one.put(t, "root", "ticket/"+id, map[string]any{"Status": "resolved"}) },
			Adopt:             func(id string) { one.adopt(t, queue, id) },
			RefuseCredentials: func() { one.faults(func() { one.spoilt = true }) },
			LoseAnswer:        func() { one.faults(func() { one.drop = "AssignTicket" }) },
			IgnoreWrites:      func() { one.faults(func() { one.deaf = true }) },
		}
	})
}

// refusedTwice requires that a ticket which changes right before usher's write is not handed over: RT refuses the write, and by then usher sees the change.
func refusedTwice(t *testing.T, users *requesttracker.Users, id string, from, to access.DeskUser) {
	t.Helper()
	ticket := access.Owned{Kind: "tickets", ID: id}
	requireKind(t, access.Transient, users.HandOver(t.Context(), ticket, from, to))
	requireKind(t, access.Conflict, users.HandOver(t.Context(), ticket, from, to))
}

// TestHandOver_taken_meanwhile: somebody takes the ticket between usher's look and its write, and keeps it.
func TestHandOver_taken_meanwhile(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	queue := one.newQueue(t)
	users := ownedUsers(t, one, queue)
	from, to, other := one.putPrivileged(t, ana("from")), one.putPrivileged(t, ana("to")), one.putPrivileged(t, ana("other"))
	id := one.putTicket(t, queue, "taken", from)
	one.before(func() { one.put(t, "root", "ticket/"+id, map[string]any{"Owner": string(other.Account)}) })
	refusedTwice(t, users, id, from, to)
	require.Equal(t, other.ID, one.ownerOf(t, id))
}

// TestHandOver_moved_meanwhile: a ticket that is closed, or moved to another queue, right before usher's write stays whose it is.
func TestHandOver_moved_meanwhile(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	queue := one.newQueue(t)
	users := ownedUsers(t, one, queue)
	from, to := one.putPrivileged(t, ana("from")), one.putPrivileged(t, ana("to"))
	for _, change := range []map[string]any{{"Status": "resolved"}, {"Queue": "General"}} {
		id := one.putTicket(t, queue, "moved", from)
		one.before(func() { one.put(t, "root", "ticket/"+id, change) })
		refusedTwice(t, users, id, from, to)
		require.Equal(t, from.ID, one.ownerOf(t, id))
	}
}

// TestHandOver_of_another_kind: a ticket that is not one of the kind is refused, whoever named it.
func TestHandOver_of_another_kind(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	queue := one.newQueue(t)
	users := ownedUsers(t, one, queue)
	from, to := one.putPrivileged(t, ana("from")), one.putPrivileged(t, ana("to"))
	for name, change := range map[string]func(id string){
		"a reminder":    func(id string) { one.execute(t, `UPDATE Tickets SET Type = 'reminder' WHERE id = ?`, id) },
		"an approval":   func(id string) { one.execute(t, `UPDATE Tickets SET Type = 'approval' WHERE id = ?`, id) },
		"another queue": func(id string) { one.put(t, "root", "ticket/"+id, map[string]any{"Queue": "General"}) },
		"usher's own": func(id string) {
			one.execute(t, `UPDATE Tickets SET Creator = ? WHERE id = ?`, one.userNumber(t, "directory"), id)
		},
	} {
		id := one.putTicket(t, queue, name, from)
		change(id)
		err := users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, from, to)
		requireKind(t, access.Conflict, err)
		require.ErrorContains(t, err, "not of the kind by now", name)
		require.Equal(t, from.ID, one.ownerOf(t, id), name)
	}
}

// TestListOwned_of_usher: tickets that usher has opened are kept by their requests, and tickets of other queues by nobody's wish.
func TestListOwned_of_usher(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	queue, elsewhere := one.newQueue(t), "General"
	users := ownedUsers(t, one, queue)
	owner := one.putPrivileged(t, ana("owner"))
	kept := one.putTicket(t, queue, "of a person", owner)
	far := one.putTicket(t, elsewhere, "elsewhere", owner)
	own := one.putTicket(t, queue, "of usher", owner)
	one.execute(t, `UPDATE Tickets SET Creator = ? WHERE id = ?`, one.userNumber(t, "directory"), own)
	list := func(kind string) []string {
		page, err := users.ListOwned(t.Context(), access.OwnedQuery{Kind: kind, Owner: owner, Limit: 10})
		require.NoError(t, err)
		var ids []string
		for _, o := range page {
			ids = append(ids, o.ID)
		}
		return ids
	}
	require.Equal(t, []string{kept}, list("tickets"))
	require.Equal(t, []string{kept, far}, list("all"))
}

// TestHandOver_may_not_own: RT gives a ticket only to who may own it.
func TestHandOver_may_not_own(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	queue := one.newQueue(t)
	users := ownedUsers(t, one, queue)
	from, contact := one.putPrivileged(t, ana("from")), one.putUser(t, ana("contact"))
	id := one.putTicket(t, queue, "stays", from)
	requireKind(t, access.Invalid, users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, from, contact))
	require.Equal(t, from.ID, one.ownerOf(t, id))
}

// TestOwnedKinds_queue: a queue that is not there is named.
func TestOwnedKinds_queue(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	_, err := ownedUsers(t, one, "No such queue").OwnedKinds(t.Context())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "No such queue")
}
