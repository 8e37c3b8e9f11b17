package activities

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"usher/internal/access"
)

// ListPeopleInput asks for a listing, for a run over a source.
type ListPeopleInput struct {
	Source access.SourceName `json:"source"`
	Run    string            `json:"run"`
	// Since is the watermark of an earlier listing; "" for everybody. SinceMapping is how records were read then.
	Since        string `json:"since,omitempty"`
	SinceMapping string `json:"since_mapping,omitempty"`
}

// ListPeopleResult is a complete listing. ID names it in the ledger.
type ListPeopleResult struct {
	ID      string         `json:"id"`
	Listing access.Listing `json:"listing"`
	// Rows is how many rows it has in the ledger: people, problems with an id, and those who are gone.
	Rows int `json:"rows"`
	// Nameless is how many problems name nobody.
	Nameless int    `json:"nameless,omitempty"`
	Mapping  string `json:"mapping,omitempty"`
}

// ListPeople has the source list its people, and keeps the listing in the ledger, page by page. Each attempt is a listing of its own, so an
// attempt that was given up has no part in another. Transient: the source handed over other people than its proof counts. Invalid: the worker of
// the source has no ledger.
func (a *Source) ListPeople(ctx context.Context, c ListPeopleInput) (ListPeopleResult, error) {
	const op = "list people"
	if a.Ledger == nil {
		return ListPeopleResult{}, translate(access.Errorf(access.Invalid, op,
			"the worker of the source %s has no ledger; expected it to serve workflows as well", c.Source))
	}
	done := ListPeopleResult{ID: c.Run + "." + uuid.NewString(), Mapping: a.Mapping}
	people, problems := 0, 0
	var pages atomic.Int64
	take := func(page access.PeoplePage) error {
		err := a.Ledger.StagePeople(ctx, c.Source, done.ID, page, problems)
		people, problems = people+len(page.People), problems+len(page.Problems)
		done.Rows += len(page.People) + len(page.Problems) + len(page.Gone)
		for _, p := range page.Problems {
			if p.ID == "" {
				done.Nameless, done.Rows = done.Nameless+1, done.Rows-1
			}
		}
		activity.RecordHeartbeat(ctx, pages.Add(1))
		return err
	}
	since := c.Since
	if c.SinceMapping != a.Mapping {
		// Whoever did not change would be left as the other configuration read them.
		since = ""
	}
	stop := beat(ctx, &pages)
	defer stop()
	var err error
	done.Listing, err = a.Port.ListPeople(ctx, since, take)
	if err == nil && (people != done.Listing.People || problems != done.Listing.Problems) {
		err = access.Errorf(access.Transient, op, "the listing has %d people and %d problems, expected %d and %d",
			people, problems, done.Listing.People, done.Listing.Problems)
	}
	return done, translate(err)
}

// beatEvery is the time between two heartbeats while a source reads before it has a page.
const beatEvery = 20 * time.Second

// beat heartbeats until it is stopped.
func beat(ctx context.Context, pages *atomic.Int64) (stop func()) {
	done := make(chan struct{})
	var goesOn sync.WaitGroup
	goesOn.Go(func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, pages.Load())
			}
		}
	})
	return func() {
		close(done)
		goesOn.Wait()
	}
}
