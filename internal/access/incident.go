package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// IncidentID names one incident for ever, as RequestID names a request; see ValidRequestID.
type IncidentID string

// Incident is a matter of another system that is handed to an integration user of a desk, as a ticket. It asks for no access and gives
// none. It never changes after submission.
type Incident struct {
	ID IncidentID `json:"id"`
	// Caller is who handed it in, and Evidence how that identity was established.
	Caller   PersonID `json:"caller"`
	Evidence string   `json:"evidence,omitempty"`
	// Reference is the other system's own name of it, and ReferenceURL where people read it there; "" for none.
	Reference    string `json:"reference"`
	ReferenceURL string `json:"reference_url,omitempty"`
	// Application is what it is about, for the rules of assignment; "" for nothing that they know.
	Application string `json:"application,omitempty"`
	// Desk is where the ticket is opened; "" leaves it to the configuration.
	Desk DeskName `json:"desk,omitempty"`
	// Assignee is the address of the integration user whom the caller wants; "" leaves it to the rules.
	Assignee string `json:"assignee,omitempty"`
	// Summary is one line; Description is plain text.
	Summary     string `json:"summary"`
	Description string `json:"description,omitempty"`
	// SubmittedAt is the gateway's clock, UTC.
	SubmittedAt time.Time `json:"submitted_at"`
}

