package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	sync "usher/internal/usersync"
)

// lists has another source list everybody, of whom some have left.
func (o *office) lists(source access.SourceName, left ...int) {
	o.t.Helper()
	o.runs++
	run := access.PeopleRun{Source: source, ID: string(source) + "-people", BeganAt: o.now}
	require.NoError(o.t, o.ledger.BeginPeopleRun(o.t.Context(), run))
	run.Plan = run.ID
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))
	var changes []access.PersonChange
	for id, p := range o.people {
		changes = append(changes, access.PersonChange{Person: id, Class: access.ClassJoiner, After: p})
	}
	require.NoError(o.t, o.ledger.ApplyPeople(o.t.Context(), run, changes))
	run.EndedAt = run.BeganAt
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))

	run = access.PeopleRun{Source: source, ID: run.ID + "-left", BeganAt: run.BeganAt.Add(1)}
	require.NoError(o.t, o.ledger.BeginPeopleRun(o.t.Context(), run))
	run.Plan, changes = run.ID, nil
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))
	for _, i := range left {
		p := o.people[idOf(i)]
		p.State = access.PersonLeft
		changes = append(changes, access.PersonChange{Person: p.Record.ID, Class: access.ClassLeaver, After: p})
	}
	require.NoError(o.t, o.ledger.ApplyPeople(o.t.Context(), run, changes))
	run.EndedAt = run.BeganAt
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))
}

// Another source calls other people by the same ids: for that the configuration has a digest, and the brake `mapping` holds what follows from a new one, until somebody has looked.
// It does not hold what leavers own. Whoever has the id of one who has left the other source is switched off, which is undone in a minute, and
// loses everything to the manager of a stranger, which nobody gives back.
func TestAttackOwned_ids_of_another_source(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.now = o.now.Add(1)
	o.lists("crm", 12)
	o.settings.Source, o.settings.Digest = "crm", "m2"
	run := o.ends()
	require.Contains(t, holdsOf(run), sync.BrakeMapping)
	require.Equal(t, idOf(12), o.owner(assets, "a1"), "the person 12 of hr is present, and nobody has accepted the ids of crm: %+v", o.handOverOf(run))
}
