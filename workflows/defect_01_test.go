package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

// crowd is a request that waits for many people.
type crowd struct {
	items, owners int
	// id makes the id of a person.
	id func(n int) access.PersonID
	// manager is true when each item but the first begins with the manager's stage, and first when the first does, too.
	manager, first bool
}

func uuidOf(n int) access.PersonID {
	return access.PersonID(fmt.Sprintf("%08x-1111-4222-8333-%012x", n, n))
}

// asks returns the world a catalog in which each item has owners of its own, and a request for all items. The owners are
// returned in the order of the items.
func (c crowd) asks(w *world) (access.Request, []access.PersonID) {
	var text strings.Builder
	text.WriteString("applications:\n")
	people, asked := []access.PersonID{}, []access.EntitlementID{}
	for i := range c.items {
		owners := []string{}
		for range c.owners {
			id := c.id(len(people))
			people, owners = append(people, id), append(owners, string(id))
			person := access.Person{ID: id, DisplayName: fmt.Sprintf("Owner %d", len(people)), Manager: "mia", Active: true}
			w.source.Put(person)
		}
		stages := "owner"
		if c.manager && (i > 0 || c.first) {
			stages = "manager, owner"
		}
		fmt.Fprintf(&text, "  - id: app%d\n    name: App %d\n    owners: [%s]\n    entitlements:\n", i, i, strings.Join(owners, ", "))
		fmt.Fprintf(&text, "      - {role: user, title: User of %d, fulfilment: scim, target: directory, target_role: role%d, "+
			"max_duration: 30d, stages: [%s]}\n", i, i, stages)
		w.target.AddRole(fmt.Sprintf("role%d", i))
		asked = append(asked, access.EntitlementID(fmt.Sprintf("app%d/user", i)))
	}
	catalog, err := policy.Parse([]byte(text.String()))
	require.NoError(w.t, err)
	w.catalog = catalog
	w.newRun()
	request := w.request(asked...)
	for i := range request.Items {
		request.Items[i].ID = access.ItemID(fmt.Sprint(i + 1))
	}
	return request, people
}

// What the server allows: of one value, and of one keyword where visibility is an SQL database.
const (
	valueLimit   = 2048
	keywordLimit = 255
)

// requireFits checks what the server would check.
func requireFits(t *testing.T, people []string) {
	t.Helper()
	payload, err := converter.GetDefaultDataConverter().ToPayload(people)
	require.NoError(t, err)
	require.Less(t, len(payload.GetData()), valueLimit, "bytes of %d keywords", len(people))
	seen := map[string]bool{}
	for _, person := range people {
		require.LessOrEqual(t, len(person), keywordLimit, "bytes of one keyword")
		require.False(t, seen[person], "%q stands there twice", person)
		seen[person] = true
	}
}

func TestDefect01(t *testing.T) {
	long := func(n int) access.PersonID { return access.PersonID(fmt.Sprintf("%03d", n) + strings.Repeat("x", 247)) }
	tooLong := func(n int) access.PersonID {
		if n == 0 {
			return access.PersonID(strings.Repeat("y", keywordLimit+1))
		}
		return uuidOf(n)
	}
	rows := []struct {
		name string
		crowd
		// more is true when not everybody fits.
		more bool
	}{
		{"three owners of a few items fit", crowd{items: 3, owners: 3, id: uuidOf}, false},
		{"twenty items with three owners each are cut", crowd{items: 20, owners: 3, id: uuidOf}, true},
		{"fifty-three owners of one entitlement are cut", crowd{items: 1, owners: 53, id: uuidOf}, true},
		{"long ids are cut by bytes", crowd{items: 1, owners: 9, id: long}, true},
		{"an id that is longer than a keyword is left out", crowd{items: 1, owners: 2, id: tooLong}, true},
		{"somebody who is awaited in two stages stands there once", crowd{items: 2, owners: 1, id: mixed, manager: true}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, quietTerms)
			request, people := row.asks(r.world)
			details := ""
			r.at(time.Hour, func() {
				details = r.details()
				r.decide("mia", access.Approve)
			})
			r.at(2*time.Hour, func() {
				for i := range request.Items {
					r.update(workflows.UpdateDecide, fmt.Sprint("d", i), access.Decision{
						ID: fmt.Sprint("d", i), By: people[i*row.owners], Verdict: access.Approve, Evidence: "test",
					})
				}
			})
			result := r.outcomeOf(request)
			require.Equal(t, access.OutcomeGranted, result.Outcome, "the request goes on")
			lists := r.server.awaited(workflows.AttributeWaitingOn)
			require.NotEmpty(t, lists)
			longest := 0
			for _, people := range lists {
				requireFits(t, people)
				longest = max(longest, len(people))
			}
			require.Positive(t, longest, "whom the request waits for can be searched")
			if row.more {
				require.Regexp(t, `and \d+ more`, details)
			}
		})
	}
}

// mixed makes mia, who is everybody's manager, the owner of the first item.
func mixed(n int) access.PersonID {
	if n == 0 {
		return "mia"
	}
	return uuidOf(n)
}
