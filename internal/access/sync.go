package access

import (
	"fmt"
	"slices"
	"time"
)

// DeskLink is which user of a desk is a person's. A person has at most one on a desk, and a user is of at most one person.
type DeskLink struct {
	Person PersonID `json:"person"`
	User   UserID   `json:"user"`
	// How is how the two were matched: LinkCreated and the others.
	How LinkHow `json:"how"`
	// Run is the run that linked them.
	Run string `json:"run,omitempty"`
	// At is when.
	At time.Time `json:"at"`
}

// Unlink is an administrator's word that a user of a desk is not a person's.
type Unlink struct {
	// ID names it: the same one has the same id each time.
	ID     string    `json:"id"`
	Desk   DeskName  `json:"desk"`
	Person PersonID  `json:"person"`
	At     time.Time `json:"at"`
	// By is who says so, Evidence how that person was identified, and Reason why.
	By       PersonID `json:"by"`
	Evidence string   `json:"evidence,omitempty"`
	Reason   string   `json:"reason"`
}

// EventID returns the id of the event that the link is taken away.
func (u Unlink) EventID() string { return u.ID + "#" + string(DeskUserUnlinked) }

// Event returns what the audit trail says once a link is taken away.
func (u Unlink) Event(l DeskLink) DeskEvent {
	return DeskEvent{
		ID: u.EventID(), Desk: u.Desk, User: l.User, Person: l.Person, Type: DeskUserUnlinked, At: u.At, Actor: u.By, Evidence: u.Evidence,
		Text: fmt.Sprintf("The person %s is not linked to the user %s any more: %s.", l.Person, l.User, u.Reason),
	}
}

// LinkHow is how a person and a user of a desk were matched.
type LinkHow string

// The ways.
const (
	// LinkCreated: usher created the user.
	LinkCreated LinkHow = "created"
	// LinkPerson: the desk has the person's id with the user.
	LinkPerson LinkHow = "person"
	// LinkEmail: both have the same address, and nobody else has it.
	LinkEmail LinkHow = "email"
)

// UserSkip is the operation of a row on which nothing is done, for a reason that a human should know.
const UserSkip UserOperation = "skip"

// SyncState is where a row of a plan stands.
type SyncState string

// The states of a row.
const (
	// SyncPlanned: nobody has looked yet whether a brake holds it. SyncReady: it is to be applied.
	SyncPlanned SyncState = "planned"
	SyncReady   SyncState = "ready"
	// SyncRetry: the desk did not answer for it; it comes again after the others.
	SyncRetry SyncState = "retry"
	// SyncManager: it is applied but for the manager, who may get a user by another row.
	SyncManager SyncState = "manager"
	// SyncApplied, SyncFailed and SyncSkipped: it is done; the desk refused it; it did not fit any more, or is a skip.
	SyncApplied SyncState = "applied"
	SyncFailed  SyncState = "failed"
	SyncSkipped SyncState = "skipped"
	// SyncHeld: a brake holds it.
	SyncHeld SyncState = "held"
	// SyncObserved: the mode of the desk does not let it be applied, or the run is a dry one.
	SyncObserved SyncState = "observed"
)

