package access

import (
	"slices"
	"time"
)

// Fulfilment is how an entitlement is provisioned.
type Fulfilment string

// The kinds of fulfilment.
const (
	// FulfilmentSCIM: usher grants by a connector, on the entitlement's target.
	FulfilmentSCIM Fulfilment = "scim"
	// FulfilmentManual: a human grants and says so by closing the ticket as done.
	FulfilmentManual Fulfilment = "manual"
)

// ExistingAccess is what becomes, at the end of a lease, of access that the subject had before usher granted it.
type ExistingAccess string

// The choices. "" means ExistingRevoke.
const (
	// ExistingKeep: access that was there before stays.
	ExistingKeep ExistingAccess = "keep"
	// ExistingRevoke: it ends with the lease, as all access that is asked for does.
	ExistingRevoke ExistingAccess = "revoke"
)

// Binding is where an entitlement lives: a role on a target. Role is in the target's words: for SCIM the id of a
// group, or its displayName.
type Binding struct {
	Target TargetName `json:"target"`
	Role   string     `json:"role"`
}

// Requirement is what policy demands of one request. It is produced once and recorded in the history. Only the approvers of stages that
// are still to be decided are replaced, when people leave or move. An edit of the policy does not touch a running request; but approvers who replace
// others are found by the policy of that day.
type Requirement struct {
	// PolicyHash is the SHA-256, in hex, of the catalog and the settings that produced this requirement.
	PolicyHash string `json:"policy_hash"`
	Requester  Person `json:"requester"`
	Subject    Person `json:"subject"`
	// Filer filed the request for the requester, see Origin; without an id for nobody, or nobody whom usher knows.
	Filer    Person            `json:"filer,omitzero"`
	Items    []ItemRequirement `json:"items"`
	Settings RequestSettings   `json:"settings"`
}

