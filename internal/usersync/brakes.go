package usersync

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
)

// Brakes are how much of a desk may change at once before a human must look. What is above is held: it is not applied, and everything else is.
type Brakes struct {
	// DeactivationsCount and DeactivationsShare are how many users may be switched off in one run: users, and a share (0 to 1) of those who
	// are linked and active.
	DeactivationsCount int
	DeactivationsShare float64
	// FieldShare is for which share of the linked users who have a field it may change, or become empty; and by which share of its members a group
	// may change.
	FieldShare float64
	// MissingShare is which share of the linked users may be missing in a listing of the desk. Above that nothing is applied.
	MissingShare float64
	// Floor is how many users are always few enough for the shares.
	Floor int
}

// The brakes, as they are named to people.
const (
	BrakeDeactivations = "deactivations"
	BrakeField         = "field"
	BrakeMissing       = "missing"
	BrakeMapping       = "mapping"
	BrakeHandOver      = string(access.UserHandOver)
)

// namedLeavers is how many leavers the brake names.
const namedLeavers = 10

// HandOver returns the hold of what leavers own; false where the brake does not hold it. It counts leavers, also those whose users were switched off before, by the
// bounds of deactivations; of is how many people are linked and have not left.
func (b Brakes) HandOver(leavers []access.PersonID, of int) (access.PeopleHold, bool) {
	n := len(leavers)
	if n <= b.DeactivationsCount && !b.above(n, of+n, b.DeactivationsShare) {
		return access.PeopleHold{}, false
	}
	var some []string
	for _, l := range leavers[:min(n, namedLeavers)] {
		some = append(some, string(l))
	}
	others := ""
	if n > namedLeavers {
		others = " and others"
	}
	return access.PeopleHold{Brake: BrakeHandOver, Sentence: fmt.Sprintf("what %d leavers own would be handed over at once, beside %d people who are here: %s; %s%s",
		n, of, percent(n, of+n), strings.Join(some, ", "), others)}, true
}

// Count adds a person to the counts of a plan. planned is false for one without a row. Whoever has left counts among the active only: no field
// of theirs changes, and the desk may have deleted the user since.
func Count(c *access.SyncCounts, p access.KnownPerson, f Found, row access.SyncRow, planned bool) {
	if c.Operations == nil {
		c.Operations, c.Had, c.Different = map[access.UserOperation]int{}, map[string]int{}, map[string]int{}
	}
	c.People++
	if planned {
		c.Operations[row.Operation]++
	}
	here := p.State == access.PersonPresent
	if f.Link != nil && here {
		c.Linked++
		if f.Linked == nil {
			c.Missing++
		}
	}
	user := f.Linked
	if user == nil && row.How != "" {
		user = userOf(f, row.User)
	}
	if planned {
		countOff(c, row, f)
		countOthers(c, row, f)
	}
	if user == nil {
		return
	}
	if user.Active {
		c.LinkedActive++
	}
	if here {
		countFields(c, *user, row, planned && row.Operation != access.UserSkip)
	}
}

// countOff counts the row's own user where it is on and switched off.
func countOff(c *access.SyncCounts, row access.SyncRow, f Found) {
	if u := userOf(f, row.User); row.Operation == access.UserDeactivate && u != nil && u.Active {
		c.SwitchedOff++
	}
}

// countFields counts the fields of a user, and those that a row changes.
func countFields(c *access.SyncCounts, user access.DeskUser, row access.SyncRow, writes bool) {
	for name, value := range user.Values {
		if value == "" {
			continue
		}
		c.Had[name]++
		if writes && row.Writes(name) {
			c.Different[name]++
		}
	}
	for name, value := range row.Values {
		// Who comes into a group may get rights by it, so that counts as who goes does.
		if _, is := access.GroupOfField(name); is && writes && value != "" {
			c.Different[name]++
		}
	}
}

