package activities

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"usher/internal/access"
	"usher/internal/snapshot"
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
	// Rows is how many rows it has in the ledger: people, in scope and out of it, problems with an id, and those who are gone.
	Rows int `json:"rows"`
	// Nameless is how many problems name nobody.
	Nameless int `json:"nameless,omitempty"`
	// OutOfScope is how many people of it the configuration leaves out.
	OutOfScope int    `json:"out_of_scope,omitempty"`
	Mapping    string `json:"mapping,omitempty"`
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
	counts, err := a.scope(ctx, c)
	if err != nil {
		return ListPeopleResult{}, translate(err)
	}
	done := ListPeopleResult{ID: c.Run + "." + uuid.NewString(), Mapping: a.Mapping}
	// The proof of a listing is of what the source handed over, in scope or not.
	people, problems, unclear := 0, 0, 0
	var pages atomic.Int64
	take := func(page access.PeoplePage) error {
		first := problems + unclear
		people, problems = people+len(page.People), problems+len(page.Problems)
		page, failed, err := counts.sort(ctx, page)
		if err != nil {
			return err
		}
		unclear += failed
		err = a.Ledger.StagePeople(ctx, c.Source, done.ID, page, first)
		done.OutOfScope += len(page.OutOfScope)
		done.Rows += len(page.People) + len(page.OutOfScope) + len(page.Problems) + len(page.Gone)
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
	done.Listing, err = a.Port.ListPeople(ctx, since, take)
	if err == nil && (people != done.Listing.People || problems != done.Listing.Problems) {
		err = access.Errorf(access.Transient, op, "the listing has %d people and %d problems, expected %d and %d",
			people, problems, done.Listing.People, done.Listing.Problems)
	}
	done.Listing.People, done.Listing.Problems = done.Listing.People-unclear, done.Listing.Problems+unclear
	return done, translate(err)
}

// scope is who counts in a listing.
type scope struct {
	*Source
	of    access.SourceName
	rules snapshot.Rules
}

// scope returns who counts in a listing for a run.
func (a *Source) scope(ctx context.Context, c ListPeopleInput) (scope, error) {
	s := scope{Source: a, of: c.Source}
	if a.Only == nil {
		return s, nil
	}
	run, err := a.Ledger.PeopleRun(ctx, c.Source, c.Run)
	s.rules.Today = dayOf(run)
	return s, err
}

// sort returns a page with those who are out of scope by their ids alone: nothing else of them is kept. Of whom the scope cannot be known, the
// record is a problem, so that the person stays as they are; failed is how many these are. But whoever is known, and has left by the record, leaves: a
// leaver's record is often the one that lacks what the scope asks for, and who can write into it could stay for ever.
func (s scope) sort(ctx context.Context, page access.PeoplePage) (sorted access.PeoplePage, failed int, err error) {
	if s.Only == nil {
		return page, 0, nil
	}
	sorted = access.PeoplePage{Problems: slices.Clone(page.Problems), Gone: page.Gone}
	for _, p := range page.People {
		in, unclear := s.Only.Holds(p)
		if unclear != nil {
			if in, err = s.leaves(ctx, p); err != nil {
				return access.PeoplePage{}, 0, err
			}
		}
		switch {
		case in:
			sorted.People = append(sorted.People, p)
		case unclear != nil:
			sorted.Problems = append(sorted.Problems, access.PersonProblem{Row: "the person's record", ID: p.ID, Problem: "people.only: " + unclear.Error()})
			failed++
		default:
			sorted.OutOfScope = append(sorted.OutOfScope, p.ID)
		}
	}
	return sorted, failed, nil
}

// leaves reports whether somebody has left by the record whom the snapshot knows. Nothing is kept of others: nobody knows whether they are in scope.
func (s scope) leaves(ctx context.Context, p access.PersonRecord) (bool, error) {
	if !s.rules.Left(p) {
		return false, nil
	}
	_, err := s.Ledger.KnownPerson(ctx, s.of, p.ID)
	if access.IsKind(err, access.NotFound) {
		return false, nil
	}
	return err == nil, err
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
