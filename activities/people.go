package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"usher/internal/access"
	"usher/internal/snapshot"
)

// PeopleLedger is what runs over people need of the ledger; *ledger.Store is one.
type PeopleLedger interface {
	StagePeople(ctx context.Context, source access.SourceName, run string, page access.PeoplePage, first int) error
	ListedPeople(ctx context.Context, source access.SourceName, run string, after access.PersonID, limit int) ([]access.ListedRow, error)
	KnownPeople(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.KnownPerson, error)
	PlanPeople(ctx context.Context, source access.SourceName, run string, changes []access.PersonChange) error
	PeopleChanges(ctx context.Context, source access.SourceName, run string, after access.PersonID, limit int) ([]access.PersonChange, error)
	HeldPeople(ctx context.Context, source access.SourceName, run string, after access.PersonID, limit int) ([]access.PersonChange, error)
	ApplyPeople(ctx context.Context, run access.PeopleRun, changes []access.PersonChange) error
	BeginPeopleRun(ctx context.Context, run access.PeopleRun, within time.Duration) error
	SavePeopleRun(ctx context.Context, run access.PeopleRun) error
	PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error)
	PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error)
	ForgetListings(ctx context.Context, source access.SourceName, keep string) error
}

// ListPeopleInput asks for a listing, for a run over a source.
type ListPeopleInput struct {
	Source access.SourceName `json:"source"`
	Run    string            `json:"run"`
	// Since is the watermark of an earlier listing; "" for everybody. SinceMapping is how records were read then.
	Since        string `json:"since,omitempty"`
	SinceMapping string `json:"since_mapping,omitempty"`
}

// ListPeopleResult is a complete listing. ID names it in the ledger.
type ListPeopleResult struct {
	ID      string         `json:"id"`
	Listing access.Listing `json:"listing"`
	// Nameless is how many problems name nobody.
	Nameless int    `json:"nameless,omitempty"`
	Mapping  string `json:"mapping,omitempty"`
}

// ListPeople has the source list its people, and keeps the listing in the ledger, page by page. Each attempt is a listing of its own, so an
// attempt that was given up has no part in another. Invalid: the worker of the source has no ledger.
func (a *Source) ListPeople(ctx context.Context, c ListPeopleInput) (ListPeopleResult, error) {
	const op = "list people"
	if a.Ledger == nil {
		return ListPeopleResult{}, translate(access.Errorf(access.Invalid, op,
			"the worker of the source %s has no ledger; expected it to serve workflows as well", c.Source))
	}
	done := ListPeopleResult{ID: fmt.Sprintf("%s.%d", c.Run, activity.GetInfo(ctx).Attempt), Mapping: a.Mapping}
	pages, problems := 0, 0
	take := func(page access.PeoplePage) error {
		err := a.Ledger.StagePeople(ctx, c.Source, done.ID, page, problems)
		pages, problems = pages+1, problems+len(page.Problems)
		for _, p := range page.Problems {
			if p.ID == "" {
				done.Nameless++
			}
		}
		activity.RecordHeartbeat(ctx, pages)
		return err
	}
	since := c.Since
	if c.SinceMapping != a.Mapping {
		// Whoever did not change would be left as the other configuration read them.
		since = ""
	}
	var err error
	done.Listing, err = a.Port.ListPeople(ctx, since, take)
	return done, translate(err)
}

// PeopleSettings are how the people of one source are read and braked.
type PeopleSettings struct {
	// MissingListings and MoverFields are those of snapshot.Rules.
	MissingListings int
	MoverFields     []string
	Brakes          snapshot.Brakes
	// WholeEvery is how often everybody is listed; between, only changes, where the source has watermarks. 0: always everybody.
	WholeEvery time.Duration
}

// People are the activities of runs over people. They run on the usher queue.
type People struct {
	Ledger   PeopleLedger
	Settings map[access.SourceName]PeopleSettings
}