func userOf(f Found, id access.UserID) *access.DeskUser {
	if f.Linked != nil && f.Linked.ID == id {
		return f.Linked
	}
	for _, users := range [][]access.DeskUser{f.ByPerson, f.ByEmail} {
		for i := range users {
			if users[i].ID == id {
				return &users[i]
			}
		}
	}
	return nil
}

// Holds returns the brakes that a plan meets. remapped is true when the configuration makes users of people otherwise than it did.
func (b Brakes) Holds(c access.SyncCounts, remapped bool) []access.PeopleHold {
	var holds []access.PeopleHold
	hold := func(brake, field, format string, args ...any) {
		holds = append(holds, access.PeopleHold{Brake: brake, Field: field, Sentence: fmt.Sprintf(format, args...)})
	}
	if b.above(c.Missing, c.Linked, b.MissingShare) {
		hold(BrakeMissing, "", "%d of %d linked users are not in the desk's listing: %s", c.Missing, c.Linked, percent(c.Missing, c.Linked))
	}
	if remapped {
		hold(BrakeMapping, "", "the configuration of the desk's fields has changed, so users may differ because of that")
	}
	off := c.SwitchedOff
	if off > b.DeactivationsCount || b.above(off, c.LinkedActive, b.DeactivationsShare) {
		hold(BrakeDeactivations, "", "%d of %d active users would be switched off at once: %s", off, c.LinkedActive, percent(off, c.LinkedActive))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Different)) {
		if b.above(c.Different[name], c.Had[name], b.FieldShare) {
			hold(BrakeField, name, "%s would change or become empty for %d of %d users: %s", name, c.Different[name], c.Had[name],
				percent(c.Different[name], c.Had[name]))
		}
	}
	return holds
}

func (b Brakes) above(n, all int, share float64) bool {
	return n > b.Floor && float64(n) > share*float64(all)
}

func percent(n, all int) string {
	if all == 0 {
		return "100 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(all))
}

// Meets reports whether a hold is of a row.
func Meets(h access.PeopleHold, row access.SyncRow) bool {
	if row.Operation == access.UserSkip {
		return false
	}
	switch h.Brake {
	case BrakeMissing:
		return true
	case BrakeDeactivations:
		return row.Operation == access.UserDeactivate
	case BrakeField:
		return row.Writes(h.Field) && row.Operation != access.UserCreate && row.Operation != access.UserDeactivate
	case BrakeMapping:
		return row.Operation != access.UserCreate && row.Operation != access.UserDeactivate && (len(row.Values) > 0 || row.Manager != "" || len(row.Others) > 0)
	}
	return false
}

// Same reports whether two rows of one person are the same for whoever releases the first.
func Same(a, b access.SyncRow) bool {
	return a.Operation == b.Operation && a.User == b.User && maps.Equal(a.Values, b.Values) && maps.Equal(a.Before, b.Before) && a.Manager == b.Manager &&
		slices.EqualFunc(a.Others, b.Others, func(a, b access.OtherUser) bool { return a.User == b.User && maps.Equal(a.Values, b.Values) })
}

// Validate names every key that is wrong, and says what was expected.
func (b Brakes) Validate() []error {
	var wrong []error
	for _, s := range []struct {
		key   string
		value float64
	}{{"deactivations_share", b.DeactivationsShare}, {"field_share", b.FieldShare}, {"missing_share", b.MissingShare}} {
		// Written so that NaN is refused as well.
		if !(s.value >= 0 && s.value <= 1) {
			wrong = append(wrong, fmt.Errorf("%s: found %v, expected a share from 0 to 1", s.key, s.value))
		}
	}
	for _, n := range []struct {
		key   string
		value int
	}{{"deactivations_count", b.DeactivationsCount}, {"floor", b.Floor}} {
		if n.value < 0 {
			wrong = append(wrong, fmt.Errorf("%s: found %d, expected 0 or more", n.key, n.value))
		}
	}
	return wrong
}
