package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
)

var editors = access.Binding{Target: "directory", Role: "editors"}

// leaseQuestion asks about ana's lease of the role editors.
func leaseQuestion() activities.ReadLeaseRecordInput {
	return activities.ReadLeaseRecordInput{
		Lease: "r1:1", Request: "r1", Item: "1", Subject: "ana", Entitlement: "wiki/editor", Binding: &editors, Revision: revisionOf(monday),
	}
}

// approved is what the ledger knows of a request that speaks for that lease.
func approved() access.Entry {
	e := submitted("r1")
	e.View.State = access.StateFulfilling
	e.View.Items = []access.ItemView{{
		Item: access.Item{ID: "1", Entitlement: "wiki/editor"}, State: access.ItemFulfilling, Binding: &editors,
	}}
	return e
}

func TestEvidence(t *testing.T) {
	other := access.Binding{Target: "directory", Role: "admins"}
	rows := map[string]struct {
		ledger func(*access.Entry)
		ask    func(*activities.ReadLeaseRecordInput)
		want   activities.Evidence
	}{
		"an approved item":               {want: activities.EvidenceApproved},
		"an item that was granted":       {ledger: func(e *access.Entry) { e.View.State, e.View.Items[0].State = access.OutcomeGranted, access.ItemGranted }, want: activities.EvidenceApproved},
		"an item that is not decided":    {ledger: func(e *access.Entry) { e.View.Items[0].State = access.ItemPending }, want: activities.EvidenceMissing},
		"an unknown request":             {ask: func(q *activities.ReadLeaseRecordInput) { q.Request = "r9" }, want: activities.EvidenceMissing},
		"an item that was denied":        {ledger: func(e *access.Entry) { e.View.Items[0].State = access.ItemDenied }, want: activities.EvidenceAgainst},
		"an item that has expired":       {ledger: func(e *access.Entry) { e.View.Items[0].State = access.ItemExpired }, want: activities.EvidenceAgainst},
		"a request that was withdrawn":   {ledger: func(e *access.Entry) { e.View.State = access.OutcomeWithdrawn }, want: activities.EvidenceAgainst},
		"another subject":                {ask: func(q *activities.ReadLeaseRecordInput) { q.Subject = "ben" }, want: activities.EvidenceAgainst},
		"another entitlement":            {ask: func(q *activities.ReadLeaseRecordInput) { q.Entitlement = "wiki/admin" }, want: activities.EvidenceAgainst},
		"another role":                   {ask: func(q *activities.ReadLeaseRecordInput) { q.Binding = &other }, want: activities.EvidenceAgainst},
		"a role where there is none":     {ledger: func(e *access.Entry) { e.View.Items[0].Binding = nil }, want: activities.EvidenceAgainst},
		"no role where there is one":     {ask: func(q *activities.ReadLeaseRecordInput) { q.Binding = nil }, want: activities.EvidenceAgainst},
		"an item that was not asked for": {ask: func(q *activities.ReadLeaseRecordInput) { q.Item = "2" }, want: activities.EvidenceAgainst},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			entry, q := approved(), leaseQuestion()
			if row.ledger != nil {
				row.ledger(&entry)
			}
			if row.ask != nil {
				row.ask(&q)
			}
			require.NoError(t, r.store.Record(t.Context(), entry))
			known, err := r.ReadLeaseRecord(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, row.want, known.Evidence)
			require.Equal(t, row.want == activities.EvidenceApproved, known.Detail == "", "a reason for all but an approval: %q", known.Detail)
		})
	}
	t.Run("a ledger that is unavailable", func(t *testing.T) {
		r := newRoom(t)
		r.store.away = true
		_, err := r.ReadLeaseRecord(t.Context(), leaseQuestion())
		requireKind(t, access.Transient, err)
	})
}
