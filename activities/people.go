package activities

import (
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"usher/internal/access"
	"usher/internal/snapshot"
)

// PeopleLedger is what runs over people need of the ledger; *ledger.Store is one.
type PeopleLedger interface {
	StagePeople(ctx context.Context, source access.SourceName, listing string, page access.PeoplePage, first int) error
	ListedPeople(ctx context.Context, source access.SourceName, listing string, after access.PersonID, limit int) ([]access.ListedRow, error)
	KnownPeople(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.KnownPerson, error)
	KnownPerson(ctx context.Context, source access.SourceName, id access.PersonID) (access.KnownPerson, error)
	PlanPeople(ctx context.Context, source access.SourceName, plan string, changes []access.PersonChange) error
	PeopleChanges(ctx context.Context, source access.SourceName, plan string, q access.PeopleChangesQuery) ([]access.PersonChange, error)
	ApplyPeople(ctx context.Context, run access.PeopleRun, changes []access.PersonChange) error
	BeginPeopleRun(ctx context.Context, run access.PeopleRun) error
	SavePeopleRun(ctx context.Context, run access.PeopleRun) error
	PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error)
	OpenPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error)
	LastPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error)
	PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error)
	PendingNotices(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.PersonNotice, error)
	NoticeSent(ctx context.Context, n access.PersonNotice) error
	RequestsAbout(ctx context.Context, person access.PersonID, after access.RequestID, limit int) ([]access.RequestID, error)
	AttentionLedger
}

// PeopleSettings are how the people of one source are read and braked.
type PeopleSettings struct {
	// MissingListings and MoverFields are those of snapshot.Rules.
	MissingListings int
	MoverFields     []string
	Brakes          snapshot.Brakes
	// WholeEvery is how often everybody is listed; between, only changes, where the source has watermarks. 0: always everybody.
	WholeEvery time.Duration
	// TicketsOn is the desk on which a ticket is opened when people have to look at the source; "" for none.
	TicketsOn access.DeskName
}

// People are the activities of runs over people. They run on the usher queue.
type People struct {
	Ledger   PeopleLedger
	Settings map[access.SourceName]PeopleSettings
	// Running reports whether a workflow runs.
	Running func(ctx context.Context, workflow string) (bool, error)
	// Started reports whether a workflow of an id was started, be it one that has ended.
	Started func(ctx context.Context, workflow string) (bool, error)
	// Follows is the source whose people requests and leases are told of, that where people are looked up; "" for none. Client is how they
	// are told, and LeaveOrder the targets on which the leases of somebody who has left end first.
	Follows    access.SourceName
	Client     Messenger
	LeaveOrder []access.TargetName
}

// dayOf returns the day by which a run goes.
func dayOf(run access.PeopleRun) access.Date {
	return access.Date(run.BeganAt.UTC().Format(time.DateOnly))
}

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
	// WholeAt is when the last whole listing began that the snapshot rests on.
	WholeAt time.Time `json:"whole_at,omitzero"`
	// Attends is true where a ticket is opened when people have to look at the source, or closed when they do not any more.
	Attends bool `json:"attends,omitempty"`
	// NotBefore is when the source is listed again that has failed too often; zero for now. Such a run is not recorded.
	NotBefore time.Time `json:"not_before,omitzero"`
}

// BeginPeople records a new run. Conflict: another one goes on, this one has ended or was overtaken. Invalid: a source whose people nobody asked to
// list, or a release that comes too late. Safe to repeat.
func (a *People) BeginPeople(ctx context.Context, c BeginPeopleInput) (BeginPeopleResult, error) {
	settings, known := a.Settings[c.Run.Source]
	if !known {
		return BeginPeopleResult{}, translate(access.Errorf(access.Invalid, "begin a run over people",
			"source: found %q, expected one of sources that has `people`", c.Run.Source))
	}
	if _, err := a.releaseOf(ctx, c.Run, ""); err != nil {
		return BeginPeopleResult{}, translate(err)
	}
	if c.Run.By == "" {
		failed, err := a.failures(ctx, c.Run.Source)
		if err != nil || c.Run.BeganAt.Before(failed.Until()) {
			return BeginPeopleResult{NotBefore: failed.Until()}, translate(err)
		}
	}
	if err := a.begin(ctx, c.Run); err != nil {
		return BeginPeopleResult{}, translate(err)
	}
	attended, err := attends(ctx, a.Ledger, settings.TicketsOn, "people/"+string(c.Run.Source))
	if err != nil {
		return BeginPeopleResult{}, translate(err)
	}
	begun := BeginPeopleResult{Attends: attended}
	runs, err := a.Ledger.PeopleRuns(ctx, c.Run.Source, c.Run.BeganAt, 1)
	if err != nil || len(runs) == 0 {
		return begun, translate(err)
	}
	begun.WholeAt = runs[0].WholeAt
	if !c.Whole && c.Run.Release == nil && settings.WholeEvery > 0 {
		begun.Since, begun.Mapping = sinceOf(runs[0], c.Run.BeganAt.Add(-settings.WholeEvery))
	}
	return begun, nil
}

