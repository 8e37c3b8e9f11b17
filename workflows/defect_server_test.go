package workflows_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/workflows"
)

// silentCancel is the signal that cancels a workflow without a workflow task. The workflow does not see the signal.
const silentCancel = "test: cancel"

// server does what a Temporal server and its workers do to a workflow, and the test environment does not. A queue without a
// worker keeps its activities until there is one, or until their time is over; a slow one completes them later. Neither costs
// time of the test.
type server struct {
	interceptor.WorkerInterceptorBase
	world *world

	mu     sync.Mutex
	absent map[string]bool
	slow   map[string]time.Duration
	// waiting are the activities of the run that no worker has taken, by their id.
	waiting map[string]waitingActivity
	// patience is how long an activity may wait for a worker, by its id; scheduled counts activities.
	patience  map[string]time.Duration
	scheduled int
	// after hears of the end of each activity over a port, before the workflow does; nil for nobody.
	after func()
	// took hears of each signal that a run takes.
	took func(signal string)
	// created are the times at which tickets were created. lose is how many of these activities lose their answer, as if
	// their time were over.
	created  []time.Time
	lose     int
	upserts  []temporal.SearchAttributes
	warnings []string
}

// waitingActivity is an activity on a queue without a worker.
type waitingActivity struct {
	queue    string
	complete func()
}

func newServer(w *world) *server {
	return &server{world: w, absent: map[string]bool{}, slow: map[string]time.Duration{}, patience: map[string]time.Duration{}}
}

// attach connects the server with the world's environment.
func (s *server) attach() {
	env := s.world.env
	s.mu.Lock()
	s.waiting = map[string]waitingActivity{}
	s.mu.Unlock()
	env.SetWorkerOptions(worker.Options{
		Interceptors: []interceptor.WorkerInterceptor{s},
		// A machine that is busy with other tests is no deadlock.
		DeadlockDetectionTimeout: time.Minute,
	})
	env.SetOnActivityCanceledListener(func(info *activity.Info) {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, info.ActivityID)
	})
}

// removeWorker takes the worker of a queue away.
func (s *server) removeWorker(queue string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent[queue] = true
}

// addWorker brings the worker of a queue back: it takes what has waited, in order.
func (s *server) addWorker(queue string) {
	s.mu.Lock()
	s.absent[queue] = false
	var complete []func()
	for _, id := range slices.Sorted(maps.Keys(s.waiting)) {
		if s.waiting[id].queue == queue {
			complete = append(complete, s.waiting[id].complete)
			delete(s.waiting, id)
		}
	}
	s.mu.Unlock()
	for _, do := range complete {
		do()
	}
}

// slowDown lets the activities of a queue take so long; 0 for no time.
func (s *server) slowDown(queue string, lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow[queue] = lag
}

// loseCreates loses the answers of the next activities that create a ticket.
func (s *server) loseCreates(count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = count
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (s *server) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &activityInterceptor{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, server: s}
}

type activityInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	server *server
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *activityInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	a.server.mu.Lock()
	absent, lag := a.server.absent[info.TaskQueue], a.server.slow[info.TaskQueue]
	a.server.mu.Unlock()
	if info.IsLocalActivity || (!absent && lag == 0) {
		return a.execute(ctx, in)
	}
	env := a.server.world.env
	late := context.WithoutCancel(ctx)
	complete := func() {
		result, err := a.execute(late, in)
		_ = env.CompleteActivity(info.TaskToken, result, err)
	}
	if !absent {
		env.RegisterDelayedCallback(complete, lag)
		return nil, activity.ErrResultPending
	}
	a.server.await(env, info, complete)
	return nil, activity.ErrResultPending
}

// execute notes when a ticket was created, and loses the answer of that, if the test wants it.
func (a *activityInterceptor) execute(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	world := a.server.world
	before := len(world.desk.Tickets())
	result, err := a.Next.ExecuteActivity(ctx, in)
	if a.server.after != nil && activity.GetInfo(ctx).TaskQueue != workflows.TaskQueue {
		a.server.after()
	}
	// Another activity may have created the ticket beside this one.
	if len(world.desk.Tickets()) == before || activity.GetInfo(ctx).ActivityType.Name != "OpenTicket" {
		return result, err
	}
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.server.created = append(a.server.created, world.env.Now())
	if a.server.lose == 0 {
		return result, err
	}
	a.server.lose--
	return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
}

