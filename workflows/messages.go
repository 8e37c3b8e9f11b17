package workflows

import (
	"strings"

	"usher/activities"
	"usher/internal/access"
)

// TaskQueue is where workflows, policy, ledger and signalling run.
const TaskQueue = "usher"

// DeskQueue is the queue of one desk's activities. Each connector has its own, so that a worker at the edge can hold the
// only copy of a secret.
func DeskQueue(name access.DeskName) string { return "usher-desk-" + string(name) }

// TargetQueue is the queue of one target's activities; see DeskQueue.
func TargetQueue(name access.TargetName) string { return "usher-target-" + string(name) }

// SourceQueue is the queue of one source's activities; see DeskQueue.
func SourceQueue(name access.SourceName) string { return "usher-source-" + string(name) }

// The names of the workflow types.
const (
	AccessRequestType  = "AccessRequest"
	SubjectAccessType  = "SubjectAccess"
	ReopenedTicketType = "ReopenedTicket"
	TicketWatchType    = "TicketWatch"
	AskedTicketType    = "AskedTicket"
	LeaseScanType      = "LeaseScan"
	DoctorType         = "Doctor"
	PeopleRunType      = "PeopleRun"
	UserSyncType       = "UserSync"
	// UserUnlinkType takes the link between a person and a user of a desk away.
	UserUnlinkType = "UserUnlink"
	// IntegrationUsersType changes and checks the register of one desk's integration users; IncidentTicketType keeps one incident.
	IntegrationUsersType = "IntegrationUsers"
	IncidentTicketType   = "IncidentTicket"
	// LeaseRevocationType takes access back from a person before its time.
	LeaseRevocationType = "LeaseRevocation"
	// TargetPauseType has a pause of grants or of revokes recorded, or its end.
	TargetPauseType = "TargetPause"
)

const (
	// RequestPrefix comes before a request's id in the id of its workflow.
	RequestPrefix = activities.RequestPrefix
	// ReopenedPrefix comes before a request's id in the id of the workflow that answers a reopened ticket.
	ReopenedPrefix = "reopened/"

	// AskedPrefix comes before the id of the request that a ticket may ask for, in the id of the workflow that looks into the ticket.
	AskedPrefix = "asked/"
	// SubjectPrefix comes before a person's id in the id of the workflow that holds the person's leases.
	SubjectPrefix = "access/"
	watchPrefix   = "ticketwatch/"
)

// PeopleScheduleID is the id of the schedule that lists the people of a source, and what the ids of its workflows begin with.
func PeopleScheduleID(source access.SourceName) string { return "people/" + string(source) }

// PeopleRunWorkflowID is the id of the workflow of a run that somebody starts by hand.
func PeopleRunWorkflowID(source access.SourceName, run string) string {
	return PeopleScheduleID(source) + "/" + run
}

// PeopleRunID is the id of a run within its source: "2026-11-28T03:00:00Z" of a schedule's, a UUID of one by hand.
func PeopleRunID(source access.SourceName, workflow string) string {
	return runID(PeopleScheduleID(source), workflow)
}

// runID returns the id of a run of a schedule, of the id of its workflow.
func runID(schedule, workflow string) string {
	rest, is := strings.CutPrefix(workflow, schedule)
	if !is || len(rest) < 2 || !strings.ContainsAny(rest[:1], "-/") {
		return workflow
	}
	return rest[1:]
}

// PeopleRunParams say what a run over the people of a source does.
type PeopleRunParams struct {
	Source access.SourceName `json:"source"`
	// Release is what somebody released of an earlier run; nil for nothing.
	Release *access.PeopleRelease `json:"release,omitempty"`
	// Whole is true to list everybody, though changes would do.
	Whole bool `json:"whole,omitempty"`
	// By is who starts the run, and Evidence how that person was identified; "" for the source's schedule.
	By       access.PersonID `json:"by,omitempty"`
	Evidence string          `json:"evidence,omitempty"`
}

// UserSyncScheduleID is the id of the schedule that syncs the users of a desk, and what the ids of its workflows begin with.
func UserSyncScheduleID(desk access.DeskName) string { return "usersync/" + string(desk) }

// UserSyncWorkflowID is the id of the workflow of a run that somebody starts by hand.
func UserSyncWorkflowID(desk access.DeskName, run string) string {
	return UserSyncScheduleID(desk) + "/" + run
}

// UserSyncRunID is the id of a run within its desk, as PeopleRunID is.
func UserSyncRunID(desk access.DeskName, workflow string) string {
	return runID(UserSyncScheduleID(desk), workflow)
}

// UserSyncParams say what a run over the users of a desk does.
type UserSyncParams struct {
	Desk access.DeskName `json:"desk"`
	// Scope is whom the run is over; its zero value is everybody.
	Scope access.SyncScope `json:"scope,omitzero"`
	// Dry is true to plan and apply nothing.
	Dry bool `json:"dry,omitempty"`
	// Release is what somebody released of an earlier run; nil for nothing.
	Release *access.PeopleRelease `json:"release,omitempty"`
	// By is who starts the run, and Evidence how that person was identified; "" for the desk's schedule.
	By       access.PersonID `json:"by,omitempty"`
	Evidence string          `json:"evidence,omitempty"`
}