// SyncRow is what a plan has for one person on one desk.
type SyncRow struct {
	Person    PersonID      `json:"person"`
	Operation UserOperation `json:"operation"`
	// User is the desk's user; "" for one who is to be created.
	User UserID `json:"user,omitempty"`
	// Replaces is a linked user whom the desk does not have any more; "" for none.
	Replaces UserID `json:"replaces,omitempty"`
	// How is how a user who is not linked yet was matched.
	How LinkHow `json:"how,omitempty"`
	// Reason is why, for people; "" where the operation says it.
	Reason string `json:"reason,omitempty"`
	// Values are what is written, and Before what it replaces; a field that is not in Before has no value.
	Values map[string]string `json:"values,omitempty"`
	Before map[string]string `json:"before,omitempty"`
	// Expected is true where a user is switched off whose person has not left, but is expected again.
	Expected bool `json:"expected,omitempty"`
	// Others are the person's other users who change with the row: they are switched off with a user who is, and taken out of groups.
	Others []OtherUser `json:"others,omitempty"`
	// Manager is the person whose user is to be written as the manager, once there is one; "" for none.
	Manager PersonID `json:"manager,omitempty"`
	// Notes are values that could not be made, each with its field: they are left as they are.
	Notes []string `json:"notes,omitempty"`
	// Held is the first brake that holds the row, "" for none; Brakes are all that it meets, released or not.
	Held   string   `json:"held,omitempty"`
	Brakes []string `json:"brakes,omitempty"`
	// State is where the row stands, Problem why it failed or was skipped, in the desk's words, and Tries how often the desk did not answer.
	State   SyncState `json:"state"`
	Problem string    `json:"problem,omitempty"`
	Tries   int       `json:"tries,omitempty"`
	// Creating is true once the desk may have been asked to create the user.
	Creating bool `json:"creating,omitempty"`
}

// OtherUser is another user of a person, whom the desk has with the person's id.
type OtherUser struct {
	User UserID `json:"user"`
	// Values are what is written.
	Values map[string]string `json:"values,omitempty"`
}

// Writes reports whether the row writes a field. A manager who has no user yet is written as well, and so is what other users of the person lose.
func (r SyncRow) Writes(field string) bool {
	for _, other := range r.Others {
		if _, writes := other.Values[field]; writes {
			return true
		}
	}
	_, writes := r.Values[field]
	return writes || (field == UserFieldManager && r.Manager != "")
}

// SyncCounts are of one plan. The zero value is of a plan over nobody.
type SyncCounts struct {
	// People is how many people the snapshot has, Users how many users the desk has, and Active how many of those are active.
	People int `json:"people"`
	Users  int `json:"users"`
	Active int `json:"active"`
	// Linked is how many people are linked to a user, Missing how many of these users the listing does not have, and LinkedActive how many of
	// these users are active.
	Linked       int `json:"linked"`
	LinkedActive int `json:"linked_active"`
	Missing      int `json:"missing,omitempty"`
	// SwitchedOff is how many users who are on would be switched off.
	SwitchedOff int `json:"switched_off,omitempty"`
	// Leavers is how many leavers with a user the brake on what they own counts: all whom no run has dealt with yet, beside those whom this run switches off.
	Leavers int `json:"leavers,omitempty"`
	// Operations is how many rows there are of each operation.
	Operations map[UserOperation]int `json:"operations,omitempty"`
	// Had is how many linked users have a field, Different for how many of them it changes or becomes empty.
	Had       map[string]int `json:"had,omitempty"`
	Different map[string]int `json:"different,omitempty"`
}

// SyncScope is whom a run is over. Its zero value is everybody.
type SyncScope struct {
	// Person is the only person; Attribute and Value an attribute of the source, and what one of its values has to be.
	Person    PersonID `json:"person,omitempty"`
	Attribute string   `json:"attribute,omitempty"`
	Value     string   `json:"value,omitempty"`
}

// Everybody reports whether the scope leaves nobody out.
func (s SyncScope) Everybody() bool { return s == SyncScope{} }

// Has reports whether a person is in the scope.
func (s SyncScope) Has(p PersonRecord) bool {
	if s.Person != "" && p.ID != s.Person {
		return false
	}
	if s.Attribute == "" {
		return true
	}
	for _, value := range p.Attributes[s.Attribute] {
		if value == s.Value {
			return true
		}
	}
	return false
}

