package activities

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/usersync"
)

// accept accepts the mapping of a run where the users of everybody are now as it makes them: nothing is held because it has changed, or because users
// are missing, of whom nobody knows. Groups that the desk does not have, or whose changes are held, are left out.
func accept(ctx context.Context, ledger SyncLedger, run *access.SyncRun) error {
	if run.Dry || !run.Scope.Everybody() {
		return nil
	}
	held, err := heldBrakes(ctx, ledger, *run)
	if err != nil || held[usersync.BrakeMapping] || held[usersync.BrakeMissing] {
		return err
	}
	run.AcceptedMapping = run.Mapping
	run.UnseenGroups = slices.DeleteFunc(run.UnseenGroups, func(name string) bool {
		field := access.GroupField(name)
		_, there := run.Schema.Fields[field]
		return there && !held[holdOf(field, "").Name()]
	})
	return nil
}

// heldBrakes returns the brakes that hold something of a run: rows, or memberships of users who are created.
func heldBrakes(ctx context.Context, ledger SyncLedger, run access.SyncRun) (map[string]bool, error) {
	brakes := map[string]bool{}
	for _, q := range []access.SyncRowsQuery{{State: access.SyncHeld}, {Operation: access.UserCreate}} {
		for rows := rowsOf(ctx, ledger, run, q); ; rows.step() {
			row, err := rows.next()
			if err != nil {
				return nil, err
			}
			if row == nil {
				break
			}
			for _, name := range row.Brakes {
				brakes[name] = true
			}
		}
	}
	return brakes, nil
}

// unseen returns the groups of which nobody has seen yet who would be in them: those of before, and, for a mapping that is not accepted, those that
// the desk does not have.
func unseen(run access.SyncRun, groups *usersync.Groups) []string {
	names := slices.Clone(run.UnseenGroups)
	for _, name := range groups.Names() {
		if _, there := run.Schema.Fields[access.GroupField(name)]; !there && run.AcceptedMapping != run.Mapping {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func holdOf(field, sentence string) access.PeopleHold {
	return access.PeopleHold{Brake: usersync.BrakeField, Field: field, Sentence: sentence}
}

// holdsBesides returns the holds of a run with those of fields that its own counts do not show: of groups that nobody has seen, and, for a run over some
// people, of what the last run over everybody holds. Of few people no brake would see what many hold.
func (a *UserSync) holdsBesides(ctx context.Context, run access.SyncRun) ([]access.PeopleHold, error) {
	holds := run.Holds
	add := func(field, sentence string) {
		h := holdOf(field, sentence)
		if !slices.ContainsFunc(holds, func(one access.PeopleHold) bool { return one.Name() == h.Name() }) {
			holds = append(holds, h)
		}
	}
	for _, name := range run.UnseenGroups {
		field := access.GroupField(name)
		if _, there := run.Schema.Fields[field]; there {
			add(field, field+": the desk did not have the group when its rule was accepted, so nobody has seen who is in it by the rule")
		}
	}
	if run.Scope.Everybody() {
		return holds, nil
	}
	held, err := a.heldOfEverybody(ctx, run.Desk)
	for _, name := range slices.Sorted(maps.Keys(held)) {
		if field, is := strings.CutPrefix(name, usersync.BrakeField+":"); is {
			add(field, field+": the last run over everybody holds changes of it, and nobody has released them")
		}
	}
	return holds, err
}

// heldOfEverybody returns the brakes that hold something of the last run over everybody; none where there was no such run.
func (a *UserSync) heldOfEverybody(ctx context.Context, desk access.DeskName) (map[string]bool, error) {
	runs, err := a.Ledger.SyncRuns(ctx, desk, time.Time{}, peoplePage)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.Ended() && r.Problem == "" && !r.Dry && r.Scope.Everybody() {
			return heldBrakes(ctx, a.Ledger, r)
		}
	}
	return nil, nil
}
