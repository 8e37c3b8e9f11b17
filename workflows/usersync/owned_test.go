package usersync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

const (
	assets  = "assets"
	tickets = "tickets"
)

// officeOfOwners is one in which everybody has a user and hands over what leavers own. Person 12 has person 1 as the manager, who has person 0.
func officeOfOwners(t *testing.T) *office {
	o := newOffice(t, 30)
	o.settings.Modes[access.UserHandOver] = true
	o.settings.HandOver = &activities.HandOverSettings{Kinds: []string{assets, tickets}, Within: 30 * 24 * time.Hour, Most: 500}
	o.users.PutOwned(access.Owned{Kind: assets, ID: "spare"}, "nobody")
	o.users.PutOwned(access.Owned{Kind: tickets, ID: "spare"}, "nobody")
	o.settles()
	return o
}

// owns makes records of a kind those of a person's user.
func (o *office) owns(i int, kind string, ids ...string) {
	o.t.Helper()
	for _, id := range ids {
		o.users.PutOwned(access.Owned{Kind: kind, ID: id, Title: "the record " + id}, o.of(i).ID)
	}
}

// owner is the person whose user owns a record.
func (o *office) owner(kind, id string) access.PersonID {
	o.t.Helper()
	links, err := o.ledger.DeskLinksOf(o.t.Context(), o.name, []access.UserID{o.users.OwnerOf(kind, id)})
	require.NoError(o.t, err)
	require.Lenf(o.t, links, 1, "%s %s is of nobody", kind, id)
	return links[0].Person
}

// events are those of a type, the last recorded first.
func (o *office) eventsOf(as access.DeskEventType) []access.DeskEvent {
	return slices.DeleteFunc(o.events(), func(e access.DeskEvent) bool { return e.Type != as })
}

// handOverOf is what a run that ended says, as the ledger has it.
func (o *office) handOverOf(run access.SyncRun) access.HandOver {
	o.t.Helper()
	now, err := o.ledger.SyncRun(o.t.Context(), o.name, run.ID)
	require.NoError(o.t, err)
	require.NotNil(o.t, now.HandOver)
	require.True(o.t, now.HandOver.Done)
	require.Nil(o.t, now.HandOver.Pending)
	return *now.HandOver
}

func TestHandOver_to_the_manager(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2")
	o.owns(12, tickets, "t1")
	o.owns(13, assets, "other")
	o.leaves(12)
	h := o.handOverOf(o.ends())
	require.False(t, o.of(12).Active)
	require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 2}, tickets: {HandedOver: 1}}, h.Kinds)
	require.Equal(t, 1, h.Leavers)
	for _, one := range []access.Owned{{Kind: assets, ID: "a1"}, {Kind: assets, ID: "a2"}, {Kind: tickets, ID: "t1"}} {
		require.Equal(t, idOf(1), o.owner(one.Kind, one.ID))
	}
	require.Equal(t, idOf(13), o.owner(assets, "other"))
	require.Contains(t, o.details, "What leavers own, assets: 2 handed over")
	events := o.eventsOf(access.DeskOwnedHandOver)
	require.Len(t, events, 2)
	require.Equal(t, o.of(12).ID, events[0].User)
	texts := events[0].Text + events[1].Text
	for _, part := range []string{"a1, a2", "t1", string(idOf(1)), string(idOf(12))} {
		require.Contains(t, texts, part)
	}
	require.NotContains(t, texts, "the record", "titles are what people wrote")

	writes := o.users.Writes()
	h = o.handOverOf(o.ends())
	require.Empty(t, h.Kinds)
	require.Equal(t, writes, o.users.Writes())
	require.Len(t, o.eventsOf(access.DeskOwnedHandOver), 2)
	// Somebody assigns the leaver something later.
	o.owns(12, tickets, "t2")
	o.ends()
	require.Equal(t, idOf(1), o.owner(tickets, "t2"))
}

