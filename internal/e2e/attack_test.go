package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// attack is a row in which somebody with a desk account, who is neither requester, approver nor named in fulfilled_by,
// tries to get access, or to stop others' requests.
type attack struct {
	row
	// plant is done before the request is made; nil for nothing.
	plant func(context.Context, *attack) error
	// opens makes the request; nil for one that the row's person makes with usher.
	opens func(context.Context, *attack) error
	// try is the attack itself, on the open ticket.
	try func(context.Context, *attack) error
	// evidence must hold afterwards, before anybody decides honestly.
	evidence func(context.Context, *attack) error
	// honest is what ends the request afterwards as the row wants.
	honest func(context.Context, *attack) error
	// needs is a text that people must be able to change on the desk; "" for none.
	needs text
	// planted is the attacker's own ticket, boss the head of a department.
	planted string
	boss    access.PersonID
	// hands are what people do on this desk with its own API.
	hands deskHands
}

// attacker is an employee with an account on the desk.
const attacker access.PersonID = "ben"

// edit changes what the row's ticket says, as a person does.
func (a *attack) edit(ctx context.Context, who access.PersonID, what text, says string) error {
	ticket, err := a.ticket(ctx)
	if err != nil {
		return err
	}
	return a.hands.edit(ctx, who, ticket.ID, what, says)
}

// plantApproved opens an ordinary ticket, which a manager approves for another purpose, and marks it as the ticket of a
// request that does not exist yet.
func plantApproved(ctx context.Context, a *attack) error {
	id, key, err := a.hands.open(ctx, attacker, "A new chair")
	if err != nil {
		return err
	}
	a.planted = id
	if err := a.TransitionTicket(ctx, "mia", access.TicketKey(key), statusApproved); err != nil {
		return err
	}
	return a.hands.mark(ctx, attacker, id, access.MarkerOf(a.id))
}

// ownTicket wants a ticket of usher's own, beside the one that was planted, and an undecided request.
func ownTicket(ctx context.Context, a *attack) error {
	detail, err := a.Show(ctx, stack.Auditor, a.id)
	switch {
	case err != nil:
		return err
	case detail.Ticket == nil || string(detail.Ticket.ID) == a.planted:
		return fmt.Errorf("the request's ticket is %+v, the planted one %s", detail.Ticket, a.planted)
	case detail.State != access.StateAwaitingApproval || len(detail.Decisions) > 0:
		return fmt.Errorf("the request is %s", detail.State)
	}
	return nil
}

// as is a move of the ticket by a person.
func as(who access.PersonID, status string) func(context.Context, *attack) error {
	return func(ctx context.Context, a *attack) error { return a.move(ctx, who, status) }
}

// refused waits until the audit trail says that a change of the ticket did not count, and why.
func refused(why string) func(context.Context, *attack) error {
	return func(ctx context.Context, a *attack) error {
		return a.until(ctx, func(d stack.Detail) error {
			if d.State.Ended() {
				return stack.Stop(fmt.Errorf("the request ended as %s", d.State))
			}
			for _, event := range d.Timeline {
				if event.Type == access.EventDecisionRefused && strings.Contains(event.Text, why) {
					return nil
				}
			}
			return fmt.Errorf("the audit trail does not say %q yet", why)
		})
	}
}

func approvesAll(ctx context.Context, a *attack) error { return a.approve(ctx) }

func inStatus(status string) func(context.Context, *attack) error {
	return func(ctx context.Context, a *attack) error { return a.status(ctx, status) }
}

// attacked is how a request ends that nobody approves in the end.
var attacked = ending{outcome: access.OutcomeDenied, status: statusWontDo}

func denies(by access.PersonID) func(context.Context, *attack) error {
	return func(ctx context.Context, a *attack) error { return a.decide(ctx, by, access.Deny) }
}

func rewrites(what text, says string) func(context.Context, *attack) error {
	return func(ctx context.Context, a *attack) error { return a.edit(ctx, attacker, what, says) }
}

// forged sends the starter an event of the desk whose signature is none. Where no webhook is configured there is none to forge.
func forged(ctx context.Context, a *attack) error {
	ticket, err := a.ticket(ctx)
	if err != nil {
		return err
	}
	status, want := 0, http.StatusUnauthorized
	urls := a.stack.URLs()
	if urls.DeskKind != stack.Jira {
		want = http.StatusNotFound
	}
	err = exchange(ctx, message{
		method: http.MethodPost, address: urls.API + "/v1/desks/" + string(urls.DeskKind) + "/webhook", status: &status,
		header: map[string]string{"X-Hub-Signature": "sha256=" + strings.Repeat("00", 32)},
		body: map[string]any{
			"webhookEvent": "jira:issue_updated", "issue": map[string]any{"id": ticket.ID},
			"changelog": map[string]any{"items": []any{map[string]any{"field": "status", "toString": statusApproved}}},
		},
	})
	if status != want {
		return fmt.Errorf("the forged webhook was answered with %d (%w)", status, errors.Join(err))
	}
	return nil
}

