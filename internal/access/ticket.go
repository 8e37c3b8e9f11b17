package access

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// TicketRef is where a ticket is.
type TicketRef struct {
	Desk DeskName  `json:"desk"`
	ID   TicketID  `json:"id"`
	Key  TicketKey `json:"key"`
	// URL is where a human opens the ticket; "" if the desk has no such page.
	URL string `json:"url,omitempty"`
}

// TicketPhase is a ticket's status in usher's words. A connector maps its desk's statuses to phases by configuration;
// a status that nothing maps is TicketOther.
type TicketPhase string

// The phases of a ticket.
const (
	// TicketWaiting: waits for approval. A new ticket is here, whatever its first status is called.
	TicketWaiting TicketPhase = "waiting"
	// TicketApproved and TicketDenied: a human moved the ticket to decide by it.
	TicketApproved TicketPhase = "approved"
	TicketDenied   TicketPhase = "denied"
	// TicketWorking: access is being granted, by usher or by a human.
	TicketWorking TicketPhase = "working"
	// TicketDone: closed as fulfilled.
	TicketDone TicketPhase = "done"
	// TicketWontDo: closed as not fulfilled.
	TicketWontDo TicketPhase = "wont_do"
	// TicketOther: open, in a status that the configuration does not map.
	TicketOther TicketPhase = "other"
)

// Closed reports whether the phase is one of the closed ones.
func (p TicketPhase) Closed() bool { return p == TicketDone || p == TicketWontDo }

// TicketField is a value that usher can put into a field of the desk's own, by the desk's field mapping.
type TicketField string

// The values that a field mapping may name.
const (
	FieldRequestID  TicketField = "request_id"
	FieldRequestURL TicketField = "request_url"
	FieldRequester  TicketField = "requester"
	FieldSubject    TicketField = "subject"
	FieldItems      TicketField = "items"
	FieldDuration   TicketField = "duration"
	FieldReason     TicketField = "reason"
)

// TicketFields lists every TicketField, in the order in which people read them.
func TicketFields() []TicketField {
	return []TicketField{FieldRequestID, FieldRequestURL, FieldRequester, FieldSubject, FieldItems, FieldDuration, FieldReason}
}

// NewTicket is a ticket to be opened. Summary is one line without line breaks. Body is plain text in paragraphs;
// the connector translates it to the desk's markup, so nothing in it can act as markup. Both may be longer than the
// desk allows: the connector cuts between characters and says that it cut.
type NewTicket struct {
	Marker  Marker                 `json:"marker"`
	Summary string                 `json:"summary"`
	Body    string                 `json:"body"`
	Fields  map[TicketField]string `json:"fields,omitempty"`
	// Requester is set as the ticket's reporter where the desk allows it and knows an account.
	Requester Person `json:"requester"`
	// Assignee is the account that the ticket is assigned to from its first moment; "" leaves it to the desk.
	Assignee AccountID `json:"assignee,omitempty"`
}

// Comment is a comment to be added to a ticket, as plain text. Marker makes repeating harmless.
type Comment struct {
	Marker Marker `json:"marker"`
	Text   string `json:"text"`
}

// TicketComment is a comment that is on a ticket.
type TicketComment struct {
	// ID is the desk's own.
	ID string `json:"id"`
	// By is the account that wrote the text as it is now, and ByName what people read.
	By     AccountID `json:"by"`
	ByName string    `json:"by_name,omitempty"`
	// At is the desk's own time of when the text was written, or edited last.
	At time.Time `json:"at"`
	// Text is plain, as far as the desk's markup can be told from it; "" where the comment holds none that can be read.
	Text string `json:"text"`
}

// MaxTicketComments is how many comments TicketReader.ReadComments returns at most.
const MaxTicketComments = 100