func TestHandOver_taker(t *testing.T) {
	const nobody = -1
	for name, c := range map[string]struct {
		change   func(*office)
		fallback int
		taker    int
	}{
		"the manager leaves too":      {func(o *office) { o.leaves(1) }, nobody, 0},
		"the manager is switched off": {func(o *office) { o.switchesOff(1) }, nobody, 0},
		"the manager is protected": {func(o *office) {
			o.protects("svc-*", string(o.of(1).ID))
		}, nobody, 0},
		"the manager is unknown": {func(o *office) {
			o.change(12, func(p *access.KnownPerson) { p.Record.Manager = "stranger" })
		}, 5, 5},
		"no manager, and nobody else": {func(o *office) {
			o.change(12, func(p *access.KnownPerson) { p.Record.Manager = "" })
		}, nobody, nobody},
		"a cycle of leavers": {func(o *office) {
			o.change(1, func(p *access.KnownPerson) { p.Record.Manager = idOf(12) })
			o.leaves(1)
		}, nobody, nobody},
		"a cycle, and a fallback": {func(o *office) {
			o.change(1, func(p *access.KnownPerson) { p.Record.Manager = idOf(12) })
			o.leaves(1)
		}, 5, 5},
		"the fallback has left": {func(o *office) {
			o.change(12, func(p *access.KnownPerson) { p.Record.Manager = idOf(12) })
			o.leaves(5)
		}, 5, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfOwners(t)
			o.settings.Brakes.Floor = 5
			if c.fallback != nobody {
				o.settings.HandOver.Fallback = idOf(c.fallback)
			}
			o.owns(12, assets, "a1")
			o.leaves(12)
			c.change(o)
			h := o.handOverOf(o.ends())
			if c.taker == nobody {
				require.Equal(t, map[string]access.OwnedCounts{assets: {Nobodys: 1}}, h.Kinds)
				require.Equal(t, 1, h.Nobody)
				require.Contains(t, h.Problems[0], "nobody to take them")
				require.Equal(t, idOf(12), o.owner(assets, "a1"))
				return
			}
			require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 1}}, h.Kinds)
			require.Equal(t, idOf(c.taker), o.owner(assets, "a1"))
		})
	}
}

// switchesOff switches a user off as an administrator of the desk does; usher does not switch them on again.
func (o *office) switchesOff(i int) {
	delete(o.settings.Modes, access.UserReactivate)
	user := o.of(i)
	user.Active = false
	o.users.Put(user)
}

// Nothing is taken from somebody who is not let go, or whom usher does not touch.
func TestHandOver_left_alone(t *testing.T) {
	for name, c := range map[string]func(*office) workflows.UserSyncParams{
		"the user is protected": func(o *office) workflows.UserSyncParams {
			o.leaves(12)
			o.protects("svc-*", string(o.of(12).ID))
			user := o.of(12)
			user.Active = false
			o.users.Put(user)
			return workflows.UserSyncParams{}
		},
		"the deactivation is held": func(o *office) workflows.UserSyncParams {
			o.leaves(12, 13, 14, 15, 16, 17, 18, 19)
			return workflows.UserSyncParams{}
		},
		"the mode does not switch off": func(o *office) workflows.UserSyncParams {
			o.leaves(12)
			delete(o.settings.Modes, access.UserDeactivate)
			return workflows.UserSyncParams{}
		},
		"the person is back": func(o *office) workflows.UserSyncParams {
			o.leaves(12)
			delete(o.settings.Modes, access.UserHandOver)
			o.ends()
			o.settings.Modes[access.UserHandOver] = true
			o.change(12, func(p *access.KnownPerson) { p.State = access.PersonPresent })
			delete(o.settings.Modes, access.UserReactivate)
			return workflows.UserSyncParams{}
		},
		"the person left long ago": func(o *office) workflows.UserSyncParams {
			o.leaves(12)
			o.snapshot()
			o.now = o.now.Add(31 * 24 * time.Hour)
			return workflows.UserSyncParams{}
		},
		"the run is over somebody else": func(o *office) workflows.UserSyncParams {
			o.leaves(12)
			o.ends()
			o.owns(12, assets, "a1")
			return workflows.UserSyncParams{Scope: access.SyncScope{Person: idOf(13)}}
		},
		"the user is of somebody else by the desk": func(o *office) workflows.UserSyncParams {
			o.leaves(12)
			delete(o.settings.Modes, access.UserHandOver)
			o.ends()
			o.settings.Modes[access.UserHandOver] = true
			user := o.of(12)
			user.Person = "stranger"
			o.users.Put(user)
			return workflows.UserSyncParams{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfOwners(t)
			o.owns(12, assets, "a1")
			p := c(o)
			run, err := o.run(p)
			require.NoError(t, err)
			h := o.handOverOf(run)
			require.Empty(t, h.Kinds, "%+v", h)
			require.Equal(t, idOf(12), o.owner(assets, "a1"))
			require.Equal(t, handOversBefore(name), o.users.Calls(memory.OpHandOver))
		})
	}
}

