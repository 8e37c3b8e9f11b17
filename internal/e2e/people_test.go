package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/scim/scimtest"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// employee is somebody in a source.
type employee struct {
	id, manager string
	inactive    bool
}

// staff is a source of people, as those who keep it use it.
type staff interface {
	put(all ...employee) error
	remove(id string) error
	// breaks makes every listing fail after it has begun, until it is called with false.
	breaks(broken bool) error
}

// csvStaff is a file that ends with the number of its rows.
type csvStaff struct {
	path   string
	all    map[string]employee
	broken bool
}

func newCSVStaff(dir, name string) *csvStaff {
	return &csvStaff{path: filepath.Join(dir, name), all: map[string]employee{}}
}

func (s *csvStaff) write() error {
	var b strings.Builder
	b.WriteString("Number,Login,Manager,Active\n")
	for i, id := range slices.Sorted(maps.Keys(s.all)) {
		if s.broken && i > len(s.all)*6/10 {
			break
		}
		e := s.all[id]
		fmt.Fprintf(&b, "%s,%s@example.test,%s,%t\n", e.id, e.id, e.manager, !e.inactive)
	}
	if !s.broken {
		fmt.Fprintf(&b, "TRAILER,%d,,\n", len(s.all))
	}
	if err := os.WriteFile(s.path+".new", []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}

func (s *csvStaff) put(all ...employee) error {
	for _, e := range all {
		s.all[e.id] = e
	}
	return s.write()
}

func (s *csvStaff) remove(id string) error {
	delete(s.all, id)
	return s.write()
}

func (s *csvStaff) breaks(broken bool) error {
	s.broken = broken
	return s.write()
}

// scimStaff is a directory.
type scimStaff struct{ *scimtest.Server }

func (s scimStaff) put(all ...employee) error {
	for _, e := range all {
		u := scimtest.User{ID: e.id, UserName: e.id + "@example.test", Manager: e.manager, Inactive: e.inactive}
		if _, err := s.Put(u); err != nil {
			return err
		}
	}
	return nil
}

func (s scimStaff) remove(id string) error { return s.Remove(id) }

func (s scimStaff) breaks(broken bool) error {
	var faults scimtest.Faults
	if broken {
		faults.Rules = []fakewire.Rule{{Every: 2, Of: []fakewire.Fault{{Kind: fakewire.Cut}}}}
	}
	s.SetFaults(faults)
	return nil
}

// listed is how the sources of this file are listed: when nobody asks, once a year.
const listed = `people: {cron: "0 0 1 1 *", missing_listings: 2, mover_fields: [manager], ` +
	`brakes: {leavers_count: 1000, leavers_share: 0.1, floor: 2}}`

// csvSection are the settings of a file.
func csvSection(path string) string {
	return fmt.Sprintf("{kind: csv, csv: {path: %q, whole: {trailer: TRAILER}, fields: {id: Number, user_name: Login, manager: Manager, active: Active}}, %s}",
		path, listed)
}

// peopleRow is one source and the system that lists it.
type peopleRow struct {
	*system
	staff
	source access.SourceName
}

// ended waits for the end of a run.
func (r *peopleRow) ended(ctx context.Context, t *testing.T, run string) access.PeopleRun {
	t.Helper()
	var found access.PeopleRun
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		var err error
		if found, err = r.PeopleRun(ctx, r.source, run); err == nil && !found.Ended() {
			err = fmt.Errorf("the run %s goes on", run)
		}
		return err
	}))
	return found
}

// runs starts a run and waits for its end.
func (r *peopleRow) runs(ctx context.Context, t *testing.T, p stack.PeopleStart) access.PeopleRun {
	t.Helper()
	run, err := r.StartPeople(ctx, stack.Auditor, r.source, p)
	require.NoError(t, err)
	return r.ended(ctx, t, run)
}

func number(n int) string { return fmt.Sprintf("p%05d", n) }

