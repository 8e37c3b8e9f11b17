package people_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/workflows"
)

// post is a Temporal client that keeps what was said to whoever holds leases. Every test of this folder has it: whoever is said to have left has
// left by the snapshot, whatever goes wrong with the source, the ledger or the worker.
type post struct {
	c *company
	// away is true while Temporal takes no message.
	away bool
	// absent and back count the words about each person.
	absent, back map[access.PersonID]int
}

func newPost(c *company) *post {
	return &post{c: c, absent: map[access.PersonID]int{}, back: map[access.PersonID]int{}}
}

func (p *post) take(id string, arg any) error {
	if p.away {
		return serviceerror.NewUnavailable("Temporal is away")
	}
	said, ok := arg.(access.SubjectStanding)
	require.True(p.c.t, ok, "%s got %v", id, arg)
	person, _ := strings.CutPrefix(id, workflows.SubjectPrefix)
	require.Equal(p.c.t, said.Standing.Person, access.PersonID(person))
	known, err := p.c.ledger.KnownPerson(p.c.t.Context(), hr, said.Standing.Person)
	require.NoError(p.c.t, err)
	require.Equal(p.c.t, said.Standing.Absent, known.State != access.PersonPresent, "%s is said to be absent: %t, and is %s", person, said.Standing.Absent, known.State)
	if said.Standing.Absent {
		p.absent[said.Standing.Person]++
	} else {
		p.back[said.Standing.Person]++
	}
	return nil
}

func (p *post) SignalWorkflow(_ context.Context, id, _, _ string, arg any) error {
	return p.take(id, arg)
}

func (p *post) SignalWithStartWorkflow(_ context.Context, id, _ string, arg any, _ client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	return nil, p.take(id, arg)
}

func (p *post) ExecuteWorkflow(context.Context, client.StartWorkflowOptions, any, ...any) (client.WorkflowRun, error) {
	return nil, serviceerror.NewUnavailable("a run over people starts no workflow")
}

func TestPeopleRun_notifies(t *testing.T) {
	c := newCompany(t, 60)
	c.ends()
	require.Empty(t, c.post.absent)
	c.leave(0, 3)
	c.ends()
	require.Equal(t, map[access.PersonID]int{idOf(0): 1, idOf(1): 1, idOf(2): 1}, c.post.absent)
	c.source.PutRecords(employee(1))
	c.ends()
	require.Equal(t, map[access.PersonID]int{idOf(1): 1}, c.post.back)
	c.ends()
	require.Len(t, c.post.absent, 3, "each once")
}

// What a brake holds ends nobody's access, until it is released.
func TestPeopleRun_notifies_of_what_is_released(t *testing.T) {
	c := newCompany(t, 60)
	c.ends()
	c.leave(0, 20)
	held := c.ends()
	require.Equal(t, 20, held.Held)
	require.Empty(t, c.post.absent)
	released, err := c.run(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: held.ID, People: []access.PersonID{idOf(3), idOf(4)}, Reason: "they left"}})
	require.NoError(t, err)
	require.Equal(t, 2, released.Applied)
	require.Equal(t, map[access.PersonID]int{idOf(3): 1, idOf(4): 1}, c.post.absent)
}

// Temporal is away when everything is applied: the run fails, and the next one notifies, though nothing is different by then.
func TestPeopleRun_notifies_later(t *testing.T) {
	c := newCompany(t, 60)
	c.ends()
	c.leave(0, 2)
	c.post.away = true
	_, err := c.run(workflows.PeopleRunParams{})
	require.Error(t, err)
	require.Equal(t, access.PersonLeft, c.state(0), "it is applied")
	require.Empty(t, c.post.absent)
	c.post.away = false
	run := c.ends()
	require.Zero(t, run.Applied)
	require.Equal(t, map[access.PersonID]int{idOf(0): 1, idOf(1): 1}, c.post.absent)
}
