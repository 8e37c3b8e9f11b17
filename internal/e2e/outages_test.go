package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/devstack/stack"
	"usher/internal/ledger/ledgertest"
)

// outage is a row that lives through a time in which something is away.
type outage struct {
	row
	// before is what is done before it, during while it lasts, and after when it is over; nil for nothing.
	before, during, after func(context.Context, *row) error
	// proof looks at the end at what the table does not show.
	proof func(context.Context, *row) error
}

// away lets rows live through an outage that begins and ends with these functions, and prints the table.
func (s *system) away(ctx context.Context, t *testing.T, all []*outage, begin, end func() error) {
	t.Helper()
	rows := make([]*row, len(all))
	for n, o := range all {
		require.NoError(t, o.on(ctx, s, fmt.Sprintf("away-%d", n+1)))
		rows[n] = &o.row
	}
	step := func(pick func(*outage) func(context.Context, *row) error) {
		t.Helper()
		require.NoError(t, each(all, func(o *outage) error {
			do := pick(o)
			if do == nil {
				return nil
			}
			if err := do(ctx, &o.row); err != nil {
				return fmt.Errorf("%s (request %s): %w", o.name, o.id, err)
			}
			return nil
		}))
	}
	step(func(o *outage) func(context.Context, *row) error { return o.before })
	began := time.Now()
	require.NoError(t, begin())
	step(func(o *outage) func(context.Context, *row) error { return o.during })
	require.NoError(t, end())
	lasted := time.Since(began).Round(time.Second)
	step(func(o *outage) func(context.Context, *row) error { return o.after })
	step(func(*outage) func(context.Context, *row) error {
		return func(ctx context.Context, r *row) error { return r.ends(ctx) }
	})
	t.Logf("%d requests ended after %s, %s of which were an outage", len(all), time.Since(began).Round(time.Second), lasted)
	step(func(o *outage) func(context.Context, *row) error { return o.proof })
	table(ctx, t, rows)
}

// inTurn does one step after the other, up to the first error.
func inTurn(steps ...func(context.Context, *row) error) func(context.Context, *row) error {
	return inOrder(steps...)
}

func submits(ctx context.Context, r *row) error { return r.submit(ctx) }

func decides(by access.PersonID, v access.Verdict) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error { return r.decide(ctx, by, v) }
}

func becomes(state access.RequestState) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error { return r.state(ctx, state) }
}

func takesBack(ctx context.Context, r *row) error {
	return repeated(ctx, func(ctx context.Context) error {
		_, err := r.Withdraw(ctx, r.who, r.id, "not needed any more")
		return err
	})
}

// member waits until the directory shows the row's person in the group of what is asked, or not.
func member(is bool) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error {
		return stack.Poll(ctx, func(ctx context.Context) error {
			members, err := r.Members(ctx, groupOf(r.ask))
			if err == nil && slices.Contains(members, r.who) != is {
				err = fmt.Errorf("%s is a member of %s: %t, expected %t", r.who, groupOf(r.ask), !is, is)
			}
			return err
		})
	}
}

// noTicket sees to it that the desk has no ticket of the row.
func noTicket(ctx context.Context, r *row) error {
	tickets, err := r.TicketsOf(ctx, r.id)
	if err == nil && len(tickets) > 0 {
		err = fmt.Errorf("a desk that is away has %d tickets of %s", len(tickets), r.id)
	}
	return err
}

// commented sees to it that usher's comments say these things, each once and in this order, and that there are no more
// comments than things.
func commented(parts ...string) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error {
		ticket, err := r.ticket(ctx)
		if err != nil {
			return err
		}
		said := []string{}
		for _, c := range ticket.Comments {
			said = append(said, c.Body)
		}
		all := strings.Join(said, "\n\n")
		fits, from := len(said) <= len(parts), 0
		for _, part := range parts {
			at := strings.Index(all, part)
			fits = fits && at >= from && strings.Count(all, part) == 1
			from = at
		}
		if !fits {
			return fmt.Errorf("ticket %s has the comments %q, expected %q", ticket.Key, said, parts)
		}
		return nil
	}
}