// TicketSnapshot is what a ticket looked like at one moment.
type TicketSnapshot struct {
	// Ref carries the key of this moment: a ticket that was moved keeps its ID and changes its Key.
	Ref TicketRef `json:"ref"`
	// Project is the desk's container of the ticket (a Jira project's key).
	Project string      `json:"project,omitempty"`
	Phase   TicketPhase `json:"phase"`
	// Status is the desk's own name of the status; for people only.
	Status string `json:"status,omitempty"`
	// Assignee is "" for nobody. AssignedByUsher is true when usher's own account assigned it last, or when the assignee has
	// not been changed since usher opened the ticket.
	Assignee        AccountID `json:"assignee,omitempty"`
	AssignedByUsher bool      `json:"assigned_by_usher,omitempty"`
	// StatusChangedBy is the account that put the ticket into its present status, StatusChangedByName what people read, and
	// StatusChangedAt when; "" and zero when nobody has moved it since it was opened. StatusChangedByUsher is true when it
	// was usher's own account.
	StatusChangedBy      AccountID `json:"status_changed_by,omitempty"`
	StatusChangedByName  string    `json:"status_changed_by_name,omitempty"`
	StatusChangedAt      time.Time `json:"status_changed_at,omitzero"`
	StatusChangedByUsher bool      `json:"status_changed_by_usher,omitempty"`
	// StatusChangedByFulfiller is true when that account is one of those that the desk's configuration names in fulfilled_by:
	// its word counts that something was granted or removed by hand.
	StatusChangedByFulfiller bool `json:"status_changed_by_fulfiller,omitempty"`
	// DecisionMoves are the moves of others than usher into a status that means approved or denied, also those that were followed
	// by others, and the answers to desk approvals: see DecisionMoves, the function.
	DecisionMoves []TicketMove `json:"decision_moves,omitempty"`
	// TextChangedBy is the account that last changed what the ticket says (its summary, its description, or a field that usher
	// fills), other than usher's own and those that may; "" for none.
	TextChangedBy AccountID `json:"text_changed_by,omitempty"`
	// TextChange names that change; "" for none. Another change has another name.
	TextChange string `json:"text_change,omitempty"`
	// UpdatedAt is the desk's own time of the last change of any kind.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// MaxDecisionMoves is how many moves TicketSnapshot.DecisionMoves holds at most.
const MaxDecisionMoves = 20

// TicketMove is one move of a ticket, or the answer to one of its desk approvals.
type TicketMove struct {
	// ID is the desk's own for the change; "" where it has none.
	ID string    `json:"id,omitempty"`
	At time.Time `json:"at"`
	// By is the account that moved it, and ByName what people read.
	By     AccountID   `json:"by"`
	ByName string      `json:"by_name,omitempty"`
	Status string      `json:"status"`
	Phase  TicketPhase `json:"phase"`
	// Asked is whose answer it was to be, and Approval the desk's own id of what it answers; "" for a move of the ticket. An answer
	// into TicketOther is that somebody else than usher has set an approval of usher's to not required.
	Asked    AccountID `json:"asked,omitempty"`
	Approval string    `json:"approval,omitempty"`
	// Own is true when usher opened the approval.
	Own bool `json:"own,omitempty"`
}

// MaxAnswers is how many answers to desk approvals TicketSnapshot.DecisionMoves holds at most besides, and maxAnswersOfOne how many of one
// account.
const (
	MaxAnswers      = 40
	maxAnswersOfOne = 4
)

// DecisionMoves returns, of moves with the oldest first, what a snapshot shows, oldest first: of each account the last approval and the
// last denial, at most MaxDecisionMoves, and the last answers, at most maxAnswersOfOne of one account and its last denial, and MaxAnswers. So nobody who moves
// a ticket to and fro, or answers for others, hides what others have decided.
func DecisionMoves(moves []TicketMove) []TicketMove {
	type decider struct {
		by    AccountID
		phase TicketPhase
	}
	seen, answers, denied := map[decider]bool{}, map[AccountID]int{}, map[AccountID]bool{}
	var kept []TicketMove
	moved, answered := 0, 0
	for _, m := range slices.Backward(moves) {
		one := decider{m.By, m.Phase}
		switch {
		case m.IsAnswer() && answered < MaxAnswers && (answers[m.By] < maxAnswersOfOne || (m.Phase == TicketDenied && !denied[m.By])):
			answers[m.By]++
			denied[m.By] = denied[m.By] || m.Phase == TicketDenied
			answered++
		case !m.IsAnswer() && !seen[one] && moved < MaxDecisionMoves:
			seen[one] = true
			moved++
		default:
			continue
		}
		kept = append(kept, m)
	}
	slices.Reverse(kept)
	return kept
}

// IsAnswer reports whether the move is the answer to a desk approval, and no move of the ticket.
func (m TicketMove) IsAnswer() bool { return m.Approval != "" || m.Asked != "" }

// IsOwnAnswer reports whether the move is the answer to a desk approval that usher opened.
func (m TicketMove) IsOwnAnswer() bool { return m.Own && m.IsAnswer() }

// Name names a move: the same move has the same name each time, and another one has another, save for two of one account into one
// status at the same time on a desk whose changes have no ids. Those are one.
func (m TicketMove) Name() string { return ChangeName(m.ID, m.At, m.By, m.Status) }

// ChangeName returns a short name of a change of a ticket: the same change has the same name each time.
func ChangeName(id string, at time.Time, by AccountID, to string) string {
	sum := sha256.Sum256([]byte(id + "\x00" + at.UTC().Format(time.RFC3339Nano) + "\x00" + string(by) + "\x00" + to))
	return hex.EncodeToString(sum[:8])
}

// Present reports whether the move led to the ticket's present status.
func (s TicketSnapshot) Present(m TicketMove) bool {
	return !m.IsAnswer() && s.Phase == m.Phase && s.StatusChangedBy == m.By && s.StatusChangedAt.Equal(m.At)
}

// TicketEvent is something a human can do to a ticket.
type TicketEvent string

// The events that the ticket contract names.
const (
	// EventClosedUndecided: the ticket was closed while approvals were still awaited.
	EventClosedUndecided TicketEvent = "closed_undecided"
	// EventClosedDone, EventClosedWontDo: the ticket was closed while a human's fulfilment was awaited.
	EventClosedDone   TicketEvent = "closed_done"
	EventClosedWontDo TicketEvent = "closed_wont_do"
	// EventReopened: a ticket that usher had closed was opened again.
	EventReopened TicketEvent = "reopened"
	// EventDeleted: the ticket can no longer be read, with credentials that are good.
	EventDeleted TicketEvent = "deleted"
	// EventMoved: the ticket has another key.
	EventMoved TicketEvent = "moved"
	// EventDecidedByApprover, EventDecidedByOther: the ticket was moved to an approved or denied status.
	EventDecidedByApprover TicketEvent = "decided_by_approver"
	EventDecidedByOther    TicketEvent = "decided_by_other"
	// EventAssigned: the assignee changed.
	EventAssigned TicketEvent = "assigned"
)

// TicketAction is what a ticket event does to the request.
type TicketAction string

// The meanings.
const (
	// ActionCancel ends the request as cancelled.
	ActionCancel TicketAction = "cancel"
	// ActionDeny denies the items that are open.
	ActionDeny TicketAction = "deny"
	// ActionConfirmGrant: the human says that the access was granted.
	ActionConfirmGrant TicketAction = "confirm_grant"
	// ActionDecide: the move is the person's decision.
	ActionDecide TicketAction = "decide"
	// ActionRevert: usher comments and puts the ticket back to where the request stands.
	ActionRevert TicketAction = "revert"
	// ActionRecreate: usher opens the ticket again.
	ActionRecreate TicketAction = "recreate"
	// ActionRecordOnly: it is recorded in the timeline, and the request goes on.
	ActionRecordOnly TicketAction = "record_only"
)

// TicketActions is the one action for each event of a ticket.
type TicketActions map[TicketEvent]TicketAction

// AllowedTicketActions lists, for each event, the meanings that configuration may give it; the first is the default.
func AllowedTicketActions() map[TicketEvent][]TicketAction {
	return map[TicketEvent][]TicketAction{
		EventClosedUndecided:   {ActionCancel, ActionDeny, ActionRevert},
		EventClosedDone:        {ActionConfirmGrant, ActionRevert},
		EventClosedWontDo:      {ActionDeny, ActionRevert},
		EventReopened:          {ActionRevert, ActionRecordOnly},
		EventDeleted:           {ActionRecreate, ActionCancel, ActionRecordOnly},
		EventMoved:             {ActionRecordOnly, ActionCancel},
		EventDecidedByApprover: {ActionDecide, ActionRevert, ActionRecordOnly},
		EventDecidedByOther:    {ActionRevert, ActionRecordOnly},
		EventAssigned:          {ActionRecordOnly},
	}
}

// Action is what an event means under this contract: what it says, else the default.
func (c TicketActions) Action(e TicketEvent) TicketAction {
	if m, ok := c[e]; ok {
		return m
	}
	return AllowedTicketActions()[e][0]
}
