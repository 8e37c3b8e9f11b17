package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// told waits until the audit trail holds these comments of people and no others, each once.
func told(want ...string) eventStep {
	return func(ctx context.Context, e *ticketEvent) error {
		return e.until(ctx, func(d stack.Detail) error {
			var said []string
			for _, event := range d.Timeline {
				if event.Type == access.EventTicketCommented {
					_, text, _ := strings.Cut(event.Text, " commented: ")
					said = append(said, text)
				}
			}
			if !slices.Equal(said, want) {
				return fmt.Errorf("the audit trail tells the comments %q, expected %q", said, want)
			}
			return nil
		})
	}
}

// killed kills the worker, and waits for the next one.
func killed(ctx context.Context, e *ticketEvent) error {
	pid, err := e.stack.KillWorker()
	if err != nil {
		return err
	}
	_, err = e.stack.AwaitWorker(ctx, pid)
	return err
}

// TestComments: what people write on the ticket stands in the audit trail once, through the death of the worker and after the end.
func TestComments(t *testing.T) {
	t.Parallel()
	s := start(t, outageTerms("USHER_DESKS_JIRA_COMMENTS=true"))
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	want := granted
	want.events = []access.EventType{access.EventTicketCommented}
	says := func(text string) eventStep { return board("zoe", "comment", "text", text) }
	one := scenario("comments in the audit trail", "wiki/editor", want, inOrder(
		says("who needs this?"), told("who needs this?"), says("again?"), killed, told("who needs this?", "again?"), approves, ended,
		says("thank you"), told("who needs this?", "again?", "thank you")))
	rows := s.play(ctx, t, "comments", []*ticketEvent{one})
	require.NoError(t, s.searched(ctx, 3))
	require.NoError(t, told("who needs this?", "again?", "thank you")(ctx, one))
	table(ctx, t, rows)
}
