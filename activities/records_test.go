package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
)

func ensureFor(subject access.PersonID) activities.ApplyLeaseMessage {
	return activities.ApplyLeaseMessage{
		WorkflowID: "access/" + string(subject), WorkflowType: "SubjectAccess", TaskQueue: "usher", Signal: "apply_lease",
		Spec: access.LeaseSpec{Lease: access.Lease{ID: "r1:1", Subject: access.Person{ID: subject, DisplayName: "Ana"}}, Revision: 3},
	}
}

func answerTo(request access.RequestID) activities.LeaseStatusMessage {
	return activities.LeaseStatusMessage{
		WorkflowID: "request/" + string(request), Signal: "lease-state",
		Status: access.LeaseStatus{Lease: access.LeaseIDOf(request, "1"), Revision: 3, State: access.LeaseActive},
	}
}

// room is Records over a real ledger.
type room struct {
	*activities.Records
	*journal
	store *store
	post  *post
}

func newRoom(t *testing.T) room {
	j := &journal{}
	s, p := newStore(t, j), newPost(j)
	return room{&activities.Records{Ledger: s, Client: p}, j, s, p}
}

func TestRecord_before_the_messages(t *testing.T) {
	r := newRoom(t)
	call := activities.RecordInput{
		Entries: []access.Entry{submitted("r1")},
		Specs:   []activities.ApplyLeaseMessage{ensureFor("ana")}, Statuses: []activities.LeaseStatusMessage{answerTo("r1"), answerTo("r2")},
	}
	for range 2 {
		done, err := r.Record(t.Context(), call)
		require.NoError(t, err)
		require.Empty(t, done.Undelivered)
	}
	once := []string{"record", "access/ana", "request/r1", "request/r2"}
	require.Equal(t, append(once, once...), r.read(), "the entry first, and repeating says the same")
	events, err := r.store.Events(t.Context(), "r1")
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, signal{id: "request/r1", name: "lease-state", arg: answerTo("r1").Status}, r.post.signals[0])
}

func TestRecord_failure_sends_nothing(t *testing.T) {
	r := newRoom(t)
	r.store.away = true
	_, err := r.Record(t.Context(), activities.RecordInput{
		Entries: []access.Entry{submitted("r1")}, Specs: []activities.ApplyLeaseMessage{ensureFor("ana")}, Statuses: []activities.LeaseStatusMessage{answerTo("r1")},
	})
	requireKind(t, access.Transient, err)
	require.Equal(t, []string{"record"}, r.read())
}

func TestRecord_message_only(t *testing.T) {
	r := newRoom(t)
	r.store.away = true
	_, err := r.Record(t.Context(), activities.RecordInput{Specs: []activities.ApplyLeaseMessage{ensureFor("ana")}})
	require.NoError(t, err)
	require.Equal(t, []string{"access/ana"}, r.read())
}

func TestRecord_apply_lease_starts_the_workflow(t *testing.T) {
	r := newRoom(t)
	_, err := r.Record(t.Context(), activities.RecordInput{Specs: []activities.ApplyLeaseMessage{ensureFor("ana")}})
	require.NoError(t, err)
	require.Len(t, r.post.ensures, 1)
	said := r.post.ensures[0]
	require.Equal(t, "access/ana", said.id)
	require.Equal(t, "apply_lease", said.name)
	require.Equal(t, ensureFor("ana").Spec, said.arg)
	require.Equal(t, "SubjectAccess", said.workflow)
	require.Equal(t, "access/ana", said.options.ID)
	require.Equal(t, "usher", said.options.TaskQueue)
	require.Equal(t, "access of Ana", said.options.StaticSummary)
	subject, found := said.options.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(activities.AttributeSubject))
	require.True(t, found)
	require.Equal(t, "ana", subject)
}

func TestRecord_undelivered_status(t *testing.T) {
	r := newRoom(t)
	r.post.ended["request/r1"] = true
	done, err := r.Record(t.Context(), activities.RecordInput{
		Entries: []access.Entry{submitted("r1")}, Statuses: []activities.LeaseStatusMessage{answerTo("r1"), answerTo("r2")},
	})
	require.NoError(t, err)
	require.Equal(t, []access.LeaseID{"r1:1"}, done.Undelivered)
	require.Len(t, r.post.signals, 1, "the others hear theirs")
	require.Equal(t, "request/r2", r.post.signals[0].id)
}

