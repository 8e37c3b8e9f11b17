package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// office is a company of a few people who ask for access and approve it, as HR writes it.
type office struct {
	*crew
	people []stack.Employee
}

func newOffice(t *testing.T, more settings) *office {
	t.Helper()
	o := &office{crew: newCrew(t, more)}
	for _, p := range [][2]string{{"zoe", ""}, {"mia", "zoe"}, {"omar", "zoe"}, {"ana", "mia"}, {"ben", "mia"}} {
		login := p[0] + "@example.test"
		o.people = append(o.people, stack.Employee{ID: p[0], Login: login, Mail: login, Name: p[0], Manager: p[1]})
	}
	return o
}

func (o *office) person(id string) *stack.Employee {
	return &o.people[slices.IndexFunc(o.people, func(e stack.Employee) bool { return e.ID == id })]
}

// starts starts a run over the people as HR has written them.
func (o *office) starts(ctx context.Context, t *testing.T) string {
	t.Helper()
	require.NoError(t, stack.WriteStaff(filepath.Join(o.dir, stack.StaffFile), o.people))
	run, err := o.StartPeople(ctx, stack.Auditor, stack.Staff, stack.PeopleStart{})
	require.NoError(t, err)
	return run
}

// follows runs over the people as HR has written them.
func (o *office) follows(ctx context.Context, t *testing.T) access.PeopleRun {
	t.Helper()
	run := (&peopleRow{system: o.system, source: stack.Staff}).ended(ctx, t, o.starts(ctx, t))
	require.Empty(t, run.Problem)
	return run
}

// asks has somebody ask for an entitlement, and waits until the request waits for a person.
func (o *office) asks(ctx context.Context, t *testing.T, id access.RequestID, who access.PersonID, what access.EntitlementID, awaited access.PersonID) {
	t.Helper()
	_, err := o.Submit(ctx, who, stack.Ask{ID: id, Items: []stack.AskItem{{Entitlement: what}}, Reason: "to work"})
	require.NoError(t, err)
	o.waits(ctx, t, id, awaited)
}

// waits waits until a request has its ticket and waits for one person.
func (o *office) waits(ctx context.Context, t *testing.T, id access.RequestID, person access.PersonID) stack.Detail {
	t.Helper()
	detail, err := o.Await(ctx, id, func(d stack.Detail) error {
		if len(d.WaitingOn) != 1 || d.WaitingOn[0].Person != person || d.Ticket == nil {
			return fmt.Errorf("it waits for %+v, expected %s", d.WaitingOn, person)
		}
		return nil
	})
	require.NoError(t, err)
	return detail
}

// ends waits until a request has ended so.
func (o *office) ends(ctx context.Context, t *testing.T, id access.RequestID, outcome access.RequestState) {
	t.Helper()
	_, err := o.Await(ctx, id, func(d stack.Detail) error {
		if d.State != outcome {
			return fmt.Errorf("it is %s", d.State)
		}
		return nil
	})
	require.NoError(t, err)
}

func (o *office) approves(ctx context.Context, t *testing.T, who access.PersonID, id access.RequestID) {
	t.Helper()
	_, err := o.Decide(ctx, who, id, stack.Verdict{ID: string(id), Verdict: access.Approve})
	require.NoError(t, err)
}

// TestLeavers: whoever approves leaves, and so does whoever holds access and whoever asks for it. The worker is killed while the run over the
// people goes on.
func TestLeavers(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %t", killed), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, settings{desk: stack.ServiceNow})
			ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
			defer cancel()
			o.leavers(ctx, t, killed)
		})
	}
}

// leavers plays it.
func (o *office) leavers(ctx context.Context, t *testing.T, killed bool) {
	t.Helper()
	o.follows(ctx, t)
	o.asks(ctx, t, "held", "ben", "wiki/editor", "mia")
	require.NoError(t, o.Reassign(ctx, stack.Auditor, "held", stack.Reassign{To: []access.PersonID{"omar"}, Reason: "mia is on leave"}))
	o.waits(ctx, t, "held", "omar")
	o.approves(ctx, t, "omar", "held")
	o.ends(ctx, t, "held", access.OutcomeGranted)
	o.asks(ctx, t, "of-ben", "ben", "wiki/admin", "mia")
	o.asks(ctx, t, "of-ana", "ana", "wiki/admin", "mia")

	o.person("mia").Left, o.person("ben").Left, o.person("ana").Manager = true, true, "omar"
	run := o.starts(ctx, t)
	if killed {
		pid, err := o.stack.KillWorker()
		require.NoError(t, err)
		_, err = o.stack.AwaitWorker(ctx, pid)
		require.NoError(t, err)
	}
	ended := (&peopleRow{system: o.system, source: stack.Staff}).ended(ctx, t, run)
	require.Empty(t, ended.Problem)
	require.Zero(t, ended.Held)
	o.ends(ctx, t, "of-ben", access.OutcomeCancelled)
	detail := o.waits(ctx, t, "of-ana", "omar")
	var handed []access.Event
	for _, e := range detail.Timeline {
		if e.Type == access.EventReassigned {
			handed = append(handed, e)
		}
	}
	require.Len(t, handed, 2, "mia has left, and omar was found: each once")
	_, err := o.Decide(ctx, "mia", "of-ana", stack.Verdict{Verdict: access.Approve})
	require.Equal(t, http.StatusForbidden, stack.StatusOf(err))
	o.approves(ctx, t, "omar", "of-ana")
	o.ends(ctx, t, "of-ana", access.OutcomeGranted)
	o.lost(ctx, t, "ben", "wiki-editors")
	members, err := o.Members(ctx, "wiki-admins")
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"ana"}, members, "nobody else loses anything")

	_, err = o.Submit(ctx, "ana", stack.Ask{ID: "for-ben", Subject: "ben", Items: []stack.AskItem{{Entitlement: "wiki/editor"}}, Reason: "he is back soon"})
	require.ErrorContains(t, err, "ben is not active")
	o.person("ben").Left, o.person("ben").Manager = false, "omar"
	o.follows(ctx, t)
	o.asks(ctx, t, "back", "ben", "wiki/editor", "omar")
	o.approves(ctx, t, "omar", "back")
	o.ends(ctx, t, "back", access.OutcomeGranted)
	members, err = o.Members(ctx, "wiki-editors")
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"ben"}, members, "what is asked for since he is back is granted")
}

// lost waits until somebody is in a group no more, and their leases have ended.
func (o *office) lost(ctx context.Context, t *testing.T, who access.PersonID, group string) {
	t.Helper()
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		members, err := o.Members(ctx, group)
		if err == nil && slices.Contains(members, who) {
			err = fmt.Errorf("%s is still in %s", who, group)
		}
		return err
	}))
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		leases, err := o.Leases(ctx, stack.Auditor, who)
		for _, l := range leases {
			if l.State != access.LeaseEnded {
				err = fmt.Errorf("lease %s is %s", l.Lease.ID, l.State)
			}
		}
		return err
	}))
}
