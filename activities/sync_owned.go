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
	if err == nil && (a.Settings.HandOver == nil || a.Belongings == nil) {
		err = access.Errorf(access.Transient, opHandOver, "desks.%s.sync.hand_over: this worker's configuration does not have it", c.Desk)
	}
	if err != nil {
		return access.HandOver{}, translate(err)
	}
	h := handing{DeskUsers: a, run: run, attempt: uuid.NewString(), applies: !run.Dry && a.Settings.Modes[access.UserHandOver]}
	if run.HandOver != nil {
		h.state = *run.HandOver
	}
	if err := a.Ledger.ClaimSyncRun(ctx, run, h.attempt); err != nil {
		return access.HandOver{}, translate(err)
	}
	var none atomic.Int64
	stop := beat(ctx, &none)
	defer stop()
	err = h.some(fenced(ctx), time.Now().Add(applyFor))
	h.state.Pending = nil
	return h.state, translate(err)
}

const opHandOver = "hand over what leavers own"

// handing is one attempt to hand over what leavers own.
type handing struct {
	*DeskUsers
	run     access.SyncRun
	attempt string
	// applies is false where it is only counted what would be handed over.
	applies bool
	kinds   []string
	state   access.HandOver
}

func (h *handing) save(ctx context.Context, events ...access.DeskEvent) error {
	return h.Ledger.SaveHandOver(ctx, h.run, h.attempt, h.state, events...)
}

// some deals with leavers until a time.
func (h *handing) some(ctx context.Context, until time.Time) error {
	if err := h.findKinds(ctx); err != nil {
		return err
	}
	for !h.state.Done && time.Now().Before(until) {
		if err := h.page(ctx, until); err != nil {
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
		h.state.Problem("hand_over.kinds: %v", err)
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

// page deals with the leavers of a page of people, until a time.
func (h *handing) page(ctx context.Context, until time.Time) error {
	people, err := h.Ledger.KnownPeople(ctx, h.run.Source, h.state.After, peoplePage)
	if err != nil {
		return err
	}
	leavers, err := h.leavers(ctx, people)
	if err != nil {
		return err
	}
	for _, l := range leavers {
		if time.Now().After(until) {
			return nil
		}
		if err := h.leaver(ctx, l); err != nil {
			return err
		}
	}
	h.state.Done = len(people) < peoplePage
	if n := len(people); n > 0 {
		h.state.After = people[n-1].Record.ID
	}
	return h.save(ctx)
}

// leavers returns who of some people has left not too long ago, and has a user. Who had left before a run could see them leave is not among them.
func (h *handing) leavers(ctx context.Context, people []access.KnownPerson) ([]access.DeskLink, error) {
	var left []access.PersonID
	for _, p := range people {
		if p.State == access.PersonLeft && h.run.Scope.Has(p.Record) {
			left = append(left, p.Record.ID)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	standings, err := h.Ledger.Standings(ctx, h.run.Source, left...)
	if err != nil {
		return nil, err
	}
	var some []access.PersonID
	for _, s := range standings {
		if since := h.run.BeganAt.Sub(time.UnixMicro(int64(s.Revision))); s.Absent && since <= h.Settings.HandOver.Within {
			some = append(some, s.Person)
		}
	}
	if len(some) == 0 {
		return nil, nil
	}
	links, err := h.Ledger.DeskLinks(ctx, h.run.Desk, some)
	slices.SortFunc(links, func(a, b access.DeskLink) int { return cmp.Compare(a.Person, b.Person) })
	return links, err
}

// leaver deals with one leaver, and records it.
func (h *handing) leaver(ctx context.Context, l access.DeskLink) error {
	err := h.handsOf(ctx, l)
	if one, only := errors.AsType[oneLeaver](err); only {
		h.state.Problem("%s: %s", l.Person, printable(one.Error()))
	} else if err != nil {
		return err
	}
	h.state.After, h.state.Pending = l.Person, nil
	return h.save(ctx)
}

// handsOf hands over what one leaver owns. An error that is oneLeaver is about this one alone; any other ends the attempt.
func (h *handing) handsOf(ctx context.Context, l access.DeskLink) error {
	person, user, err := h.gone(ctx, l)
	if err != nil || user == nil {
		return err
	}
	from := access.Leaving{Run: h.run, Person: l.Person, From: *user, At: time.Now().UTC()}
	if p := h.state.Pending; p != nil && p.Person == l.Person {
		to, err := h.Port.ReadUser(ctx, p.To)
		if err != nil {
			return h.asked(ctx, err)
		}
		return h.hand(ctx, from, to, p.Records)
	}
	owned, err := h.owned(ctx, *user)
	if err != nil || len(owned) == 0 {
		return err
	}
	h.state.Leavers++
	if most := h.Settings.HandOver.Most; len(owned) > most {
		h.state.TooMany++
		h.state.Problem("%s (user %s): owns more than %d records; nothing of it is handed over", l.Person, user.ID, most)
		return nil
	}
	return h.give(ctx, from, person, owned)
}

// give finds who takes records, and hands them over.
func (h *handing) give(ctx context.Context, from access.Leaving, person access.KnownPerson, owned []access.Owned) error {
	taker, err := h.taker(ctx, person)
	switch {
	case err != nil:
		return err
	case taker == nil:
		h.state.Nobody++
		h.state.Problem("%s (user %s): owns %d records, and there is nobody to take them", from.Person, from.From.ID, len(owned))
		h.count(owned, func(c *access.OwnedCounts) { c.Nobodys++ })
		return nil
	case !h.applies:
		h.count(owned, func(c *access.OwnedCounts) { c.Observed++ })
		return nil
	}
	from.Taker, from.To = taker.person, taker.user.ID
	// The audit trail has it before the desk does, and an attempt after this one knows what was begun.
	h.state.Pending = &access.PendingHandOver{Person: from.Person, To: taker.user.ID, Records: owned}
	if err := h.save(ctx, from.Events(owned)...); err != nil {
		return err
	}
	return h.hand(ctx, from, taker.user, owned)
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
	case now.Active && h.run.Schema.Cannot[access.UserDeactivate] == "" && !h.run.Dry:
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

// hand hands records over, one by one, as long as the person is a leaver.
func (h *handing) hand(ctx context.Context, from access.Leaving, to access.DeskUser, records []access.Owned) error {
	var whys []string
	done := h.state
	for _, o := range records {
		if err := h.Writes.Wait(ctx); err != nil {
			return access.Errorf(access.Transient, opHandOver, "%w", err)
		}
		person, err := h.Ledger.KnownPerson(ctx, h.run.Source, from.Person)
		if err != nil {
			return err
		}
		if person.State != access.PersonLeft {
			whys = append(whys, "the person is back")
			break
		}
		err = h.one(ctx, o, from.From, to)
		if err != nil {
			only, is := errors.AsType[oneLeaver](err)
			if !is {
				return err
			}
			err = only.error
			whys = append(whys, o.Kind+" "+o.ID+": "+printable(err.Error()))
		}
		done.Count(o.Kind, outcome(err))
	}
	h.state = done
	if len(whys) == 0 {
		return nil
	}
	h.state.Problem("%s: %d of %d records were not handed over; the first: %s", from.Person, len(whys), len(records), whys[0])
	h.state.After, h.state.Pending = from.Person, nil
	return h.save(ctx, from.Refusal(whys))
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
