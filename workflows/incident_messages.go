package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"usher/activities"
	"usher/internal/access"
)

// IncidentPrefix comes before an incident's id in the id of its workflow.
const IncidentPrefix = activities.IncidentPrefix

// IncidentWorkflowID is the id of an incident's workflow.
func IncidentWorkflowID(id access.IncidentID) string { return IncidentPrefix + string(id) }

// Messages to IncidentTicket, beside SignalHint, which says that the ticket may have changed.
const (
	// UpdateOpenIncident (SubmitInput -> access.IncidentView) answers when the ticket is opened, or refused. It is sent together with the start, and
	// with every repeated POST; a repeated call is the same incident.
	UpdateOpenIncident = "open_incident"
	// SignalAssignee has the incident ask the register whether its assignee is still available. It carries nothing, and is safe to repeat.
	SignalAssignee = activities.SignalAssignee
	// SignalIncidentDone (IncidentDone) closes the ticket of an incident with which there is nothing more to do. The first one counts.
	SignalIncidentDone = "done"
	// SignalIncidentNews (IncidentNews) has the ticket say something in place of what it says. It is safe to repeat.
	SignalIncidentNews = "news"
	// QueryIncident (-> access.IncidentView) shows the incident.
	QueryIncident = "view"
)

// IncidentDone is why there is nothing more to do, in a sentence for people.
type IncidentDone struct {
	Text string `json:"text"`
}

// IncidentNews is what an open incident of usher has to say in place of what it says.
type IncidentNews = activities.IncidentNews

// IncidentTicketParams start IncidentTicket. A run that continues brings more, which nobody else may set.
type IncidentTicketParams struct {
	Incident access.Incident `json:"incident"`
}

// IncidentOptions returns the options with which the workflow of an incident is started: at most one for each id, running or ended. The memo has
// the incident's digest.
func IncidentOptions(i access.Incident) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       IncidentWorkflowID(i.ID),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		Memo:                     map[string]any{MemoDigest: i.Digest()},
		StaticSummary:            "incident of another system",
	}
}

// IntegrationUsersScheduleID is the id of the schedule that checks the integration users of a desk, and what the ids of its workflows begin with.
func IntegrationUsersScheduleID(desk access.DeskName) string {
	return "integrationusers/" + string(desk)
}

// IntegrationUsersWorkflowID is the id of the workflow of a change that somebody makes.
func IntegrationUsersWorkflowID(desk access.DeskName, id string) string {
	return IntegrationUsersScheduleID(desk) + "/" + id
}

// IntegrationUsersParams say what IntegrationUsers does with the register of a desk: exactly one of the three. None of them checks everybody,
// and flags those who are switched off.
type IntegrationUsersParams struct {
	Desk   access.DeskName             `json:"desk"`
	Add    *AddIntegrationUserInput    `json:"add,omitempty"`
	Remove *RemoveIntegrationUserInput `json:"remove,omitempty"`
	// By is who asks for it, Evidence how that person was identified, and Reason why; "" for the desk's schedule.
	By       access.PersonID `json:"by,omitempty"`
	Evidence string          `json:"evidence,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

// AddIntegrationUserInput names a user of the desk by e-mail. A user who is registered already gets these groups.
type AddIntegrationUserInput struct {
	Email  string   `json:"email"`
	Groups []string `json:"groups,omitempty"`
	// Dry is true to find the user and change nothing.
	Dry bool `json:"dry,omitempty"`
}

// RemoveIntegrationUserInput names a user of the register.
type RemoveIntegrationUserInput struct {
	User access.UserID `json:"user"`
}

// IntegrationUsersResult is what came of it. A refusal is a result, never a failure of the workflow.
type IntegrationUsersResult struct {
	// User is the user who was found, added or removed; nil after a check and a refusal.
	User *access.IntegrationUser `json:"user,omitempty"`
	// Added is true when the register has got the user by this call, or other groups.
	Added bool `json:"added,omitempty"`
	// Checked and Flagged count the users who were checked, and those who are flagged now. Unread counts those of whom the desk said nothing.
	Checked int `json:"checked,omitempty"`
	Flagged int `json:"flagged,omitempty"`
	Unread  int `json:"unread,omitempty"`
	// Notified counts the incidents that are assigned anew.
	Notified int `json:"notified,omitempty"`
	// Kind is of what kind the refusal is, and Refusals are why nothing was changed; both empty otherwise.
	Kind     access.Kind      `json:"kind,omitempty"`
	Refusals []access.Refusal `json:"refusals,omitempty"`
}

// IntegrationUsersOptions returns the options with which a change is started: at most one for each id, running or ended, as PeopleRunOptions does
// of a run over people.
func IntegrationUsersOptions(id string, p IntegrationUsersParams) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       IntegrationUsersWorkflowID(p.Desk, id),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionTimeout: IntegrationUsersTimeout,
		StaticSummary:            IntegrationUsersSummary(p),
		Memo:                     map[string]any{MemoDigest: digestOf(p)},

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}

// IntegrationUsersSummary is a change of the register in one line for the Temporal UI.
func IntegrationUsersSummary(p IntegrationUsersParams) string {
	switch {
	case p.Add != nil && p.Add.Dry:
		return "find an integration user of " + string(p.Desk)
	case p.Add != nil:
		return "add an integration user of " + string(p.Desk)
	case p.Remove != nil:
		return "remove an integration user of " + string(p.Desk)
	}
	return "check the integration users of " + string(p.Desk)
}
