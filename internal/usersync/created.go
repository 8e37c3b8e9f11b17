package usersync

import (
	"fmt"
	"maps"
	"slices"

	"usher/internal/access"
)

// CountCreated adds to the counts which groups somebody comes into who is created, so that the brake of a group sees them too. Where nobody is
// created they come into none.
func (r Rules) CountCreated(c *access.SyncCounts, row access.SyncRow) {
	if row.Operation != access.UserCreate || (len(r.Modes) > 0 && !r.Modes[access.UserCreate]) {
		return
	}
	for _, field := range joins(row) {
		c.Different[field]++
	}
}

// joins returns the fields of the groups that a row puts its user into, sorted.
func joins(row access.SyncRow) []string {
	return memberships(access.DeskUser{Values: row.Values})
}

// WithoutHeld returns the row of a user who is to be created without the memberships that are held, with a note and the brake of each: the user is
// created all the same, and the next plan has the memberships as an update, which is held then. Other rows stay as they are.
func WithoutHeld(row access.SyncRow, holds []access.PeopleHold) access.SyncRow {
	if row.Operation != access.UserCreate {
		return row
	}
	for _, h := range holds {
		for _, field := range joins(row) {
			if h.Brake != BrakeMapping && (h.Brake != BrakeField || h.Field != field) {
				continue
			}
			row.Values = maps.Clone(row.Values)
			delete(row.Values, field)
			row.Notes = append(slices.Clip(row.Notes), fmt.Sprintf("%s: not written, because %s is held", field, h.Name()))
			if !slices.Contains(row.Brakes, h.Name()) {
				row.Brakes = append(slices.Clip(row.Brakes), h.Name())
			}
		}
	}
	return row
}
