package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// hangs is a desk whose search for tickets that ask does not answer.
type hangs struct {
	access.ServiceDesk
	// left is how long the search had, of the time that the whole call has.
	left, whole time.Duration
}

func (h *hangs) AskedTickets(ctx context.Context, _ access.ChangesQuery) (access.ChangesPage, error) {
	h.left = h.whole
	if by, bounded := ctx.Deadline(); bounded {
		h.left = time.Until(by)
	}
	return access.ChangesPage{}, access.Errorf(access.Transient, "asked", "the search hangs until its time is over")
}

// TestAttackChanges_asked_search_hangs: what asks is searched for with a time of its own. Else a search that hangs takes all the time of
// the call, whose result never comes, and each poll fails.
func TestAttackChanges_asked_search_hangs(t *testing.T) {
	l := newLookout(t, 1)
	port := &hangs{ServiceDesk: l.port, whole: time.Minute}
	l.desk.Port = port
	ctx, cancel := context.WithTimeout(t.Context(), port.whole)
	defer cancel()
	since := access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 100}
	call := l.changes(t, 100)
	call.Asked = &since
	got, err := l.desk.ChangedTickets(ctx, call)
	require.NoError(t, err)
	require.NotEmpty(t, got.AskedProblem)
	require.Less(t, port.left, port.whole-time.Second, "the search may take all that is left of the call: what has changed is hidden by it")
}
