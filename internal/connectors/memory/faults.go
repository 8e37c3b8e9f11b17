package memory

import (
	"context"
	"errors"
	"sync"

	"usher/internal/access"
)

// Faults is what a test has scripted for a Target or a Source. Safe for concurrent use.
type Faults struct {
	// what names the system in error texts.
	what string

	mu     sync.Mutex
	down   bool
	denied bool
	fail   map[string][]error
	drop   map[string]int
	calls  map[string]int
}

// FailNext makes the next calls of an operation fail with these errors, one each, in order, before they do anything. A
// nil among them lets that call pass.
func (f *Faults) FailNext(op string, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		f.fail = map[string][]error{}
	}
	f.fail[op] = append(f.fail[op], errs...)
}

// FailNoMore takes back the errors of FailNext that no call has got yet. It is safe to repeat.
func (f *Faults) FailNoMore() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.fail)
}

// DropAnswerNext makes the next call of an operation do its work and then lose the answer, as Transient. Called n
// times, it drops n answers.
func (f *Faults) DropAnswerNext(op string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drop == nil {
		f.drop = map[string]int{}
	}
	f.drop[op]++
}

// Down makes every operation fail with Transient, until it is called with false.
func (f *Faults) Down(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

// RefuseCredentials makes every operation fail with Forbidden, until it is called with false.
func (f *Faults) RefuseCredentials(refuse bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.denied = refuse
}

// Calls is how often an operation was called, failed calls included.
func (f *Faults) Calls(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// before counts a call and gives the fault that stops it, if any.
func (f *Faults) before(ctx context.Context, op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
	if err := ctx.Err(); err != nil {
		return &access.Error{Kind: access.Transient, Op: op, Err: err}
	}
	if next := f.fail[op]; len(next) > 0 {
		f.fail[op] = next[1:]
		if next[0] != nil {
			return next[0]
		}
	}
	switch {
	case f.down:
		return access.Errorf(access.Transient, op, "%s is down", f.what)
	case f.denied:
		return access.Errorf(access.Forbidden, op, "%s refuses the credentials", f.what)
	}
	return nil
}

// after loses the answer of a call that has done its work, if a test wants that.
func (f *Faults) after(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drop[op] == 0 {
		return nil
	}
	f.drop[op]--
	return &access.Error{Kind: access.Transient, Op: op, Err: errors.New("the answer was lost")}
}

// scripted runs one operation between the faults that are scripted for it.
func scripted[T any](ctx context.Context, f *Faults, op string, work func() (T, error)) (T, error) {
	var none T
	if err := f.before(ctx, op); err != nil {
		return none, err
	}
	value, err := work()
	if err != nil {
		return none, err
	}
	if err := f.after(op); err != nil {
		return none, err
	}
	return value, nil
}
