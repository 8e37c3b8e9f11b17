package activities_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
)

// applied has a run over the directory apply changes of people, a run each.
func (r room) applied(t *testing.T, class access.PersonClass, people ...access.PersonID) {
	t.Helper()
	r.appliedOf(t, "directory", class, people...)
}

// appliedOf is applied of any source.
func (r room) appliedOf(t *testing.T, source access.SourceName, class access.PersonClass, people ...access.PersonID) {
	t.Helper()
	for _, id := range people {
		runs, err := r.store.PeopleRuns(t.Context(), source, time.Time{}, 100)
		require.NoError(t, err)
		run := access.PeopleRun{Source: source, ID: fmt.Sprint("run-", len(runs)), BeganAt: monday.Add(time.Duration(len(runs)) * time.Hour)}
		require.NoError(t, r.store.BeginPeopleRun(t.Context(), run))
		run.Plan = "plan"
		require.NoError(t, r.store.SavePeopleRun(t.Context(), run))
		change := access.PersonChange{
			Person: id, Class: class, Reason: "is inactive in the source",
			After: access.KnownPerson{Record: access.PersonRecord{Person: access.Person{ID: id}}, State: access.PersonPresent},
		}
		if class == access.ClassMover {
			change.Fields = []string{access.FieldManager}
		}
		require.NoError(t, r.store.ApplyPeople(t.Context(), run, []access.PersonChange{change}))
		run.EndedAt = run.BeganAt.Add(time.Minute)
		require.NoError(t, r.store.SavePeopleRun(t.Context(), run))
	}
}

// approves records an open request for a subject, which needs an approver.
func (r room) approves(t *testing.T, id access.RequestID, subject, approver access.PersonID) {
	t.Helper()
	require.NoError(t, r.store.Store.Record(t.Context(), access.Entry{View: &access.RequestView{
		Request: access.Request{ID: id, Requester: subject, Subject: subject, SubmittedAt: monday}, State: access.StateAwaitingApproval, Version: 1,
		Approvers: []access.PersonID{approver},
	}}))
}

// notify notifies everybody of what was applied.
func (r room) notify(t *testing.T, source access.SourceName) (activities.NotifyOfPeopleResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	people := &activities.People{Ledger: r.store, Follows: "directory", Client: r.post, LeaveOrder: []access.TargetName{"sso", "wiki"}}
	env.RegisterActivity(people)
	value, err := env.ExecuteActivity(people.NotifyOfPeople, activities.NotifyOfPeopleInput{
		Source: source, SubjectPrefix: "access/", SubjectType: "SubjectAccess", Signal: "standing", TaskQueue: "usher",
	})
	var sent activities.NotifyOfPeopleResult
	if err == nil {
		require.NoError(t, value.Get(&sent))
	}
	return sent, err
}

