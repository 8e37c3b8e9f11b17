package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"usher/internal/access"
	"usher/internal/usersync"
)

// HandOverSettings are how what leavers own on a desk is handed over.
type HandOverSettings struct {
	// Kinds are the kinds of records, by the names that the desk's section gives them.
	Kinds []string
	// Fallback is who gets what nobody else can take; "" for nobody.
	Fallback access.PersonID
	// Within is how long after a run has found somebody gone their things are looked for.
	Within time.Duration
	// Most is how many records a leaver may own; of whoever owns more, nothing is handed over.
	Most int
}

// HandOver hands over what leavers own for some time, person by person, and returns how far it has come. Where it stands is in the ledger, so it is
// safe to repeat: it goes on where it stopped. Transient, RateLimited: the desk does not answer.
func (a *DeskUsers) HandOver(ctx context.Context, c SyncInput) (access.HandOver, error) {
	run, err := plannedSync(ctx, a.Ledger, c)
	if err == nil {
		err = a.handsOver(run)
	}
	if err != nil {
		return access.HandOver{}, translate(err)
	}
	h := handing{DeskUsers: a, run: run, attempt: uuid.NewString()}
	holds, err := a.holdsEverything(ctx, run)
	if err != nil {
		return access.HandOver{}, translate(err)
	}
	h.applies = !run.Dry && a.Settings.Modes[access.UserHandOver] && !holds
	if run.HandOver != nil {
		h.state = *run.HandOver
	}
	if err := a.Ledger.ClaimSyncRun(ctx, run, h.attempt); err != nil {
		return access.HandOver{}, translate(err)
	}
	var none atomic.Int64
	stop := beat(ctx, &none)
	defer stop()
	err = h.some(fenced(ctx))
	h.state.Pending = nil
	return h.state, translate(err)
}

// handsOver returns why this worker cannot hand over anything for a run; nil where it can. Conflict: it has another configuration than the one with
// which the run began, and so might protect others.
func (a *DeskUsers) handsOver(run access.SyncRun) error {
	switch {
	case a.Settings.HandOver == nil || a.Belongings == nil:
		return access.Errorf(access.Transient, opHandOver, "desks.%s.sync.hand_over: this worker's configuration does not have it", run.Desk)
	case a.Settings.Digest != run.Mapping || a.Settings.Source != run.Source:
		return access.Errorf(access.Conflict, opHandOver, "desks.%s.sync: the configuration has changed since the run began", run.Desk)
	}
	return a.Settings.guards(run)
}

// holdsEverything reports whether a run hands nothing over: because the desk's listing cannot be trusted, and nobody has released that, or because the
// configuration has changed, by which other people may have the ids of before.
func (a *DeskUsers) holdsEverything(ctx context.Context, run access.SyncRun) (bool, error) {
	meets := func(r access.SyncRun, brake string) bool {
		return slices.ContainsFunc(r.Holds, func(h access.PeopleHold) bool { return h.Name() == brake })
	}
	switch given := run.Release; {
	case meets(run, usersync.BrakeMapping):
		return true, nil
	case !meets(run, usersync.BrakeMissing):
		return false, nil
	case given == nil || len(given.People) > 0 || len(given.Brakes) > 0 && !slices.Contains(given.Brakes, usersync.BrakeMissing):
		return true, nil
	default:
		of, err := a.Ledger.SyncRun(ctx, run.Desk, given.Run)
		return !meets(of, usersync.BrakeMissing), err
	}
}

const opHandOver = "hand over what leavers own"

// handing is one attempt to hand over what leavers own.
type handing struct {
	*DeskUsers
	run     access.SyncRun
	attempt string
	// until is when the attempt shows how far it has come.
	until time.Time
	// applies is false where it is only counted what would be handed over.
	applies bool
	kinds   []string
	state   access.HandOver
	// left are the leavers of the page that is dealt with.
	left map[access.PersonID]leaver
}

func (h *handing) save(ctx context.Context, events ...access.DeskEvent) error {
	return h.Ledger.SaveHandOver(ctx, h.run, h.attempt, h.state, events...)
}

// some deals with leavers until the time is over.
func (h *handing) some(ctx context.Context) error {
	if err := h.findKinds(ctx); err != nil {
		return err
	}
	// Finding them may take long, and comes anew with each attempt.
	h.until = time.Now().Add(applyFor)
	for !h.state.Done && time.Now().Before(h.until) {
		if err := h.page(ctx); err != nil {
			return err
		}
	}
	return nil
}

