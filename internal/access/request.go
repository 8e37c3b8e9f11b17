package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Request is what one requester asks for: one or more items for one subject, for a reason. It never changes after
// submission.
type Request struct {
	ID        RequestID `json:"id"`
	Requester PersonID  `json:"requester"`
	Subject   PersonID  `json:"subject"`
	Items     []Item    `json:"items"`
	Reason    string    `json:"reason"`
	// SubmittedAt is the gateway's clock, UTC.
	SubmittedAt time.Time `json:"submitted_at"`
	// Evidence is how the requester's identity was established, for example "oidc https://issuer sub" or
	// "development header".
	Evidence string `json:"evidence,omitempty"`
	// Service is the program that asked on behalf of the requester; "" for a person.
	Service string `json:"service,omitempty"`
	// Origin is the ticket that asked for it; nil for a request that did not begin in a desk.
	Origin *Origin `json:"origin,omitempty"`
}

// Item is one entitlement that is asked for.
type Item struct {
	ID          ItemID        `json:"id"`
	Entitlement EntitlementID `json:"entitlement"`
	// Duration is how long the access shall last, counted from the verified grant. Zero asks for as long as the
	// catalog allows, which is without end where the catalog sets no maximum.
	Duration Duration `json:"duration,omitempty"`
}

// RequestState is where a request stands. The states after Closing are outcomes: a request never leaves them.
type RequestState string

// The states of a request.
const (
	StateEvaluating       RequestState = "evaluating"
	StateAwaitingApproval RequestState = "awaiting_approval"
	StateFulfilling       RequestState = "fulfilling"
	StateRevoking         RequestState = "revoking"

	// OutcomeGranted: every item was granted and verified.
	OutcomeGranted RequestState = "granted"
	// OutcomePartlyGranted: some items were granted, others were denied.
	OutcomePartlyGranted RequestState = "partly_granted"
	// OutcomeDenied: no item was granted, because approvers (or the fulfiller of a manual ticket) said no.
	OutcomeDenied RequestState = "denied"
	// OutcomeWithdrawn: the requester or the subject took the request back.
	OutcomeWithdrawn RequestState = "withdrawn"
	// OutcomeExpired: nobody decided in time.
	OutcomeExpired RequestState = "expired"
	// OutcomeCancelled: an operator cancelled the workflow, or somebody closed the ticket before a decision.
	OutcomeCancelled RequestState = "cancelled"
	// OutcomeRefused: policy refused the request at submission; no ticket was opened.
	OutcomeRefused RequestState = "refused"
	// OutcomeFailed: nothing was granted, because usher could not do its part.
	OutcomeFailed RequestState = "failed"
)

// Ended reports whether s is an outcome.
func (s RequestState) Ended() bool {
	switch s {
	case OutcomeGranted, OutcomePartlyGranted, OutcomeDenied, OutcomeWithdrawn, OutcomeExpired, OutcomeCancelled, OutcomeRefused, OutcomeFailed:
		return true
	case StateEvaluating, StateAwaitingApproval, StateFulfilling, StateRevoking:
		return false
	}
	return false
}

// KeepsAccess reports whether access that was granted under a request with this outcome stays.
func (s RequestState) KeepsAccess() bool { return s == OutcomeGranted || s == OutcomePartlyGranted }

// ItemState is where one item stands.
type ItemState string

// The states of an item.
const (
	ItemPending    ItemState = "pending"
	ItemApproved   ItemState = "approved"
	ItemFulfilling ItemState = "fulfilling"
	ItemGranted    ItemState = "granted"
	ItemDenied     ItemState = "denied"
	ItemWithdrawn  ItemState = "withdrawn"
	ItemExpired    ItemState = "expired"
	ItemCancelled  ItemState = "cancelled"
	ItemRefused    ItemState = "refused"
	// ItemFailed: usher could not do its part, for a reason that no repetition mends.
	ItemFailed ItemState = "failed"
)

// RequestView is a request as it is shown: by the API, in lists, by the CLI. The workflow writes it to the ledger
// with every change, so it outlives Temporal's retention.
type RequestView struct {
	Request Request      `json:"request"`
	State   RequestState `json:"state"`
	// Since is when the request entered State.
	Since time.Time `json:"since"`
	// StatusText is in a sentence what happens next, or how it ended.
	StatusText string `json:"status_text"`
	// WaitingOn is whom the request waits for, in the order of the stages; empty when it waits for nobody.
	WaitingOn []Waiting  `json:"waiting_on,omitempty"`
	Items     []ItemView `json:"items"`
	Decisions []Decision `json:"decisions,omitempty"`
	// Approvers are all whom the requirement names, each once, sorted: who comes too late with a decision is told why, though
	// the request waits for somebody else or has ended. Empty before policy has answered.
	Approvers []PersonID `json:"approvers,omitempty"`
	// Ticket is nil until the desk has opened one.
	Ticket *TicketRef `json:"ticket,omitempty"`
	// TicketProblem is why the ticket is behind the request; "" when it is up to date.
	TicketProblem string `json:"ticket_problem,omitempty"`
	// Refusals are why policy refused the request; empty otherwise.
	Refusals []Refusal `json:"refusals,omitempty"`
	// PolicyHash names the catalog and settings that produced the requirement; "" before evaluation.
	PolicyHash string `json:"policy_hash,omitempty"`
	// SubjectName and RequesterName are display names as they were at evaluation.
	SubjectName      string     `json:"subject_name,omitempty"`
	RequesterName    string     `json:"requester_name,omitempty"`
	ApprovalDeadline *time.Time `json:"approval_deadline,omitempty"`
	EndedAt          *time.Time `json:"ended_at,omitempty"`
	// Version grows with every change of this request; the ledger keeps the highest.
	Version int `json:"version"`
}

// Waiting names one person who is awaited.
type Waiting struct {
	Person PersonID `json:"person"`
	Name   string   `json:"name"`
	// Stage is the stage that the person is awaited in: "manager", "owner"; "fulfilment" for a human who works the
	// ticket (Person is then "").
	Stage string    `json:"stage"`
	Items []ItemID  `json:"items"`
	Since time.Time `json:"since"`
}

// ItemView is one item as it is shown.
type ItemView struct {
	Item       Item       `json:"item"`
	Title      string     `json:"title,omitempty"`
	State      ItemState  `json:"state"`
	Fulfilment Fulfilment `json:"fulfilment,omitempty"`
	// Binding is where the requirement binds the entitlement; nil before there is one, and where usher cannot read the target.
	Binding *Binding `json:"binding,omitempty"`
	// Stage is the open stage's name; "" when none is open.
	Stage string `json:"stage,omitempty"`
	// Detail is in a sentence why the item is where it is; "" when there is nothing to say.
	Detail string     `json:"detail,omitempty"`
	Lease  *LeaseView `json:"lease,omitempty"`
}

// Refusal is one reason why policy refuses a request, or why a call is refused: the field, in the API's spelling
// ("items[0].entitlement"), and a sentence that says what was expected.
type Refusal struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Digest is the SHA-256, in hex, of what the requester asked: everything but the id, the time and the identity evidence.
// Two submissions with one id and one digest are the same request.
func (r Request) Digest() string {
	said := struct {
		Requester, Subject PersonID
		Items              []Item
		Reason             string
		Origin             *Origin `json:",omitempty"`
		Service            string  `json:",omitempty"`
	}{r.Requester, r.Subject, r.Items, r.Reason, r.Origin, r.Service}
	text, err := json.Marshal(said)
	if err != nil {
		// Strings and durations always marshal; a failure here is a programming error of this package.
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