// maxPeopleRun is how long a run may take before another one may begin beside it.
const maxPeopleRun = 6 * time.Hour

// peoplePage is how many people are read and written at once.
const peoplePage = 500

// BeginPeopleInput is a new run.
type BeginPeopleInput struct {
	Run access.PeopleRun `json:"run"`
	// Whole is true to list everybody, though changes would do.
	Whole bool `json:"whole,omitempty"`
}

// BeginPeopleResult is how the run lists.
type BeginPeopleResult struct {
	// Since is the watermark after which changes are listed; "" to list everybody. Mapping is how records were read then.
	Since   string `json:"since,omitempty"`
	Mapping string `json:"mapping,omitempty"`
}

// BeginPeople records a new run. Conflict: another one goes on. Invalid: a source whose people nobody asked to list. Safe to repeat.
func (a *People) BeginPeople(ctx context.Context, c BeginPeopleInput) (BeginPeopleResult, error) {
	settings, known := a.Settings[c.Run.Source]
	if !known {
		return BeginPeopleResult{}, translate(access.Errorf(access.Invalid, "begin a run over people",
			"source: found %q, expected one of sources that has `people`", c.Run.Source))
	}
	if err := a.Ledger.BeginPeopleRun(ctx, c.Run, maxPeopleRun); err != nil {
		return BeginPeopleResult{}, translate(err)
	}
	if c.Whole || c.Run.Release != nil || settings.WholeEvery == 0 {
		return BeginPeopleResult{}, nil
	}
	runs, err := a.Ledger.PeopleRuns(ctx, c.Run.Source, c.Run.BeganAt, peoplePage)
	return sinceOf(runs, c.Run.BeganAt.Add(-settings.WholeEvery)), translate(err)
}

// sinceOf returns the watermark of the last run, if changes since then tell everything: the run has ended, held nothing back, and everybody
// was listed at a time or later. runs are earlier ones, the last first.
func sinceOf(runs []access.PeopleRun, wholeSince time.Time) BeginPeopleResult {
	if len(runs) == 0 || runs[0].Problem != "" || !runs[0].Ended() || runs[0].Held > 0 {
		return BeginPeopleResult{}
	}
	for _, run := range runs {
		if whole := run.Problem == "" && run.Ended() && !run.Listing.Changes; whole && !run.BeganAt.Before(wholeSince) {
			return BeginPeopleResult{Since: runs[0].Listing.Watermark, Mapping: runs[0].Mapping}
		}
	}
	return BeginPeopleResult{}
}

// PlanPeopleInput asks what a listing means.
type PlanPeopleInput struct {
	Run access.PeopleRun `json:"run"`
	// Listing names the listing in the ledger.
	Listing string `json:"listing"`
}

// PlanPeople records what a listing means for each person, and returns the run with what it counted and which brakes it meets. Safe to
// repeat until ApplyPeople has begun.
func (a *People) PlanPeople(ctx context.Context, c PlanPeopleInput) (access.PeopleRun, error) {
	run, settings := c.Run, a.Settings[c.Run.Source]
	rules := snapshot.Rules{
		Today: access.Date(run.BeganAt.UTC().Format(time.DateOnly)), Whole: !run.Listing.Changes && run.Nameless == 0,
		MissingListings: settings.MissingListings, MoverFields: settings.MoverFields,
	}
	remapped, err := a.remapped(ctx, run)
	if err != nil {
		return run, translate(err)
	}
	run.Counts = access.PeopleCounts{Listed: run.Listing.People + run.Listing.Problems}
	err = a.compare(ctx, c, func(page []person) error {
		var changes []access.PersonChange
		for _, p := range page {
			change := rules.Decide(p.id, p.known, p.listed)
			settings.Brakes.Add(&run.Counts, p.known, change)
			if change.Class != access.ClassUnchanged {
				changes = append(changes, change)
			}
		}
		activity.RecordHeartbeat(ctx)
		return a.Ledger.PlanPeople(ctx, run.Source, run.ID, changes)
	})
	if err != nil {
		return run, translate(err)
	}
	run.Holds = settings.Brakes.Holds(run.Counts, rules.Whole, remapped)
	return run, translate(a.Ledger.SavePeopleRun(ctx, run))
}

