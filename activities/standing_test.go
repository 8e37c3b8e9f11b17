package activities_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// revisionOf is the revision of what is said at a time.
func revisionOf(at time.Time) int { return int(at.UnixMicro()) }

// applies has a run over the people of the source "hr", which begins at a time, find that somebody has left or is back.
func (s *store) applies(t *testing.T, at time.Time, id access.PersonID, class access.PersonClass) {
	t.Helper()
	run := access.PeopleRun{Source: "hr", ID: fmt.Sprint("run-", at.Unix()), BeganAt: at}
	require.NoError(t, s.BeginPeopleRun(t.Context(), run))
	run.Plan = run.ID
	require.NoError(t, s.SavePeopleRun(t.Context(), run))
	change := access.PersonChange{Person: id, Class: class, Reason: "is no longer listed"}
	change.After.Record.ID, change.After.Record.DisplayName, change.After.State = id, "Ana", access.PersonPresent
	if class == access.ClassLeaver {
		change.After.State = access.PersonLeft
	}
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{change}))
	run.EndedAt = at.Add(time.Minute)
	require.NoError(t, s.SavePeopleRun(t.Context(), run))
}

// The standing of the subject counts more than whatever the request's record says.
func TestEvidence_standing(t *testing.T) {
	const left, before = "Ana has left: is no longer listed", "it was asked for before the person came back"
	leaves := func(t *testing.T, s *store) { s.applies(t, monday.Add(time.Hour), "ana", access.ClassLeaver) }
	returns := func(t *testing.T, s *store) {
		leaves(t, s)
		s.applies(t, monday.Add(2*time.Hour), "ana", access.ClassReturner)
	}
	rows := map[string]struct {
		people  func(*testing.T, *store)
		source  access.SourceName
		asked   time.Time
		unknown bool
		want    string
	}{
		"somebody who has left":                            {people: leaves, source: "hr", asked: monday, want: left},
		"somebody who has left, asked for since":           {people: leaves, source: "hr", asked: monday.Add(day), want: left},
		"somebody who has left, of a request nobody knows": {people: leaves, source: "hr", asked: monday, unknown: true, want: left},
		"somebody who is back, asked for before":           {people: returns, source: "hr", asked: monday.Add(time.Hour), want: before},
		"somebody who is back, asked for since":            {people: returns, source: "hr", asked: monday.Add(2 * time.Hour)},
		"somebody else has left": {people: func(t *testing.T, s *store) {
			s.applies(t, monday.Add(time.Hour), "ben", access.ClassLeaver)
		}, source: "hr", asked: monday},
		"another source":       {people: leaves, source: "crm", asked: monday},
		"no source":            {people: leaves, asked: monday},
		"nobody has ever left": {people: func(*testing.T, *store) {}, source: "hr", asked: monday},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.Source = row.source
			row.people(t, r.store)
			if !row.unknown {
				require.NoError(t, r.store.Record(t.Context(), approved()))
			}
			q := leaseQuestion()
			q.Revision = revisionOf(row.asked)
			known, err := r.ReadLeaseRecord(t.Context(), q)
			require.NoError(t, err)
			want := activities.LeaseRecord{Evidence: activities.EvidenceApproved}
			if row.want != "" {
				want = activities.LeaseRecord{Evidence: activities.EvidenceAgainst, Detail: row.want, Left: true}
			}
			require.Equal(t, want, known)

			// The same question stands right before the grant.
			port := memory.NewTarget("editors")
			port.AddAccounts("ana")
			target := &activities.Target{Port: port, Ledger: r.store, Source: row.source}
			call := grantCall()
			call.Record = &q
			result, err := target.Grant(t.Context(), call)
			require.NoError(t, err)
			require.Equal(t, row.want == "", result.Record == nil)
			require.Equal(t, row.want == "", len(port.Members("editors")) == 1)
		})
	}
	t.Run("a ledger that does not say who has left is an error", func(t *testing.T) {
		target, port, s := newTarget(t)
		target.Source = "hr"
		require.NoError(t, s.Record(t.Context(), approved()))
		s.blind = true
		_, err := target.Grant(t.Context(), grantCall())
		requireKind(t, access.Transient, err)
		require.Zero(t, port.Calls(memory.OpGrant))
		records := &activities.Records{Ledger: s, Source: "hr"}
		_, err = records.LiveLeases(t.Context(), activities.LiveLeasesInput{Subject: "ana", Limit: 2})
		requireKind(t, access.Transient, err)
	})
}

const day = 24 * time.Hour

func TestLiveLeases_standing(t *testing.T) {
	r := newRoom(t)
	r.leases(t, "ana", access.LeaseActive, access.LeaseActive, access.LeaseActive)
	page := func(after access.LeaseID) activities.LiveLeasesResult {
		found, err := r.LiveLeases(t.Context(), activities.LiveLeasesInput{Subject: "ana", After: after, Limit: 2})
		require.NoError(t, err)
		return found
	}
	r.Source, r.LeaveOrder = "hr", []access.TargetName{"vpn", "wiki"}
	require.Nil(t, page("").Standing, "nothing is recorded")
	at := monday.Add(time.Hour)
	r.store.applies(t, at, "ana", access.ClassLeaver)
	first := page("")
	require.Len(t, first.Leases, 2)
	require.Equal(t, &access.SubjectStanding{
		Standing: access.Standing{Person: "ana", Absent: true, Revision: revisionOf(at), Reason: "Ana has left: is no longer listed"},
		Order:    []access.TargetName{"vpn", "wiki"},
	}, first.Standing)
	second := page(first.Leases[1].Lease.ID)
	require.Len(t, second.Leases, 1)
	require.Nil(t, second.Standing, "the first page has it")
	r.Source = ""
	require.Nil(t, page("").Standing)

	t.Run("what an older build has recorded is read", func(t *testing.T) {
		var older activities.LiveLeasesResult
		require.NoError(t, json.Unmarshal([]byte(" "+asJSON(t, first.Leases)), &older))
		require.Equal(t, activities.LiveLeasesResult{Leases: first.Leases}, older)
		var again activities.LiveLeasesResult
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, first)), &again))
		require.Equal(t, first, again)
		require.Error(t, json.Unmarshal([]byte(`{"leases":7}`), &again))
	})
}