// outageTerms let the watch look often, and ask nothing else of the desk.
func outageTerms(more ...string) settings {
	return settings{workerEnv: append([]string{
		"USHER_DESKS_JIRA_WATCH_INTERVAL=1s", "USHER_DESKS_JIRA_WATCH_OVERLAP=1m", "USHER_DESKS_JIRA_WATCH_FULL_SCAN_INTERVAL=1h",
		"USHER_DESKS_JIRA_WATCH_STALE_AFTER=10m", "USHER_DESKS_JIRA_WATCH_STALENESS_CHECK_INTERVAL=1h",
	}, more...)}
}

func deskOutages() []*outage {
	name := func(what string) string { return "desk down: " + what }
	const approvedByMia, approvedByOmar, over = "Mia Moreau approved", "Omar Osman approved", "The request has ended: "
	return []*outage{
		{
			row:    row{name: name("asked, approved and granted without a ticket"), ask: "wiki/editor", want: granted},
			during: inTurn(submits, decides("mia", access.Approve), becomes(access.OutcomeGranted), member(true), noTicket),
			proof:  commented(approvedByMia, over+"granted"),
		},
		{
			row:    row{name: name("asked, approved twice and granted without a ticket"), ask: "wiki/admin", want: granted},
			during: inTurn(submits, decides("mia", access.Approve), decides("omar", access.Approve), becomes(access.OutcomeGranted), noTicket),
			proof:  commented(approvedByMia, approvedByOmar, over+"granted"),
		},
		{
			row:    row{name: name("asked and denied without a ticket"), ask: "wiki/editor", want: denied},
			during: inTurn(submits, decides("mia", access.Deny), becomes(access.OutcomeDenied), noTicket),
			proof:  commented("Mia Moreau denied", over+"denied"),
		},
		{
			row:    row{name: name("asked and withdrawn without a ticket"), ask: "wiki/editor", want: withdrawn},
			during: inTurn(submits, takesBack, becomes(access.OutcomeWithdrawn), noTicket),
			proof:  commented(over + "withdrawn"),
		},
		{
			row:    row{name: name("approved and granted behind the ticket's back"), ask: "wiki/editor", want: granted},
			before: opensRow, during: inTurn(decides("mia", access.Approve), becomes(access.OutcomeGranted), ticketIs(statusWaiting)),
			proof: commented(approvedByMia, over+"granted"),
		},
		{
			row:    row{name: name("a lease ends"), ask: "wiki/editor", lasts: "20s", want: gone},
			before: inTurn(opensRow, decides("mia", access.Approve), becomes(access.OutcomeGranted), member(true)),
			during: member(false),
		},
		{
			row:    row{name: name("asked without a ticket, approved by moving the card later"), ask: "wiki/editor", want: granted},
			during: inTurn(submits, noTicket), after: inTurn(opensRow, cardMoves("mia", statusApproved)),
		},
		{
			row:    row{name: name("a card is moved when it is back"), ask: "wiki/editor", want: granted},
			before: opensRow, after: cardMoves("mia", statusApproved),
		},
	}
}

func opensRow(ctx context.Context, r *row) error { return r.open(ctx) }

func cardMoves(by access.PersonID, to string) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error { return r.move(ctx, by, to) }
}

// ticketIs sees to it that the ticket is in a status now.
func ticketIs(status string) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error {
		ticket, err := r.ticket(ctx)
		if err == nil && ticket.Status != status {
			err = fmt.Errorf("ticket %s is in %q, expected %q", ticket.Key, ticket.Status, status)
		}
		return err
	}
}

// TestDeskDown takes the desk away while requests are asked, decided and granted and a lease ends. Webhooks are lost, so
// that only the watch can find what happens afterwards.
func TestDeskDown(t *testing.T) {
	t.Parallel()
	s := start(t, outageTerms())
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	s.away(ctx, t, deskOutages(),
		func() error {
			return s.misfire(ctx, jiratest.Faults{Faults: fakewire.Faults{Down: true}, HookFaults: desktest.HookFaults{LoseWebhooks: -1}})
		},
		func() error {
			return s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}})
		})
}

// withoutLeftovers is the end of a request that was taken back while its grant could not be made: the ledger knows a lease
// that ended, and nobody was ever a member.
func withoutLeftovers(ctx context.Context, r *row) error {
	changes, err := r.Changes(ctx)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.User == r.who {
			return fmt.Errorf("the directory was changed for %s: %+v", r.who, c)
		}
	}
	return nil
}

