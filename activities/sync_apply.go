package activities

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"golang.org/x/time/rate"

	"usher/internal/access"
	"usher/internal/usersync"
)

// DeskUsers are the activities over the users of one desk. They run on that desk's queue, on a worker that has the ledger.
type DeskUsers struct {
	Port access.UserDirectory
	// Belongings are what the users own; nil where nothing is handed over.
	Belongings access.UserBelongings
	Ledger     SyncLedger
	Settings   SyncSettings
	// Writes is usher's share of what the desk takes, for all runs of this worker: one token for each row.
	Writes *rate.Limiter
}

// ListUsersInput asks for a listing, for a run over a desk.
type ListUsersInput struct {
	Desk access.DeskName `json:"desk"`
	Run  string          `json:"run"`
}

// ListUsersResult is a complete listing. ID names it in the ledger, and the plan that is made of it.
type ListUsersResult struct {
	ID     string            `json:"id"`
	Schema access.UserSchema `json:"schema"`
	Users  int               `json:"users"`
	Active int               `json:"active"`
}

// ListUsers has the desk list its users, and keeps the listing in the ledger, page by page. Each attempt is a listing of its own. Transient: the
// desk handed over other users than it counts. Invalid: the configuration names a field that the desk does not have.
func (a *DeskUsers) ListUsers(ctx context.Context, c ListUsersInput) (ListUsersResult, error) {
	done := ListUsersResult{ID: c.Run + "." + uuid.NewString()}
	var pages atomic.Int64
	stop := beat(ctx, &pages)
	defer stop()
	var err error
	if done.Schema, err = a.Port.UserSchema(ctx); err != nil {
		return done, translate(err)
	}
	counted, err := a.Port.ListUsers(ctx, func(page []access.DeskUser) error {
		var listed []access.ListedUser
		for _, u := range page {
			listed = append(listed, usersync.Listed(u))
			if u.Active {
				done.Active++
			}
		}
		done.Users += len(page)
		err := a.Ledger.StageDeskUsers(ctx, c.Desk, done.ID, listed)
		activity.RecordHeartbeat(ctx, pages.Add(1))
		return err
	})
	if err == nil && counted != done.Users {
		err = access.Errorf(access.Transient, "list users", "the listing has %d users, expected %d", done.Users, counted)
	}
	return done, translate(err)
}

const (
	// applyAtOnce is how many rows are applied at the same time, and applyPage how many are read at once.
	applyAtOnce = 8
	applyPage   = 200
	// applyFor is how long one call applies before the run shows how far it has come.
	applyFor = time.Minute
	// applyTries is how often a desk that answers for others may not answer for one row.
	applyTries = 3
)

// ApplyUsersResult is how far a plan has come.
type ApplyUsersResult struct {
	States map[access.SyncState]int `json:"states"`
	// More is true where rows are left.
	More bool `json:"more,omitempty"`
}

// ApplyUsers applies rows of a plan for some time, those whose manager has no user yet last, and returns how far it has come. Where a row
// stands is in the ledger, so it is safe to repeat: it goes on with the rows that are left. Transient: the desk answers for none of them.
func (a *DeskUsers) ApplyUsers(ctx context.Context, c SyncInput) (ApplyUsersResult, error) {
	run, err := plannedSync(ctx, a.Ledger, c)
	if err == nil && run.Dry {
		err = access.Errorf(access.Invalid, "apply rows of users", "dry: found true; a dry run applies nothing")
	}
	if err == nil {
		err = a.Settings.guards(run)
	}
	if err != nil {
		return ApplyUsersResult{}, translate(err)
	}
	// An attempt that was given up, and goes on, records nothing from here on, so it creates nobody.
	p := applying{DeskUsers: a, run: run, attempt: uuid.NewString()}
	if err := a.Ledger.ClaimSyncRun(ctx, run, p.attempt); err != nil {
		return ApplyUsersResult{}, translate(err)
	}
	// A row may be several calls of a slow desk.
	var none atomic.Int64
	stop := beat(ctx, &none)
	defer stop()
	until := time.Now().Add(applyFor)
	more := true
	for more && time.Now().Before(until) {
		if more, err = p.some(ctx); err != nil {
			return ApplyUsersResult{}, translate(err)
		}
	}
	states, err := a.Ledger.CountSyncRows(ctx, c.Desk, run.Rows)
	return ApplyUsersResult{States: states, More: more}, translate(err)
}

// applying is one attempt to apply the rows of a run.
type applying struct {
	*DeskUsers
	run     access.SyncRun
	attempt string
}

// save records where rows stand. Conflict: the run has ended, or another attempt applies it; that is found out without a row as well.
func (a *applying) save(ctx context.Context, rows ...access.SyncRow) error {
	return a.Ledger.SaveSyncRows(ctx, a.run, a.attempt, rows)
}