// begin records a new run.
func (a *People) begin(ctx context.Context, run access.PeopleRun) error {
	return beginning{
		running: a.Running,
		begin:   func(ctx context.Context) error { return a.Ledger.BeginPeopleRun(ctx, run) },
		open: func(ctx context.Context) (string, func(context.Context, string) error, error) {
			open, err := a.Ledger.OpenPeopleRun(ctx, run.Source)
			return open.Workflow, func(ctx context.Context, problem string) error {
				open.EndedAt, open.Problem = time.Now().UTC(), problem
				return a.Ledger.SavePeopleRun(ctx, open)
			}, err
		},
	}.do(ctx)
}

// sinceOf returns the watermark of the last run, and how records were read then, if changes since then tell everything: the run has ended, held
// nothing back, could name everybody if it listed everybody, and there was a whole listing at a time or later. What was a problem in a listing of
// changes is asked for once more.
func sinceOf(last access.PeopleRun, wholeSince time.Time) (since, mapping string) {
	switch {
	case last.Problem != "" || !last.Ended() || last.Held > 0 || last.WholeAt.Before(wholeSince):
		return "", ""
	case last.Listing.Changes && last.Listing.Problems > 0:
		return last.Since, last.Mapping
	case !last.Listing.Changes && last.Nameless > 0:
		return "", ""
	}
	return last.Listing.Watermark, last.Mapping
}

// PlanPeopleInput is a run with its listing.
type PlanPeopleInput struct {
	Run access.PeopleRun `json:"run"`
	// Rows is how many rows of the listing are in the ledger.
	Rows int `json:"rows"`
}

// PlanPeople records what a listing means for each person, and returns the run with what it counted and which brakes it meets. Conflict: the
// ledger does not have the whole listing, or the run has ended. Safe to repeat: a plan that is recorded is returned as it is, for an attempt
// that is late would count what has been applied meanwhile.
func (a *People) PlanPeople(ctx context.Context, c PlanPeopleInput) (access.PeopleRun, error) {
	if planned, err := a.planned(ctx, c.Run.Source, c.Run.ID, c.Run.Plan); err == nil {
		return planned, nil
	} else if !access.IsKind(err, access.Conflict) {
		return c.Run, translate(err)
	}
	run := c.Run
	settings, err := a.settingsOf(run.Source)
	if err != nil {
		return run, translate(err)
	}
	rules := snapshot.Rules{
		Today: dayOf(run), Whole: !run.Listing.Changes && run.Nameless == 0,
		MissingListings: settings.MissingListings, MoverFields: settings.MoverFields,
	}
	if run.AcceptedMapping, err = a.acceptedMapping(ctx, run); err != nil {
		return run, translate(err)
	}
	run.Counts = access.PeopleCounts{Listed: run.Listing.People - run.OutOfScope + run.Listing.Problems}
	rows := 0
	err = a.compare(ctx, run, func(page []person) error {
		var changes []access.PersonChange
		for _, p := range page {
			if p.listed != (access.ListedPerson{}) {
				rows++
			}
			if p.known == nil && p.listed.OutOfScope {
				continue
			}
			change := rules.Decide(p.id, p.known, p.listed)
			settings.Brakes.Add(&run.Counts, p.known, change, rules.Whole && p.listed.Missing())
			if change.Class != access.ClassUnchanged {
				changes = append(changes, change)
			}
		}
		activity.RecordHeartbeat(ctx)
		return a.Ledger.PlanPeople(ctx, run.Source, run.Plan, changes)
	})
	if err != nil {
		return run, translate(err)
	}
	if rows != c.Rows {
		return run, translate(access.Errorf(access.Conflict, "plan people", "the ledger has %d rows of the listing, expected %d: it was removed meanwhile",
			rows, c.Rows))
	}
	run.Holds = settings.Brakes.Holds(run.Counts, run.AcceptedMapping != run.Mapping)
	if err := a.Ledger.SavePeopleRun(ctx, run); err != nil {
		return run, translate(err)
	}
	planned, err := a.planned(ctx, run.Source, run.ID, run.Plan)
	return planned, translate(err)
}

// acceptedMapping returns the mapping that the snapshot is read by: that of a new run only where the snapshot has nobody. "" where nobody knows, for
// a run that did not end well may have written people.
func (a *People) acceptedMapping(ctx context.Context, run access.PeopleRun) (string, error) {
	last, err := a.Ledger.LastPeopleRun(ctx, run.Source)
	if !access.IsKind(err, access.NotFound) {
		return last.AcceptedMapping, err
	}
	known, err := a.Ledger.KnownPeople(ctx, run.Source, "", 1)
	if len(known) > 0 {
		return "", err
	}
	return run.Mapping, err
}