// hiredUnder hires a head of a department, whose address eve has in her own profile, and the row's person under that head.
func hiredUnder(ctx context.Context, a *attack) error {
	boss, err := a.employ(ctx, "boss", "zoe")
	if err == nil {
		a.boss = boss
		a.who, err = a.employ(ctx, "under-boss", boss)
	}
	return err
}

// bossDenies is the honest end of that request.
func bossDenies(ctx context.Context, a *attack) error { return a.decide(ctx, a.boss, access.Deny) }

// borrowedAddress is an attack that only Data Center makes possible: in Cloud nobody has another's address.
func borrowedAddress() *attack {
	return &attack{
		row: row{name: "a borrowed e-mail address", ask: "wiki/editor", want: attacked}, plant: hiredUnder,
		try: as("eve", statusApproved), evidence: refused("not an approver"), honest: bossDenies,
	}
}

// attacks are the rows of both editions.
func attacks() []*attack {
	made := func(name string, ask access.EntitlementID, want ending) row {
		return row{name: name, ask: ask, want: want}
	}
	changed := "no longer says what usher wrote"
	closer := "is neither requester, subject, approver"
	return []*attack{
		{
			row: made("an old approval replayed", "wiki/editor", attacked), plant: plantApproved,
			try: func(context.Context, *attack) error { return nil }, evidence: ownTicket, honest: denies("mia"),
		},
		{
			row: made("a stranger's fulfilment", "badge/lab", granted), try: inOrder(approvesAll, inStatus(statusWorking), as(attacker, statusDone)),
			evidence: refused("is not one of those who grant access by hand"), honest: inOrder(inStatus(statusWorking), as("zoe", statusDone)),
		},
		{
			row:      made("a stranger's refusal to fulfil", "badge/lab", granted),
			try:      inOrder(approvesAll, inStatus(statusWorking), as(attacker, statusWontDo)),
			evidence: refused(closer), honest: inOrder(inStatus(statusWorking), as("zoe", statusDone)),
		},
		{
			row: made("a stranger's closing", "wiki/editor", granted), try: as(attacker, statusDone),
			evidence: refused(closer), honest: inOrder(inStatus(statusWaiting), approvesAll),
		},
		{
			row: made("a stranger's approval", "wiki/editor", granted), try: as(attacker, statusApproved),
			evidence: refused("not an approver"), honest: inOrder(inStatus(statusWaiting), approvesAll),
		},
		{
			row: made("a changed description, approved", "wiki/admin", attacked), needs: description,
			try:      inOrder(rewrites(description, "Ana asks for the viewer only."), as("mia", statusApproved)),
			evidence: refused(changed), honest: denies("mia"),
		},
		{
			row:      made("a changed summary, approved", "wiki/admin", attacked),
			try:      inOrder(rewrites(summary, "Wiki viewer"), as("mia", statusApproved)),
			evidence: refused(changed), honest: denies("mia"),
		},
		{
			row: made("a changed reason, approved", "wiki/admin", attacked), needs: reason,
			try:      inOrder(rewrites(reason, "only to read"), as("mia", statusApproved)),
			evidence: refused(changed), honest: denies("mia"),
		},
		{
			row:      made("a changed summary, granted by hand", "badge/lab", attacked),
			try:      inOrder(approvesAll, inStatus(statusWorking), rewrites(summary, "A badge for all doors."), as("zoe", statusDone)),
			evidence: refused(changed), honest: inOrder(inStatus(statusWorking), as("zoe", statusWontDo)),
		},
		{
			row: made("a forged webhook", "wiki/editor", attacked), try: forged, evidence: undecided, honest: denies("mia"),
		},
	}
}

// answers answers the desk's own approval by which somebody is asked.
func answers(who, asked access.PersonID, v access.Verdict) func(context.Context, *attack) error {
	return func(ctx context.Context, a *attack) error {
		ticket, err := a.ticket(ctx)
		if err != nil {
			return err
		}
		return a.Answer(ctx, who, asked, access.TicketKey(ticket.Key), v)
	}
}