func TestNotifyChanges_signal_fails(t *testing.T) {
	for name, deaf := range map[string]string{"an ensure": "access/ana", "an answer": "request/r1"} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			call := activities.RecordInput{
				Entries: []access.Entry{submitted("r1")}, Specs: []activities.ApplyLeaseMessage{ensureFor("ana")}, Statuses: []activities.LeaseStatusMessage{answerTo("r1")},
			}
			r.post.deaf[deaf] = true
			_, err := r.Record(t.Context(), call)
			require.Error(t, err)
			require.NotErrorAs(t, err, new(*temporal.ApplicationError), "so Temporal repeats it")
			r.post.deaf[deaf] = false
			_, err = r.Record(t.Context(), call)
			require.NoError(t, err)
			require.Len(t, r.post.signals, 1)
		})
	}
}

func TestReadRequest_with_its_tickets(t *testing.T) {
	r := newRoom(t)
	_, err := r.ReadRequest(t.Context(), "r1")
	requireKind(t, access.NotFound, err)

	entry := submitted("r1")
	link := access.TicketLink{Ref: access.TicketRef{Desk: "jira", ID: "10001", Key: "ACC-1"}, Request: "r1", Marker: "m"}
	entry.Ticket = &link
	require.NoError(t, r.store.Record(t.Context(), entry))
	archived, err := r.ReadRequest(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, access.RequestID("r1"), archived.View.Request.ID)
	require.Equal(t, []access.TicketLink{link}, archived.Tickets)
}

func TestCheckLedger(t *testing.T) {
	r := newRoom(t)
	result, err := r.CheckLedger(t.Context())
	require.NoError(t, err)
	require.Empty(t, result.Problem)
	require.Empty(t, result.Paused)
	r.store.pause(t, pauseOf(access.PausedGrants, "crm"))
	result, err = r.CheckLedger(t.Context())
	require.NoError(t, err)
	require.Equal(t, []access.Pause{pauseOf(access.PausedGrants, "crm")}, result.Paused)

	empty := newRoom(t)
	require.NoError(t, empty.store.Close())
	result, err = empty.CheckLedger(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, result.Problem)
}

// refusing is a ledger that refuses what is to be recorded with an error of a kind.
type refusing struct {
	*store
	kind access.Kind
}

func (s refusing) Record(context.Context, ...access.Entry) error {
	return access.Errorf(s.kind, "record", "the database says no")
}

func TestRecordRefused(t *testing.T) {
	for kind, forGood := range map[access.Kind]bool{
		access.Invalid: true, access.Conflict: true,
		// Rights and databases come back.
		access.Transient: false, access.RateLimited: false, access.Forbidden: false, access.NotFound: false, access.Unknown: false,
	} {
		t.Run("by a ledger that says "+string(kind), func(t *testing.T) {
			r := newRoom(t)
			r.Ledger = refusing{r.store, kind}
			_, err := r.Record(t.Context(), activities.RecordInput{
				Entries: []access.Entry{submitted("r1")}, Specs: []activities.ApplyLeaseMessage{ensureFor("ana")},
			})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, forGood, app.NonRetryable(), "refused for good, or repeated by Temporal")
			require.Contains(t, app.Message(), "the database says no")
			require.Empty(t, r.post.ensures)
		})
	}
	for name, id := range map[string]string{"a message for a lease": "access/ana", "a status": "request/r1"} {
		t.Run("by Temporal, which will never take "+name, func(t *testing.T) {
			r := newRoom(t)
			r.post.impossible[id] = true
			_, err := r.Record(t.Context(), activities.RecordInput{
				Entries: []access.Entry{submitted("r1")}, Specs: []activities.ApplyLeaseMessage{ensureFor("ana")}, Statuses: []activities.LeaseStatusMessage{answerTo("r1")},
			})
			requireKind(t, access.Invalid, err)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.True(t, app.NonRetryable())
		})
	}
}
