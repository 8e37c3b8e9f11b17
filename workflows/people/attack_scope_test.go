package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// Of whom `only` cannot be known, the record is a problem, and the person stays, also where the record says that the person has left. A record of a leaver is the one that lacks attributes (HR
// clears them), and who can write many values into an attribute of their own makes the expression too costly. "Whoever could make a key unclear could keep somebody from leaving" is why joined
// sources let such a person leave (ADR 29); the scope does not.
// The company loses: the leaver keeps all access and every group, for ever; only the list of problems has the person.
func TestAttackScope_leaver_whose_scope_cannot_be_known_stays(t *testing.T) {
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