// findKinds finds the kinds that the desk has. One that it does not have is a problem, and the others are handed over all the same.
func (h *handing) findKinds(ctx context.Context) error {
	kinds, err := h.Belongings.OwnedKinds(ctx)
	if err != nil {
		if err := h.about(ctx, err); err != nil {
			return err
		}
		h.state.Done = true
		h.state.Problem("hand_over.kinds: %s", printable(err.Error()))
		return h.save(ctx)
	}
	for _, name := range h.Settings.HandOver.Kinds {
		if slices.ContainsFunc(kinds, func(k access.OwnedKind) bool { return k.Name == name }) {
			h.kinds = append(h.kinds, name)
		}
	}
	return nil
}

// about returns nil where an error of the desk is about one thing, and the desk answers for others; else the error, which ends the attempt.
func (h *handing) about(ctx context.Context, err error) error {
	switch access.KindOf(err) {
	case access.RateLimited:
		return err
	case access.Transient, access.Unknown, access.Forbidden:
		if _, answers := h.Port.UserSchema(ctx); answers != nil {
			return err
		}
	case access.Invalid, access.NotFound, access.Conflict:
	}
	return nil
}

// oneLeaver is an error of the desk about one leaver; it answers for others.
type oneLeaver struct{ error }

// asked returns an error of the desk as one about this leaver alone, where the desk answers for others.
func (h *handing) asked(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ends := h.about(ctx, err); ends != nil {
		return ends
	}
	return oneLeaver{err}
}

// page deals with the leavers of a page of people, until the time is over.
func (h *handing) page(ctx context.Context) error {
	people, err := h.Ledger.KnownPeople(ctx, h.run.Source, h.state.After, peoplePage)
	if err != nil {
		return err
	}
	leavers, err := h.leavers(ctx, people)
	if err != nil {
		return err
	}
	for _, l := range leavers {
		if time.Now().After(h.until) {
			return nil
		}
		if done, err := h.leaver(ctx, l); err != nil || !done {
			return err
		}
	}
	h.state.Done = len(people) < peoplePage
	if n := len(people); n > 0 {
		h.state.After = people[n-1].Record.ID
	}
	if p := h.state.Pending; p != nil && (h.state.Done || p.Person <= h.state.After) {
		if err := h.abandon(ctx); err != nil {
			return err
		}
	}
	return h.save(ctx)
}

// leaver deals with one leaver, and records it. It returns false where the time was over before.
func (h *handing) leaver(ctx context.Context, l access.DeskLink) (done bool, err error) {
	done, err = h.handsOf(ctx, l)
	if one, only := errors.AsType[oneLeaver](err); only {
		h.state.Problem("%s: %s", l.Person, printable(one.Error()))
		done, err = true, nil
	}
	if err != nil || !done {
		return false, err
	}
	if p := h.state.Pending; p != nil && len(p.Records) > 0 {
		if err := h.abandon(ctx); err != nil {
			return false, err
		}
	}
	h.state.After, h.state.Pending = l.Person, nil
	return true, h.save(ctx)
}

// abandon records that what an attempt before was about to hand over is not handed over by this run as it said: who had it is no leaver any more, or somebody else
// gets it.
func (h *handing) abandon(ctx context.Context) error {
	p := h.state.Pending
	from := access.Leaving{Run: h.run, Person: p.Person, Taker: p.Taker, To: p.To, At: time.Now().UTC()}
	links, err := h.Ledger.DeskLinks(ctx, h.run.Desk, []access.PersonID{p.Person})
	if err != nil {
		return err
	}
	for _, l := range links {
		from.From.ID = l.User
	}
	h.count(p.Records, func(c *access.OwnedCounts) { c.Kept++ })
	p.Keep("they were announced, and are not handed over so: an attempt ended, and by the next one the person was no leaver any more, or somebody else takes them")
	h.state.Problem("%s: %d of %d records were not handed over as announced", p.Person, p.Refused, p.Of)
	h.state.Pending = nil
	return h.save(ctx, from.Abandoned(p.Refused, p.Whys))
}

// handsOf hands over what one leaver owns, and returns false where the time was over before. An error that is oneLeaver is about this one alone; any
// other ends the attempt.
func (h *handing) handsOf(ctx context.Context, l access.DeskLink) (done bool, err error) {
	person, user, err := h.gone(ctx, l)
	if err != nil || user == nil {
		return true, err
	}
	done, err = h.deals(ctx, l, person, user)
	if err == nil && done {
		err = h.passed(ctx, l.Person)
	}
	return done, err
}