// remapped reports whether the configuration reads records otherwise than in the last run that was not held for it.
func (a *People) remapped(ctx context.Context, run access.PeopleRun) (bool, error) {
	runs, err := a.Ledger.PeopleRuns(ctx, run.Source, run.BeganAt, peoplePage)
	for _, before := range runs {
		if !before.Ended() || before.Problem != "" {
			continue
		}
		held := slices.ContainsFunc(before.Holds, func(h access.PeopleHold) bool { return h.Brake == snapshot.BrakeMapping })
		if held && !releases(before.Release, access.PeopleHold{Brake: snapshot.BrakeMapping}) {
			continue
		}
		return before.Mapping != run.Mapping, nil
	}
	return false, err
}

// person is what the snapshot and a listing have of one person.
type person struct {
	id     access.PersonID
	known  *access.KnownPerson
	listed access.ListedPerson
}

// compare calls take with everybody whom the snapshot or a listing has, in the order of ids, page by page.
func (a *People) compare(ctx context.Context, c PlanPeopleInput, take func([]person) error) error {
	known := cursor[access.KnownPerson]{
		read: func(after access.PersonID) ([]access.KnownPerson, error) {
			return a.Ledger.KnownPeople(ctx, c.Run.Source, after, peoplePage)
		},
		id: func(k access.KnownPerson) access.PersonID { return k.Record.ID },
	}
	listed := cursor[access.ListedRow]{
		read: func(after access.PersonID) ([]access.ListedRow, error) {
			return a.Ledger.ListedPeople(ctx, c.Run.Source, c.Listing, after, peoplePage)
		},
		id: func(r access.ListedRow) access.PersonID { return r.ID },
	}
	var page []person
	for {
		k, err := known.next()
		if err != nil {
			return err
		}
		l, err := listed.next()
		if err != nil {
			return err
		}
		if k == nil && l == nil {
			return take(page)
		}
		var p person
		if l == nil || (k != nil && k.Record.ID <= l.ID) {
			p.id, p.known = k.Record.ID, k
			known.step()
		}
		if k == nil || (l != nil && l.ID <= k.Record.ID) {
			p.id, p.listed = l.ID, l.Listed
			listed.step()
		}
		if page = append(page, p); len(page) == peoplePage {
			if err := take(page); err != nil {
				return err
			}
			page = nil
		}
	}
}

// cursor reads rows in the order of their ids, page by page.
type cursor[T any] struct {
	read func(after access.PersonID) ([]T, error)
	id   func(T) access.PersonID
	page []T
	last access.PersonID
	end  bool
}

// next returns the row that the cursor stands at; nil behind the last.
func (c *cursor[T]) next() (*T, error) {
	if len(c.page) == 0 && !c.end {
		var err error
		if c.page, err = c.read(c.last); err != nil {
			return nil, err
		}
		c.end = len(c.page) < peoplePage
	}
	if len(c.page) == 0 {
		return nil, nil
	}
	return &c.page[0], nil
}

func (c *cursor[T]) step() {
	c.last = c.id(c.page[0])
	c.page = c.page[1:]
}

