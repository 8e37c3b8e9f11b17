package activities

import (
	"context"
	"slices"

	"go.temporal.io/sdk/activity"

	"usher/internal/access"
	"usher/internal/usersync"
)

// syncRelease is what somebody released, and the run that held it back. The zero value releases nothing.
type syncRelease struct {
	given *access.PeopleRelease
	of    access.SyncRun
	// mapping is how the run that releases makes users.
	mapping string
	held    cursor[access.SyncRow]
}

// releaseOf returns the release of a run. Invalid: it is too late, or that run goes on. NotFound: there is no such run.
func (a *UserSync) releaseOf(ctx context.Context, run access.SyncRun) (*syncRelease, error) {
	if run.Release == nil {
		return &syncRelease{}, nil
	}
	of, err := a.Ledger.SyncRun(ctx, run.Desk, run.Release.Run)
	if err != nil {
		return nil, err
	}
	if !of.Ended() || run.BeganAt.Sub(of.EndedAt) > access.ReleaseWithin {
		return nil, access.Errorf(access.Invalid, "release rows of users",
			"release.run: found a run that ended more than %s ago, or goes on; expected a younger one", access.Duration(access.ReleaseWithin))
	}
	return &syncRelease{given: run.Release, of: of, mapping: run.Mapping, held: heldRows(ctx, a.Ledger, of)}, nil
}

// heldRows are the rows that a run holds back, by person.
func heldRows(ctx context.Context, ledger SyncLedger, run access.SyncRun) cursor[access.SyncRow] {
	return rowsOf(ctx, ledger, run, access.SyncRowsQuery{State: access.SyncHeld})
}

// rowsOf are the rows of a run that a query asks for, by person.
func rowsOf(ctx context.Context, ledger SyncLedger, run access.SyncRun, q access.SyncRowsQuery) cursor[access.SyncRow] {
	return cursor[access.SyncRow]{
		read: func(after access.PersonID) ([]access.SyncRow, error) {
			q.After, q.Limit = after, peoplePage
			return ledger.SyncRows(ctx, run.Desk, run.Rows, q)
		},
		id: func(r access.SyncRow) access.PersonID { return r.Person },
	}
}

// HoldSync marks the rows of a plan that a brake holds and nobody has released, and those that are only observed, and returns how many rows
// stand where. Safe to repeat.
func (a *UserSync) HoldSync(ctx context.Context, c SyncInput) (map[access.SyncState]int, error) {
	run, err := plannedSync(ctx, a.Ledger, c)
	if err != nil {
		return nil, translate(err)
	}
	settings, err := a.settingsFor(run)
	if err != nil {
		return nil, translate(err)
	}
	release, err := a.releaseOf(ctx, run)
	if err != nil {
		return nil, translate(err)
	}
	for after, more := access.PersonID(""), true; more; {
		rows, err := a.Ledger.SyncRows(ctx, c.Desk, run.Rows, access.SyncRowsQuery{After: after, Limit: peoplePage, State: access.SyncPlanned})
		if err != nil {
			return nil, translate(err)
		}
		if more = len(rows) == peoplePage; more {
			after = rows[len(rows)-1].Person
		}
		if err := a.holdPage(ctx, run, settings, release, rows); err != nil {
			return nil, translate(err)
		}
		activity.RecordHeartbeat(ctx)
	}
	states, err := a.Ledger.CountSyncRows(ctx, c.Desk, run.Rows)
	return states, translate(err)
}

// holdPage marks the rows of a page.
func (a *UserSync) holdPage(ctx context.Context, run access.SyncRun, settings SyncSettings, release *syncRelease, rows []access.SyncRow) error {
	marked := make([]access.SyncRow, len(rows))
	for i, row := range rows {
		was, err := release.heldBefore(row.Person)
		if err != nil {
			return err
		}
		marked[i] = mark(run, settings, row, func(h access.PeopleHold) bool { return release.frees(h, row, was) })
	}
	return a.Ledger.HoldSyncRows(ctx, run, marked)
}

// mark returns a row as it is to be applied, or why it is not.
func mark(run access.SyncRun, settings SyncSettings, row access.SyncRow, frees func(access.PeopleHold) bool) access.SyncRow {
	row.State = access.SyncReady
	for _, h := range run.Holds {
		if !usersync.Meets(h, row) {
			continue
		}
		row.Brakes = append(row.Brakes, h.Name())
		if row.Held == "" && !frees(h) {
			row.Held, row.State = h.Name(), access.SyncHeld
		}
	}
	if row.State == access.SyncReady {
		row = usersync.WithoutHeld(row, run.Holds)
	}
	// Whoever is matched anew is linked as well, whatever else the row does.
	links := row.How == "" || row.Operation == access.UserDeactivate || settings.Modes[access.UserLink]
	if row.State == access.SyncReady && (run.Dry || !settings.Modes[row.Operation] || !links) {
		row.State = access.SyncObserved
	}
	return row
}

// heldBefore returns the row of a person that the released run held back; nil where it held none. People come in the order of their ids.
func (r *syncRelease) heldBefore(person access.PersonID) (*access.SyncRow, error) {
	if r.given == nil {
		return nil, nil
	}
	return r.held.at(person)
}

// frees reports whether a hold of a row is released: that run held the same row of the same person back, and it met the same brake, so that
// somebody has seen both.
func (r *syncRelease) frees(h access.PeopleHold, row access.SyncRow, was *access.SyncRow) bool {
	name := h.Name()
	switch {
	case was == nil || !usersync.Same(*was, row) || !slices.Contains(was.Brakes, name):
		return false
	case len(r.given.People) > 0 && !slices.Contains(r.given.People, row.Person):
		return false
	case h.Brake == usersync.BrakeMapping && r.of.Mapping != r.mapping:
		return false
	}
	return len(r.given.Brakes) == 0 || slices.Contains(r.given.Brakes, name)
}
