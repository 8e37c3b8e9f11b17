package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// A run finds that somebody has left, and cannot notify anybody, for Temporal takes no messages. The next runs fail before they come to that, for the
// source cannot be listed: what usher has known for days must not wait for that.
func TestAttackLeavers_what_was_not_told_waits_for_a_listing(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	c.leave(0, 1)
	c.post.away = true
	_, err := c.run(workflows.PeopleRunParams{})
	require.Error(t, err)
	require.Equal(t, access.PersonLeft, c.state(0))
	c.post.away = false
	c.source.Down(true)
	_, err = c.run(workflows.PeopleRunParams{})
	require.Error(t, err)
	require.Equal(t, map[access.PersonID]int{idOf(0): 1}, c.post.absent, "nobody needs the source for that")
}