// RequestWorkflowID is the id of a request's workflow.
func RequestWorkflowID(id access.RequestID) string { return RequestPrefix + string(id) }

// RequestOfWorkflow is the inverse of RequestWorkflowID; false for the id of another kind of workflow.
func RequestOfWorkflow(workflowID string) (access.RequestID, bool) {
	id, ok := strings.CutPrefix(workflowID, RequestPrefix)
	return access.RequestID(id), ok
}

// SubjectWorkflowID is the id of the workflow that holds a person's leases.
func SubjectWorkflowID(subject access.PersonID) string { return SubjectPrefix + string(subject) }

// ReopenedWorkflowID is the id of the workflow that answers a hint about the ticket of a request that has ended.
func ReopenedWorkflowID(id access.RequestID) string { return ReopenedPrefix + string(id) }

// WatchWorkflowID is the id of the workflow that watches a desk.
func WatchWorkflowID(desk access.DeskName) string { return watchPrefix + string(desk) }

// Messages to AccessRequest.
const (
	// UpdateSubmit (SubmitInput -> access.RequestView) answers when policy has answered. It is sent together with the
	// start, and with every repeated POST; a repeated call is the same request.
	UpdateSubmit = "submit"
	// UpdateDecide (access.Decision -> access.RequestView) is validated: a refusal leaves no trace in the history. The
	// same decision id again is the same decision.
	UpdateDecide = "decide"
	// UpdateWithdraw (WithdrawInput -> access.RequestView) ends the request and takes back what it has granted so far.
	UpdateWithdraw = "withdraw"
	// UpdateReassign (ReassignInput -> access.RequestView) names who approves instead. The same id again is the same call.
	UpdateReassign = "reassign"
	// SignalPersonChanged (access.PersonNotice) says that something may have changed for a person whom the request rests on. It is believed no
	// further than that: the request asks the ledger and policy.
	SignalPersonChanged = activities.SignalPersonChanged
	// SignalDecision (access.Decision) is for operators in the Temporal UI and CLI: whoever may write to the namespace
	// can send it, so it is recorded as an operator's decision and counts only where the settings allow it.
	SignalDecision = "decision"
	// SignalHint (Hint) says that the ticket may have changed: the request looks at once.
	SignalHint = activities.SignalHint
	// SignalTicketChanged (access.TicketChange) is what the desk's watch tells: somebody else than usher has changed the ticket.
	SignalTicketChanged = "ticket_changed"
	// SignalLeaseStatus (access.LeaseStatus) is SubjectAccess's answer to an ensure.
	SignalLeaseStatus = "lease_status"
	// QueryView (-> access.RequestView) shows the request.
	QueryView = "view"
)

// SignalAskedChanged has AskedTicket look into its ticket. It is sent with start, carries nothing, and is safe to repeat.
const SignalAskedChanged = "asked_changed"

// Messages to TicketWatch: SignalHint (Hint), from a webhook. Hints coalesce.

// Messages to SubjectAccess.
const (
	// SignalApplyLease (access.LeaseSpec) is sent with start; it is declarative and safe to repeat.
	SignalApplyLease = "apply_lease"
	// SignalStanding (access.SubjectStanding) says that the person has left, or is back. It is declarative and
	// safe to repeat: of two the higher revision counts.
	SignalStanding = "standing"
	// SignalRevoke (access.RevocationNotice) is sent with start, and says that something was taken back from the person. It is a hint, and safe to
	// repeat: the ledger is asked what was revoked.
	SignalRevoke = "revoke"
	// QueryLeases (-> []access.LeaseView) shows the leases that the workflow holds.
	QueryLeases = "leases"
)

// AccessRequestParams starts AccessRequest. A run that continues brings more, which nobody else may set.
type AccessRequestParams struct {
	Request access.Request `json:"request"`
}

// SubmitInput carries the digest of what is asked now; another digest than the running request's is refused as Invalid.
type SubmitInput struct {
	Digest string `json:"digest"`
}

// WithdrawInput takes a request back. ID makes repeating harmless.
type WithdrawInput struct {
	ID       string          `json:"id"`
	By       access.PersonID `json:"by"`
	Reason   string          `json:"reason,omitempty"`
	Evidence string          `json:"evidence,omitempty"`
}

// ReassignInput names who approves what is still to be decided. ID makes repeating harmless.
type ReassignInput struct {
	ID string `json:"id"`
	// By is the administrator.
	By       access.PersonID `json:"by"`
	Evidence string          `json:"evidence,omitempty"`
	// Items are those that it is about; none for all. Stage is the stage; "" for the open one of each.
	Items []access.ItemID `json:"items,omitempty"`
	Stage string          `json:"stage,omitempty"`
	// To are the people who approve from now on.
	To     []access.PersonID `json:"to"`
	Reason string            `json:"reason"`
}

