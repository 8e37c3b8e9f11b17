package access

import "time"

// PersonState is where a person stands in the snapshot of people.
type PersonState string

// The states of a person.
const (
	// PersonExpected: the employment begins on a later day.
	PersonExpected PersonState = "expected"
	// PersonPresent: the source has the person, active, within the employment.
	PersonPresent PersonState = "present"
	// PersonLeft: the person is inactive, the employment has ended, or the source has the person no more.
	PersonLeft PersonState = "left"
)

// FieldManager is how PersonChange.Fields names the manager.
const FieldManager = "manager"

// KnownPerson is what the snapshot has of one person.
type KnownPerson struct {
	Record PersonRecord `json:"record"`
	State  PersonState  `json:"state"`
	// Joined is true once the person has been present.
	Joined bool `json:"joined,omitempty"`
	// Misses is in how many whole listings in a row, up to the last, the person was missing.
	Misses int `json:"misses,omitempty"`
	// AbsenceReleased is true once somebody has released that the person is missing, until the person is listed again.
	AbsenceReleased bool `json:"absence_released,omitempty"`
}

// WithoutMisses returns the person as somebody who is missing in no listing.
func (k KnownPerson) WithoutMisses() KnownPerson {
	k.Misses, k.AbsenceReleased = 0, false
	return k
}

// ListedPerson is what a listing has of one person. Its zero value is that the listing does not have the person.
type ListedPerson struct {
	// Record is nil where there is none.
	Record *PersonRecord `json:"record,omitempty"`
	// Problem is true where a record stands in the listing that cannot be read: the person is in the source, and nothing else is known.
	Problem bool `json:"problem,omitempty"`
	// Gone is true where a listing of changes says that the source does not have the person any more.
	Gone bool `json:"gone,omitempty"`
	// OutOfScope is true where the source has the person and the configuration leaves the person out.
	OutOfScope bool `json:"out_of_scope,omitempty"`
}

// Missing reports whether the listing has nothing that keeps the person in the snapshot: whoever is out of scope is missing like somebody whom
// the source does not have.
func (l ListedPerson) Missing() bool { return l == ListedPerson{} || l.OutOfScope }

// PersonClass is what a listing means for a person.
type PersonClass string

// The classes.
const (
	// ClassJoiner: somebody is present for the first time.
	ClassJoiner PersonClass = "joiner"
	// ClassReturner: somebody who had left is present again.
	ClassReturner PersonClass = "returner"
	// ClassMover: the manager, or another field that is configured so, is different.
	ClassMover PersonClass = "mover"
	// ClassChanged: other fields are different.
	ClassChanged PersonClass = "changed"
	// ClassLeaver: somebody who was present is not any more.
	ClassLeaver PersonClass = "leaver"
	// ClassMissing: somebody is missing in a whole listing, and not yet in so many that it means anything.
	ClassMissing PersonClass = "missing"
	// ClassRecorded: something is written down that nothing follows from: somebody is expected, or a person who is not present
	// has another record, or somebody who was missing is there again.
	ClassRecorded PersonClass = "recorded"
	// ClassUnchanged: nothing is different.
	ClassUnchanged PersonClass = "unchanged"
)

// PersonChange is what a listing means for one person.
type PersonChange struct {
	Person PersonID    `json:"person"`
	Class  PersonClass `json:"class"`
	// Reason is why, for people; "" where the class says it.
	Reason string `json:"reason,omitempty"`
	// Fields are the names of the fields that are different, sorted.
	Fields []string `json:"fields,omitempty"`
	// After is what the snapshot has of the person once the change is applied.
	After KnownPerson `json:"after"`
	// Before is what the snapshot had; nil where it did not have the person.
	Before *KnownPerson `json:"before,omitempty"`
	// Listed is true where the listing has the person in scope, be it by a record that cannot be read.
	Listed bool `json:"listed,omitempty"`
	// Held is the brake that holds the change back, the first of those that nobody released; "" for none.
	Held string `json:"held,omitempty"`
	// Brakes are the names of all brakes that the change meets, whether they were released or not: what somebody sees who releases it.
	Brakes []string `json:"brakes,omitempty"`
}

// AbsenceReleased reports whether the change is of somebody whom the listing does not have, which somebody has released before.
func (c PersonChange) AbsenceReleased() bool {
	return !c.Listed && c.Before != nil && c.Before.AbsenceReleased
}

// PeopleHold is one brake that holds changes of a plan back, or rows of a plan over the users of a desk.
type PeopleHold struct {
	Brake string `json:"brake"`
	// Field is the field that the brake is about; "" where it is about people, or users.
	Field string `json:"field,omitempty"`
	// Sentence is why, for people.
	Sentence string `json:"sentence"`
}