// handOversBefore is how many hand-overs the preparation of a case makes.
func handOversBefore(name string) int {
	if strings.HasPrefix(name, "the run is over") {
		return 1
	}
	return 0
}

// Who had left before usher first listed the source is not looked at.
func TestHandOver_left_before(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.gone[idOf(12)] = true
	o.leaves(12)
	require.Empty(t, o.handOverOf(o.ends()).Kinds)
	require.False(t, o.of(12).Active)
	require.Equal(t, idOf(12), o.owner(assets, "a1"))
}

// On a desk that lets usher switch nobody off, whoever is absent hands over, and gets nothing.
func TestHandOver_desk_that_switches_nobody_off(t *testing.T) {
	o := officeOfOwners(t)
	o.users.SetSchema(func(s *access.UserSchema) {
		s.Cannot = map[access.UserOperation]string{access.UserDeactivate: "people own their accounts"}
	})
	o.owns(12, assets, "a1")
	// The manager leaves as well, and keeps an active user.
	o.leaves(12, 1)
	require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 1}}, o.handOverOf(o.ends()).Kinds)
	require.True(t, o.of(12).Active)
	require.Equal(t, idOf(0), o.owner(assets, "a1"))
}

// Where usher switches nobody off, a brake holds what would be handed over along with the rest of the row.
func TestHandOver_held_where_nobody_is_switched_off(t *testing.T) {
	o := officeOfOwners(t)
	o.groups()
	o.users.SetSchema(func(s *access.UserSchema) {
		s.Cannot = map[access.UserOperation]string{access.UserDeactivate: "people own their accounts"}
	})
	leavers := []int{12, 13, 14, 15, 16, 17, 18, 19}
	o.owns(12, assets, "a1")
	o.works("X", leavers...)
	o.settings.Brakes.Floor = 20
	o.settles()
	o.settings.Brakes.Floor = 2
	o.leaves(leavers...)
	run := o.ends()
	require.Equal(t, len(leavers), run.States[access.SyncHeld])
	require.Empty(t, o.handOverOf(run).Kinds)
	require.Equal(t, idOf(12), o.owner(assets, "a1"))
	_, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: run.ID, Reason: "a team was sold"}})
	require.NoError(t, err)
	require.Equal(t, idOf(1), o.owner(assets, "a1"))
}

// A dry run, and a desk whose modes leave it out, count what would be handed over.
func TestHandOver_observed(t *testing.T) {
	for name, p := range map[string]workflows.UserSyncParams{"dry": {Dry: true}, "no mode": {}} {
		t.Run(name, func(t *testing.T) {
			o := officeOfOwners(t)
			o.owns(12, assets, "a1", "a2")
			o.leaves(12)
			if !p.Dry {
				delete(o.settings.Modes, access.UserHandOver)
			}
			run, err := o.run(p)
			require.NoError(t, err)
			require.Equal(t, map[string]access.OwnedCounts{assets: {Observed: 2}}, o.handOverOf(run).Kinds)
			require.Equal(t, idOf(12), o.owner(assets, "a1"))
			require.Zero(t, o.users.Calls(memory.OpHandOver))
			require.Empty(t, o.eventsOf(access.DeskOwnedHandOver))
		})
	}
}

// Of whoever owns more than a human would, nothing is handed over, and it is shown.
func TestHandOver_too_many(t *testing.T) {
	o := officeOfOwners(t)
	o.settings.HandOver.Most = 3
	o.settings.TicketsOn = "helpdesk"
	o.owns(12, assets, "a1", "a2")
	o.owns(12, tickets, "t1", "t2")
	o.owns(13, assets, "b1", "b2", "b3")
	o.leaves(12, 13)
	h := o.handOverOf(o.ends())
	require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 3}}, h.Kinds)
	require.Equal(t, 1, h.TooMany)
	require.Contains(t, h.Problems[0], "more than 3 records")
	require.Equal(t, idOf(12), o.owner(assets, "a1"))
	require.Equal(t, idOf(1), o.owner(assets, "b1"))
	require.Len(t, o.handedIn, 1)
	require.Equal(t, "usher hands nothing over for 1 leavers of it who own too much", o.handedIn[0].Summary)
	require.Contains(t, o.handedIn[0].Description, string(idOf(12)))
	o.settings.HandOver.Most = 4
	o.ends()
	require.Equal(t, idOf(1), o.owner(assets, "a1"))
	require.Len(t, o.closed, 1)
}
