package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// release is the version whose histories are recorded, and the folder that they are written to.
const release = "v0.3"

// TestRecordHistories plays every scenario and writes the history of each workflow that took part. It is no test but a
// tool: "make record-histories" runs it, at a release and whenever there is a scenario that no file shows.
func TestRecordHistories(t *testing.T) {
	if os.Getenv("RECORD_HISTORIES") != "1" {
		t.Skip("it writes files into workflows/testdata/histories; RECORD_HISTORIES=1 (make record-histories) runs it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	recorded := &recording{files: map[string][]byte{}}
	usual := start(t, settings{})
	usual.record(ctx, t, recorded, "", scenarios())
	t.Logf("%d histories of scenarios", len(recorded.files))
	usual.record(ctx, t, recorded, "", []*ticketEvent{deskAway()})
	for _, r := range usual.killWorker(ctx, t) {
		require.NoError(t, recorded.request(ctx, r, slug(r.name)))
	}
	t.Logf("%d histories, with those of killed workers", len(recorded.files))
	require.NoError(t, recorded.asked(ctx, usual))
	require.NoError(t, recorded.doctor(ctx, usual))
	require.NoError(t, recorded.watch(ctx, usual, "watch"))
	t.Logf("%d histories, with the doctor's and the watch's", len(recorded.files))
	long := start(t, longRuns())
	long.record(ctx, t, recorded, "long-", longScenarios())
	long.record(ctx, t, recorded, "long-", []*ticketEvent{stuckRevoke()})
	t.Logf("%d histories, with those of long runs", len(recorded.files))
	renewed := start(t, longWatch())
	renewed.record(ctx, t, recorded, "", watchedForLong())
	require.NoError(t, recorded.watch(ctx, renewed, "long-watch"))
	t.Logf("%d histories, with those of a watch that continued as new", len(recorded.files))
	recorded.staff(ctx, t, newCrew(t, settings{desk: stack.ServiceNow}))
	recorded.owned(ctx, t, newCrew(t, settings{desk: stack.ServiceNow}))
	recorded.leavers(ctx, t, newOffice(t, settings{desk: stack.ServiceNow}))
	recorded.incidents(ctx, t, newOffice(t, settings{desk: stack.ServiceNow}))
	t.Logf("%d histories, with those of people and users", len(recorded.files))
	root, err := stack.FindRoot()
	require.NoError(t, err)
	recorded.write(t, filepath.Join(historiesDir(root), release))
}

func scenario(name string, ask access.EntitlementID, want ending, do eventStep) *ticketEvent {
	return &ticketEvent{row: row{name: name, ask: ask, want: want}, do: do}
}

// scenarios are those that can be played side by side.
func scenarios() []*ticketEvent {
	lasting := scenario("lease ended", "wiki/editor", gone, approves)
	lasting.lasts = "3s"
	refused := scenario("refused", "wiki/nothing", ending{outcome: access.OutcomeRefused}, nil)
	all := []*ticketEvent{
		scenario("one stage", "wiki/editor", granted, approves),
		scenario("two stages", "wiki/admin", granted, approves),
		scenario("denied", "wiki/editor", denied, verdict("mia", access.Deny)),
		scenario("withdrawn before a decision", "wiki/editor", withdrawn, withdraws),
		scenario("withdrawn while granting", "wiki/editor", withdrawn, withdrawsWhileGranting),
		scenario("cancelled by an operator", "wiki/editor", cancelled, operatorCancels),
		scenario("decided by an operator", "wiki/editor", granted, operatorDecides),
		scenario("overlapping leases", "wiki/editor", granted, overlaps),
		lasting, refused,
	}
	return append(all, ticketEvents()...)
}

var withdrawn = ending{outcome: access.OutcomeWithdrawn, status: statusWontDo}

func verdict(by access.PersonID, v access.Verdict) eventStep {
	return func(ctx context.Context, e *ticketEvent) error { return e.decide(ctx, by, v) }
}

func withdraws(ctx context.Context, e *ticketEvent) error {
	return repeated(ctx, func(ctx context.Context) error {
		_, err := e.Withdraw(ctx, e.who, e.id, "not needed any more")
		return err
	})
}

// withdrawsWhileGranting takes a request back while the directory has not answered the grant.
func withdrawsWhileGranting(ctx context.Context, e *ticketEvent) error {
	h := e.directoryCall("PATCH", beforeCommit, `"op":"add"`, `"`+string(e.who)+`"`)
	for _, step := range []func() error{
		func() error { return h.arm(ctx) },
		func() error { return e.approve(ctx) },
		func() error { return h.await(ctx) },
		func() error { return withdraws(ctx, e) },
		func() error { return e.release(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func operatorCancels(ctx context.Context, e *ticketEvent) error {
	return e.temporal.CancelWorkflow(ctx, workflows.RequestWorkflowID(e.id), "")
}

func operatorDecides(ctx context.Context, e *ticketEvent) error {
	return e.temporal.SignalWorkflow(ctx, workflows.RequestWorkflowID(e.id), "", workflows.SignalDecision,
		access.Decision{ID: "by-signal", Verdict: access.Approve, Reason: "the API is away"})
}

// deskAway is asked, approved and granted while the desk is down, and gets its ticket when the desk is back.
func deskAway() *ticketEvent {
	e := scenario("desk down and back", "wiki/editor", granted, func(ctx context.Context, e *ticketEvent) error {
		return errors.Join(e.approve(ctx), e.state(ctx, access.OutcomeGranted), e.SetDeskFaults(ctx, nil))
	})
	e.before = func(ctx context.Context, e *ticketEvent) error {
		return e.SetDeskFaults(ctx, map[string]any{"down": true})
	}
	return e
}

// stuckRevoke cannot be taken away until a human has been told, and then can.
func stuckRevoke() *ticketEvent {
	broken := fakewire.Rule{Of: []fakewire.Fault{{Kind: fakewire.Status, Status: http.StatusInternalServerError}}}
	e := scenario("stuck revoke", "wiki/editor", gone, func(ctx context.Context, e *ticketEvent) error {
		return errors.Join(e.approve(ctx), e.state(ctx, access.OutcomeGranted),
			e.SetDirectoryFaults(ctx, map[string]any{"rules": []fakewire.Rule{broken}}),
			seen(access.EventRevocationFailing)(ctx, e), e.SetDirectoryFaults(ctx, nil))
	})
	e.lasts = "5s"
	return e
}

// record plays scenarios side by side, and takes the histories.
func (s *system) record(ctx context.Context, t *testing.T, into *recording, prefix string, all []*ticketEvent) {
	t.Helper()
	for _, e := range all {
		require.NoError(t, e.on(ctx, s, prefix+slug(e.name)))
	}
	require.NoError(t, each(all, func(e *ticketEvent) error {
		if err := e.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		return nil
	}))
	for _, e := range all {
		require.NoError(t, into.request(ctx, &e.row, string(e.id)))
	}
}

func (e *ticketEvent) play(ctx context.Context) error {
	if e.before != nil {
		if err := e.before(ctx, e); err != nil {
			return err
		}
	}
	if e.want.outcome == access.OutcomeRefused {
		if err := e.submit(ctx); stack.StatusOf(err) != http.StatusUnprocessableEntity {
			return fmt.Errorf("expected a refusal: %w", err)
		}
		return over(ctx, e)
	}
	begin := e.open
	if e.before != nil {
		begin = e.submit
	}
	if err := begin(ctx); err != nil {
		return err
	}
	if err := e.do(ctx, e); err != nil {
		return err
	}
	return errors.Join(e.state(ctx, e.want.outcome), e.status(ctx, e.want.status), over(ctx, e), e.leaseIs(ctx))
}

// leaseIs waits until a lease that is to end has ended.
func (e *ticketEvent) leaseIs(ctx context.Context) error {
	if !e.want.ended {
		return nil
	}
	return seen(access.EventLeaseEnded)(ctx, e)
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// slug is a name as a request's id and a file's name.
func slug(name string) string {
	name = strings.TrimPrefix(name, "ticket event: ")
	return strings.Trim(notPlain.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// recording is the histories that are to be written, by file name.
type recording struct{ files map[string][]byte }

// request takes the histories of a request's workflow, of its subject's, and of the one that answered a reopened ticket.
func (r *recording) request(ctx context.Context, of *row, name string) error {
	return errors.Join(
		r.workflow(ctx, of.system, workflows.RequestWorkflowID(of.id), name),
		r.workflow(ctx, of.system, workflows.SubjectWorkflowID(of.who), name),
		r.workflow(ctx, of.system, workflows.ReopenedWorkflowID(of.id), name),
	)
}

// asked takes the histories of two tickets of people: one becomes a request, the other is answered.
func (r *recording) asked(ctx context.Context, s *system) error {
	_, err := r.askedBy(ctx, s, "asked with findings", "Access: wiki/nothing")
	if err != nil {
		return err
	}
	first, err := r.takenIn(ctx, s, "asked on the desk", "Access: wiki/editor")
	if err != nil {
		return err
	}
	if err := errors.Join(s.approved(ctx, first), r.workflow(ctx, s, workflows.RequestWorkflowID(first.Request.ID), slug("asked on the desk"))); err != nil {
		return err
	}
	if _, err := r.askedBy(ctx, s, "given back", "Give back: wiki/editor"); err != nil {
		return err
	}
	open, err := r.takenIn(ctx, s, "asked once", "Access: wiki/editor")
	if err != nil {
		return err
	}
	joins, err := s.OpenTicket(ctx, "omar", "I need the network", "Access: wiki/editor")
	if err != nil {
		return err
	}
	return errors.Join(s.says(ctx, joins, "asked for already"), s.approved(ctx, open), s.looked(ctx, joins), r.workflow(ctx, s, workflows.AskedPrefix+string(s.AskedRequest(joins)), slug("asked twice")))
}

// askedBy opens a ticket of omar's, and records the look into it.
func (r *recording) askedBy(ctx context.Context, s *system, name, text string) (access.TicketID, error) {
	ticket, err := s.OpenTicket(ctx, "omar", "I need the wiki", text)
	if err != nil {
		return ticket, err
	}
	return ticket, errors.Join(s.looked(ctx, ticket), r.workflow(ctx, s, workflows.AskedPrefix+string(s.AskedRequest(ticket)), slug(name)))
}

// takenIn is askedBy, up to the request that comes of it.
func (r *recording) takenIn(ctx context.Context, s *system, name, text string) (stack.Detail, error) {
	ticket, err := r.askedBy(ctx, s, name, text)
	if err != nil {
		return stack.Detail{}, err
	}
	return s.TakenIn(ctx, ticket)
}

// looked waits until a ticket has been looked into.
func (s *system) looked(ctx context.Context, ticket access.TicketID) error {
	return awaited(ctx, func(ctx context.Context) error {
		runs, err := s.runs(ctx, workflows.AskedPrefix+string(s.AskedRequest(ticket)))
		running := func(r *workflowpb.WorkflowExecutionInfo) bool {
			return r.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		}
		if err == nil && (len(runs) == 0 || slices.ContainsFunc(runs, running)) {
			err = errors.New("nobody has looked into it to the end")
		}
		return err
	})
}

// says waits until a comment of a ticket holds a text.
func (s *system) says(ctx context.Context, ticket access.TicketID, text string) error {
	return awaited(ctx, func(ctx context.Context) error {
		all, err := s.Tickets(ctx)
		if err == nil && !slices.ContainsFunc(all, func(t stack.Ticket) bool { return t.ID == string(ticket) && says(t, text) }) {
			err = fmt.Errorf("no comment of ticket %s says %q", ticket, text)
		}
		return err
	})
}

// approved has omar's manager approve a request on its ticket, and waits for its end.
func (s *system) approved(ctx context.Context, d stack.Detail) error {
	if err := s.TransitionTicket(ctx, "zoe", d.Ticket.Key, statusApproved); err != nil {
		return err
	}
	_, err := s.Await(ctx, d.Request.ID, func(d stack.Detail) error {
		if !d.State.Ended() {
			return fmt.Errorf("it is %s", d.State)
		}
		return nil
	})
	return err
}

func (r *recording) doctor(ctx context.Context, s *system) error {
	for _, try := range []access.DeskName{"", "jira"} {
		id := "doctor/" + slug("try "+string(try))
		run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue},
			workflows.DoctorType, workflows.DoctorParams{TestTicket: try})
		if err != nil {
			return err
		}
		var report workflows.DoctorReport
		if err := run.Get(ctx, &report); err != nil {
			return err
		}
		if err := r.workflow(ctx, s, id, slug("doctor "+string(try))); err != nil {
			return err
		}
	}
	return nil
}

// watch takes the history of the desk's watch: of the present run, and of up to two before it.
func (r *recording) watch(ctx context.Context, s *system, name string) error {
	before := len(r.files)
	all := &recording{files: map[string][]byte{}}
	if err := all.workflow(ctx, s, workflows.WatchWorkflowID("jira"), name); err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(all.files)) {
		if len(r.files) < before+watchRuns {
			r.files[file] = all.files[file]
		}
	}
	return nil
}

// watchRuns is how many runs of a watch are worth a file.
const watchRuns = 3

// workflow takes the history of every run of a workflow id; an id that never ran has none.
func (r *recording) workflow(ctx context.Context, s *system, id, name string) error {
	runs, err := s.runs(ctx, id)
	if err != nil {
		return err
	}
	for n, run := range runs {
		if err := s.atRest(ctx, run.Execution); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		text, err := s.historyOf(ctx, run.Execution)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		file := fmt.Sprintf("%s-%s", name, run.Type.Name)
		if len(runs) > 1 {
			file += fmt.Sprintf("-run%d", n+1)
		}
		r.files[file+".json.gz"] = text
	}
	return nil
}

// atRest waits until nothing of a run is under way, so that its history ends between two tasks.
func (s *system) atRest(ctx context.Context, run *commonpb.WorkflowExecution) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		now, err := s.temporal.DescribeWorkflowExecution(ctx, run.WorkflowId, run.RunId)
		if err == nil && (now.PendingWorkflowTask != nil || len(now.PendingActivities) > 0) {
			err = errors.New("something is under way")
		}
		return err
	})
}

// historyOf is a run's history as JSON, compressed, without the names of machines.
func (s *system) historyOf(ctx context.Context, run *commonpb.WorkflowExecution) ([]byte, error) {
	history := &historypb.History{}
	events := s.temporal.GetWorkflowHistory(ctx, run.WorkflowId, run.RunId, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, event)
	}
	anonymous(history.ProtoReflect())
	text, err := protojson.Marshal(history)
	if err != nil {
		return nil, err
	}
	var compact, packed bytes.Buffer
	// protojson puts blanks in at random; without them the same history is the same file.
	if err := json.Compact(&compact, text); err != nil {
		return nil, err
	}
	w := gzip.NewWriter(&packed)
	_, err = w.Write(compact.Bytes())
	err = errors.Join(err, w.Close())
	return packed.Bytes(), err
}

// anonymous replaces every "identity": the process and the machine that did something.
func anonymous(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Name() == "identity" && field.Kind() == protoreflect.StringKind:
			m.Set(field, protoreflect.ValueOfString("recorded"))
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { anonymous(v.Message()); return true })
			}
		case field.IsList():
			if field.Message() != nil {
				for i := range value.List().Len() {
					anonymous(value.List().Get(i).Message())
				}
			}
		case field.Message() != nil:
			anonymous(value.Message())
		}
		return true
	})
}

// write replaces the files of a folder.
func (r *recording) write(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, text := range r.files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	t.Logf("%d histories are in %s", len(r.files), dir)
}