// PeopleCounts are of one plan. The zero value is of a plan without changes.
type PeopleCounts struct {
	// Present is how many the snapshot had present, and Listed how many the listing had in scope.
	Present int `json:"present"`
	Listed  int `json:"listed"`
	// Missing is how many who were present are not in a whole listing, or out of scope there, without those whose absence was released.
	Missing int `json:"missing,omitempty"`
	// Classes is how many changes there are of each class.
	Classes map[PersonClass]int `json:"classes,omitempty"`
	// Had is how many who were present and still are had a field, Different for how many of them it changed or became empty.
	Had       map[string]int `json:"had,omitempty"`
	Different map[string]int `json:"different,omitempty"`
	// AbsenceReleased is how many leave whose absence was released. They are leavers among Classes as well.
	AbsenceReleased int `json:"absence_released,omitempty"`
	// Protected is how many leavers are protected.
	Protected int `json:"protected,omitempty"`
}

// PeopleRun is one run over a source: its listing, what it means, and what was applied of it.
type PeopleRun struct {
	Source SourceName `json:"source"`
	// ID names the run within its source.
	ID string `json:"id"`
	// Workflow is the id of the workflow that the run is: while that runs, no other run over the source begins.
	Workflow string `json:"workflow,omitempty"`
	// Plan names the plan, and the listing that it is made of: each attempt at a listing has an id of its own, and a workflow that was
	// reset lists anew. "" before there is a plan.
	Plan string `json:"plan,omitempty"`
	// BeganAt is when the run began. Of two runs the later one counts.
	BeganAt time.Time `json:"began_at"`
	// EndedAt is zero while the run goes on.
	EndedAt time.Time `json:"ended_at,omitzero"`
	Listing Listing   `json:"listing"`
	// Since is the watermark that a listing of changes was asked with; "" for one of everybody.
	Since string `json:"since,omitempty"`
	// Nameless is how many problems of the listing name nobody: whoever is missing may be one of them, so nobody is.
	Nameless int `json:"nameless,omitempty"`
	// OutOfScope is how many people of the listing the configuration leaves out.
	OutOfScope int `json:"out_of_scope,omitempty"`
	// Mapping is a digest of how the configuration reads records.
	Mapping string `json:"mapping,omitempty"`
	// AcceptedMapping is the digest that the snapshot is read by: the last one by which nobody was held back; "" where nobody knows.
	AcceptedMapping string `json:"accepted_mapping,omitempty"`
	// WholeAt is when the last whole listing began that the snapshot rests on. One with problems that name nobody is none: nobody is missing in it.
	WholeAt time.Time    `json:"whole_at,omitzero"`
	Counts  PeopleCounts `json:"counts,omitzero"`
	Holds   []PeopleHold `json:"holds,omitempty"`
	// Applied is how many changes were applied, and Held how many were held back.
	Applied int `json:"applied"`
	Held    int `json:"held"`
	// By is who started the run, and Evidence how that person was identified; "" for the source's schedule.
	By       PersonID `json:"by,omitempty"`
	Evidence string   `json:"evidence,omitempty"`
	// Release is what that person released with this run; nil for nothing.
	Release *PeopleRelease `json:"release,omitempty"`
	// Problem is why the run failed; "" where it did not. NeverBegan is true where it was refused, as beside another one, and
	// Cancelled where somebody cancelled it.
	Problem    string `json:"problem,omitempty"`
	NeverBegan bool   `json:"never_began,omitempty"`
	Cancelled  bool   `json:"cancelled,omitempty"`
}

// Ended reports whether the run is over.
func (r PeopleRun) Ended() bool { return !r.EndedAt.IsZero() }

// ReleaseWithin is how long after its end what a run held back can be released.
const ReleaseWithin = 24 * time.Hour

// PeopleRelease is a human's word that changes which a run held back are right. Only those go through that the next listing asks for
// again, unchanged.
type PeopleRelease struct {
	// Run is the run that held them back.
	Run string `json:"run"`
	// Brakes are the brakes that are released: "leavers", "field:attributes.department". Empty for all of that run.
	Brakes []string `json:"brakes,omitempty"`
	// People are the only ones who are released; empty for all.
	People []PersonID `json:"people,omitempty"`
	// Reason is why, for people. Who released is PeopleRun.By of the run that applies it.
	Reason string `json:"reason"`
}

// Name is how the brake is named to people: "leavers", "field:attributes.department".
func (h PeopleHold) Name() string {
	if h.Field == "" {
		return h.Brake
	}
	return h.Brake + ":" + h.Field
}

// PeopleChangesQuery asks for a page of the changes of a plan, by person in the order of the bytes of their ids.
type PeopleChangesQuery struct {
	// After is the last person of the page before; "" for the first page.
	After PersonID
	// Limit is how many changes a page has at most; fewer mean that it is the last.
	Limit int
	// Class is the only class; "" for all.
	Class PersonClass
	// Held is true for those only that a brake held back.
	Held bool
	// Person is the only person; "" for all.
	Person PersonID
}

// ListedRow is one row of a listing that the ledger keeps while a run reads it.
type ListedRow struct {
	ID     PersonID     `json:"id"`
	Listed ListedPerson `json:"listed"`
}
