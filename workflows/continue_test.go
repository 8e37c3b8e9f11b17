package workflows_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scenario is a story of one workflow. begin joins a world to the chain, schedules what happens in it, and returns what
// starts.
type scenario struct {
	name   string
	begin  func(c *chain) story
	ledger []byte
}

// story is a workflow to start, and what its end state has besides the world's.
type story struct {
	workflow string
	params   any
	more     func(s *endState)
}

// Points that are no question: no run is told to continue as new, or every run is, whenever it asks.
const (
	undisturbed = -1
	everyRun    = 0
)

// pointsAtMost is how many points of a scenario are run, unless FULL is set.
const pointsAtMost = 150

// lateAtMost is how much later than undisturbed a scenario may end: by the longest wait between two attempts. A message that
// is lost, and made good when it is repeated an hour later, is a violation.
const lateAtMost = 20 * time.Minute

// violationsShown is how many violations of a scenario are told one by one.
const violationsShown = 6

// tally counts what the whole test did.
type tally struct {
	random                                  *rand.Rand
	scenarios, points, everyRun, violations int
}

// TestContinueAsNew runs each scenario undisturbed, and then with the run told to continue as new at its k-th question, for
// every k, and at every question of every run. What it comes to must be the same. Under the race detector, which makes it ten
// times slower, only the latter is run.
func TestContinueAsNew(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("CONTINUE_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CONTINUE_SEED=%d takes the same sample of the longer scenarios again, FULL=1 runs all points", seed)
	count := tally{random: rand.New(rand.NewPCG(seed, 0))}
	ledger := emptyLedger(t)
	for _, s := range allScenarios() {
		s.ledger = ledger
		t.Run(s.name, func(t *testing.T) { s.everywhere(t, &count) })
	}
	t.Logf("continuations: scenarios %d, points %d, in every run %d, violations %d",
		count.scenarios, count.points, count.everyRun, count.violations)
}

func allScenarios() []scenario {
	return slices.Concat(
		approvalScenarios(), deskApprovalScenarios(), stopScenarios(), manualScenarios(), ticketScenarios(), outageScenarios(),
		operatorOneTaskScenarios(), oneTaskScenarios(), deskScenarios(),
		leaseScenarios(), troubledLeaseScenarios(), leaverScenarios(), revocationScenarios(), pauseScenarios(), removalScenarios(), watchScenarios(), peopleScenarios(), incidentScenarios(),
	)
}

// everywhere runs a scenario at its points.
func (s scenario) everywhere(t *testing.T, count *tally) {
	undisturbed := s.play(t, undisturbed, time.Time{})
	require.Empty(t, undisturbed.problem, "undisturbed")
	require.Positive(t, undisturbed.questions, "undisturbed, it must ask")
	count.scenarios++
	if !raceDetector {
		t.Run("at each question", func(t *testing.T) { s.atEachQuestion(t, undisturbed, count) })
	}
	t.Run("in every run", func(t *testing.T) {
		problems := s.compare(t, undisturbed, []int{everyRun})
		count.everyRun, count.violations = count.everyRun+1, count.violations+len(problems)
		if problem := problems[everyRun]; problem != "" {
			t.Error(problem)
		}
	})
}

// atEachQuestion runs a scenario at the points that are questions.
func (s scenario) atEachQuestion(t *testing.T, undisturbed played, count *tally) {
	points := s.points(undisturbed.questions, count.random)
	problems := s.compare(t, undisturbed, points)
	count.points, count.violations = count.points+len(points), count.violations+len(problems)
	for n, k := range slices.Sorted(maps.Keys(problems)) {
		if n == violationsShown {
			t.Errorf("and %d points more", len(problems)-n)
			break
		}
		t.Errorf("k=%d of %d: %s", k, undisturbed.questions, problems[k])
	}
}

// compare plays a scenario at some points, and returns what differs from the undisturbed play.
func (s scenario) compare(t *testing.T, undisturbed played, points []int) map[int]string {
	limit := undisturbed.ended.Add(lateAtMost)
	problems := map[int]string{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for k := range next {
				got := s.play(t, k, limit)
				if got.problem == "" {
					got.problem = got.state.against(undisturbed.state)
				}
				if got.problem != "" {
					mu.Lock()
					problems[k] = got.problem
					mu.Unlock()
				}
			}
		})
	}
	for _, k := range points {
		next <- k
	}
	close(next)
	wait.Wait()
	return problems
}

// points are the points to run: all that there are, or the first, the last and a sample of the others.
func (s scenario) points(questions int, random *rand.Rand) []int {
	var points []int
	all := make([]int, questions)
	for i := range all {
		all[i] = i + 1
	}
	if questions > pointsAtMost && os.Getenv("FULL") == "" {
		const edge = 10
		points = append(points, all[:edge]...)
		points = append(points, all[len(all)-edge:]...)
		all = all[edge : len(all)-edge]
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:pointsAtMost-2*edge]
	}
	return append(points, all...)
}

// played is what a scenario came to at one point.
type played struct {
	state     endState
	problem   string
	questions int
	ended     time.Time
}

// play runs a scenario once. k is the question from which on its run is told to continue as new, undisturbed or everyRun.
func (s scenario) play(t testing.TB, k int, until time.Time) played {
	return s.playWith(t, "k"+strconv.Itoa(k), func(question int) bool { return k == everyRun || question == k }, until)
}

// playWith runs a scenario once, in a folder of that name.
func (s scenario) playWith(t testing.TB, name string, suggested func(question int) bool, until time.Time) (got played) {
	p := newPoint(t, name, s.ledger)
	c := newChain(p, suggested)
	c.until = until
	defer func() {
		if panicked := recover(); panicked != nil && panicked != any(pointFailed{}) {
			got.problem = fmt.Sprint(panicked)
		}
		if failures := p.close(); len(failures) > 0 {
			got.problem = strings.Join(failures, "; ")
		}
	}()
	story := s.begin(c)
	end := c.execute(story.workflow, story.params)
	got.questions, got.ended = c.questions, c.w.env.Now()
	if why := broken(""); errors.As(end, &why) {
		got.problem = string(why)
		return got
	}
	got.state = stateOf(c, end)
	if story.more != nil {
		story.more(&got.state)
	}
	return got
}
