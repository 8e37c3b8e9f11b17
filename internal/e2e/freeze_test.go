package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/ledger/ledgertest"
)

const (
	// freezeRows is the size of the sample of each round.
	freezeRows = 10
	// ownApplication has entitlements with a group of their own, so that the calls of a row are told from those of others.
	ownApplication = "frozen"
	// coreOnly is the configuration of a worker that serves workflows, and no desk and no target.
	coreOnly = "serve: {workflows: true, desks: [], targets: [], sources: [directory]}\n"
	// frozenPollers is how many activities of a queue a worker can get while it is frozen.
	frozenPollers = 40
	// freezeWithin is how long all of a round may take.
	freezeWithin = 5 * time.Minute
)

// freezeRound is one way to freeze a worker, with the rows that are played in it side by side.
type freezeRound struct {
	name string
	play func(*freeze, context.Context, *testing.T)
	rows []*frozenRow
	// postgres has the ledger on a PostgreSQL server, where a transaction can be held up.
	postgres bool
}

// TestFreeze freezes a worker past the time-out of an activity that writes, so that another worker does it, and thaws it: in
// the middle of each call that the activity makes, and before it gets the activity at all. What the thawed worker does
// then must do no harm.
func TestFreeze(t *testing.T) {
	build(t)
	from := drawing(t)
	rounds := freezeRounds()
	t.Run("play", func(t *testing.T) {
		for _, round := range rounds {
			if round.rows = only(t, round.name, sample(from, round.rows, freezeRows)); len(round.rows) > 0 {
				t.Run(round.name, func(t *testing.T) {
					t.Parallel()
					startFreeze(t, round)
				})
			}
		}
	})
	total := &sweep{name: "freezes"}
	for _, round := range rounds {
		if len(round.rows) > 0 {
			report(t, total, round.name, round.rows)
		}
	}
	total.total(t)
}

// freezeRounds are the rounds with all of their rows.
func freezeRounds() []*freezeRound {
	middle := &freezeRound{name: "in_the_middle", play: (*freeze).inTheMiddle}
	late := &freezeRound{name: "gets_it_late", play: (*freeze).getsItLate}
	end := &freezeRound{name: "after_the_end", play: (*freeze).afterTheEnd}
	for _, kind := range frozenKinds() {
		for i := range kind.calls {
			middle.add(kind, &kind.calls[i])
			switch kind.activity {
			case "OpenTicket":
				// It is not repeated before the desk's search can be believed.
				end.add(kind, &kind.calls[i])
			default:
				late.add(kind, &kind.calls[i])
			}
		}
		if kind.activity != "OpenTicket" {
			end.add(kind, nil)
		}
	}
	records := &freezeRound{name: "records_late", play: (*freeze).recordsLate}
	recording := &freezeRound{name: "records_in_the_middle", play: (*freeze).recordsInTheMiddle, postgres: true}
	for _, kind := range recordKinds() {
		records.add(kind, nil)
		recording.add(kind, nil)
	}
	return []*freezeRound{middle, late, end, records, recording}
}

// add adds a row. A reopened ticket is looked at first, by another activity, which would come late instead.
func (f *freezeRound) add(kind *frozenKind, call *frozenCall) {
	if kind.name == "reopened_ticket" && f.name != "in_the_middle" {
		return
	}
	r := &frozenRow{kind: kind, call: call}
	r.name, r.ask, r.lasts, r.want = kind.name, kind.ask, kind.lasts, kind.want
	if r.ask == "" {
		r.ask = access.EntitlementID(fmt.Sprintf("%s/own-%d", ownApplication, len(f.rows)+1))
	}
	if call != nil {
		r.name += "/" + call.name
	}
	f.rows = append(f.rows, r)
}

// freezeSettings leave everything alone that a row does not do itself. The desk's search delay is longer than a call.
func freezeSettings() settings {
	var own strings.Builder
	fmt.Fprintf(&own, "  - id: %s\n    name: Own\n    owners: [omar]\n    entitlements:\n", ownApplication)
	for n := range frozenPollers {
		fmt.Fprintf(&own, "      - {role: own-%d, title: Own %[1]d, fulfilment: scim, target: directory, target_role: own-%[1]d, stages: [manager]}\n", n+1)
	}
	return settings{catalog: own.String(), workerEnv: []string{
		"USHER_DESKS_JIRA_WATCH_INTERVAL=1h", "USHER_DESKS_JIRA_WATCH_OVERLAP=1m", "USHER_DESKS_JIRA_WATCH_FULL_SCAN_INTERVAL=2h",
		"USHER_DESKS_JIRA_WATCH_STALE_AFTER=2h", "USHER_DESKS_JIRA_WATCH_STALENESS_CHECK_INTERVAL=1h", "USHER_DESKS_JIRA_SEARCH_INDEX_DELAY=12s",
		"USHER_DESKS_JIRA_JIRA_REQUEST_TIMEOUT=10s", "USHER_TARGETS_DIRECTORY_SCIM_REQUEST_TIMEOUT=10s",
		"USHER_SOURCES_DIRECTORY_SCIM_REQUEST_TIMEOUT=10s",
	}}
}

// startFreeze plays a round on a system of its own.
func startFreeze(t *testing.T, round *freezeRound) {
	more, ledger := freezeSettings(), ""
	if round.postgres {
		ledger = ledgertest.CreateDatabase(t, ledgertest.StartServer(t).URL())
		more.starterEnv = []string{"USHER_LEDGER_URL=" + ledger}
		more.workerEnv = append(more.workerEnv, more.starterEnv...)
	}
	s := start(t, more)
	ctx, cancel := context.WithTimeout(t.Context(), freezeWithin)
	defer cancel()
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}}))
	for n, r := range round.rows {
		require.NoError(t, r.on(ctx, s, fmt.Sprintf("freeze-%d", n+1)))
		if strings.HasPrefix(string(r.ask), ownApplication+"/") {
			require.NoError(t, r.ownGroup(ctx))
		}
	}
	c, quit := s.follow(ctx)
	defer quit()
	f := &freeze{crowd: c, rows: round.rows, ledger: ledger}
	began := time.Now()
	f.all(ctx, "before the freeze", func(r *frozenRow) frozenStep { return r.kind.before })
	round.play(f, ctx, t)
	f.all(ctx, "after the thaw", func(r *frozenRow) frozenStep { return r.kind.after })
	side(f.rows, func(r *frozenRow) error { return r.ends(ctx, c) })
	t.Logf("%s: %d rows ended after %s", round.name, len(f.rows), time.Since(began).Round(time.Second))
	tellStories(ctx, f.rows)
}

// ownGroup makes the group that the row has for itself.
func (r *frozenRow) ownGroup(ctx context.Context) error {
	var made struct{ ID string }
	err := exchange(ctx, message{
		method: http.MethodPost, address: r.directory.url + "/scim/v2/Groups", token: simulatorToken, contentType: "application/scim+json",
		body: map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": groupOf(r.ask),
		},
		into: &made,
	})
	r.group = made.ID
	return err
}