// ApplyPeople writes what the plan of a run has into the snapshot, but for what a brake holds and nobody has released, and returns the run
// with its end. Safe to repeat: it goes on behind the last person of an attempt before.
func (a *People) ApplyPeople(ctx context.Context, c PlanPeopleInput) (access.PeopleRun, error) {
	run := c.Run
	released, err := a.released(ctx, run)
	if err != nil {
		return run, translate(err)
	}
	brakes := a.Settings[run.Source].Brakes
	progress := applied{}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &progress); err != nil {
			return run, translate(access.Errorf(access.Invalid, "apply changes of people", "read the heartbeat: %w", err))
		}
	}
	for {
		changes, err := a.Ledger.PeopleChanges(ctx, run.Source, run.ID, progress.After, peoplePage)
		if err != nil {
			return run, translate(err)
		}
		for i := range changes {
			changes[i].Held = heldBy(brakes, run.Holds, changes[i], released)
			if changes[i].Held == "" {
				progress.Applied++
			} else {
				progress.Held++
			}
		}
		if err := a.Ledger.ApplyPeople(ctx, run, changes); err != nil {
			return run, translate(err)
		}
		if len(changes) > 0 {
			progress.After = changes[len(changes)-1].Person
		}
		activity.RecordHeartbeat(ctx, progress)
		if len(changes) < peoplePage {
			break
		}
	}
	run.Applied, run.Held, run.EndedAt = progress.Applied, progress.Held, time.Now().UTC()
	if err := a.Ledger.SavePeopleRun(ctx, run); err != nil {
		return run, translate(err)
	}
	return run, translate(a.Ledger.ForgetListings(ctx, run.Source, c.Listing))
}

// heldBy returns the first brake that a change meets and that is not released for it; "" for none.
func heldBy(b snapshot.Brakes, holds []access.PeopleHold, change access.PersonChange, released func(access.PeopleHold, access.PersonChange) bool) string {
	for _, h := range holds {
		if b.Meets(h, change) && !released(h, change) {
			return h.Name()
		}
	}
	return ""
}

// applied is how far ApplyPeople has come.
type applied struct {
	After   access.PersonID `json:"after"`
	Applied int             `json:"applied"`
	Held    int             `json:"held"`
}

// releaseWithin is how long what a run held back can be released.
const releaseWithin = 24 * time.Hour

// released returns what reports whether a change of the run is released: the run that held it back held the same change of the same person
// by the same brake.
func (a *People) released(ctx context.Context, run access.PeopleRun) (func(access.PeopleHold, access.PersonChange) bool, error) {
	none := func(access.PeopleHold, access.PersonChange) bool { return false }
	if run.Release == nil {
		return none, nil
	}
	const op = "release changes of people"
	before, err := a.Ledger.PeopleRun(ctx, run.Source, run.Release.Run)
	if err != nil {
		return none, err
	}
	if !before.Ended() || run.BeganAt.Sub(before.EndedAt) > releaseWithin {
		return none, access.Errorf(access.Invalid, op, "release.run: found a run that ended more than %s ago, or goes on; expected a younger one", releaseWithin)
	}
	held := map[access.PersonID]access.PersonChange{}
	for after := access.PersonID(""); ; {
		page, err := a.Ledger.HeldPeople(ctx, run.Source, before.ID, after, peoplePage)
		if err != nil {
			return none, err
		}
		for _, change := range page {
			held[change.Person], after = change, change.Person
		}
		if len(page) < peoplePage {
			break
		}
	}
	return func(hold access.PeopleHold, change access.PersonChange) bool {
		was, there := held[change.Person]
		if !slices.ContainsFunc(before.Holds, func(h access.PeopleHold) bool { return h.Name() == hold.Name() }) {
			// Nobody has seen this brake yet.
			return false
		}
		return there && was.Class == change.Class && slices.Equal(was.Fields, change.Fields) && releases(run.Release, hold) &&
			(len(run.Release.People) == 0 || slices.Contains(run.Release.People, change.Person))
	}, nil
}

// releases reports whether a release is of a brake.
func releases(r *access.PeopleRelease, hold access.PeopleHold) bool {
	return r != nil && (len(r.Brakes) == 0 || slices.Contains(r.Brakes, hold.Name()))
}

// FailPeople records that a run failed, and why. Safe to repeat.
func (a *People) FailPeople(ctx context.Context, run access.PeopleRun) error {
	run.EndedAt = time.Now().UTC()
	return translate(a.Ledger.SavePeopleRun(ctx, run))
}