func TestNotifyOfPeople(t *testing.T) {
	t.Run("whoever has left: the holder of leases and the requests", func(t *testing.T) {
		r := newRoom(t)
		r.approves(t, "r1", "ana", "mia")
		r.approves(t, "r2", "mia", "omar")
		r.approves(t, "r3", "ana", "omar")
		r.applied(t, access.ClassLeaver, "mia")
		sent, err := r.notify(t, "directory")
		require.NoError(t, err)
		require.Equal(t, activities.NotifyOfPeopleResult{People: 1, Requests: 2}, sent)
		require.Len(t, r.post.ensures, 1)
		started := r.post.ensures[0]
		require.Equal(t, "access/mia", started.id)
		require.Equal(t, "standing", started.name)
		require.Equal(t, "SubjectAccess", started.workflow)
		require.Equal(t, "usher", started.options.TaskQueue)
		require.JSONEq(t, `{"subject":"mia"}`, asJSON(t, started.params))
		require.Equal(t, access.SubjectStanding{
			Standing: access.Standing{Person: "mia", Absent: true, Revision: int(monday.UnixMicro()), Reason: "mia has left: is inactive in the source"},
			Order:    []access.TargetName{"sso", "wiki"},
		}, started.arg)
		require.Len(t, r.post.signals, 2)
		require.Equal(t, "request/r1", r.post.signals[0].id)
		require.Equal(t, "person_changed", r.post.signals[0].name)
		require.Equal(t, "request/r2", r.post.signals[1].id)
		again, err := r.notify(t, "directory")
		require.NoError(t, err)
		require.Zero(t, again.People, "what was sent is noted")
	})
	t.Run("whoever is back: nothing is started for them", func(t *testing.T) {
		r := newRoom(t)
		r.applied(t, access.ClassReturner, "mia", "ben")
		r.post.ended["access/ben"] = true
		sent, err := r.notify(t, "directory")
		require.NoError(t, err)
		require.Equal(t, 2, sent.People)
		require.Empty(t, r.post.ensures)
		require.Equal(t, "access/mia", r.post.signals[0].id)
	})
	t.Run("another manager is nothing to who holds leases", func(t *testing.T) {
		r := newRoom(t)
		r.approves(t, "r1", "ana", "mia")
		r.applied(t, access.ClassMover, "ana")
		_, err := r.notify(t, "directory")
		require.NoError(t, err)
		require.Empty(t, r.post.ensures)
		require.Len(t, r.post.signals, 1)
		require.True(t, r.post.signals[0].arg.(access.PersonNotice).Moved)
	})
	t.Run("nobody of a source in which nobody is looked up", func(t *testing.T) {
		r := newRoom(t)
		r.appliedOf(t, "hr", access.ClassLeaver, "mia")
		sent, err := r.notify(t, "hr")
		require.NoError(t, err)
		require.Zero(t, sent)
		require.Empty(t, r.post.ensures)
	})
	t.Run("what fails in the middle goes on where it was", func(t *testing.T) {
		r := newRoom(t)
		r.approves(t, "r1", "ben", "omar")
		r.applied(t, access.ClassLeaver, "ana", "ben", "cleo")
		r.post.deaf["request/r1"] = true
		_, err := r.notify(t, "directory")
		require.Error(t, err)
		r.post.deaf["request/r1"] = false
		sent, err := r.notify(t, "directory")
		require.NoError(t, err)
		require.Equal(t, 1, sent.People, "ben once more")
		require.Len(t, r.post.ensures, 4, "ana, ben, cleo, ben")
	})
	t.Run("one that no message reaches holds nobody up", func(t *testing.T) {
		r := newRoom(t)
		r.approves(t, "r1", "ana", "omar")
		r.applied(t, access.ClassLeaver, "ana", "ben")
		r.post.impossible["access/ana"], r.post.ended["request/r1"] = true, true
		sent, err := r.notify(t, "directory")
		require.NoError(t, err)
		require.Equal(t, activities.NotifyOfPeopleResult{People: 1, Refused: 1}, sent)
		require.Len(t, r.post.ensures, 1)
		sent, err = r.notify(t, "directory")
		require.NoError(t, err)
		require.Equal(t, 1, sent.Refused, "it is tried again by each run")
	})
	t.Run("more than a page", func(t *testing.T) {
		r := newRoom(t)
		for i := range 230 {
			r.approves(t, access.RequestID(fmt.Sprintf("r%03d", i)), "ana", "mia")
		}
		r.applied(t, access.ClassLeaver, "mia")
		sent, err := r.notify(t, "directory")
		require.NoError(t, err)
		require.Equal(t, 230, sent.Requests)
	})
}

// A run over people may have looked for requests just before one was recorded.
func TestRecord_notifies_of_who_has_left(t *testing.T) {
	r := newRoom(t)
	r.Records.Source = "directory"
	r.applied(t, access.ClassLeaver, "mia")
	entry := func(id access.RequestID, state access.RequestState, subject, awaited access.PersonID) access.Entry {
		return access.Entry{View: &access.RequestView{
			Request: access.Request{ID: id, Requester: "ana", Subject: subject, SubmittedAt: monday}, State: state, Version: 1,
			WaitingOn: []access.Waiting{{Person: awaited, Stage: "owner"}}, Approvers: []access.PersonID{awaited},
		}}
	}
	_, err := r.Record(t.Context(), activities.RecordInput{Entries: []access.Entry{
		entry("waits", access.StateAwaitingApproval, "ana", "mia"), entry("is-for", access.StateAwaitingApproval, "mia", "omar"),
		entry("other", access.StateAwaitingApproval, "ana", "omar"), entry("ended", access.OutcomeDenied, "mia", "mia"),
		{},
	}})
	require.NoError(t, err)
	require.Len(t, r.post.signals, 2)
	require.Equal(t, "request/waits", r.post.signals[0].id)
	require.Equal(t, "request/is-for", r.post.signals[1].id)
	require.True(t, r.post.signals[0].arg.(access.PersonNotice).Standing.Absent)

	r.post.deaf["request/waits"] = true
	_, err = r.Record(t.Context(), activities.RecordInput{Entries: []access.Entry{entry("waits", access.StateAwaitingApproval, "ana", "mia")}})
	require.Error(t, err, "it is recorded again until that is said")
	r.Records.Source = ""
	_, err = r.Record(t.Context(), activities.RecordInput{Entries: []access.Entry{entry("waits", access.StateAwaitingApproval, "ana", "mia")}})
	require.NoError(t, err)
}

