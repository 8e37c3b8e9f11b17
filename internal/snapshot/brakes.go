package snapshot

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Brakes are how much may change at once before a human must look. What is above is held: it is not applied, and everything else is.
type Brakes struct {
	// LeaversCount and LeaversShare are how many may leave in one run: people, and a share (0 to 1) of those who were present.
	LeaversCount int
	LeaversShare float64
	// ShrunkShare is by which share the source may have fewer people than are present. Above that nobody leaves for being missing.
	ShrunkShare float64
	// FieldShare is for which share of those who have a field it may change, or become empty.
	FieldShare float64
	// Floor is how many people are always few enough for the shares.
	Floor int
	// Protected are patterns of path.Match, of ids and user names in lower case: whoever fits one leaves only once a human has said so.
	Protected []string
}

// The brakes, as they are named to people.
const (
	BrakeLeavers   = "leavers"
	BrakeShrunk    = "shrunk"
	BrakeField     = "field"
	BrakeProtected = "protected"
	BrakeMapping   = "mapping"
)

// Hold is one brake that holds changes back.
type Hold struct {
	Brake string `json:"brake"`
	// Field is the field of BrakeField.
	Field string `json:"field,omitempty"`
	// Sentence says why, for people.
	Sentence string `json:"sentence"`
}

// Counts are of one plan. The zero value is of a plan without changes.
type Counts struct {
	// Present is how many the snapshot had present, and Listed how many the listing had.
	Present int `json:"present"`
	Listed  int `json:"listed"`
	// Classes is how many changes there are of each class.
	Classes map[Class]int `json:"classes,omitempty"`
	// Had is how many who were present and still are had a field, Different for how many of them it changed or became empty.
	Had       map[string]int `json:"had,omitempty"`
	Different map[string]int `json:"different,omitempty"`
	// Protected is how many leavers fit a pattern of Brakes.Protected.
	Protected int `json:"protected,omitempty"`
}

// Add counts a change. known is what the snapshot had of the person; nil where it had nothing.
func (b Brakes) Add(c *Counts, known *Known, change Change) {
	if c.Classes == nil {
		c.Classes, c.Had, c.Different = map[Class]int{}, map[string]int{}, map[string]int{}
	}
	c.Classes[change.Class]++
	if change.Class == ClassLeaver && b.protects(change) {
		c.Protected++
	}
	if known == nil || known.State != StatePresent {
		return
	}
	c.Present++
	if change.After.State != StatePresent {
		return
	}
	for name := range Values(known.Record) {
		c.Had[name]++
		if slices.Contains(change.Fields, name) {
			c.Different[name]++
		}
	}
}

// Holds returns the brakes that a plan meets. remapped is true when the configuration reads records otherwise than in the run before.
// whole is true for a listing of everybody.
func (b Brakes) Holds(c Counts, whole, remapped bool) []Hold {
	var holds []Hold
	hold := func(brake, field, format string, args ...any) {
		holds = append(holds, Hold{Brake: brake, Field: field, Sentence: fmt.Sprintf(format, args...)})
	}
	if remapped {
		hold(BrakeMapping, "", "the configuration of the source's fields has changed, so records may differ because of that")
	}
	missing := c.Present - c.Listed
	if whole && b.above(missing, c.Present, b.ShrunkShare) {
		hold(BrakeShrunk, "", "the source has %d people, and %d were present: %s fewer", c.Listed, c.Present, percent(missing, c.Present))
	}
	leavers := c.Classes[ClassLeaver]
	if leavers > b.LeaversCount || b.above(leavers, c.Present, b.LeaversShare) {
		hold(BrakeLeavers, "", "%d of %d people would leave at once: %s", leavers, c.Present, percent(leavers, c.Present))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Different)) {
		if b.above(c.Different[name], c.Had[name], b.FieldShare) {
			hold(BrakeField, name, "%s would change or become empty for %d of %d people: %s", name, c.Different[name], c.Had[name], percent(c.Different[name], c.Had[name]))
		}
	}
	if c.Protected > 0 {
		hold(BrakeProtected, "", "%d protected people would leave", c.Protected)
	}
	return holds
}

// above reports whether n of all is above a share and above the floor.
func (b Brakes) above(n, all int, share float64) bool {
	return n > b.Floor && float64(n) > share*float64(all)
}

func percent(n, all int) string {
	if all == 0 {
		return "100 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(all))
}

// HeldBy returns by which brake a change is held back: the first of holds that it meets. nil: by none.
func (b Brakes) HeldBy(holds []Hold, change Change) *Hold {
	for i, h := range holds {
		if b.meets(h, change) {
			return &holds[i]
		}
	}
	return nil
}

func (b Brakes) meets(h Hold, change Change) bool {
	leaves := change.Class == ClassLeaver
	differs := change.Class == ClassChanged || change.Class == ClassMover
	switch h.Brake {
	case BrakeMapping:
		return leaves || differs
	case BrakeShrunk:
		return change.Class == ClassMissing || leaves
	case BrakeLeavers:
		return leaves
	case BrakeField:
		return differs && slices.Contains(change.Fields, h.Field)
	case BrakeProtected:
		return leaves && b.protects(change)
	}
	return false
}

// protects reports whether a pattern of the protected fits a person.
func (b Brakes) protects(change Change) bool {
	for _, pattern := range b.Protected {
		for _, name := range []string{string(change.Person), change.After.Record.UserName} {
			if fits, err := path.Match(strings.ToLower(pattern), strings.ToLower(name)); err == nil && fits {
				return true
			}
		}
	}
	return false
}

// Validate names every key that is wrong, and says what was expected.
func (b Brakes) Validate() []error {
	var wrong []error
	share := func(key string, value float64) {
		// Written so that NaN is refused as well.
		if !(value >= 0 && value <= 1) {
			wrong = append(wrong, fmt.Errorf("%s: found %v, expected a share from 0 to 1", key, value))
		}
	}
	share("leavers_share", b.LeaversShare)
	share("shrunk_share", b.ShrunkShare)
	share("field_share", b.FieldShare)
	if b.LeaversCount < 0 {
		wrong = append(wrong, fmt.Errorf("leavers_count: found %d, expected 0 or more", b.LeaversCount))
	}
	if b.Floor < 0 {
		wrong = append(wrong, fmt.Errorf("floor: found %d, expected 0 or more", b.Floor))
	}
	for _, pattern := range b.Protected {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			wrong = append(wrong, fmt.Errorf("protected: found %q, expected a pattern of letters, * and ?", pattern))
		}
	}
	return wrong
}
