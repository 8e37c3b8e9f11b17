package workflows_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// message is a signal that a test sends. make does what a human or another workflow does first, and returns what is sent.
type message struct {
	kind string
	make func(w *world) (signal string, arg any)
}

// delivery is how two messages come to a workflow.
type delivery string

const (
	// apart: each in a task of its own. This is what the others are compared with.
	apart delivery = "apart"
	// together: both in one task.
	together delivery = "in one task"
	// leaving: both in the task in which the run is told to continue as new.
	leaving delivery = "in the task in which a run leaves"
	// behindOthers: like leaving, and each behind another of its kind that asks for nothing. It is compared with apartBehind.
	behindOthers delivery = "behind others in the task in which a run leaves"
	apartBehind  delivery = "apart behind others"
	// first: both before the first task of a run.
	first delivery = "before the first task of a run"
	// firstAndLast: both before the first task of a run that is told to continue as new at once.
	firstAndLast delivery = "before the first task of a run that leaves at once"
)

// situation is a state of a workflow in which messages come, and the messages that may come then.
type situation struct {
	name string
	// begin joins a world to the chain and brings the workflow into the state before messagesAt. It ends by itself later.
	begin    func(c *chain) story
	messages []message
	// others are messages that ask for nothing, by kind.
	others map[string]message
	// deliveries are those that the state allows.
	deliveries []delivery
}

// messagesAt is when the messages come, and finishAt when the test begins to bring the workflow to its end.
const (
	messagesAt = 61 * time.Minute
	finishAt   = 6 * time.Hour
)

// TestMessagesInOneTask delivers every pair of messages in one task, in each state. Both must have their effect, once, and
// no field of one may be in the other: it must come to the same as when each comes in a task of its own. Of two kinds, a
// workflow may read either first. Under the race detector they come in one task only.
func TestMessagesInOneTask(t *testing.T) {
	ledger := emptyLedger(t)
	for _, s := range slices.Concat(requestSituations(), leaseSituations()) {
		if raceDetector {
			s.deliveries = s.deliveries[:1]
		}
		t.Run(s.name, func(t *testing.T) {
			ends := s.playAll(t, ledger)
			for _, d := range s.deliveries {
				t.Run(string(d), func(t *testing.T) { s.judge(t, d, ends) })
			}
		})
	}
}

// pair are two messages of a situation, and how they come.
type pair struct {
	delivery delivery
	a, b     int
}

// raceShare is which share of the pairs is played under the race detector: it is there for what the world around a workflow shares,
// and the pairs share it alike.
const raceShare = 3

// pairs are all pairs of two different messages of one kind, and of the first messages of two kinds, in both orders.
func (s situation) pairs(d delivery) []pair {
	var pairs []pair
	firstOf := func(m int) bool {
		return m == slices.IndexFunc(s.messages, func(other message) bool { return other.kind == s.messages[m].kind })
	}
	for a := range s.messages {
		for b := range s.messages {
			sameKind := s.messages[a].kind == s.messages[b].kind
			if raceDetector && (a+b)%raceShare != 0 {
				continue
			}
			if a != b && (sameKind || firstOf(a) && firstOf(b)) {
				pairs = append(pairs, pair{d, a, b})
			}
		}
	}
	return pairs
}

// playAll plays every pair in every way.
func (s situation) playAll(t *testing.T, ledger []byte) map[pair]played {
	ends := map[pair]played{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	next := make(chan pair)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for p := range next {
				got := s.play(t, ledger, p)
				mu.Lock()
				ends[p] = got
				mu.Unlock()
			}
		})
	}
	for _, d := range append([]delivery{apart, apartBehind}, s.deliveries...) {
		for _, p := range s.pairs(d) {
			next <- p
		}
	}
	close(next)
	wait.Wait()
	return ends
}

// judge compares each pair with the same one apart, those of two kinds in one subtest.
func (s situation) judge(t *testing.T, d delivery, ends map[pair]played) {
	kinds := map[string][]pair{}
	for _, p := range s.pairs(d) {
		names := []string{s.messages[p.a].kind, s.messages[p.b].kind}
		slices.Sort(names)
		name := strings.Join(names, " and ")
		kinds[name] = append(kinds[name], p)
	}
	against := apart
	if d == behindOthers {
		against = apartBehind
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			for _, p := range kinds[name] {
				inOrder, swapped := ends[pair{against, p.a, p.b}], ends[pair{against, p.b, p.a}]
				require.Empty(t, inOrder.problem, "apart")
				got := ends[p]
				problem := got.problem
				if problem == "" {
					problem = got.state.against(inOrder.state)
				}
				if s.messages[p.a].kind != s.messages[p.b].kind && got.state.against(swapped.state) == "" {
					problem = ""
				}
				if problem != "" {
					t.Errorf("messages %d and %d: %s", p.a+1, p.b+1, problem)
				}
			}
		})
	}
}

// play brings the workflow into the state, delivers two messages and waits for its end.
func (s situation) play(t *testing.T, ledger []byte, p pair) played {
	var c *chain
	d := p.delivery
	leave := false
	suggested := func(int) bool { return leave && (c.runs == 1 || d == firstAndLast && c.runs == 2) }
	sc := scenario{name: s.name, ledger: ledger, begin: func(made *chain) story {
		c = made
		story := s.begin(c)
		send := func(m int) {
			kept := d == first || d == firstAndLast
			c.withNextTask = d == together || d == leaving || d == behindOthers
			if other, ok := s.others[s.messages[m].kind]; ok && (d == behindOthers || d == apartBehind) {
				c.signal(other.make(c.w))
			}
			if signal, arg := s.messages[m].make(c.w); kept {
				c.keep(signal, arg)
			} else {
				c.signal(signal, arg)
			}
			c.withNextTask = false
		}
		c.at(messagesAt, func() {
			leave = d != apart && d != apartBehind && d != together
			send(p.a)
			if d != apart && d != apartBehind {
				send(p.b)
			}
		})
		switch d {
		case apart, apartBehind:
			c.at(messagesAt+time.Second, func() { send(p.b) })
		case together:
			// What the test does at a time begins a task.
			c.at(messagesAt+time.Millisecond, func() {})
		case leaving, behindOthers, first, firstAndLast:
		}
		return story
	}}
	folder := fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(string(d), " ", "-"), p.a, p.b)
	return sc.playWith(t, folder, suggested, chainStart.Add(48*time.Hour))
}