// first has the schedule list everybody for the first time.
func (r *peopleRow) first(ctx context.Context, t *testing.T) {
	var all []employee
	for n := range 40 {
		all = append(all, employee{id: number(n), manager: number(0)})
	}
	require.NoError(t, r.put(all...))
	schedule := r.temporal.ScheduleClient().GetHandle(ctx, workflows.PeopleScheduleID(r.source))
	require.NoError(t, schedule.Trigger(ctx, client.ScheduleTriggerOptions{}))
	var id string
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		runs, err := r.PeopleRuns(ctx, r.source)
		if err == nil && len(runs) == 0 {
			err = errors.New("there is no run yet")
		}
		if err == nil {
			id = runs[0].ID
		}
		return err
	}))
	run := r.ended(ctx, t, id)
	require.Empty(t, run.Problem)
	require.Empty(t, run.By)
	require.Equal(t, map[access.PersonClass]int{access.ClassJoiner: 40}, run.Counts.Classes)
	require.Equal(t, 40, run.Applied)
}

// story is what happens to people, and what usher makes of it.
func (r *peopleRow) story(ctx context.Context, t *testing.T) {
	r.first(ctx, t)
	require.NoError(t, r.put(employee{id: number(100), manager: number(0)}, employee{id: number(1), manager: number(2)}, employee{id: number(2), inactive: true}))
	run := r.runs(ctx, t, stack.PeopleStart{})
	require.Equal(t, stack.Auditor, run.By)
	require.Equal(t, map[access.PersonClass]int{
		access.ClassJoiner: 1, access.ClassMover: 1, access.ClassLeaver: 1, access.ClassUnchanged: 38,
	}, run.Counts.Classes)
	changes, err := r.PeopleChanges(ctx, r.source, run.ID, "class=leaver")
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.Equal(t, access.PersonID(number(2)), changes[0].Person)
	require.Equal(t, access.PersonLeft, changes[0].After.State)

	r.heldAndReleased(ctx, t)
	r.broken(ctx, t)

	require.NoError(t, r.remove(number(20)))
	require.Equal(t, 1, r.runs(ctx, t, stack.PeopleStart{}).Counts.Classes[access.ClassMissing])
	require.Equal(t, 1, r.runs(ctx, t, stack.PeopleStart{}).Counts.Classes[access.ClassLeaver])
	require.Equal(t, map[access.PersonClass]int{access.ClassUnchanged: 42}, r.runs(ctx, t, stack.PeopleStart{}).Counts.Classes)
}

// heldAndReleased: too many leave at once, and a joiner comes; an administrator releases one of them, and then the others.
func (r *peopleRow) heldAndReleased(ctx context.Context, t *testing.T) {
	all := []employee{{id: number(101), manager: number(0)}}
	for n := 10; n < 18; n++ {
		all = append(all, employee{id: number(n), inactive: true})
	}
	require.NoError(t, r.put(all...))
	held := r.runs(ctx, t, stack.PeopleStart{})
	require.Equal(t, [2]int{1, 8}, [2]int{held.Applied, held.Held})
	require.Equal(t, "leavers", held.Holds[0].Name())
	release := stack.PeopleStart{Release: &stack.PeopleRelease{Run: held.ID, Only: []access.PersonID{access.PersonID(number(10))}, Reason: "a department closes"}}
	_, err := r.StartPeople(ctx, "ana", r.source, release)
	require.Equal(t, http.StatusForbidden, stack.StatusOf(err))
	one := r.runs(ctx, t, release)
	require.Equal(t, [2]int{1, 7}, [2]int{one.Applied, one.Held})
	require.Equal(t, "a department closes", one.Release.Reason)

	// The rest by the command line.
	usher := exec.CommandContext(ctx, filepath.Join(r.stack.BinDir(), "usher"), "people", "release", string(r.source), one.ID,
		"--reason", "a department closes", "--id", "the-rest")
	usher.Env = []string{"USHER_URL=" + r.stack.URLs().API, "USHER_AS=" + string(stack.Auditor)}
	out, err := usher.CombinedOutput()
	require.NoError(t, err, "%s", out)
	rest := r.ended(ctx, t, "the-rest")
	require.Equal(t, [2]int{7, 0}, [2]int{rest.Applied, rest.Held})
}