// deals hands over what the user of a leaver owns, as handsOf does.
func (h *handing) deals(ctx context.Context, l access.DeskLink, person access.KnownPerson, user *access.DeskUser) (done bool, err error) {
	from := access.Leaving{Run: h.run, Person: l.Person, From: *user, At: time.Now().UTC()}
	begun, err := h.begun(ctx, l.Person)
	if err != nil {
		return false, err
	}
	if begun {
		return h.hand(ctx, from, l)
	}
	owned, err := h.owned(ctx, *user)
	if err != nil || len(owned) == 0 {
		return true, err
	}
	h.state.Leavers++
	if most := h.Settings.HandOver.Most; len(owned) > most {
		h.state.TooMany++
		h.state.Problem("%s (user %s): owns more than %d records; nothing of it is handed over", l.Person, user.ID, most)
		return true, nil
	}
	gives, err := h.give(ctx, from, person, owned)
	if err != nil || !gives {
		return true, err
	}
	return h.hand(ctx, from, l)
}

// begun reports whether an attempt before has begun to hand over what a person owns, in a way that still holds. Else it is looked for anew: what was
// handed over by then is the leaver's no more.
func (h *handing) begun(ctx context.Context, person access.PersonID) (bool, error) {
	p := h.state.Pending
	if p == nil || p.Person != person {
		return false, nil
	}
	_, taker, err := h.takes(ctx, p.Taker)
	if err != nil {
		return false, err
	}
	known := func(o access.Owned) bool { return slices.Contains(h.kinds, o.Kind) }
	if h.applies && taker != nil && taker.user.ID == p.To && len(p.Records) <= h.Settings.HandOver.Most && !slices.ContainsFunc(p.Records, func(o access.Owned) bool { return !known(o) }) {
		return true, nil
	}
	h.state.Leavers--
	return false, h.abandon(ctx)
}

// give finds who takes records, and records what is about to be handed over. It returns false where nothing is.
func (h *handing) give(ctx context.Context, from access.Leaving, person access.KnownPerson, owned []access.Owned) (bool, error) {
	taker, err := h.taker(ctx, person)
	switch {
	case err != nil:
		return false, err
	case taker == nil:
		h.state.Nobody++
		h.state.Problem("%s (user %s): owns %d records, and there is nobody to take them", from.Person, from.From.ID, len(owned))
		h.count(owned, func(c *access.OwnedCounts) { c.Nobodys++ })
		return false, nil
	case !h.applies:
		h.count(owned, func(c *access.OwnedCounts) { c.Observed++ })
		return false, nil
	}
	from.Taker, from.To = taker.person, taker.user.ID
	// The audit trail has it before the desk does, and an attempt after this one knows what was begun.
	h.state.Pending = &access.PendingHandOver{Person: from.Person, Taker: taker.person, To: taker.user.ID, Records: owned, Of: len(owned)}
	return true, h.save(ctx, from.Events(owned)...)
}

func (h *handing) count(owned []access.Owned, change func(*access.OwnedCounts)) {
	for _, o := range owned {
		h.state.Count(o.Kind, change)
	}
}

// gone returns the user of a leaver whose things may be handed over, by the records of this moment; nil for one whose may not be.
func (h *handing) gone(ctx context.Context, l access.DeskLink) (person access.KnownPerson, user *access.DeskUser, err error) {
	if person, err = h.Ledger.KnownPerson(ctx, h.run.Source, l.Person); err != nil || person.State != access.PersonLeft {
		return person, nil, err
	}
	held, err := h.Ledger.SyncRows(ctx, h.run.Desk, h.run.Rows, access.SyncRowsQuery{Limit: 1, State: access.SyncHeld, Person: l.Person})
	if err != nil || len(held) > 0 {
		return person, nil, err
	}
	now, err := h.Port.ReadUser(ctx, l.User)
	switch {
	case access.IsKind(err, access.NotFound):
		return person, nil, nil
	case err != nil:
		return person, nil, h.asked(ctx, err)
	case now.Person != "" && now.Person != l.Person:
		return person, nil, nil
	case h.Settings.Guard.Protects(now) != "":
		h.state.Protected++
		return person, nil, nil
	case now.Active && h.run.Schema.Cannot[access.UserDeactivate] == "" && (!h.run.Dry || !h.Settings.Modes[access.UserDeactivate]):
		// The user was not switched off, so nobody has let usher treat the person as a leaver here.
		return person, nil, nil
	}
	return person, &now, nil
}

