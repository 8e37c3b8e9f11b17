package snapshot

import (
	"fmt"
	"slices"

	"usher/internal/access"
)

// State is where a person stands.
type State string

// The states of a person.
const (
	// StateExpected: the employment begins on a later day.
	StateExpected State = "expected"
	// StatePresent: the source has the person, active, within the employment.
	StatePresent State = "present"
	// StateLeft: the person is inactive, the employment has ended, or the source has the person no more.
	StateLeft State = "left"
)

// Known is what the snapshot has of one person.
type Known struct {
	Record access.PersonRecord `json:"record"`
	State  State               `json:"state"`
	// Joined is true once the person has been present.
	Joined bool `json:"joined,omitempty"`
	// Misses is in how many whole listings in a row, up to the last, the person was missing.
	Misses int `json:"misses,omitempty"`
}

// Listed is what a listing has of one person. Its zero value is that the listing does not have the person.
type Listed struct {
	// Record is nil where there is none.
	Record *access.PersonRecord
	// Problem is true where a record stands in the listing that cannot be read: the person is in the source, and nothing else is known.
	Problem bool
	// Gone is true where a listing of changes says that the source does not have the person any more.
	Gone bool
}

// Class is what a listing means for a person.
type Class string

// The classes.
const (
	// ClassJoiner: somebody is present for the first time.
	ClassJoiner Class = "joiner"
	// ClassReturner: somebody who had left is present again.
	ClassReturner Class = "returner"
	// ClassMover: the manager or another field of Rules.MoverFields is different.
	ClassMover Class = "mover"
	// ClassChanged: other fields are different.
	ClassChanged Class = "changed"
	// ClassLeaver: somebody who was present is not any more.
	ClassLeaver Class = "leaver"
	// ClassMissing: somebody is missing in a whole listing, and not yet in so many that it means anything.
	ClassMissing Class = "missing"
	// ClassRecorded: something is written down that nothing follows from: somebody is expected, or a person who is not present
	// has another record, or somebody who was missing is there again.
	ClassRecorded Class = "recorded"
	// ClassUnchanged: nothing is different.
	ClassUnchanged Class = "unchanged"
)

// Change is what a listing means for one person.
type Change struct {
	Person access.PersonID `json:"person"`
	Class  Class           `json:"class"`
	// Reason is why, for people; "" where the class says it.
	Reason string `json:"reason,omitempty"`
	// Fields are the names of the fields that are different, sorted; see Differences.
	Fields []string `json:"fields,omitempty"`
	// After is what the snapshot has of the person once the change is applied.
	After Known `json:"after"`
}

// Rules are how a listing is read.
type Rules struct {
	// Today is the day of the listing.
	Today access.Date
	// Whole is true for a listing of everybody: only then somebody can be missing.
	Whole bool
	// MissingListings is how many whole listings in a row somebody must be missing from to have left; at least 1.
	MissingListings int
	// MoverFields are the fields of which a change makes a mover.
	MoverFields []string
}

// Decide returns what a listing means for a person. known is nil for somebody whom the snapshot does not have.
func (r Rules) Decide(id access.PersonID, known *Known, listed Listed) Change {
	if listed.Record == nil {
		return r.absent(id, known, listed)
	}
	before := Known{State: StateLeft}
	if known != nil {
		before = *known
	}
	state, reason := r.stateOf(*listed.Record)
	c := Change{Person: id, After: Known{Record: *listed.Record, State: state, Joined: before.Joined || state == StatePresent}}
	if known != nil {
		c.Fields = Differences(before.Record, *listed.Record)
	}
	switch {
	case state == StatePresent && before.State != StatePresent:
		c.Class = ClassJoiner
		if before.Joined {
			c.Class = ClassReturner
		}
	case state != StatePresent && before.State == StatePresent:
		c.Class, c.Reason = ClassLeaver, reason
	case known == nil || state != before.State:
		c.Class, c.Reason = ClassRecorded, reason
	case len(c.Fields) > 0 && state != StatePresent:
		c.Class = ClassRecorded
	case slices.ContainsFunc(c.Fields, r.moves):
		c.Class = ClassMover
	case len(c.Fields) > 0:
		c.Class = ClassChanged
	case before.Misses > 0:
		c.Class, c.Reason = ClassRecorded, "is listed again"
	default:
		c.Class = ClassUnchanged
	}
	return c
}

// absent decides on somebody of whom the listing has no record that can be read.
func (r Rules) absent(id access.PersonID, known *Known, listed Listed) Change {
	c := Change{Person: id, Class: ClassUnchanged}
	if known == nil {
		return c
	}
	c.After = *known
	switch {
	case listed.Problem:
		c.After.Misses = 0
		if known.Misses > 0 {
			c.Class, c.Reason = ClassRecorded, "is listed again"
		}
	case listed.Gone:
		c.leave("the source does not have the person any more")
	case !r.Whole || known.State == StateLeft:
	default:
		c.After.Misses++
		if c.After.Misses < r.MissingListings {
			c.Class, c.Reason = ClassMissing, fmt.Sprintf("is missing in %d of %d listings", c.After.Misses, r.MissingListings)
			return c
		}
		c.leave(fmt.Sprintf("is missing in %d listings in a row", c.After.Misses))
	}
	return c
}

// leave makes a change one of somebody who has left.
func (c *Change) leave(reason string) {
	if c.After.State == StateLeft {
		return
	}
	c.Class, c.Reason = ClassLeaver, reason
	if c.After.State == StateExpected {
		c.Class = ClassRecorded
	}
	c.After.State, c.After.Misses = StateLeft, 0
}

// stateOf returns where a person stands by the record alone, and why where that is not present.
func (r Rules) stateOf(p access.PersonRecord) (State, string) {
	switch {
	case p.Ends != "" && p.Ends < r.Today:
		return StateLeft, "the employment ended on " + string(p.Ends)
	case !p.Active:
		return StateLeft, "is inactive in the source"
	case p.Starts > r.Today:
		return StateExpected, "the employment begins on " + string(p.Starts)
	}
	return StatePresent, ""
}

func (r Rules) moves(field string) bool { return slices.Contains(r.MoverFields, field) }