// await lets an activity wait for a worker. The server gives it up when its time is over, if it has one.
func (s *server) await(env *testsuite.TestWorkflowEnvironment, info activity.Info, complete func()) {
	s.mu.Lock()
	s.waiting[info.ActivityID] = waitingActivity{info.TaskQueue, complete}
	toStart, toClose := s.patience[info.ActivityID], info.ScheduleToCloseTimeout
	s.mu.Unlock()
	giveUp := func(after time.Duration, kind enumspb.TimeoutType) {
		if after <= 0 {
			return
		}
		env.RegisterDelayedCallback(func() {
			s.mu.Lock()
			_, waits := s.waiting[info.ActivityID]
			delete(s.waiting, info.ActivityID)
			s.mu.Unlock()
			if waits {
				_ = env.CompleteActivity(info.TaskToken, nil, temporal.NewTimeoutError(kind, nil))
			}
		}, after)
	}
	giveUp(toStart, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)
	giveUp(toClose, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE)
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (s *server) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &workflowInterceptor{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, server: s}
}

type workflowInterceptor struct {
	interceptor.WorkflowInboundInterceptorBase
	server *server
	cancel workflow.CancelFunc
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (w *workflowInterceptor) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&outboundInterceptor{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: outbound}, server: w.server})
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (w *workflowInterceptor) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	ctx, w.cancel = workflow.WithCancel(ctx)
	return w.Next.ExecuteWorkflow(ctx, in)
}

// HandleSignal implements interceptor.WorkflowInboundInterceptor.
func (w *workflowInterceptor) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	if in.SignalName == silentCancel {
		w.cancel()
		return nil
	}
	w.server.took(in.SignalName)
	return w.Next.HandleSignal(ctx, in)
}

type outboundInterceptor struct {
	interceptor.WorkflowOutboundInterceptorBase
	server *server
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor. It names the activity, so that its time-out for
// waiting, which an activity does not know, can be found.
func (o *outboundInterceptor) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	o.server.mu.Lock()
	o.server.scheduled++
	options.ActivityID = fmt.Sprintf("activity-%06d", o.server.scheduled)
	o.server.patience[options.ActivityID] = options.ScheduleToStartTimeout
	o.server.mu.Unlock()
	return o.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...)
}

// UpsertTypedSearchAttributes implements interceptor.WorkflowOutboundInterceptor.
func (o *outboundInterceptor) UpsertTypedSearchAttributes(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	o.server.mu.Lock()
	o.server.upserts = append(o.server.upserts, temporal.NewSearchAttributes(updates...))
	o.server.mu.Unlock()
	return o.Next.UpsertTypedSearchAttributes(ctx, updates...)
}

// GetLogger implements interceptor.WorkflowOutboundInterceptor.
func (o *outboundInterceptor) GetLogger(ctx workflow.Context) log.Logger {
	return &warningLogger{Logger: o.Next.GetLogger(ctx), server: o.server}
}

// warningLogger keeps warnings and errors.
type warningLogger struct {
	log.Logger
	server *server
}

// Warn implements log.Logger.
func (l *warningLogger) Warn(text string, keyvals ...any) {
	l.server.warned(text, keyvals)
	l.Logger.Warn(text, keyvals...)
}

// Error implements log.Logger.
func (l *warningLogger) Error(text string, keyvals ...any) {
	l.server.warned(text, keyvals)
	l.Logger.Error(text, keyvals...)
}

func (s *server) warned(text string, keyvals []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warnings = append(s.warnings, fmt.Sprint(append([]any{text, " "}, keyvals...)...))
}

// awaited are the values of a search attribute of people, in the order in which they were written.
func (s *server) awaited(attribute string) [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lists [][]string
	for _, attributes := range s.upserts {
		if people, set := attributes.GetKeywordList(temporal.NewSearchAttributeKeyKeywordList(attribute)); set {
			lists = append(lists, people)
		}
	}
	return lists
}
