package e2e_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// system is a stack under test and the people who use it. Its methods give errors, so that rows can run side by side.
type system struct {
	*stack.Client
	*directory
	stack    *stack.Stack
	jira     *desk
	temporal client.Client
	log      *log
}

// log is what the stack says, kept for a failure.
type log struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

// built is how the one build of this run went.
var built struct {
	once sync.Once
	err  error
}

// build brings the programs up to date, once for all tests of this run.
func build(t *testing.T) {
	t.Helper()
	built.once.Do(func() { built.err = stack.Build(t.Context(), stack.Options{Dir: t.TempDir(), Log: os.Stderr}) })
	require.NoError(t, built.err)
}

// startWithin is how long a whole system may take to come up on a machine that has other things to do.
const startWithin = 3 * time.Minute

// settings are what a system may have besides.
type settings struct {
	workerEnv, starterEnv, temporalArgs, simulatorArgs []string
	// targets are systems beside the directory.
	targets map[access.TargetName]string
	// desk is which desk there is; "" is Jira.
	desk stack.DeskKind
	// moreDesks are desks beside the simulator's: the YAML of each one's section, in one line.
	moreDesks map[access.DeskName]string
	// moreSources are identity sources beside the directory: the YAML of each one's section, in one line.
	moreSources map[access.SourceName]string
	// staff is true when the users of the desk follow a file: see stack.Options.
	staff bool
	// groups is true when groups of the desk follow it too.
	groups bool
	// noIntake is true when tickets of people are not to become requests.
	noIntake bool
	// catalog is what can be asked for besides, as YAML.
	catalog string
}

// start starts a system in a folder of its own.
func start(t *testing.T, more settings) *system {
	t.Helper()
	dir, err := os.MkdirTemp("", "usher-e2e-")
	require.NoError(t, err)
	t.Cleanup(func() {
		if !t.Failed() {
			require.NoError(t, os.RemoveAll(dir))
		}
	})
	return startIn(t, dir, more)
}