// Approvers returns the ids of all whom any stage of any item names, each once, sorted; none for no items.
func (r Requirement) Approvers() []PersonID {
	var ids []PersonID
	for _, item := range r.Items {
		for _, stage := range item.Stages {
			for _, approver := range stage.Approvers {
				ids = append(ids, approver.ID)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// ItemRequirement is what policy demands for one item.
type ItemRequirement struct {
	Item Item `json:"item"`
	// Application and Title are what people read: "Wiki" and "Wiki editor".
	Application string     `json:"application"`
	Title       string     `json:"title"`
	Fulfilment  Fulfilment `json:"fulfilment"`
	// Binding is nil for a manual entitlement whose target usher cannot read.
	Binding *Binding `json:"binding,omitempty"`
	// Duration is how long the access lasts from the verified grant; 0 means without end.
	Duration Duration `json:"duration,omitempty"`
	// ExistingAccess is what the catalog says; "" means ExistingRevoke.
	ExistingAccess ExistingAccess `json:"existing_access,omitempty"`
	// Stages are passed in order; one approval passes a stage, one denial denies the item.
	Stages []Stage `json:"stages"`
	// DecisionChannels are the channels on which an approver decides the item, ChannelAPI and ChannelTicket; none means both.
	DecisionChannels []Channel `json:"decision_channels,omitempty"`
}

// DecidedOn reports whether a decision that came on a channel can decide the item. DecisionChannels bounds approvers only, not
// operators.
func (i ItemRequirement) DecidedOn(c Channel) bool {
	return len(i.DecisionChannels) == 0 || c == ChannelOperator || slices.Contains(i.DecisionChannels, c)
}

// Stage is one round of approval: any one of the approvers decides it. Neither the requester nor the subject is among them. It has at
// least one, but while those who were have left and nobody has been found yet.
type Stage struct {
	Name      string   `json:"name"`
	Approvers []Person `json:"approvers"`
	// ReplacedAt is when the approvers were last replaced by others; zero for never. What somebody has approved before does not carry over
	// to a stage that names them only since then.
	ReplacedAt time.Time `json:"replaced_at,omitzero"`
	// ByHand is true when somebody has named the approvers by hand.
	ByHand bool `json:"by_hand,omitempty"`
}

// The names of the stages.
const (
	StageManager = "manager"
	StageOwner   = "owner"
)

// RequestSettings are the settings that a request runs under, recorded with its requirement.
type RequestSettings struct {
	Desk DeskName `json:"desk"`
	// ApprovalTimeout is how long the request may stay undecided.
	ApprovalTimeout Duration `json:"approval_timeout"`
	// ReminderInterval is how long a stage (or a manual fulfilment) waits before it is reminded, and between reminders.
	// 0 reminds nobody.
	ReminderInterval Duration `json:"reminder_interval,omitempty"`
	// ChangeDetection is how the request learns of changes of its ticket; "" means DetectByPoll.
	ChangeDetection ChangeDetection `json:"change_detection,omitempty"`
	// DeskApprovals reports whether approvers are also asked by approvals of the desk's own.
	DeskApprovals bool `json:"desk_approvals,omitempty"`
	// Watch are the settings of the desk's watch; they count in DetectByWatch.
	Watch WatchSettings `json:"watch,omitzero"`
	// PollInitialInterval is the interval before the first look at the ticket in DetectByPoll; each look that finds nothing
	// new doubles it, up to PollMaxInterval. Tickets that ask for a removal are looked at like this in either mode.
	PollInitialInterval Duration `json:"poll_initial_interval"`
	PollMaxInterval     Duration `json:"poll_max_interval"`
	// SearchIndexDelay is how long after a create of unknown outcome a search must find the ticket: the desk's request
	// time-out plus its search lag.
	SearchIndexDelay Duration `json:"search_index_delay"`
	// OperatorDecisions reports whether a decision sent by signal, from the Temporal UI or CLI, counts.
	OperatorDecisions bool `json:"operator_decisions,omitempty"`
	// TicketActions is what a human's change of the ticket means.
	TicketActions TicketActions `json:"ticket_actions"`
	// RequestURL is where people read the request, with "{id}" for its id; "" when there is no such place.
	RequestURL string `json:"request_url,omitempty"`
}

// URL is where people read a request; "" when there is no such place.
func (t RequestSettings) URL(id RequestID) string {
	const slot = "{id}"
	for i := 0; i+len(slot) <= len(t.RequestURL); i++ {
		if t.RequestURL[i:i+len(slot)] == slot {
			return t.RequestURL[:i] + string(id) + t.RequestURL[i+len(slot):]
		}
	}
	return t.RequestURL
}

// Verdict is what one person decided.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Deny    Verdict = "deny"
)

// Channel is the way on which a decision or an action came.
type Channel string

// The channels.
const (
	// ChannelAPI: the HTTP API, by an authenticated caller (the CLI included).
	ChannelAPI Channel = "api"
	// ChannelTicket: a human changed the ticket.
	ChannelTicket Channel = "ticket"
	// ChannelOperator: a signal from the Temporal UI or CLI.
	ChannelOperator Channel = "operator"
	// ChannelSystem: usher itself: a clock, a policy, a connector.
	ChannelSystem Channel = "system"
)

// Decision is one person's approve or deny of one or more items.
type Decision struct {
	// ID makes repeating harmless: the same id is the same decision.
	ID string `json:"id"`
	// By is the approver; "" for an operator's decision.
	By      PersonID `json:"by,omitempty"`
	Name    string   `json:"name,omitempty"`
	Verdict Verdict  `json:"verdict"`
	// Items are the items decided; empty means every item that the person may decide at that moment. A recorded
	// decision always lists them.
	Items   []ItemID `json:"items,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Channel Channel  `json:"channel"`
	// Evidence is how the person's identity was established.
	Evidence string    `json:"evidence,omitempty"`
	At       time.Time `json:"at"`
	// Stages names, for each of Items in the same order, the stage that was decided.
	Stages []string `json:"stages,omitempty"`
}
