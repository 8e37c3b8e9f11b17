package usersync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/usersync"
)

// unlinks takes the link of a person away.
func (o *office) unlinks(i int) workflows.UnlinkResult {
	o.t.Helper()
	o.written()
	o.now = o.now.Add(time.Minute)
	o.runs++
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetStartTime(o.now)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.UnlinkWorkflowID(it, fmt.Sprint(o.runs)), TaskQueue: workflows.TaskQueue})
	env.RegisterActivity(o.records())
	env.ExecuteWorkflow(usersync.Unlink, workflows.UnlinkParams{Desk: it, Person: idOf(i), By: "adam", Evidence: "a token", Reason: "a namesake"})
	require.True(o.t, env.IsWorkflowCompleted())
	require.NoError(o.t, env.GetWorkflowError())
	var result workflows.UnlinkResult
	require.NoError(o.t, env.GetWorkflowResult(&result))
	return result
}

func (o *office) events() []access.DeskEvent {
	o.t.Helper()
	placed, err := o.ledger.DeskEvents(o.t.Context(), access.DeskEventsQuery{Desk: it, Limit: access.MaxIncidents})
	require.NoError(o.t, err)
	var all []access.DeskEvent
	for _, e := range placed {
		all = append(all, e.DeskEvent)
	}
	return all
}

// A link is taken away once, with an event; the next run looks for the user anew.
func TestUnlink(t *testing.T) {
	o := newOffice(t, 3)
	o.settles()
	user := o.of(1)
	done := o.unlinks(1)
	require.Empty(t, done.Refusals)
	require.Equal(t, user.ID, done.Link.User)
	said := o.events()
	require.Len(t, said, 1)
	require.Equal(t, "The person p0001 is not linked to the user "+string(user.ID)+" any more: a namesake.", said[0].Text)
	require.Equal(t, [2]any{access.PersonID("adam"), "a token"}, [2]any{said[0].Actor, said[0].Evidence})
	links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(1)})
	require.NoError(t, err)
	require.Empty(t, links)

	again := o.unlinks(1)
	require.Equal(t, access.NotFound, again.Kind, "another call")
	require.Nil(t, again.Link)
	require.Equal(t, []access.Refusal{{Field: "person", Problem: "the person is linked to no user of the desk"}}, again.Refusals)
	require.Len(t, o.events(), 1)
	o.ends()
	require.Equal(t, user.ID, o.of(1).ID, "the next run has found the same user")
}

// A run that goes on may write to the user by its plan. One whose workflow was terminated does not go on.
func TestUnlink_beside_a_run(t *testing.T) {
	o := newOffice(t, 3)
	o.settles()
	run := access.SyncRun{Desk: it, ID: "x", Workflow: "usersync/it/x", BeganAt: o.now.Add(time.Second)}
	require.NoError(t, o.ledger.BeginSyncRun(t.Context(), run))
	o.running = map[string]bool{run.Workflow: true}
	refused := o.unlinks(1)
	require.Equal(t, access.Conflict, refused.Kind)
	require.Contains(t, refused.Refusals[0].Problem, "goes on")
	o.of(1)
	require.Empty(t, o.events())

	o.running = nil
	require.NotNil(t, o.unlinks(1).Link)
	ended, err := o.ledger.SyncRun(t.Context(), it, "x")
	require.NoError(t, err)
	require.Contains(t, ended.Problem, "its workflow ended before the run did")
}