// some applies the next rows, and reports whether there may be more. Transient, after a row for which the desk did not answer before: it does not
// answer now.
func (a *applying) some(ctx context.Context) (bool, error) {
	for _, state := range []access.SyncState{access.SyncReady, access.SyncRetry, access.SyncManager} {
		rows, err := a.Ledger.SyncRows(ctx, a.run.Desk, a.run.Rows, access.SyncRowsQuery{Limit: applyPage, State: state})
		if err != nil {
			return false, err
		}
		if len(rows) > 0 {
			p := applyingPage{applying: a, rows: rows, refused: map[int]bool{}, again: state != access.SyncReady}
			return true, p.all(ctx)
		}
	}
	return false, nil
}

// applyingPage is some rows that are being applied.
type applyingPage struct {
	*applying
	rows []access.SyncRow
	// again is true for rows that come after the others: then a desk that does not answer is given time.
	again bool
	mu    sync.Mutex
	// answered is true once the desk has answered for a row; wait is the last error of one for which it has not, and forbidden of one that it
	// forbids; refused are the rows that it forbids.
	answered        bool
	wait, forbidden error
	refused         map[int]bool
	// stopped is an error that ends the page: of the ledger, or of credentials.
	stopped error
}

// all applies the rows, some at the same time, and records where they stand. The error is of a desk that answered for none of them, or of the
// ledger.
func (p *applyingPage) all(ctx context.Context) error {
	var all sync.WaitGroup
	next := make(chan int)
	for range applyAtOnce {
		all.Go(func() {
			for i := range next {
				p.apply(ctx, i)
			}
		})
	}
	for i := range p.rows {
		next <- i
	}
	close(next)
	all.Wait()
	return p.record(ctx)
}

// apply applies one row, unless something has ended the page.
func (p *applyingPage) apply(ctx context.Context, i int) {
	p.mu.Lock()
	stopped := p.stopped != nil || access.IsKind(p.wait, access.RateLimited)
	p.mu.Unlock()
	if stopped {
		return
	}
	if err := p.Writes.Wait(ctx); err != nil {
		p.stop(access.Errorf(access.Transient, "apply rows of users", "%w", err))
		return
	}
	row, err := p.row(ctx, p.rows[i])
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		row.State = p.rows[i].State
	}
	p.rows[i] = row
	switch kind := access.KindOf(err); {
	case err == nil:
		p.answered = true
	case kind == access.RateLimited:
		p.wait, p.rows[i].Problem = err, err.Error()
	case kind == access.Transient, kind == access.Unknown:
		p.wait, p.rows[i].Problem = err, err.Error()
		p.rows[i].Tries++
	case kind == access.Forbidden:
		p.forbidden, p.refused[i], p.rows[i].Problem = err, true, err.Error()
	default:
		p.answered = true
		p.rows[i].State, p.rows[i].Problem = access.SyncFailed, err.Error()
	}
}

func (p *applyingPage) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = err
}

// record records where the rows stand, and returns what ends the page. A row for which the desk did not answer though it answers for others comes
// again after them, and fails in the end. One that the desk forbids fails if usher's account is good for others.
func (p *applyingPage) record(ctx context.Context) error {
	if (p.wait != nil && !p.answered) || p.forbidden != nil {
		_, err := p.Port.UserSchema(ctx)
		p.answered = p.answered || err == nil
		if err != nil && p.forbidden != nil && p.stopped == nil {
			p.stopped = p.forbidden
		}
	}
	if err := p.save(ctx, p.toRecord()...); err != nil {
		return err
	}
	limited := access.IsKind(p.wait, access.RateLimited)
	switch {
	case p.stopped != nil:
		return p.stopped
	case p.wait == nil, p.answered && !p.again && !limited:
		return nil
	case limited:
		return p.wait
	}
	// Of a create whose answer was lost too: the row looks for the user before it creates again.
	return access.Errorf(access.Transient, "apply rows of users", "%w", p.wait)
}

// toRecord returns the rows that do not stand where they stood.
func (p *applyingPage) toRecord() []access.SyncRow {
	var done []access.SyncRow
	for i, row := range p.rows {
		waits := row.Problem != "" && !ended(row.State)
		switch {
		case row.State == access.SyncReady && row.Problem == "", waits && !p.answered, p.refused[i] && p.stopped != nil:
			continue
		case p.refused[i], waits && row.Tries >= applyTries:
			row.State = access.SyncFailed
		case waits && row.State == access.SyncReady:
			row.State = access.SyncRetry
		}
		done = append(done, row)
	}
	return done
}

// ended reports whether a row is not applied any more.
func ended(state access.SyncState) bool {
	return state != access.SyncReady && state != access.SyncRetry && state != access.SyncManager
}