func targetOutages() []*outage {
	name := func(what string) string { return "target down: " + what }
	troubled := func(ctx context.Context, r *row) error {
		return r.until(ctx, func(d stack.Detail) error {
			if d.State != access.StateFulfilling || len(d.Items) != 1 || !strings.Contains(d.Items[0].Detail, "refused") {
				return fmt.Errorf("it is %s and says %q, expected it to be fulfilling and to say that the target refuses", d.State, d.StatusText)
			}
			return nil
		})
	}
	return []*outage{
		{
			row:    row{name: name("a grant waits and comes"), ask: "wiki/editor", want: granted},
			before: opensRow, during: inTurn(decides("mia", access.Approve), troubled, member(false)),
		},
		{
			row:    row{name: name("asked meanwhile, granted when it is back"), ask: "wiki/admin", want: granted},
			during: inTurn(opensRow, decides("mia", access.Approve), decides("omar", access.Approve), troubled, member(false)),
		},
		{
			row:    row{name: name("a revoke does not give up"), ask: "wiki/editor", lasts: "6s", want: gone},
			before: inTurn(opensRow, decides("mia", access.Approve), becomes(access.OutcomeGranted)),
			during: inTurn(leaseIn(access.LeaseRevoking), member(true)),
		},
		{
			row:    row{name: name("denied meanwhile leaves nothing"), ask: "wiki/editor", want: denied},
			before: opensRow, during: inTurn(decides("mia", access.Deny), becomes(access.OutcomeDenied)), proof: withoutLeftovers,
		},
		{
			row:    row{name: name("another target grants meanwhile"), ask: "plant/press", want: granted},
			during: inTurn(opensRow, decides("mia", access.Approve), becomes(access.OutcomeGranted)),
		},
	}
}

// leaseIn waits until the row's lease is in a state.
func leaseIn(state access.LeaseState) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error {
		return stack.Poll(ctx, func(ctx context.Context) error {
			leases, err := r.Leases(ctx, stack.Auditor, r.who)
			for _, l := range leases {
				if l.Lease.Request == r.id && l.State == state {
					return nil
				}
			}
			return errors.Join(err, fmt.Errorf("no lease of %s is %s: %+v", r.id, state, leases))
		})
	}
}

// TestTargetDown takes the directory away as a target, and not as the source of people: first it refuses connections, then
// it answers 503. Another target stays.
func TestTargetDown(t *testing.T) {
	t.Parallel()
	door := newDoor(t)
	plant := newPlant(t)
	more := outageTerms("USHER_TARGETS_DIRECTORY_SCIM_BASE_URL=" + door.url())
	more.targets = map[access.TargetName]string{"plant": plant.url}
	more.catalog = plantCatalog
	s := start(t, more)
	door.leadsTo(s.directory.url)
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	rows := targetOutages()
	plants := rows[len(rows)-1]
	plants.before = func(_ context.Context, r *row) error { return plant.admit(r.who) }
	plants.proof = func(_ context.Context, r *row) error { return plant.shows(r.who) }
	taken := takenBack()
	require.NoError(t, taken.on(ctx, s, "taken-back"))
	s.away(ctx, t, rows, func() error {
		if err := taken.open(ctx); err != nil {
			return err
		}
		if err := door.refuse(); err != nil {
			return err
		}
		return inTurn(decides("mia", access.Approve), becomes(access.StateFulfilling), takesBack, becomes(access.OutcomeWithdrawn))(ctx, taken)
	}, func() error {
		door.fails(true)
		if err := errors.Join(door.listen(), door.failedOnce(ctx)); err != nil {
			return err
		}
		door.fails(false)
		return nil
	})
	require.NoError(t, taken.status(ctx, statusWontDo))
	require.NoError(t, leaseIn(access.LeaseEnded)(ctx, taken), "what was taken back is looked after until it is proved gone")
	require.NoError(t, withoutLeftovers(ctx, taken))
	e, err := taken.gather(ctx)
	require.NoError(t, err)
	taken.found = taken.count(e)
	require.Equal(t, finding{tickets: 1}, taken.found)
	t.Logf("row %s  %s", taken.name, taken.found)
}

// takenBack is withdrawn while its grant cannot be made. Its lease stays in the ledger, as one that has ended.
func takenBack() *row {
	return &row{name: "target down: withdrawn meanwhile leaves nothing", ask: "wiki/editor", want: withdrawn}
}

