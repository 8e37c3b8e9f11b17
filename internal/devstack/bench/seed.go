package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"usher/internal/access"
	"usher/internal/ledger"
)

// seeder opens tickets that have no workflow: issues of the fake Jira, and their rows in the ledger. That is all that a
// watch sees of a request.
type seeder struct {
	usher *usher
	// ledger is the path of the ledger's file.
	ledger string
	seeded int
}

const (
	// seedAge is how long ago the oldest ticket of a batch was opened; the others are spread over the time since.
	seedAge = 100 * hoursOfDay * time.Hour
	// seedBatch is how many tickets are seeded at once. Between two of them lie two hours.
	seedBatch = 1000
)

// seed opens that many more tickets, none of which changed lately.
func (s *seeder) seed(ctx context.Context, more int) (err error) {
	store, err := ledger.Open(ctx, ledger.Config{URL: "sqlite:" + s.ledger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for ; more > 0; more -= seedBatch {
		if err := s.batch(ctx, store, min(more, seedBatch)); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) batch(ctx context.Context, store *ledger.Store, size int) error {
	var made struct {
		Issues []struct{ ID, Key string }
	}
	// The last one is of this moment, so there is one more, which is deleted.
	err := s.usher.call(ctx, outgoing{
		method: http.MethodPost, address: s.usher.urls.Desk + "/_sim/seed", contentType: "application/json", into: &made,
		body: map[string]any{"count": size + 1, "from": s.seeded + 1, "project": "ACCESS", "spread_seconds": seedAge.Seconds()},
	})
	if err != nil {
		return fmt.Errorf("seed the fake Jira: %w", err)
	}
	if err := s.usher.board(ctx, "delete", "omar", made.Issues[size].Key); err != nil {
		return fmt.Errorf("seed the fake Jira: %w", err)
	}
	for _, issue := range made.Issues[:size] {
		s.seeded++
		request := access.RequestID(fmt.Sprintf("seed-%d", s.seeded))
		err := store.Record(ctx, access.Entry{Ticket: &access.TicketLink{
			Ref:     access.TicketRef{Desk: "jira", ID: access.TicketID(issue.ID), Key: access.TicketKey(issue.Key)},
			Request: request, Marker: access.MarkerOf(request),
		}})
		if err != nil {
			return fmt.Errorf("seed the ledger: %w", err)
		}
	}
	return nil
}
