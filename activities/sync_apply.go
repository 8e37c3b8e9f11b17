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
	Port     access.UserDirectory
	Ledger   SyncLedger
	Settings SyncSettings
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
	if err != nil {
		return ApplyUsersResult{}, translate(err)
	}
	var rows atomic.Int64
	stop := beat(ctx, &rows)
	defer stop()
	until := time.Now().Add(applyFor)
	more := true
	for more && time.Now().Before(until) {
		if more, err = a.applySome(ctx, run); err != nil {
			return ApplyUsersResult{}, translate(err)
		}
	}
	states, err := a.Ledger.CountSyncRows(ctx, c.Desk, c.Plan)
	return ApplyUsersResult{States: states, More: more}, translate(err)
}

// applySome applies the next rows, and reports whether there may be more. Transient, after a row for which the desk did not answer before: it does
// not answer now.
func (a *DeskUsers) applySome(ctx context.Context, run access.SyncRun) (bool, error) {
	for _, state := range []access.SyncState{access.SyncPlanned, access.SyncRetry, access.SyncManager} {
		rows, err := a.Ledger.SyncRows(ctx, run.Desk, run.Plan, access.SyncRowsQuery{Limit: applyPage, State: state})
		if err != nil {
			return false, err
		}
		if len(rows) > 0 {
			return true, a.applyAll(ctx, run, rows)
		}
	}
	return false, nil
}

// applyAll applies rows, some at the same time, and records where they stand. The error is of a desk that answered for none of them, or of the
// ledger.
func (a *DeskUsers) applyAll(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error {
	p := applyingPage{desk: a, run: run, rows: rows, again: rows[0].State != access.SyncPlanned}
	var all sync.WaitGroup
	next := make(chan int)
	for range applyAtOnce {
		all.Go(func() {
			for i := range next {
				p.apply(ctx, i)
			}
		})
	}
	for i := range rows {
		next <- i
		activity.RecordHeartbeat(ctx)
	}
	close(next)
	all.Wait()
	return p.record(ctx)
}

// applyingPage is some rows that are being applied.
type applyingPage struct {
	desk *DeskUsers
	run  access.SyncRun
	rows []access.SyncRow
	// again is true for rows that come after the others: then a desk that does not answer is given time.
	again bool
	mu    sync.Mutex
	// answered is true once the desk has answered for a row; wait is the last error of one for which it has not.
	answered bool
	wait     error
	// stopped is an error that ends the page: of the ledger, or of credentials.
	stopped error
}

// apply applies one row, unless something has ended the page.
func (p *applyingPage) apply(ctx context.Context, i int) {
	p.mu.Lock()
	stopped := p.stopped != nil || access.IsKind(p.wait, access.RateLimited)
	p.mu.Unlock()
	if stopped {
		return
	}
	if err := p.desk.Writes.Wait(ctx); err != nil {
		p.stop(access.Errorf(access.Transient, "apply rows of users", "%w", err))
		return
	}
	row, err := p.desk.applyRow(ctx, p.run, p.rows[i])
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		row.State = p.rows[i].State
	}
	p.rows[i] = row
	switch kind := access.KindOf(err); {
	case err == nil:
		p.answered = true
	case kind == access.Transient, kind == access.Unknown, kind == access.RateLimited:
		p.wait = err
		p.rows[i].Problem = err.Error()
		p.rows[i].Tries++
	case kind == access.Forbidden:
		p.stopped = err
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
// again after them, and fails in the end.
func (p *applyingPage) record(ctx context.Context) error {
	if p.wait != nil && !p.answered {
		_, err := p.desk.Port.UserSchema(ctx)
		p.answered = err == nil
	}
	if err := p.desk.Ledger.SaveSyncRows(ctx, p.run, p.toRecord()); err != nil {
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
	for _, row := range p.rows {
		waits := row.Problem != "" && !ended(row.State)
		switch {
		case waits && !p.answered, row.State == access.SyncPlanned && row.Tries == 0:
			continue
		case waits && row.Tries >= applyTries:
			row.State = access.SyncFailed
		case waits && row.State == access.SyncPlanned:
			row.State = access.SyncRetry
		}
		done = append(done, row)
	}
	return done
}

// ended reports whether a row is not applied any more.
func ended(state access.SyncState) bool {
	return state != access.SyncPlanned && state != access.SyncRetry && state != access.SyncManager
}
