package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// A record of a leaver is the one that lacks attributes (a personnel system clears them), and who can write many values into an attribute of their own makes the expression too costly: neither keeps anybody
// from leaving, as nothing that is unclear does in sources that are joined (ADR 29).
func TestAttackScope_leaver_whose_scope_cannot_be_known(t *testing.T) {
	c := scoped(t, 30)
	c.ends()
	left := inScope(4, "")
	left.Active = false
	c.source.PutRecords(left)
	for range 6 {
		c.ends()
	}
	require.Equal(t, access.PersonLeft, c.state(4), "the source says that the person is inactive")
}
