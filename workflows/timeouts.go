package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// This file is the one table of timeouts and retries. Within an activity's own retries, Temporal repeats what a moment can
// mend. What takes longer goes back to the workflow, whose state says when to try again: so a workflow can change its mind
// between two attempts, and can continue as new. Only where a caller waits there is a ScheduleToCloseTimeout: an activity
// that no worker takes costs nothing while it waits, and is cancelled when the run continues as new.

// WriteTimeout is the StartToCloseTimeout of an activity that writes to a desk or a target. It is longer than the
// connectors' own timeouts for the calls that one activity makes.
const WriteTimeout = 30 * time.Second

// LocalQuestion is for questions to the worker itself: policy is in its memory, and a read of the ledger takes
// milliseconds. A local activity may run again when its workflow task does, so it never writes.
func LocalQuestion() workflow.LocalActivityOptions {
	const within = 3 * time.Second
	return LocalQuestionWithin(within)
}

// LocalQuestionWithin is LocalQuestion for who has less time.
func LocalQuestionWithin(within time.Duration) workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: within,
		StartToCloseTimeout:    within,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumAttempts: 2},
	}
}

// attempts returns options of an activity whose attempts take so long at most: so many of them, 0 for without end.
func attempts(count int32, within time.Duration, queue, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: queue, StartToCloseTimeout: within, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second, MaximumAttempts: count},
	}
}

// RecordSoon is the first attempt to write the ledger. It is short, so that a caller who waits for it is answered although
// the ledger is unavailable or hangs: the API waits five seconds, if it is not configured otherwise.
func RecordSoon() workflow.ActivityOptions {
	o := attempts(2, 3*time.Second, TaskQueue, "record")
	o.ScheduleToCloseTimeout, o.RetryPolicy.InitialInterval = 3500*time.Millisecond, 200*time.Millisecond
	return o
}

// RecordLater comes after it: Temporal repeats it until the ledger is back, or refuses for good.
func RecordLater() workflow.ActivityOptions {
	return attempts(0, 10*time.Second, TaskQueue, "record when the ledger is back")
}

// SendMessage is for signals to other workflows that wait for no fact. Temporal itself is what they need.
func SendMessage(summary string) workflow.ActivityOptions {
	return attempts(5, 10*time.Second, TaskQueue, summary)
}

// EvaluateSoon is the first question to policy, of which the people are read from the source as a rule. It is short, so that it
// ends within its workflow task and the requester who waits is answered even so. It changes nothing.
func EvaluateSoon() workflow.LocalActivityOptions {
	o := LocalQuestionWithin(2 * time.Second)
	o.RetryPolicy.MaximumAttempts = 1
	return o
}

// Evaluate comes after it: a source may take its time.
func Evaluate() workflow.ActivityOptions { return attempts(3, 30*time.Second, TaskQueue, "ask policy") }

// LookupPeople: a few people of one source. The requester waits; where nobody serves the source, the request is recorded and
// shows it, and can be withdrawn.
func LookupPeople(source access.SourceName) workflow.ActivityOptions {
	o := attempts(3, 30*time.Second, SourceQueue(source), "look people up")
	o.ScheduleToCloseTimeout = 2 * time.Minute
	return o
}

// OpenTicket: one attempt, for a create must never be repeated blindly.
func OpenTicket(desk access.DeskName) workflow.ActivityOptions {
	return attempts(1, WriteTimeout, DeskQueue(desk), "open the ticket")
}

// Ticket: reads of a ticket, and writes that are safe to repeat. A few attempts; then the ticket's state says when to try
// again, and the request shows what is wrong.
func Ticket(desk access.DeskName, summary string) workflow.ActivityOptions {
	return attempts(5, WriteTimeout, DeskQueue(desk), summary)
}

// TicketRecordingFirst is Ticket for an update that records something first: the facts do not wait for a worker of the desk.
func TicketRecordingFirst(desk access.DeskName, summary string) workflow.ActivityOptions {
	o := Ticket(desk, summary)
	o.ScheduleToStartTimeout = 30 * time.Second
	return o
}

// Target: a grant, a revoke or a verification, each safe to repeat. A few attempts; then the lease waits (RetryGrant,
// RetryRevoke). A target whose worker is down gives its place in the run back, and its trouble is shown.
func Target(target access.TargetName, summary string) workflow.ActivityOptions {
	o := attempts(3, WriteTimeout, TargetQueue(target), summary)
	o.ScheduleToCloseTimeout = 3 * time.Minute
	return o
}

