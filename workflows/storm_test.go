package workflows_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"

	"usher/workflows"
)

// A storm is a random story of one workflow: messages, faults and time come as they like, for some days. Then it is quiet, and
// the workflow must come to its end, and to what its promises say. A seed makes the same story again, as far as activities that
// run beside one another come in the same order.
type storm struct {
	*rand.Rand
	t    *point
	runs *runs
	// mu guards log and what activities write beside the workflow.
	mu  sync.Mutex
	log []string
}

const (
	// stormLasts is how long messages and faults come, stormEnds when the workflow must have ended.
	stormLasts = 4 * day
	stormEnds  = 12 * day
	// stormyPart are the hours of a day in which something happens.
	stormyPart = 18 * time.Hour
	// stormsOfAKind is how many stories of each kind are played, unless FULL is set.
	stormsOfAKind, stormsInFull = 50, 2500
)

// stormKinds are the workflows that storms are about.
var stormKinds = []struct {
	name string
	play func(*storm)
}{{"a request", stormOfARequest}, {"a person", stormOfAPerson}}

// TestStorm plays random stories. STORM_SEED and STORM_COUNT play those of a seed again.
func TestStorm(t *testing.T) {
	seed, count := stormSeeds(t)
	t.Logf("row storm seed: %d", seed)
	t.Logf("STORM_SEED=%d plays the same stories again, STORM_COUNT=1 the first of them only, FULL=1 plays many", seed)
	ledger := emptyLedger(t)
	for _, kind := range stormKinds {
		t.Run(kind.name, func(t *testing.T) {
			limit := make(chan struct{}, runtime.GOMAXPROCS(0))
			var wait sync.WaitGroup
			for n := range count {
				limit <- struct{}{}
				wait.Go(func() {
					defer func() { <-limit }()
					if problem := playStorm(t, seed+n, ledger, kind.play); problem != "" {
						t.Errorf("STORM_SEED=%d: %s", seed+n, problem)
					}
				})
			}
			wait.Wait()
		})
	}
	t.Logf("row storms of a kind: %d", count)
}

// stormSeeds returns the first seed, and how many stories of each kind are played: always the same ones, or with FULL=1 many
// new ones.
func stormSeeds(t *testing.T) (seed, count uint64) {
	t.Helper()
	seed, count = 1, stormsOfAKind
	switch {
	case os.Getenv("FULL") != "":
		seed, count = rand.Uint64()>>1, stormsInFull
	case raceDetector:
		count = stormsOfAKind / 10
	}
	for name, value := range map[string]*uint64{"STORM_SEED": &seed, "STORM_COUNT": &count} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseUint(text, 10, 63)
			require.NoError(t, err)
			*value = n
		}
	}
	return seed, count
}

// playStorm plays one story, and returns what is wrong and the story; "" when nothing is.
func playStorm(t *testing.T, seed uint64, ledger []byte, play func(*storm)) (problem string) {
	s := &storm{Rand: rand.New(rand.NewPCG(seed, seed)), t: newPoint(t, fmt.Sprint("storm-", seed), ledger)}
	defer func() {
		if panicked := recover(); panicked != nil && panicked != any(pointFailed{}) {
			problem = fmt.Sprint(panicked)
		}
		if failures := s.t.close(); len(failures) > 0 {
			problem = strings.Join(failures, "; ") + " " + problem
		}
		if problem != "" {
			problem += "\n  " + strings.Join(s.log, "\n  ")
		}
	}()
	play(s)
	return ""
}

// quietly begins a new run with a logger that discards everything.
func (w *world) quietly() {
	w.logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	w.newRun()
}

// say writes what happens into the story.
func (s *storm) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf("%-14s ", s.runs.passed().Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// between returns a time between two.
func (s *storm) between(from, to time.Duration) time.Duration {
	return from + time.Duration(s.Int64N(int64(to-from)))
}

// moment returns a time at which something happens. The last hours of each day are calm.
func (s *storm) moment() time.Duration {
	return time.Duration(s.IntN(int(stormLasts/day)))*day + s.between(0, stormyPart)
}

// chance reports true once in so many times.
func (s *storm) chance(once int) bool { return s.IntN(once) == 0 }

// pick returns one of some.
func pick[T any](s *storm, some ...T) T { return some[s.IntN(len(some))] }

// at plans something that the story names.
func (s *storm) at(after time.Duration, name string, do func()) {
	s.runs.at(after, func() {
		s.say("%s", name)
		do()
	})
}

// every does something again and again, from the beginning on.
func (s *storm) every(wait time.Duration, do func()) {
	var next func()
	next = func() {
		do()
		s.runs.at(s.runs.passed()+wait, next)
	}
	s.runs.at(wait, next)
}

// span turns a fault on for a while, some times.
func (s *storm) span(most int, name string, turn func(on bool)) {
	for range s.IntN(most + 1) {
		from := s.moment()
		to := min(from+s.between(time.Second, pick(s, time.Minute, time.Hour, 12*time.Hour)), from.Truncate(day)+stormyPart)
		s.at(from, name, func() { turn(true) })
		s.at(to, "no more "+name, func() { turn(false) })
	}
}

// faults are those that every workflow may meet.
func (s *storm) faults() {
	r := s.runs
	s.span(2, "the ledger is unavailable", r.ledger.setAway)
	s.span(1, "the desk is down", r.desk.Down)
	s.span(1, "the desk refuses the credentials", r.desk.RefuseCredentials)
	s.span(1, "the desk's search lags", r.desk.SearchLags)
	s.span(2, "the target is down", r.target.Down)
	s.span(1, "the target refuses the credentials", r.target.RefuseCredentials)
	for _, queue := range []string{workflows.DeskQueue("jira"), workflows.TargetQueue("directory")} {
		s.span(1, "no worker of "+queue, func(on bool) {
			if on {
				r.server.removeWorker(queue)
				return
			}
			r.server.addWorker(queue)
		})
		s.span(1, "slow worker of "+queue, func(on bool) { r.server.slowDown(queue, map[bool]time.Duration{true: 17 * time.Second}[on]) })
	}
	s.span(1, "the usher queue is slow", func(on bool) {
		r.server.slowDown(workflows.TaskQueue, map[bool]time.Duration{true: 2 * time.Second}[on])
	})
	for range s.IntN(4) {
		s.at(s.moment(), "the run has grown long", r.growsLong)
	}
}

// quiet ends every fault.
func (s *storm) quiet() {
	r := s.runs
	s.at(stormLasts, "everything is up", func() {
		r.ledger.setAway(false)
		r.desk.Down(false)
		r.desk.RefuseCredentials(false)
		r.desk.SearchLags(false)
		r.target.Down(false)
		r.target.RefuseCredentials(false)
		r.source.Down(false)
		for _, queue := range stormQueues() {
			r.server.addWorker(queue)
			r.server.slowDown(queue, 0)
		}
	})
}

// stormQueues are the queues whose workers make trouble.
func stormQueues() []string {
	return []string{workflows.TaskQueue, workflows.DeskQueue("jira"), workflows.TargetQueue("directory")}
}
