package activities

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"usher/internal/access"
	"usher/internal/usersync"
)

// PlanSyncInput is a run with the listing of its desk.
type PlanSyncInput struct {
	Run access.SyncRun `json:"run"`
}

// PlanSync records what is to be done for each person, and returns the run with what it counted and which brakes it meets. Conflict: the
// ledger does not have the whole listing, or the run has ended. Invalid: the people of the source were never listed. Safe to repeat.
func (a *UserSync) PlanSync(ctx context.Context, c PlanSyncInput) (access.SyncRun, error) {
	run := c.Run
	name := SyncInput{Desk: run.Desk, Run: run.ID, Plan: run.Plan}
	if planned, err := plannedSync(ctx, a.Ledger, name); err == nil {
		return planned, nil
	} else if !access.IsKind(err, access.Conflict) {
		return run, translate(err)
	}
	settings, err := a.settingsFor(run)
	if err != nil {
		return run, translate(err)
	}
	// Rows of an attempt that died are of no plan.
	run.Rows = run.Plan + "." + uuid.NewString()
	people, err := a.Ledger.LastPeopleRun(ctx, run.Source)
	if access.IsKind(err, access.NotFound) {
		err = access.Errorf(access.Invalid, "plan users", "sources.%s.people: its people were never listed whole; expected a run over them first", run.Source)
	}
	if err != nil {
		return run, translate(err)
	}
	run.Snapshot = people.ID
	if run, err = a.plan(ctx, run, settings); err != nil {
		return run, translate(err)
	}
	if err := a.Ledger.SaveSyncRun(ctx, run); err != nil {
		return run, translate(err)
	}
	run, err = plannedSync(ctx, a.Ledger, name)
	return run, translate(err)
}

// plan records the rows of a run, and returns the run with its counts and holds.
func (a *UserSync) plan(ctx context.Context, run access.SyncRun, settings SyncSettings) (access.SyncRun, error) {
	listed, err := a.Ledger.CountDeskUsers(ctx, run.Desk, run.Plan)
	if err == nil && listed != run.Counts.Users {
		err = access.Errorf(access.Conflict, "plan users", "the ledger has %d users of the listing, expected %d: it was removed meanwhile", listed, run.Counts.Users)
	}
	if err != nil {
		return run, err
	}
	if err := a.inherit(ctx, &run); err != nil {
		return run, err
	}
	leavers, err := a.countLeavers(ctx, run, settings)
	if err != nil {
		return run, err
	}
	rules, active, links := settings.rules(run.Schema), run.Counts.Active, 0
	twins, err := a.twins(ctx, run.Source, rules)
	if err != nil {
		return run, err
	}
	finder := userFinder{ledger: a.Ledger, run: run, twins: twins, rules: rules, groups: settings.Groups, owns: settings.Owns}
	err = a.people(ctx, run.Source, func(page []access.KnownPerson) error {
		found, err := finder.find(ctx, page)
		if err != nil {
			return err
		}
		var rows []access.SyncRow
		for i, p := range page {
			if found[i].Link != nil {
				links++
			}
			if !run.Scope.Has(p.Record) {
				continue
			}
			row, planned := rules.Decide(p, found[i])
			if planned {
				row = rules.Limit(row, &active)
				rows = append(rows, row)
			}
			usersync.Count(&run.Counts, p, found[i], row, planned)
			rules.CountCreated(&run.Counts, row)
		}
		if err := leavers.take(ctx, page, found, rows); err != nil {
			return err
		}
		return a.Ledger.PlanSyncRows(ctx, run, rows)
	})
	if err != nil {
		return run, err
	}
	return a.brake(ctx, run, settings, links, leavers)
}

// brake returns a planned run with the brakes that it meets. links is how many people are linked.
func (a *UserSync) brake(ctx context.Context, run access.SyncRun, settings SyncSettings, links int, leavers *countedLeavers) (access.SyncRun, error) {
	remapped, err := a.remapped(ctx, run, links)
	if err != nil {
		return run, err
	}
	run.UnseenGroups = unseen(run, settings.Groups)
	run.Holds = settings.Brakes.Holds(run.Counts, remapped)
	if err := leavers.brake(ctx, &run); err != nil {
		return run, err
	}
	run.Holds, err = a.holdsBesides(ctx, run)
	return run, err
}

// inherit sets what runs before a run have accepted.
func (a *UserSync) inherit(ctx context.Context, run *access.SyncRun) error {
	last, err := a.Ledger.LastSyncRun(ctx, run.Desk)
	switch {
	case err == nil:
		run.AcceptedMapping, run.UnseenGroups = last.AcceptedMapping, last.UnseenGroups
	case !access.IsKind(err, access.NotFound):
		return err
	}
	return nil
}

// remapped reports whether the configuration makes users of people otherwise than the last run that was accepted. links is how many people
// are linked.
func (a *UserSync) remapped(ctx context.Context, run access.SyncRun, links int) (bool, error) {
	if run.AcceptedMapping != "" || links == 0 {
		// Before anybody is linked there is nobody whom another configuration has made.
		return run.AcceptedMapping != "" && run.AcceptedMapping != run.Mapping, nil
	}
	// A first load may take several runs.
	runs, err := a.Ledger.SyncRuns(ctx, run.Desk, time.Time{}, peoplePage)
	return slices.ContainsFunc(runs, func(r access.SyncRun) bool { return r.Mapping != run.Mapping }), err
}

// people calls take with the snapshot of a source, page by page.
func (a *UserSync) people(ctx context.Context, source access.SourceName, take func([]access.KnownPerson) error) error {
	for after, more := access.PersonID(""), true; more; {
		page, err := a.Ledger.KnownPeople(ctx, source, after, peoplePage)
		if err != nil {
			return err
		}
		activity.RecordHeartbeat(ctx)
		if err := take(page); err != nil {
			return err
		}
		if more = len(page) == peoplePage; more {
			after = page[len(page)-1].Record.ID
		}
	}
	return nil
}

// twins is how many people who have not left are to have an address, and a user name, by their keys, and how many have somebody as their manager.
type twins struct {
	emails, names map[string]int
	reports       map[access.PersonID]int
}

func (a *UserSync) twins(ctx context.Context, source access.SourceName, rules usersync.Rules) (twins, error) {
	t := twins{emails: map[string]int{}, names: map[string]int{}, reports: map[access.PersonID]int{}}
	err := a.people(ctx, source, func(page []access.KnownPerson) error {
		for _, p := range page {
			if p.State == access.PersonLeft {
				continue
			}
			values, _ := rules.Mapping.Values(p.Record)
			t.emails[rules.Key(access.UserFieldEmail, p.Record, values)]++
			t.names[rules.Key(access.UserFieldName, p.Record, values)]++
			if p.Record.Manager != p.Record.ID {
				// Some sources name whoever has no manager as their own.
				t.reports[p.Record.Manager]++
			}
		}
		return nil
	})
	return t, err
}