// broken: a source that breaks off while it lists changes nobody.
func (r *peopleRow) broken(ctx context.Context, t *testing.T) {
	require.NoError(t, r.put(employee{id: number(18), inactive: true}))
	require.NoError(t, r.breaks(true))
	run := r.runs(ctx, t, stack.PeopleStart{})
	require.NotEmpty(t, run.Problem)
	require.Zero(t, run.Applied)
	require.NoError(t, r.breaks(false))
	run = r.runs(ctx, t, stack.PeopleStart{})
	require.Equal(t, map[access.PersonClass]int{access.ClassLeaver: 1, access.ClassUnchanged: 41}, run.Counts.Classes, "nobody was missing")
}

// crowdSize is how many people are applied while the worker is killed.
const crowdSize = 20_000

// killed kills the worker when a part of a plan is applied. The next one goes on from there.
func (r *peopleRow) killed(ctx context.Context, t *testing.T) {
	all := make([]employee, crowdSize)
	for n := range all {
		all[n] = employee{id: number(n), manager: number(n / 10)}
	}
	require.NoError(t, r.put(all...))
	run, err := r.StartPeople(ctx, stack.Auditor, r.source, stack.PeopleStart{})
	require.NoError(t, err)
	workflow := workflows.PeopleRunWorkflowID(r.source, run)
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		found, err := r.temporal.DescribeWorkflowExecution(ctx, workflow, "")
		if err != nil {
			return err
		}
		for _, a := range found.GetPendingActivities() {
			if a.GetActivityType().GetName() == "ApplyPeople" && len(a.GetHeartbeatDetails().GetPayloads()) > 0 {
				return nil
			}
		}
		return errors.New("nobody is applied yet")
	}))
	pid, err := r.stack.KillWorker()
	require.NoError(t, err)
	_, err = r.stack.AwaitWorker(ctx, pid)
	require.NoError(t, err)
	half, err := r.PeopleRun(ctx, r.source, run)
	require.NoError(t, err)
	require.False(t, half.Ended(), "the worker was killed in the middle")
	whole := r.ended(ctx, t, run)
	require.Empty(t, whole.Problem)
	require.Equal(t, crowdSize, whole.Applied)
	require.Equal(t, map[access.PersonClass]int{access.ClassUnchanged: crowdSize}, r.runs(ctx, t, stack.PeopleStart{}).Counts.Classes)
}

// TestPeople: people come, move and leave in a file and in a directory; what looks like a mistake of the source is held until an administrator
// releases it, and a source that breaks off changes nobody.
func TestPeople(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	directory := scimtest.New(scimtest.Config{Token: simulatorToken, PageSize: 25})
	server := httptest.NewServer(directory)
	t.Cleanup(server.Close)
	s := start(t, settings{
		workerEnv: []string{"STAFF_TOKEN=" + simulatorToken},
		moreSources: map[access.SourceName]string{
			"file":  csvSection(filepath.Join(dir, "file.csv")),
			"crowd": csvSection(filepath.Join(dir, "crowd.csv")),
			"staff": fmt.Sprintf("{kind: scim, scim: {base_url: %q, token: \"${STAFF_TOKEN}\"}, %s}", server.URL+"/scim/v2", listed),
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	for _, row := range []*peopleRow{
		{s, newCSVStaff(dir, "file.csv"), "file"},
		{s, scimStaff{directory}, "staff"},
	} {
		t.Run(string(row.source), func(t *testing.T) { row.story(ctx, t) })
	}
	t.Run("kill -9 worker in the middle of an apply", func(t *testing.T) {
		row := &peopleRow{s, newCSVStaff(dir, "crowd.csv"), "crowd"}
		row.killed(ctx, t)
	})
}