// ChangesPage: one page of what changed on a desk, compared along where that worker can. A page is a few calls; a desk that
// is down is asked again by the watch itself.
func ChangesPage(desk access.DeskName) workflow.ActivityOptions {
	return attempts(3, time.Minute, DeskQueue(desk), "what has changed")
}

// TicketsByID: many calls, each followed by a heartbeat.
func TicketsByID(desk access.DeskName) workflow.ActivityOptions {
	o := attempts(3, 5*time.Minute, DeskQueue(desk), "read tickets")
	o.HeartbeatTimeout = time.Minute
	return o
}

// NotifyChanges: the ledger, and signals to the workflows of one page.
func NotifyChanges() workflow.ActivityOptions {
	return attempts(5, time.Minute, TaskQueue, "tell the requests")
}

// ListPeople: a listing of everybody takes minutes, and each page is followed by a heartbeat. An attempt begins anew, for a listing is
// complete or none; a source that fails for longer is listed by the schedule's next run.
func ListPeople(source access.SourceName) workflow.ActivityOptions {
	o := attempts(5, 2*time.Hour, SourceQueue(source), "list people")
	o.HeartbeatTimeout, o.RetryPolicy.MaximumInterval = 2*time.Minute, 5*time.Minute
	o.ScheduleToCloseTimeout = 4 * time.Hour
	return o
}

// PeopleRunTimeout is how long a run over people may take, all attempts of its steps together. The next run ends one that took longer.
const PeopleRunTimeout = 24 * time.Hour

// RunStep: the steps of a run over people or over users in the ledger. They page through it and heartbeat, and go on until it is back.
func RunStep(summary string) workflow.ActivityOptions {
	o := attempts(0, time.Hour, TaskQueue, summary)
	o.HeartbeatTimeout, o.ScheduleToCloseTimeout = time.Minute, 5*time.Hour
	return o
}

// NotifyStep is RunStep for what the next run does as well: it goes on for an hour.
func NotifyStep() workflow.ActivityOptions {
	o := RunStep("notify")
	o.ScheduleToCloseTimeout = time.Hour
	return o
}

// ListUsers: a listing of all users of a desk, as ListPeople is of people.
func ListUsers(desk access.DeskName) workflow.ActivityOptions {
	o := attempts(5, 2*time.Hour, DeskQueue(desk), "list users")
	o.HeartbeatTimeout, o.RetryPolicy.MaximumInterval = 2*time.Minute, 5*time.Minute
	o.ScheduleToCloseTimeout = 4 * time.Hour
	return o
}

// UserSyncTimeout is how long a run over users may take, all steps together: a first load of 100,000 takes hours. The next run ends one that
// took longer.
const UserSyncTimeout = 48 * time.Hour

// ApplyUsers: some rows of a plan, and a heartbeat after each. It ends by itself after about a minute, and the run calls it again. A desk that is
// away for longer than the attempts fails the run; the next plan has what is left. The heartbeat's timeout is longer than a call of the desk may
// take, so an attempt that died has no call under way when the next one begins.
func ApplyUsers(desk access.DeskName) workflow.ActivityOptions {
	o := attempts(0, time.Hour, DeskQueue(desk), "apply users")
	o.HeartbeatTimeout, o.RetryPolicy.MaximumInterval = time.Minute, 5*time.Minute
	o.ScheduleToCloseTimeout = 4 * time.Hour
	return o
}

// HandOver: what some leavers own, as ApplyUsers applies rows.
func HandOver(desk access.DeskName) workflow.ActivityOptions {
	o := ApplyUsers(desk)
	o.Summary = "hand over what leavers own"
	return o
}

// IntegrationUsersTimeout is how long a change or a check of the register of integration users may take. The schedule's next check has what is left.
const IntegrationUsersTimeout = time.Hour

// FindUser: a question about one user of a desk, for somebody who waits.
func FindUser(desk access.DeskName) workflow.ActivityOptions {
	o := attempts(3, WriteTimeout, DeskQueue(desk), "find the user")
	o.ScheduleToCloseTimeout = time.Minute
	return o
}

// CheckUsers: many calls, each followed by a heartbeat.
func CheckUsers(desk access.DeskName) workflow.ActivityOptions {
	o := attempts(3, 5*time.Minute, DeskQueue(desk), "check the users")
	o.HeartbeatTimeout, o.ScheduleToCloseTimeout = time.Minute, 15*time.Minute
	return o
}

// UnlinkTimeout is how long taking a link away may take.
const UnlinkTimeout = 15 * time.Minute