// NotifyOfPeopleInputOf names the source whose applied changes are told, and who is told.
func NotifyOfPeopleInputOf(source access.SourceName) activities.NotifyOfPeopleInput {
	return activities.NotifyOfPeopleInput{
		Source: source, SubjectPrefix: SubjectPrefix, SubjectType: SubjectAccessType, Signal: SignalStanding, TaskQueue: TaskQueue,
	}
}

// Hint is a desk's report of a change of a ticket; it is never trusted, only followed by a read.
type Hint struct {
	Ticket   access.TicketID `json:"ticket,omitempty"`
	Delivery string          `json:"delivery,omitempty"`
}

// RequestResult is what AccessRequest returns: a business outcome is a result, never a workflow failure.
type RequestResult struct {
	Outcome access.RequestState `json:"outcome"`
	View    access.RequestView  `json:"view"`
}

// SubjectAccessParams starts SubjectAccess.
type SubjectAccessParams struct {
	Subject access.PersonID `json:"subject"`
}

// TicketWatchParams starts TicketWatch.
type TicketWatchParams struct {
	Desk access.DeskName `json:"desk"`
}

// EnsureWatchInputOf names the watch of a desk to whoever starts it.
func EnsureWatchInputOf(desk access.DeskName) activities.EnsureWatchInput {
	return activities.EnsureWatchInput{Desk: desk, WorkflowID: WatchWorkflowID(desk), WorkflowType: TicketWatchType, TaskQueue: TaskQueue}
}

// EnsureScanInputOf names the scan of leases to whoever starts it.
func EnsureScanInputOf() activities.EnsureScanInput {
	return activities.EnsureScanInput{WorkflowID: "leasescan", WorkflowType: LeaseScanType, TaskQueue: TaskQueue}
}

// ReopenedTicketParams starts ReopenedTicket.
type ReopenedTicketParams struct {
	Request access.RequestID `json:"request"`
}

// AskedTicketParams starts AskedTicket, which looks into a ticket when SignalAskedChanged comes.
type AskedTicketParams struct {
	Desk   access.DeskName `json:"desk"`
	Ticket access.TicketID `json:"ticket"`
}

// DoctorParams starts Doctor. With TestTicket it also opens a ticket that says it is a trial, comments on it and closes
// it, on the desk of that name.
type DoctorParams struct {
	TestTicket access.DeskName `json:"test_ticket,omitempty"`
	// Desk asks about this desk and nothing else, and shows how it is set up; "" asks every connector.
	Desk access.DeskName `json:"desk,omitempty"`
	// List names the desks, and asks nobody.
	List bool `json:"list,omitempty"`
	// Timeout is how long the report is waited for; 0 means DoctorTimeout. Doctor comes back before that, whoever does not
	// answer.
	Timeout access.Duration `json:"timeout,omitempty"`
}

// DoctorReport is what Doctor found, one line per connector and per thing that was tried.
type DoctorReport struct {
	Lines []DoctorLine `json:"lines"`
	// Refusals are why nothing was asked: TestTicket or Desk name no desk. Empty otherwise.
	Refusals []access.Refusal `json:"refusals,omitempty"`
}

// Healthy reports whether no line has a problem.
func (r DoctorReport) Healthy() bool {
	if len(r.Refusals) > 0 {
		return false
	}
	for _, line := range r.Lines {
		if line.Problem != "" || len(line.Findings) > 0 {
			return false
		}
	}
	return true
}

// DoctorLine is the state of one connector. Problem is why it could not be asked; Findings are what a human must mend.
type DoctorLine struct {
	// Connector is "desk/jira", "target/directory", "source/directory" or "ledger".
	Connector string           `json:"connector"`
	Problem   string           `json:"problem,omitempty"`
	Findings  []access.Finding `json:"findings,omitempty"`
	// Note is good news for people ("as bot@example.com"; "opened and closed ACC-12"); "" for none.
	Note string `json:"note,omitempty"`
	// Warning is what people have chosen and should remember ("grants on wiki are paused by p-1"); "" for none. The line is in order.
	Warning string `json:"warning,omitempty"`
	// Desk is how the desk is set up, where DoctorParams.Desk asks for it; nil otherwise.
	Desk *access.DeskView `json:"desk,omitempty"`
}

// The search attributes: ids and keys only, for they are never encrypted.
const (
	AttributeState     = "UsherState"                // Keyword: access.RequestState
	AttributeSince     = "UsherSince"                // Datetime: since when in that state
	AttributeTicket    = "UsherTicket"               // Keyword: ticket key
	AttributeRequester = "UsherRequester"            // Keyword: person id
	AttributeSubject   = activities.AttributeSubject // Keyword: person id
	AttributeWaitingOn = "UsherWaitingOn"            // KeywordList: person ids
)