// SyncRun is one run over the users of a desk.
type SyncRun struct {
	Desk   DeskName   `json:"desk"`
	Source SourceName `json:"source"`
	// ID names the run within its desk.
	ID string `json:"id"`
	// Workflow is the id of the workflow that the run is.
	Workflow string `json:"workflow,omitempty"`
	// Plan names the plan and the listing of the desk that it is made of; "" before there is one. Rows names its rows: each attempt to plan has
	// rows of its own.
	Plan string `json:"plan,omitempty"`
	Rows string `json:"rows,omitempty"`
	// Snapshot is the run over the people of the source that the plan rests on.
	Snapshot string    `json:"snapshot,omitempty"`
	BeganAt  time.Time `json:"began_at"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	Scope    SyncScope `json:"scope,omitzero"`
	// Dry is true for a run that plans and applies nothing.
	Dry bool `json:"dry,omitempty"`
	// Mapping is a digest of how the configuration makes users of people, and AcceptedMapping the last one that was not held back.
	Mapping         string `json:"mapping,omitempty"`
	AcceptedMapping string `json:"accepted_mapping,omitempty"`
	// UnseenGroups are the groups of that mapping that the desk has not had since, or whose changes were held: nobody has seen who is in them by it.
	UnseenGroups []string     `json:"unseen_groups,omitempty"`
	Schema       UserSchema   `json:"schema,omitzero"`
	Counts       SyncCounts   `json:"counts,omitzero"`
	Holds        []PeopleHold `json:"holds,omitempty"`
	// States is how many rows stand where.
	States map[SyncState]int `json:"states,omitempty"`
	// HandOver is what came of what leavers own; nil where the run has not begun with it, or the desk hands nothing over.
	HandOver *HandOver `json:"hand_over,omitempty"`
	// By is who started the run, and Evidence how that person was identified; "" for the desk's schedule.
	By       PersonID `json:"by,omitempty"`
	Evidence string   `json:"evidence,omitempty"`
	// Release is what that person released with this run; nil for nothing. Its brakes are those of PeopleHold.Name.
	Release *PeopleRelease `json:"release,omitempty"`
	// Problem is why the run failed; "" where it did not. NeverBegan is true where it was refused, as beside another one, and
	// Cancelled where somebody cancelled it.
	Problem    string `json:"problem,omitempty"`
	NeverBegan bool   `json:"never_began,omitempty"`
	Cancelled  bool   `json:"cancelled,omitempty"`
}

// Ended reports whether the run is over.
func (r SyncRun) Ended() bool { return !r.EndedAt.IsZero() }

// OwnsTooMuch reports whether somebody who has left owns more than is handed over without a human.
func (r SyncRun) OwnsTooMuch() bool { return r.HandOver != nil && r.HandOver.TooMany > 0 }

// HoldsHandOver reports whether a brake holds the hand-over of what the leavers own whom it counts.
func (r SyncRun) HoldsHandOver() bool {
	return slices.ContainsFunc(r.Holds, func(h PeopleHold) bool { return h.Brake == string(UserHandOver) })
}

// Held is how many changes a brake of the run holds back: rows, and leavers whose things would be handed over.
func (r SyncRun) Held() int {
	held := r.States[SyncHeld]
	if r.HoldsHandOver() {
		held += r.Counts.Leavers
	}
	return held
}

// FreesHandOver reports whether a release of this run frees the hand-over that it holds: a release for some people only is about rows, a run over some people
// is about these, and a dry run records nobody whom it has counted.
func (r SyncRun) FreesHandOver(release PeopleRelease) bool {
	named := len(release.Brakes) == 0 || slices.Contains(release.Brakes, string(UserHandOver))
	return r.HoldsHandOver() && named && len(release.People) == 0 && r.Scope.Everybody() && !r.Dry
}

// SyncRowsQuery asks for a page of the rows of a plan, by person in the order of the bytes of their ids.
type SyncRowsQuery struct {
	// After is the last person of the page before; "" for the first page.
	After PersonID
	// Limit is how many rows a page has at most; fewer mean that it is the last.
	Limit int
	// Operation, State and Person are the only ones; "" for all.
	Operation UserOperation
	State     SyncState
	Person    PersonID
}

// ListedUser is a user of a listing, with the keys by which users are found without regard to case; "" for none.
type ListedUser struct {
	User     DeskUser
	NameKey  string
	EmailKey string
}

// DeskUsersQuery asks for users of a listing. It has exactly one of the lists.
type DeskUsersQuery struct {
	IDs       []UserID
	Persons   []PersonID
	NameKeys  []string
	EmailKeys []string
}
