package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestPeopleConfig_followed(t *testing.T) {
	for people, row := range map[string]struct {
		source access.SourceName
		order  []access.TargetName
	}{
		`{every: 1h}`:                                          {"directory", nil},
		`{every: 1h, leave_order: [directory]}`:                {"directory", []access.TargetName{"directory"}},
		`{every: 1h, follow: true}`:                            {"directory", nil},
		`{every: 1h, follow: false, leave_order: [directory]}`: {"", nil},
	} {
		c, err := loadPeople(t, people)
		require.NoError(t, err, people)
		source, order := c.followed()
		require.Equal(t, row.source, source, people)
		require.Equal(t, row.order, order, people)
	}
	c, err := load(t)
	require.NoError(t, err)
	source, _ := c.followed()
	require.Empty(t, source, "the source lists nobody")

	_, err = loadPeople(t, `{every: 1h, leave_order: [directory, nowhere]}`)
	require.ErrorContains(t, err, `sources.directory.people.leave_order[1]: found "nowhere", expected the name of one of targets, each once`)
	_, err = loadPeople(t, `{every: 1h, leave_order: [directory, directory]}`)
	require.ErrorContains(t, err, `leave_order[1]: found "directory"`)
	for _, key := range []string{"leave_order: [directory]", "follow: false"} {
		_, err = load(t, "sources:", "sources:\n  staff: {kind: csv, csv: {path: /tmp/x, fields: {id: id}, whole: {count: false}}, people: {every: 1h, "+key+"}}")
		require.ErrorContains(t, err, `sources.staff.people: leave_order and follow count for "directory" only`, key)
	}
}