// approvalAttacks are the rows of desks with approvals of their own. What does not count is asked again.
func approvalAttacks() []*attack {
	return []*attack{
		{
			row:      row{name: "a desk approval by a stranger", ask: "wiki/editor", want: granted},
			try:      answers(attacker, "mia", access.Approve),
			evidence: refused("does not count: it was for account"), honest: answers("mia", "mia", access.Approve),
		},
		{
			row:      row{name: "a changed summary, a desk approval", ask: "wiki/editor", want: attacked},
			try:      inOrder(rewrites(summary, "Wiki viewer"), answers("mia", "mia", access.Approve)),
			evidence: refused("no longer says what usher wrote"), honest: answers("mia", "mia", access.Deny),
		},
	}
}

func undecided(ctx context.Context, a *attack) error {
	return a.state(ctx, access.StateAwaitingApproval)
}

// grants counts what the attack has given to the row's person: memberships, and leases that were granted.
func (a *attack) grants(ctx context.Context) (int, error) {
	found, err := a.gather(ctx)
	count := 0
	for _, c := range found.changes {
		if c.User == a.who && c.Kind == "added" {
			count++
		}
	}
	for _, l := range found.leases {
		if l.Lease.Request == a.id && l.State != access.LeaseGranting {
			count++
		}
	}
	return count, err
}

// play attacks, looks at what it gave, and ends the request honestly.
func (a *attack) play(ctx context.Context) (grants int, err error) {
	if a.plant != nil {
		if err := a.plant(ctx, a); err != nil {
			return 0, fmt.Errorf("plant: %w", err)
		}
	}
	opens := a.opens
	if opens == nil {
		opens = opensAttacked
	}
	if err := inOrder(opens, a.try, a.evidence)(ctx, a); err != nil {
		return 0, err
	}
	if grants, err = a.grants(ctx); err != nil || grants > 0 {
		return grants, err
	}
	return 0, inOrder(a.honest, endsAttacked)(ctx, a)
}

// opensAttacked asks, and waits for the request's own ticket.
func opensAttacked(ctx context.Context, a *attack) error {
	if err := a.submit(ctx); err != nil {
		return err
	}
	return a.until(ctx, func(d stack.Detail) error {
		if d.Ticket == nil || d.State == access.StateEvaluating {
			return errors.New("the request has no ticket yet")
		}
		return nil
	})
}

func endsAttacked(ctx context.Context, a *attack) error { return a.ends(ctx) }

// attackedDesk is a desk on which the attacks are played.
type attackedDesk struct {
	name string
	more settings
	// borrows is true where an account can have another's address.
	borrows bool
	// approves is true where the desk has approvals of its own.
	approves bool
	hands    func(*system) deskHands
}

func attackedDesks() []attackedDesk {
	return []attackedDesk{
		{"Jira cloud", settings{}, false, false, func(s *system) deskHands { return jiraHands{s.jira.url, false} }},
		{"Jira data_center", dataCenter(), true, false, func(s *system) deskHands { return jiraHands{s.jira.url, true} }},
		{"Request Tracker", settings{desk: stack.RequestTracker}, true, true, func(s *system) deskHands { return trackerHands{s.jira.url} }},
		{"ServiceNow", settings{desk: stack.ServiceNow}, true, true, func(s *system) deskHands { return serviceNowHands{s.jira.url} }},
	}
}

// TestAttack plays an attacker with a desk account against the running system, on every desk.
func TestAttack(t *testing.T) {
	for _, desk := range attackedDesks() {
		t.Run(desk.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, desk.more)
			ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
			defer cancel()
			all := append(attacks(), intakeAttacks()...)
			if desk.borrows {
				all = append(all, borrowedAddress())
			}
			if desk.approves {
				all = append(all, approvalAttacks()...)
			}
			hands := desk.hands(s)
			all = slices.DeleteFunc(all, func(a *attack) bool { return a.needs != "" && !slices.Contains(hands.texts(), a.needs) })
			for n, a := range all {
				require.NoError(t, a.on(ctx, s, fmt.Sprintf("attack-%d", n+1)))
				a.hands = hands
			}
			require.NoError(t, each(all, func(a *attack) error {
				grants, err := a.play(ctx)
				evidence := "yes"
				if err != nil {
					evidence = "no"
				}
				t.Logf("row attack on %s: %-40s grants %d, evidence %s", desk.name, a.name, grants, evidence)
				if grants > 0 || err != nil {
					return fmt.Errorf("%s (request %s): %d grants, %w", a.name, a.id, grants, errors.Join(err))
				}
				return nil
			}))
		})
	}
}
