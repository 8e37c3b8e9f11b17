package snapshot

import (
	"fmt"
	"slices"

	"usher/internal/access"
)

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
func (r Rules) Decide(id access.PersonID, known *access.KnownPerson, listed access.ListedPerson) access.PersonChange {
	if listed.Record == nil {
		return r.absent(id, known, listed)
	}
	before := access.KnownPerson{State: access.PersonLeft}
	if known != nil {
		before = *known
	}
	state, reason := r.stateOf(*listed.Record)
	c := access.PersonChange{
		Person: id, Before: known, Listed: true,
		After: access.KnownPerson{Record: *listed.Record, State: state, Joined: before.Joined || state == access.PersonPresent},
	}
	if known != nil {
		c.Fields = Differences(before.Record, *listed.Record)
	}
	switch {
	case state == access.PersonPresent && before.State != access.PersonPresent:
		c.Class = access.ClassJoiner
		if before.Joined {
			c.Class = access.ClassReturner
		}
	case state != access.PersonPresent && before.State == access.PersonPresent:
		c.Class, c.Reason = access.ClassLeaver, reason
	case known == nil || state != before.State:
		c.Class, c.Reason = access.ClassRecorded, reason
	case len(c.Fields) > 0:
		c.Class = r.classOf(c.Fields, state)
	case before.Misses > 0:
		c.Class, c.Reason = access.ClassRecorded, "is listed again"
	default:
		c.Class = access.ClassUnchanged
	}
	return c
}

// classOf returns what it means that fields are different of somebody whose state is the same.
func (r Rules) classOf(fields []string, state access.PersonState) access.PersonClass {
	switch {
	case state != access.PersonPresent:
		return access.ClassRecorded
	case slices.ContainsFunc(fields, r.moves):
		return access.ClassMover
	}
	return access.ClassChanged
}

// absent decides on somebody of whom the listing has no record that can be read, or none in scope. Where it has one that cannot be read, nothing is
// known but that the person is in the source: what stands there may be another last day.
func (r Rules) absent(id access.PersonID, known *access.KnownPerson, listed access.ListedPerson) access.PersonChange {
	c := access.PersonChange{Person: id, Before: known, Listed: listed.Problem, Class: access.ClassUnchanged}
	if known == nil {
		return c
	}
	c.After = *known
	switch {
	case listed.Gone:
		leave(&c, "the source does not have the person any more")
	case known.State == access.PersonLeft:
	case listed.OutOfScope && known.State == access.PersonExpected:
		// Nothing follows from it. Later listings of changes would have the person join when the day comes.
		leave(&c, "is out of scope")
	case listed.Problem:
		if known.Misses > 0 {
			c.After = known.WithoutMisses()
			c.Class, c.Reason = access.ClassRecorded, "is listed again"
		}
	case !r.Whole:
		return r.aged(id, known)
	default:
		if state, reason := r.stateOf(known.Record); state == access.PersonLeft {
			leave(&c, reason)
			return c
		}
		how := "is missing"
		if listed.OutOfScope {
			how = "is out of scope or missing"
		}
		c.After.Misses++
		if c.After.Misses < r.MissingListings {
			c.Class, c.Reason = access.ClassMissing, fmt.Sprintf("%s in %d of %d listings", how, c.After.Misses, r.MissingListings)
			return c
		}
		leave(&c, fmt.Sprintf("%s in %d listings in a row", how, c.After.Misses))
	}
	return c
}

// aged decides on somebody of whom a listing of changes has nothing. The record is as it was; days go by, and an employment begins or ends.
func (r Rules) aged(id access.PersonID, known *access.KnownPerson) access.PersonChange {
	c := r.Decide(id, known, access.ListedPerson{Record: &known.Record})
	c.Listed = false
	if c.After.State != access.PersonLeft {
		c.After.Misses, c.After.AbsenceReleased = known.Misses, known.AbsenceReleased
	}
	if c.After.State == known.State {
		c.Class, c.Reason = access.ClassUnchanged, ""
	}
	return c
}

// leave makes a change one of somebody who has left.
func leave(c *access.PersonChange, reason string) {
	if c.After.State == access.PersonLeft {
		return
	}
	c.Class, c.Reason = access.ClassLeaver, reason
	if c.After.State == access.PersonExpected {
		c.Class = access.ClassRecorded
	}
	c.After = c.After.WithoutMisses()
	c.After.State = access.PersonLeft
}

// stateOf returns where a person stands by the record alone, and why where that is not present.
func (r Rules) stateOf(p access.PersonRecord) (access.PersonState, string) {
	switch {
	case p.Ends != "" && p.Ends < r.Today:
		return access.PersonLeft, "the employment ended on " + string(p.Ends)
	case !p.Active:
		return access.PersonLeft, "is inactive in the source"
	case p.Starts > r.Today:
		return access.PersonExpected, "the employment begins on " + string(p.Starts)
	}
	return access.PersonPresent, ""
}

// Left reports whether somebody has left by the record alone.
func (r Rules) Left(p access.PersonRecord) bool {
	state, _ := r.stateOf(p)
	return state == access.PersonLeft
}

func (r Rules) moves(field string) bool { return slices.Contains(r.MoverFields, field) }

// Same reports whether two changes of one person are the same for whoever releases the first: of the same class, and with the same
// values for the fields that are different. Somebody who leaves does so whatever else is different.
func Same(a, b access.PersonChange) bool {
	if a.Class != b.Class {
		return false
	}
	if a.Class == access.ClassLeaver || a.Class == access.ClassMissing {
		return true
	}
	if !slices.Equal(a.Fields, b.Fields) {
		return false
	}
	was, is := Values(a.After.Record), Values(b.After.Record)
	return !slices.ContainsFunc(a.Fields, func(field string) bool { return !sameValues(was[field], is[field]) })
}
