package usersync

import (
	"fmt"
	"slices"

	"usher/internal/access"
)

// setOthers adds the person's other users to a row: each has a note, and goes out of the groups that the person is not in. None of them comes into one.
func (r Rules) setOthers(row *access.SyncRow, f Found, user access.DeskUser) {
	for _, twin := range f.own() {
		if twin.ID == user.ID {
			continue
		}
		row.Notes = append(slices.Clip(row.Notes), fmt.Sprintf("another user of the desk has the person's id: %q", twin.ID))
		out := map[string]string{}
		for _, field := range memberships(twin) {
			wanted, known := f.Values[field]
			if _, there := r.Schema.Fields[field]; there && known && wanted == "" {
				out[field] = ""
			}
		}
		writes := row.Operation == access.UserUpdate || len(r.Modes) == 0 || r.Modes[access.UserUpdate]
		if writes && len(out) > 0 && r.Guard.Protects(twin) == "" {
			row.Others = append(row.Others, access.OtherUser{User: twin.ID, Values: out})
		}
	}
}

// countOthers counts what a row does to the person's other users.
func countOthers(c *access.SyncCounts, row access.SyncRow, f Found) {
	for _, other := range row.Others {
		if row.Operation == access.UserDeactivate {
			if u := userOf(f, other.User); u != nil && u.Active {
				c.SwitchedOff++
				c.LinkedActive++
			}
			continue
		}
		for field := range other.Values {
			c.Had[field]++
			c.Different[field]++
		}
	}
}