// ApplyPeopleInput names a plan. What it holds, and what is released, is read from the ledger.
type ApplyPeopleInput struct {
	Source access.SourceName `json:"source"`
	Run    string            `json:"run"`
	Plan   string            `json:"plan"`
}

// settingsOf returns how a source is read and braked. Transient: this worker's configuration does not have it, as while workers are started
// again one by one; another one's may.
func (a *People) settingsOf(source access.SourceName) (PeopleSettings, error) {
	settings, known := a.Settings[source]
	if !known {
		return settings, access.Errorf(access.Transient, "read the settings of a source",
			"source: this worker's configuration has no people of %q; expected that of every worker which serves workflows to have them", source)
	}
	return settings, nil
}

// ApplyPeople writes what the plan of a run has into the snapshot, but for what a brake holds and nobody has released, and returns the run
// with its end. Safe to repeat: it goes on behind the last person of an attempt before, and returns a run that has ended as it did. Conflict: the
// run has failed meanwhile, or has another plan.
func (a *People) ApplyPeople(ctx context.Context, c ApplyPeopleInput) (access.PeopleRun, error) {
	if _, err := a.settingsOf(c.Source); err != nil {
		return access.PeopleRun{}, translate(err)
	}
	run, err := a.planned(ctx, c.Source, c.Run, c.Plan)
	if err != nil || run.Ended() {
		return run, translate(err)
	}
	done, err := progressOf(ctx)
	if err != nil {
		return run, translate(err)
	}
	released, err := a.releaseOf(ctx, run, done.After)
	if err != nil {
		return run, translate(err)
	}
	for more := true; more; {
		if more, err = a.applyPage(ctx, run, released, &done); err != nil {
			return run, translate(err)
		}
	}
	run.Applied, run.Held, run.EndedAt = done.Applied, done.Held, time.Now().UTC()
	if done.Mapping == 0 {
		run.AcceptedMapping = run.Mapping
	}
	named := func(h access.PeopleHold) bool { return h.Brake == snapshot.BrakeProtected }
	if done.Protected > 0 && !slices.ContainsFunc(run.Holds, named) {
		run.Holds = append(run.Holds, snapshot.ProtectedHold(done.Protected))
	}
	if err := a.Ledger.SavePeopleRun(ctx, run); err != nil {
		return run, translate(err)
	}
	run, err = a.planned(ctx, c.Source, c.Run, c.Plan)
	return run, translate(err)
}

// planned returns the run as the ledger has it, with this plan. Conflict: it has failed meanwhile, or has another plan.
func (a *People) planned(ctx context.Context, source access.SourceName, id, plan string) (access.PeopleRun, error) {
	run, err := a.Ledger.PeopleRun(ctx, source, id)
	if err == nil && (run.Problem != "" || run.Plan != plan) {
		return run, access.Errorf(access.Conflict, "read a plan for people", "the run %q over the people of %s has failed meanwhile, or has another plan",
			id, source)
	}
	return run, err
}

// applyPage applies the next page of a plan, and reports whether there are more.
func (a *People) applyPage(ctx context.Context, run access.PeopleRun, released *release, done *applied) (bool, error) {
	changes, err := a.Ledger.PeopleChanges(ctx, run.Source, run.Plan, access.PeopleChangesQuery{After: done.After, Limit: peoplePage})
	if err != nil {
		return false, err
	}
	next := *done
	for i := range changes {
		if err := a.brake(run, &changes[i], released); err != nil {
			return false, err
		}
		next.count(changes[i])
	}
	if err := a.Ledger.ApplyPeople(ctx, run, changes); err != nil {
		return false, err
	}
	*done = next
	activity.RecordHeartbeat(ctx, next)
	return len(changes) == peoplePage, nil
}

// applied is how far ApplyPeople has come.
type applied struct {
	After   access.PersonID `json:"after"`
	Applied int             `json:"applied"`
	Held    int             `json:"held"`
	// Mapping and Protected are how many of the held are so by these brakes.
	Mapping   int `json:"mapping,omitempty"`
	Protected int `json:"protected,omitempty"`
}

func (d *applied) count(c access.PersonChange) {
	d.After = c.Person
	if c.Held == "" {
		d.Applied++
		return
	}
	d.Held++
	switch c.Held {
	case snapshot.BrakeMapping:
		d.Mapping++
	case snapshot.BrakeProtected:
		d.Protected++
	}
}

// progressOf returns how far an attempt before has come.
func progressOf(ctx context.Context) (applied, error) {
	var done applied
	if !activity.HasHeartbeatDetails(ctx) {
		return done, nil
	}
	if err := activity.GetHeartbeatDetails(ctx, &done); err != nil {
		return done, access.Errorf(access.Invalid, "apply changes of people", "read the heartbeat: %w", err)
	}
	return done, nil
}

// FailPeople records that a run failed, and why. Safe to repeat.
func (a *People) FailPeople(ctx context.Context, run access.PeopleRun) error {
	run.EndedAt = time.Now().UTC()
	return translate(a.Ledger.SavePeopleRun(ctx, run))
}