// owned are the records that a user owns, of all kinds: at most one more than may be handed over.
func (h *handing) owned(ctx context.Context, user access.DeskUser) ([]access.Owned, error) {
	var all []access.Owned
	most := h.Settings.HandOver.Most
	for _, kind := range h.kinds {
		q := access.OwnedQuery{Kind: kind, Owner: user, Limit: access.MaxOwnedPage}
		for more := true; more && len(all) <= most; {
			page, err := h.Belongings.ListOwned(ctx, q)
			if err != nil {
				return nil, h.asked(ctx, fmt.Errorf("%s: %w", kind, err))
			}
			for _, o := range page {
				// A title is what people wrote, and is kept nowhere.
				all = append(all, access.Owned{Kind: o.Kind, ID: o.ID})
			}
			if more = len(page) == q.Limit; more {
				q.After = page[len(page)-1].ID
			}
		}
	}
	return all, nil
}

// progressEvery is after how many records it is recorded how far the hand-over of one leaver's things has come.
const progressEvery = 50

// hand hands over what is pending of a leaver, one record after another, and returns false where the time was over before. What stops it is
// recorded with how far it has come.
func (h *handing) hand(ctx context.Context, from access.Leaving, l access.DeskLink) (done bool, err error) {
	p := h.state.Pending
	from.Taker, from.To = p.Taker, p.To
	for n := 0; len(p.Records) > 0; n++ {
		over := n > 0 && time.Now().After(h.until)
		if err == nil && n > 0 && (over || n%progressEvery == 0) {
			err = h.save(ctx)
		}
		if err != nil || over {
			return false, err
		}
		if err = h.next(ctx, from, l); err != nil {
			return false, cmp.Or(h.save(ctx), err)
		}
	}
	if p.Refused == 0 {
		return true, nil
	}
	h.state.Problem("%s: %d of %d records were not handed over; the first: %s", from.Person, p.Refused, p.Of, p.Whys[0])
	h.state.After, h.state.Pending = from.Person, nil
	return true, h.save(ctx, from.Refusal(p.Refused, p.Whys))
}

// next hands the next record of a leaver over. Where the person is no leaver any more, or the new owner cannot take it, all that is left is kept.
func (h *handing) next(ctx context.Context, from access.Leaving, l access.DeskLink) error {
	if err := h.Writes.Wait(ctx); err != nil {
		return access.Errorf(access.Transient, opHandOver, "%w", err)
	}
	p := h.state.Pending
	to, why, err := h.still(ctx, l)
	if one, only := errors.AsType[oneLeaver](err); only {
		why, err = printable(one.Error()), nil
	}
	if err != nil {
		return err
	}
	if why != "" {
		h.count(p.Records, func(c *access.OwnedCounts) { c.Kept++ })
		p.Keep(why)
		return nil
	}
	o := p.Records[0]
	err = h.one(ctx, o, from.From, to)
	if err != nil {
		only, is := errors.AsType[oneLeaver](err)
		if !is {
			return err
		}
		err = only.error
		p.Refuse(o.Kind + " " + o.ID + ": " + printable(err.Error()))
	}
	p.Records = p.Records[1:]
	h.state.Count(o.Kind, outcome(err))
	return nil
}

// still returns who gets what is pending of a leaver, or why it is kept: by the records of this moment, and only if this attempt still has the run.
func (h *handing) still(ctx context.Context, l access.DeskLink) (to access.DeskUser, why string, err error) {
	if err := h.Ledger.SaveSyncRows(ctx, h.run, h.attempt, nil); err != nil {
		return to, "", err
	}
	_, user, err := h.gone(ctx, l)
	switch {
	case err != nil:
		return to, "", err
	case user == nil:
		return to, "the person is no leaver any more", nil
	}
	_, taker, err := h.takes(ctx, h.state.Pending.Taker)
	switch {
	case err != nil:
		return to, "", err
	case taker == nil || taker.user.ID != h.state.Pending.To:
		return to, "the new owner cannot take it any more", nil
	}
	return taker.user, "", nil
}

// one hands one record over. That is safe to repeat, so where the answer is lost it is asked for again.
func (h *handing) one(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	for tries := 1; ; tries++ {
		err := h.Belongings.HandOver(ctx, o, from, to)
		again := access.IsKind(err, access.Transient) || access.IsKind(err, access.Unknown)
		err = h.asked(ctx, err)
		if _, only := errors.AsType[oneLeaver](err); !only || !again || tries == applyTries {
			return err
		}
	}
}

// outcome returns how a record is counted.
func outcome(err error) func(*access.OwnedCounts) {
	return func(c *access.OwnedCounts) {
		switch {
		case err == nil:
			c.HandedOver++
		case access.IsKind(err, access.Conflict):
			c.Changed++
		default:
			c.Refused++
		}
	}
}