// RegisterUser: a change of the register or of a link in the ledger, for somebody who waits.
func RegisterUser(summary string) workflow.ActivityOptions {
	o := attempts(0, 10*time.Second, TaskQueue, summary)
	o.ScheduleToCloseTimeout = 10 * time.Minute
	return o
}

// RevokeAccess: the ledger's record of a revocation, and the notice of it. It goes on until both are done, whoever waits for it.
func RevokeAccess() workflow.ActivityOptions {
	return attempts(0, 10*time.Second, TaskQueue, "take access back")
}

// PauseTarget: the ledger's record of a pause or a resume. It goes on until that is done, whoever waits for it.
func PauseTarget() workflow.ActivityOptions {
	return attempts(0, 10*time.Second, TaskQueue, "record the pause")
}

// Backoff is a growing wait between attempts: First, then twice as long each time, up to Max.
type Backoff struct {
	First, Max time.Duration
}

// After returns the wait after so many failures in a row: After(1) is the first wait.
func (b Backoff) After(failures int) time.Duration {
	wait := b.First
	for range failures - 1 {
		wait *= 2
		if wait >= b.Max {
			return b.Max
		}
	}
	return wait
}

// The waits between attempts.
var (
	// RetryConnector: a connector or the source did not answer in all attempts of an activity.
	RetryConnector = Backoff{First: 15 * time.Second, Max: 15 * time.Minute}
	// ResendLease: the subject's workflow has not answered. A signal is durable, so a repetition is only for a subject's
	// workflow that somebody terminated; an hour lets the request's one timer serve for this too.
	ResendLease = Backoff{First: time.Hour, Max: 4 * time.Hour}
	// RetryGrant and RetryRevoke: revoking never gives up, and a target that is down is asked at least every quarter of an
	// hour.
	RetryGrant  = Backoff{First: 15 * time.Second, Max: 15 * time.Minute}
	RetryRevoke = Backoff{First: 10 * time.Second, Max: 15 * time.Minute}
	// RetryWatch: the desk or the ledger did not answer the watch.
	RetryWatch = Backoff{First: 15 * time.Second, Max: 5 * time.Minute}
	// RetryScan: a full scan could not go on.
	RetryScan = Backoff{First: 5 * time.Minute, Max: time.Hour}
	// RetryVacant: nobody can approve a stage, until people or the catalog change.
	RetryVacant = Backoff{First: 15 * time.Minute, Max: 4 * time.Hour}
	// RetryHidden: the ticket of an incident cannot be read.
	RetryHidden = Backoff{First: 2 * time.Minute, Max: 4 * time.Hour}
	// RetryCheck: a person says that access was granted, and the target does not show it yet.
	RetryCheck = Backoff{First: 30 * time.Second, Max: 15 * time.Minute}
)

// RetryPaused is how long a lease waits before it asks again whether grants, or revokes, are still paused.
const RetryPaused = 5 * time.Minute

// EscalateAfter is how many attempts of a revoke fail before a person is told.
const EscalateAfter = 4

// DoctorTimeout is how long a doctor's report is waited for, where nobody says otherwise.
const DoctorTimeout = 40 * time.Second

// DoctorTimes are the shares of that time: of a question to the doctor's own worker, of all connectors together, of a step
// of the watch's, and of opening and closing the trial ticket. What is left is for what lies between the steps.
type DoctorTimes struct{ Own, Connectors, Watch, Open, Close time.Duration }

// DoctorTimesOf returns the shares of a time; 0 means DoctorTimeout.
func DoctorTimesOf(within time.Duration) DoctorTimes {
	if within <= 0 {
		within = DoctorTimeout
	}
	return DoctorTimes{Own: within * 3 / 40, Connectors: within * 3 / 10, Watch: within * 3 / 40, Open: within / 5, Close: within / 10}
}

// DoctorLongest returns how long Doctor waits at most before it reports, when the report is waited for that long: two
// questions to its own worker, one to all connectors at once, two steps of the watch, and the trial ticket.
func DoctorLongest(within time.Duration) time.Duration {
	t := DoctorTimesOf(within)
	return 2*t.Own + t.Connectors + 2*t.Watch + t.Open + t.Close
}

// Checkup: one step of the doctor's, once. A queue that nobody polls is given up sooner.
func Checkup(queue string, within time.Duration) workflow.ActivityOptions {
	o := attempts(1, within, queue, "")
	o.ScheduleToStartTimeout, o.ScheduleToCloseTimeout = within/2, within
	return o
}