// Digest returns the same text for the same incident, whenever it is handed in: what was said, and by whom.
func (i Incident) Digest() string {
	i.ID, i.SubmittedAt, i.Evidence = "", time.Time{}, ""
	text, err := json.Marshal(i)
	if err != nil {
		// Texts always marshal; a failure here is a programming error of this package.
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// What usher itself hands in, because people have to look at one of its runs. No caller can: a reference and an id that begin so are refused.
const (
	UsherReference   = "usher:"
	UsherIncident    = "usher-"
	UsherApplication = "usher"
)

// UsherCaller returns who hands in what usher itself does.
func UsherCaller() PersonID { return "usher" }

// IncidentState is where an incident stands. The states after IncidentOpen are outcomes.
type IncidentState string

// The states of an incident.
const (
	// IncidentOpening: there is no ticket yet.
	IncidentOpening IncidentState = "opening"
	// IncidentOpen: the ticket is open.
	IncidentOpen IncidentState = "open"
	// IncidentClosed: somebody closed the ticket.
	IncidentClosed IncidentState = "closed"
	// IncidentDeleted: the ticket can no longer be read.
	IncidentDeleted IncidentState = "deleted"
	// IncidentCancelled: the workflow was cancelled before a ticket was closed.
	IncidentCancelled IncidentState = "cancelled"
	// IncidentRefused: no ticket was opened.
	IncidentRefused IncidentState = "refused"
)

// Ended reports whether s is an outcome.
func (s IncidentState) Ended() bool { return s != IncidentOpening && s != IncidentOpen }

// IncidentStates lists every state.
func IncidentStates() []IncidentState {
	return []IncidentState{IncidentOpening, IncidentOpen, IncidentClosed, IncidentDeleted, IncidentCancelled, IncidentRefused}
}

// IncidentAssignee is whom a ticket is assigned to, and why.
type IncidentAssignee struct {
	// User is "" for an account that is not in the register, and for nobody.
	User    UserID    `json:"user,omitempty" doc:"The integration user, by the desk's own id; absent for an account that is not in the register, and for nobody."`
	Account AccountID `json:"account,omitempty" doc:"How tickets of the desk name the assignee; absent for nobody."`
	Name    string    `json:"name,omitempty" doc:"What people read."`
	Email   string    `json:"email,omitempty"`
	// Why is a sentence.
	Why string `json:"why" doc:"Why it is that one."`
	// Fallback is true where the rule or the wish found nobody.
	Fallback bool `json:"fallback,omitempty" doc:"Whether whom the rule or the caller names could not be assigned."`
}

// IncidentView is an incident as it is shown. The workflow writes it to the ledger with every change.
type IncidentView struct {
	Incident Incident      `json:"incident"`
	State    IncidentState `json:"state"`
	// Since is when the incident entered State.
	Since time.Time `json:"since"`
	// StatusText is in a sentence what happens next, or how it ended.
	StatusText string `json:"status_text" doc:"What happens next, or how it ended, in a sentence."`
	// Desk is where the ticket is, or will be; "" where that is not known yet.
	Desk DeskName `json:"desk,omitempty"`
	// Ticket is nil until the desk has opened one.
	Ticket *TicketRef `json:"ticket,omitempty"`
	// TicketStatus is the desk's own name of the ticket's status, as it was read last; "" before.
	TicketStatus string `json:"ticket_status,omitempty" doc:"The desk's own name of the ticket's status, as it was read last."`
	// TicketProblem is why the ticket is behind; "" when it is up to date.
	TicketProblem string `json:"ticket_problem,omitempty" doc:"Why the ticket is not up to date."`
	// Assignee is nil before somebody was picked.
	Assignee *IncidentAssignee `json:"assignee,omitempty"`
	// NothingLeft is why usher closes the ticket of an incident of its own; "" as long as there is something to do. NewsAt is as of when that is true which
	// the ticket said last of such an incident; zero for what it says from the first.
	NothingLeft string    `json:"nothing_left,omitempty" doc:"Why usher closes the ticket: only of incidents that usher itself hands in, once there is nothing more to do."`
	NewsAt      time.Time `json:"news_at,omitzero" doc:"As of when that is true which usher's last comment says of what is held: only of incidents that usher itself hands in."`
	// Refusals are why no ticket is opened; empty otherwise.
	Refusals []Refusal  `json:"refusals,omitempty"`
	EndedAt  *time.Time `json:"ended_at,omitempty"`
	// Version grows with every change; the ledger keeps the highest.
	Version int `json:"version"`
}

// AsOf returns as of when that is true which the ticket says.
func (v IncidentView) AsOf() time.Time {
	if v.NewsAt.IsZero() {
		return v.Incident.SubmittedAt
	}
	return v.NewsAt
}

// IncidentsQuery asks for a page of incidents, the last submitted first.
type IncidentsQuery struct {
	// Caller, Reference, Desk, User and State are the only ones; "" for any. User is the integration user whom the ticket is assigned to.
	Caller    PersonID
	Reference string
	Desk      DeskName
	User      UserID
	State     IncidentState
	// Open is true for those that have not ended.
	Open bool
	// Before and BeforeID are of the last of the page before; zero for the first page.
	Before   time.Time
	BeforeID IncidentID
	// Limit is how many at most, 1 to MaxIncidents; fewer mean that the page is the last.
	Limit int
}

// MaxIncidents is how many a page of incidents has at most.
const MaxIncidents = 200

// IncidentTicket is the ticket of an incident that goes on.
type IncidentTicket struct {
	Incident IncidentID
	Ticket   TicketID
	// Seen is the last change of which the incident was notified; zero for none.
	Seen SeenChange
}

// SeenChange is a change of a ticket: the desk's time of it, and a digest of what the ticket looked like then. Of two changes within one unit of the
// desk's time, only that tells them apart.
type SeenChange struct {
	At time.Time
	As string
}

// IncidentMarkerOf returns the marker that the ticket of an incident carries. first is the id of the incident's first run, which nobody
// on the desk knows. No request has such a marker.
func IncidentMarkerOf(id IncidentID, first string) Marker {
	sum := sha256.Sum256([]byte("incident\x00" + string(id) + "\x00" + first))
	return Marker("usher-incident:" + string(id) + ":" + hex.EncodeToString(sum[:nonceBytes]))
}

// DeskEventType is the kind of a DeskEvent.
type DeskEventType string

// The types.
const (
	DeskUserAdded        DeskEventType = "integration_user_added"
	DeskUserRemoved      DeskEventType = "integration_user_removed"
	DeskUserFlagged      DeskEventType = "integration_user_flagged"
	DeskUserAvailable    DeskEventType = "integration_user_available"
	DeskIncidentTaken    DeskEventType = "incident_taken"
	DeskIncidentAssigned DeskEventType = "incident_assigned"
	DeskIncidentOpened   DeskEventType = "incident_ticket_opened"
	DeskIncidentChanged  DeskEventType = "incident_ticket_changed"
	DeskIncidentEnded    DeskEventType = "incident_ended"
	DeskUserUnlinked     DeskEventType = "user_unlinked"
	// What a leaver owns is about to be handed over, or was not.
	DeskOwnedHandOver DeskEventType = "owned_hand_over"
	DeskOwnedRefused  DeskEventType = "owned_hand_over_refused"
	// A run over the users of a desk, or over the people of a source, was started by hand; or by a release of what an earlier one held back.
	DeskUsersRunStarted   DeskEventType = "users_run_started"
	DeskUsersRunReleases  DeskEventType = "users_run_releases"
	DeskPeopleRunStarted  DeskEventType = "people_run_started"
	DeskPeopleRunReleases DeskEventType = "people_run_releases"
)

// DeskEvent is one line of the audit trail that is about no request: about integration users, incidents, the users of a desk, and the people of a
// source. It is append-only, as Event is.
type DeskEvent struct {
	// ID comes from what the event says, as Event.ID does.
	ID string `json:"id"`
	// Desk or Source is where it happened.
	Desk   DeskName   `json:"desk,omitempty"`
	Source SourceName `json:"source,omitempty"`
	// Incident, User and Person are what it is about; "" for none of them.
	Incident IncidentID `json:"incident,omitempty"`
	User     UserID     `json:"user,omitempty"`
	Person   PersonID   `json:"person,omitempty"`
	// Run is the run that was started, and Release what it releases; "" and nil for neither. Held is how many changes or rows of these people the
	// released run held back, by class or operation.
	Run     string         `json:"run,omitempty"`
	Release *PeopleRelease `json:"release,omitempty"`
	Held    map[string]int `json:"held,omitempty"`
	Type    DeskEventType  `json:"type"`
	At      time.Time      `json:"at"`
	// Actor is "" for usher itself, and for somebody who matches no person. Evidence is how the identity was established.
	Actor    PersonID `json:"actor,omitempty"`
	Evidence string   `json:"evidence,omitempty"`
	// Text is one sentence for people.
	Text string `json:"text"`
}

// DeskEventsQuery asks for a page of events, the last recorded first.
type DeskEventsQuery struct {
	// Desk, Source and Incident are the only ones; "" for any.
	Desk     DeskName
	Source   SourceName
	Incident IncidentID
	// Before is the place of the last of the page before; 0 for the first page.
	Before int64
	// Limit is how many at most, 1 to MaxIncidents.
	Limit int
}

// PlacedDeskEvent is an event with its place in the order in which events were recorded.
type PlacedDeskEvent struct {
	Place int64 `json:"place"`
	DeskEvent
}

// IncidentCounts are how the incidents and the integration users of a desk stand.
type IncidentCounts struct {
	// Open counts the incidents that have not ended, and Unassigned those of them whose ticket nobody has who works on it: nobody at all, or an
	// integration user who is flagged or was removed. Whom people chose on the desk, and who is not in the register, counts as somebody.
	Open, Unassigned int
	// Flagged counts the integration users to whom no ticket is assigned.
	Flagged int
}
