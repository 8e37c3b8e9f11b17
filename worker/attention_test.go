package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

const (
	withIncidents = "desks:\n  jira: {incidents: {fallback: sam@example.test}, "
	withPeople    = "sources:\n  directory: {people: {every: 6h}, "
	withSync      = "desks:\n  jira: {incidents: {fallback: sam@example.test}, sync: {every: 1h, fields: {user_name: {value: user_name}}}, "
)

// A hold opens a ticket where the desk takes incidents, unless the configuration says otherwise.
func TestTicketsOn(t *testing.T) {
	const people, desks = "sources:\n  directory: {", "desks:\n  jira: {"
	for name, row := range map[string]struct {
		change       []string
		people, desk access.DeskName
		says         string
	}{
		"a desk without incidents": {[]string{people, withPeople}, "", "", ""},
		"a desk with incidents":    {[]string{people, withPeople, desks, withSync}, "jira", "jira", ""},
		"none": {[]string{
			people, "sources:\n  directory: {people: {every: 6h, tickets_on: none}, ",
			desks, "desks:\n  jira: {incidents: {fallback: sam@example.test}, sync: {every: 1h, tickets_on: none, fields: {user_name: {value: user_name}}}, ",
		}, "", "", ""},
		"people on a desk without incidents": {
			[]string{people, "sources:\n  directory: {people: {every: 6h, tickets_on: jira}, "},
			"", "",
			`sources.directory.people.tickets_on: found "jira", expected one of desks that has incidents, or none`,
		},
		"users on an unknown desk": {[]string{
			people, withPeople,
			desks, "desks:\n  jira: {incidents: {fallback: sam@example.test}, sync: {every: 1h, tickets_on: other, fields: {user_name: {value: user_name}}}, ",
		}, "", "", `desks.jira.sync.tickets_on: found "other", expected one of desks that has incidents, or none`},
		"incidents alone": {[]string{desks, withIncidents}, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, row.change...)
			if row.says != "" {
				require.ErrorContains(t, err, row.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.people, c.peopleSettings()["directory"].TicketsOn)
			catalog, err := readCatalog(&c)
			require.NoError(t, err)
			syncs, err := c.syncSettings(catalog)
			require.NoError(t, err)
			require.Equal(t, row.desk, syncs["jira"].TicketsOn)
		})
	}
}