func TestResolve(t *testing.T) {
	r := newRoom(t)
	p, source := newPolicy(t), memory.NewSource(people()...)
	p.People, p.Ledger, p.Follows = source, r.store, "directory"
	answer, err := p.Evaluate(t.Context(), activities.EvaluateInput{Request: question()})
	require.NoError(t, err)
	ask := activities.ResolveInput{Request: question(), Need: answer.Requirement}
	found, err := p.Resolve(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, access.PersonID("mia"), found.Resolutions[0].Approvers[0].ID)
	r.applied(t, access.ClassLeaver, "mia")
	found, err = p.Resolve(t.Context(), ask)
	require.NoError(t, err)
	require.Empty(t, found.Resolutions[0].Approvers, "the ledger knows that she has left, though the source shows her as active")
	named, err := p.FindApprovers(t.Context(), activities.FindApproversInput{Named: []access.PersonID{"omar", "mia", "ghost"}})
	require.NoError(t, err)
	require.Len(t, named.People, 2)
	require.True(t, named.People[0].Active)
	require.False(t, named.People[1].Active)
	p.Follows = ""
	found, err = p.Resolve(t.Context(), ask)
	require.NoError(t, err)
	require.NotEmpty(t, found.Resolutions[0].Approvers, "nobody follows the ledger")

	p.Follows, p.People = "directory", nil
	found, err = p.Resolve(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, access.SourceName("directory"), found.Consults().Source)
	ask.PeopleRead, ask.People = true, people()
	found, err = p.Resolve(t.Context(), ask)
	require.NoError(t, err)
	require.Empty(t, found.Resolutions[0].Approvers)
	require.Nil(t, found.Consults())
}

func TestReadStandings(t *testing.T) {
	r := newRoom(t)
	r.applied(t, access.ClassLeaver, "mia")
	none, err := r.ReadStandings(t.Context(), []access.PersonID{"mia"})
	require.NoError(t, err)
	require.Empty(t, none, "no source is followed")
	r.Records.Source = "directory"
	found, err := r.ReadStandings(t.Context(), []access.PersonID{"ana", "mia"})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestLookupAccounts(t *testing.T) {
	desk := memory.NewDesk("jira")
	mia := access.Person{ID: "mia", Email: "mia@example.test"}
	account := desk.AddAccount(mia)
	found, err := (&activities.Desk{Port: desk}).LookupAccounts(t.Context(), activities.FindAccountsInput{People: []access.Person{{ID: "ghost"}, mia}})
	require.NoError(t, err)
	require.Equal(t, access.PersonID("ghost"), found[0].Person)
	require.Empty(t, found[0].ID)
	require.Equal(t, account, found[1].ID)
	desk.Down(true)
	_, err = (&activities.Desk{Port: desk}).LookupAccounts(t.Context(), activities.FindAccountsInput{People: []access.Person{mia}})
	requireKind(t, access.Transient, err)
}

// Whoever approves where nobody else can has to have an account as well.
func TestListApprovers_fallback(t *testing.T) {
	p := newPolicy(t)
	catalog, err := policy.Parse([]byte(`
applications:
  - id: wiki
    name: Wiki
    owners: [omar]
    fallback: [fay]
    decision_channels: [ticket]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: manual, stages: [manager]}
  - id: badge
    name: Badge
    owners: [olga]
    desk: rt
    entitlements:
      - {role: lab, title: Badge, fulfilment: manual, stages: [owner]}
`))
	require.NoError(t, err)
	p.Catalog = catalog
	here, err := p.ListApprovers(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"fay"}, here.People, "an owner who approves nothing is not asked")
	require.Equal(t, []access.PersonID{"fay"}, here.Only)
	there, err := p.ListApprovers(t.Context(), "rt")
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"olga"}, there.People)
}