func ledgerOutages(how string) []*outage {
	name := func(what string) string { return "ledger " + how + ": " + what }
	return []*outage{
		{
			row:    row{name: name("approved over HTTP"), ask: "wiki/editor", want: granted},
			before: opensRow, during: answered("mia", access.Approve),
		},
		{
			row:    row{name: name("approved twice over HTTP"), ask: "wiki/admin", want: granted},
			before: opensRow, during: inTurn(answered("mia", access.Approve), answered("omar", access.Approve)),
		},
		{
			row:    row{name: name("denied over HTTP"), ask: "wiki/editor", want: denied},
			before: opensRow, during: answered("mia", access.Deny),
		},
		{
			row:    row{name: name("withdrawn over HTTP"), ask: "wiki/editor", want: withdrawn},
			before: opensRow, during: func(ctx context.Context, r *row) error {
				_, err := r.Withdraw(ctx, r.who, r.id, "not needed any more")
				return err
			},
		},
		{
			row:    row{name: name("approved by moving the card"), ask: "wiki/editor", want: granted},
			before: opensRow, during: cardMoves("mia", statusApproved),
		},
		{
			row:    row{name: name("asked and approved meanwhile"), ask: "wiki/editor", want: granted},
			during: inTurn(submits, answered("mia", access.Approve)),
		},
		{
			row:    row{name: name("a lease ends"), ask: "wiki/editor", lasts: "8s", want: gone},
			before: inTurn(opensRow, decides("mia", access.Approve), becomes(access.OutcomeGranted)),
		},
	}
}

// answered is a decision that is sent once and answered: the approver need not come back.
func answered(by access.PersonID, v access.Verdict) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error {
		view, err := r.Decide(ctx, by, r.id, stack.Verdict{ID: "row-" + string(by), Verdict: v})
		if err == nil && !slices.ContainsFunc(view.Decisions, func(d access.Decision) bool { return d.By == by }) {
			err = fmt.Errorf("the answer does not show the decision: %+v", view)
		}
		return err
	}
}

// ledgerAwayFor is how long the ledger stays away after the decisions: with a ledger, a grant takes less than a second.
const ledgerAwayFor = 12 * time.Second

// TestLedgerDown stops the PostgreSQL server of the ledger while people decide.
func TestLedgerDown(t *testing.T) {
	t.Parallel()
	withoutLedger(t, "down", (*ledgertest.Server).Stop, func(s *ledgertest.Server) error { return s.StartAgain(t) })
}

// TestLedgerHangs has it take calls and answer none.
func TestLedgerHangs(t *testing.T) {
	t.Parallel()
	withoutLedger(t, "hangs", (*ledgertest.Server).Freeze, (*ledgertest.Server).Thaw)
}

func withoutLedger(t *testing.T, how string, begin, end func(*ledgertest.Server) error) {
	server := ledgertest.StartServer(t)
	database := "USHER_LEDGER_URL=" + ledgertest.CreateDatabase(t, server.URL())
	more := outageTerms(database)
	more.starterEnv = []string{database}
	s := start(t, more)
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	var back time.Time
	rows := ledgerOutages(how)
	for _, o := range rows {
		if o.want.outcome == access.OutcomeGranted && !o.want.ended {
			// The directory's own clock says that nothing was granted before the decision could be recorded.
			o.proof = func(ctx context.Context, r *row) error { return grantedAfter(ctx, r, back) }
		}
	}
	s.away(ctx, t, rows, func() error { return begin(server) }, func() error {
		if err := passes(ctx, ledgerAwayFor); err != nil {
			return err
		}
		back = time.Now()
		return end(server)
	})
}

// grantedAfter sees to it that the directory was changed for the row's person, and never before a moment.
func grantedAfter(ctx context.Context, r *row, moment time.Time) error {
	changes, err := r.Changes(ctx)
	if err != nil {
		return err
	}
	some := false
	for _, c := range changes {
		if c.User != r.who {
			continue
		}
		some = true
		if c.At.Before(moment) {
			return fmt.Errorf("%s at %s, while the ledger was away until %s", c.Kind, c.At, moment)
		}
	}
	if !some {
		return errors.New("nothing was granted")
	}
	return nil
}

// passes waits for time itself to pass, where nothing may happen meanwhile that could be waited for.
func passes(ctx context.Context, long time.Duration) error {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
