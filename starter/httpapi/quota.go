package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/time/rate"

	"usher/internal/access"
	"usher/internal/ledger"
)

// Quotas are what one caller may ask of this process.
type Quotas struct {
	// ChangesPerSecond is how many calls that change something a caller may make, on average, and Burst how many at once. 0 means 10 and 100.
	ChangesPerSecond float64 `yaml:"changes_per_second"`
	Burst            int     `yaml:"burst"`
	// OpenRequests is how many requests of a caller may be open before the next is refused, 1 to 200. 0 sets no such quota. The count is
	// the ledger's, so that a few more can begin at the same moment.
	OpenRequests int `yaml:"open_requests"`
}

// readCost is the part of a change that a read costs.
const readCost = 10

// rememberedCallers is how many callers are remembered before those who have their whole quota are forgotten.
const rememberedCallers = 10_000

// Validate names the key that is wrong.
func (q Quotas) Validate() error {
	var problems []error
	if q.ChangesPerSecond < 0 || q.ChangesPerSecond > math.MaxInt32 {
		problems = append(problems, fmt.Errorf("quotas.changes_per_second: found %g, expected more than 0, or 0 for 10", q.ChangesPerSecond))
	}
	if q.Burst < 0 || q.Burst > math.MaxInt32 {
		problems = append(problems, fmt.Errorf("quotas.burst: found %d, expected 1 or more, or 0 for 100", q.Burst))
	}
	if q.OpenRequests < 0 || q.OpenRequests > ledger.MaxLimit {
		problems = append(problems, fmt.Errorf("quotas.open_requests: found %d, expected 1 to %d, or 0 for none", q.OpenRequests, ledger.MaxLimit))
	}
	return errors.Join(problems...)
}

// pacer holds what each caller has left.
type pacer struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex
	callers map[access.PersonID]*rate.Limiter
}

func newPacer(q Quotas) *pacer {
	return &pacer{
		rate: readCost * rate.Limit(cmp.Or(q.ChangesPerSecond, 10)), burst: readCost * cmp.Or(q.Burst, 100),
		callers: map[access.PersonID]*rate.Limiter{},
	}
}

// wait returns how long a caller has to wait before a call that costs so much; 0 where it may go on.
func (p *pacer) wait(caller access.PersonID, cost int, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.callers[caller]
	if left == nil {
		p.forget(now)
		left = rate.NewLimiter(p.rate, p.burst)
		p.callers[caller] = left
	}
	reserved := left.ReserveN(now, cost)
	wait := reserved.DelayFrom(now)
	if wait > 0 {
		// A refused call costs nothing: whoever goes on asking would never be let in again.
		reserved.CancelAt(now)
	}
	return wait
}

// forget drops the callers who have their whole quota, when there are many.
func (p *pacer) forget(now time.Time) {
	if len(p.callers) < rememberedCallers {
		return
	}
	for caller, left := range p.callers {
		if left.TokensAt(now) >= float64(p.burst) {
			delete(p.callers, caller)
		}
	}
}

// paced refuses a caller who makes too many calls, before the body is read.
func (a *API) paced(ctx huma.Context, next func(huma.Context)) {
	cost := readCost
	if ctx.Method() == http.MethodGet || ctx.Method() == http.MethodHead {
		cost = 1
	}
	if wait := a.pacer.wait(callerOf(ctx.Context()).key(), cost, a.deps.Now()); wait > 0 {
		r, w := humago.Unwrap(ctx)
		tooMany("You make too many calls", wait).write(w, r)
		return
	}
	next(ctx)
}

// tooMany is the problem of a caller over a quota. When to try again is different for each, so that those who were refused together do not come
// back together.
func tooMany(detail string, wait time.Duration) *Problem {
	seconds := int(math.Ceil((wait + time.Duration(rand.Float64()*float64(max(wait, 2*time.Second)))).Seconds()))
	return newProblem(kindOf(access.RateLimited), detail).with("Retry-After", strconv.Itoa(max(1, seconds)))
}

// crowded is the problem of a caller who has as many open requests as one may have; nil for none, and where the ledger cannot say.
func (a *API) crowded(ctx context.Context, caller access.PersonID) error {
	most := a.config.Quotas.OpenRequests
	if most == 0 {
		return nil
	}
	page, err := a.deps.Ledger.Views(ctx, ledger.Filter{Requester: caller, Open: true, Limit: most})
	if err != nil {
		a.logged(ctx, err)
		return nil
	}
	if len(page.Views) < most {
		return nil
	}
	return tooMany(fmt.Sprintf("You have %d open requests, as many as one may have; the next can begin when one of them has ended", most), time.Minute)
}