func startIn(t *testing.T, dir string, more settings) *system {
	t.Helper()
	build(t)
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	said := &log{}
	kind := strings.ToUpper(string(cmp.Or(more.desk, stack.Jira)))
	if kind == "JIRA" {
		// Events that nobody asked for come as well.
		more.simulatorArgs = append([]string{"-webhook-events="}, more.simulatorArgs...)
	}
	up, err := stack.Start(ctx, stack.Options{
		Desk: more.desk,
		Dir:  dir, Built: true, Headless: true, Catalog: catalog() + more.catalog, Log: said, TemporalArgs: more.temporalArgs,
		SimulatorArgs: more.simulatorArgs, StarterEnv: more.starterEnv, Targets: more.targets, MoreDesks: more.moreDesks, MoreSources: more.moreSources, NoIntake: more.noIntake, Staff: more.staff, Groups: more.groups,
		// A call that is held must not run into its time-out before everything is in its place.
		WorkerEnv: append([]string{
			"USHER_DESKS_" + kind + "_POLL_INITIAL_INTERVAL=1s", "USHER_DESKS_" + kind + "_POLL_MAX_INTERVAL=3s",
			"USHER_DESKS_" + kind + "_" + kind + "_REQUEST_TIMEOUT=25s", "USHER_TARGETS_DIRECTORY_SCIM_REQUEST_TIMEOUT=25s",
			"USHER_SOURCES_DIRECTORY_SCIM_REQUEST_TIMEOUT=25s",
		}, more.workerEnv...),
	})
	require.NoError(t, err)
	s := &system{
		Client: up.Client(), stack: up, log: said,
		directory: &directory{url: up.URLs().DirectoryAPI}, jira: &desk{url: up.URLs().Desk},
	}
	s.temporal, err = client.Dial(client.Options{HostPort: up.URLs().TemporalAddress, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() {
		s.temporal.Close()
		require.NoError(t, up.Stop(context.WithoutCancel(t.Context())))
		if t.Failed() {
			s.tell(t)
		}
	})
	return s
}

// statuses are what the desk calls the statuses of the rows, which are those of the fake Jira.
func (s *system) statuses() map[string]string {
	own := s.Statuses()
	return map[string]string{
		statusWaiting: own.Waiting, statusApproved: own.Approved, statusDenied: own.Denied,
		statusWorking: own.Working, statusDone: own.Done, statusWontDo: own.WontDo,
	}
}

// TransitionTicket moves a ticket as a person does, by the rows' name of the status.
func (s *system) TransitionTicket(ctx context.Context, as access.PersonID, key access.TicketKey, status string) error {
	return s.Client.TransitionTicket(ctx, as, key, cmp.Or(s.statuses()[status], status))
}

// TicketsOf are the tickets of a request, with the rows' names of their statuses.
func (s *system) TicketsOf(ctx context.Context, id access.RequestID) ([]stack.Ticket, error) {
	tickets, err := s.Client.TicketsOf(ctx, id)
	return s.named(tickets), err
}

// Tickets are all tickets, with the rows' names of their statuses.
func (s *system) Tickets(ctx context.Context) ([]stack.Ticket, error) {
	tickets, err := s.Client.Tickets(ctx)
	return s.named(tickets), err
}

func (s *system) named(tickets []stack.Ticket) []stack.Ticket {
	names := map[string]string{}
	for name, own := range s.statuses() {
		names[own] = name
	}
	for i, ticket := range tickets {
		tickets[i].Status = cmp.Or(names[ticket.Status], ticket.Status)
	}
	return tickets
}

// tell shows what happened, and says where the logs are.
func (s *system) tell(t *testing.T) {
	t.Logf("the stack said:\n%s", s.log.text)
	t.Logf("its folder stays: %s; the end of the worker's log:\n%s", s.stack.Dir(), stack.Tail(s.stack.Log("worker")))
}

// rowWithin is how long a row may take to its end: the longest way leads over an activity's time-out and a round's
// pause.
const rowWithin = 150 * time.Second

// each does something for every one of many at once, and gives all errors.
func each[T any](all []T, do func(T) error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, one := range all {
		wg.Go(func() { errs[i] = do(one) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// repeated makes a call until it is answered: what the API could not say is asked again, as every client may.
func repeated(ctx context.Context, call func(context.Context) error) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		err := call(ctx)
		status := stack.StatusOf(err)
		if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
			return stack.Stop(err)
		}
		return err
	})
}

// owners are the people who own the application "many": as many as shall decide at once.
const owners = 20

// ownerID is the id that the directory gives to the n-th person who is hired, from 1 on.
func ownerID(n int) access.PersonID { return access.PersonID(fmt.Sprintf("user-%d", n)) }

// catalog is what can be asked for here.
func catalog() string {
	list := ""
	for n := range owners {
		list += string(ownerID(n+1)) + ", "
	}
	return `applications:
  - id: wiki
    name: Wiki
    owners: [omar]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-editors, stages: [manager]}
      - {role: admin, title: Wiki administrator, fulfilment: scim, target: directory, target_role: wiki-admins, stages: [manager, owner]}
  - id: badge
    name: Badge office
    owners: [omar]
    entitlements:
      - {role: lab, title: Badge for the laboratory, fulfilment: manual, stages: [owner]}
  - id: many
    name: A team with many owners
    owners: [` + list + `omar]
    entitlements:
      - {role: guest, title: Guest of the team, fulfilment: scim, target: directory, target_role: vpn-users, stages: [owner]}
`
}

// groupOf is the group in which the directory shows an entitlement; "" for one that it does not know.
func groupOf(e access.EntitlementID) string {
	if own, found := strings.CutPrefix(string(e), ownApplication+"/"); found {
		return own
	}
	return map[access.EntitlementID]string{"wiki/editor": "wiki-editors", "wiki/admin": "wiki-admins", "many/guest": "vpn-users"}[e]
}

// historiesDir is where package workflows finds what it replays.
func historiesDir(root string) string {
	return filepath.Join(root, "workflows", "testdata", "histories")
}
