package snapshot

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"usher/internal/access"
)

// Brakes are how much may change at once before a human must look. What is above is held: it is not applied, and everything else is.
type Brakes struct {
	// LeaversCount and LeaversShare are how many may leave in one run: people, and a share (0 to 1) of those who were present.
	LeaversCount int
	LeaversShare float64
	// ShrunkShare is which share of those who were present may be missing in a whole listing. Above that nobody leaves; nor do they where
	// the listing has nobody at all.
	ShrunkShare float64
	// FieldShare is for which share of those who have a field it may change, or become empty.
	FieldShare float64
	// Floor is how many people are always few enough for the shares.
	Floor int
	// Protected are patterns of path.Match, of ids and user names, without regard to case: whoever fits one leaves only once a human has
	// said so. A slash is a letter like any other.
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

// Add counts a change. known is what the snapshot had of the person; nil where it had nothing. missing is true for a person whom a whole
// listing does not have.
func (b Brakes) Add(c *access.PeopleCounts, known *access.KnownPerson, change access.PersonChange, missing bool) {
	if c.Classes == nil {
		c.Classes, c.Had, c.Different = map[access.PersonClass]int{}, map[string]int{}, map[string]int{}
	}
	c.Classes[change.Class]++
	if change.Class == access.ClassLeaver && b.protects(change) {
		c.Protected++
	}
	if change.Class == access.ClassLeaver && change.AbsenceReleased() {
		c.AbsenceReleased++
	}
	if known == nil || known.State != access.PersonPresent {
		return
	}
	c.Present++
	if missing && !known.AbsenceReleased {
		c.Missing++
	}
	if change.After.State != access.PersonPresent {
		return
	}
	for name := range Values(known.Record) {
		c.Had[name]++
		if slices.Contains(change.Fields, name) {
			c.Different[name]++
		}
	}
}

// Holds returns the brakes that a plan meets, BrakeMapping first. remapped is true when the configuration reads records otherwise than the
// snapshot has them, or may do so.
func (b Brakes) Holds(c access.PeopleCounts, remapped bool) []access.PeopleHold {
	var holds []access.PeopleHold
	hold := func(brake, field, format string, args ...any) {
		holds = append(holds, access.PeopleHold{Brake: brake, Field: field, Sentence: fmt.Sprintf(format, args...)})
	}
	if remapped {
		hold(BrakeMapping, "", "the configuration of the source's fields has changed, or no run has ended well before, so records may differ because of that")
	}
	if b.above(c.Missing, c.Present, b.ShrunkShare) || (c.Listed == 0 && c.Missing > 0) {
		hold(BrakeShrunk, "", "%d of %d people who were present are not in the source any more: %s", c.Missing, c.Present, percent(c.Missing, c.Present))
	}
	leavers := c.Classes[access.ClassLeaver] - c.AbsenceReleased
	if leavers > b.LeaversCount || b.above(leavers, c.Present, b.LeaversShare) {
		hold(BrakeLeavers, "", "%d of %d people would leave at once: %s", leavers, c.Present, percent(leavers, c.Present))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Different)) {
		if b.above(c.Different[name], c.Had[name], b.FieldShare) {
			hold(BrakeField, name, "%s would change or become empty for %d of %d people: %s", name, c.Different[name], c.Had[name], percent(c.Different[name], c.Had[name]))
		}
	}
	if c.Protected > 0 {
		holds = append(holds, ProtectedHold(c.Protected))
	}
	return holds
}

// ProtectedHold is the hold of so many protected people.
func ProtectedHold(n int) access.PeopleHold {
	return access.PeopleHold{Brake: BrakeProtected, Sentence: fmt.Sprintf("%d protected people would leave", n)}
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

// Meets reports whether a hold is of a change.
func (b Brakes) Meets(h access.PeopleHold, change access.PersonChange) bool {
	leaves := change.Class == access.ClassLeaver
	differs := change.Class == access.ClassChanged || change.Class == access.ClassMover
	switch h.Brake {
	case BrakeMapping:
		return leaves || differs || change.Class == access.ClassMissing
	case BrakeShrunk:
		return change.Class == access.ClassMissing || leaves
	case BrakeLeavers:
		// Somebody has looked at whoever is missing by a release: that these leave now is the same thing once more.
		return leaves && !change.AbsenceReleased()
	case BrakeField:
		return differs && slices.Contains(change.Fields, h.Field)
	case BrakeProtected:
		return leaves && b.protects(change)
	}
	return false
}

// protects reports whether a pattern of the protected fits a person, by the names of before the change as well.
func (b Brakes) protects(change access.PersonChange) bool {
	names := []string{string(change.Person), change.After.Record.UserName}
	if change.Before != nil {
		names = append(names, change.Before.Record.UserName)
	}
	for _, pattern := range b.Protected {
		for _, name := range names {
			if fits, err := path.Match(plain(pattern), plain(name)); err == nil && fits {
				return true
			}
		}
	}
	return false
}

// plain returns a name or a pattern as they are compared. path.Match would give slashes a meaning: only * and ? have one here. A letter with an
// accent can be written in two ways in Unicode, which look the same.
func plain(text string) string {
	return strings.NewReplacer("/", "\x01", `\`, "\x02").Replace(norm.NFC.String(strings.ToLower(text)))
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
		if pattern == "" || strings.Contains(pattern, "[") {
			wrong = append(wrong, fmt.Errorf("protected: found %q, expected a pattern of letters, * and ?", pattern))
		}
	}
	return wrong
}
