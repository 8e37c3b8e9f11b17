package e2e_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// finding is what is seen of a row from outside. But for the tickets, every number must be 0.
type finding struct {
	tickets, unasked, unexplained, missing int
	// why is what was counted.
	why []string
}

// String is the finding as the table shows it.
func (f finding) String() string {
	return fmt.Sprintf("tickets=%d grants_without_decision=%d unexplained_members=%d missing_audit_rows=%d",
		f.tickets, f.unasked, f.unexplained, f.missing)
}

func (f *finding) note(count *int, format string, args ...any) {
	*count++
	f.why = append(f.why, fmt.Sprintf(format, args...))
}

// evidence is everything that the world outside knows about a row.
type evidence struct {
	detail  stack.Detail
	tickets []stack.Ticket
	groups  []stack.Group
	changes []stack.Change
	leases  []access.LeaseView
}

func (r *row) gather(ctx context.Context) (evidence, error) {
	var e evidence
	var errs [5]error
	e.detail, errs[0] = r.Show(ctx, stack.Auditor, r.id)
	e.tickets, errs[1] = r.TicketsOf(ctx, r.id)
	e.groups, errs[2] = r.Groups(ctx)
	e.changes, errs[3] = r.Changes(ctx)
	e.leases, errs[4] = r.Leases(ctx, stack.Auditor, r.who)
	return e, errors.Join(errs[:]...)
}

// inspect looks at everything; nil when all is as it must be.
func (r *row) inspect(ctx context.Context) error {
	e, err := r.gather(ctx)
	if err != nil {
		return err
	}
	r.found = r.count(e)
	wrong := append([]string(nil), r.found.why...)
	wrong = append(wrong, r.wrongEnd(e)...)
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// count makes numbers of the evidence.
func (r *row) count(e evidence) finding {
	f := finding{tickets: len(e.tickets)}
	r.countGrants(&f, e)
	r.countMembers(&f, e)
	r.countAudit(&f, e)
	return f
}

// countGrants counts the additions in the directory's change log that nobody asked for, or that no approval in the audit
// trail came before. All that the subject of a row asks for is one entitlement.
func (r *row) countGrants(f *finding, e evidence) {
	for _, c := range e.changes {
		if c.User != r.who || c.Kind != "added" {
			continue
		}
		approved := slices.ContainsFunc(e.detail.Timeline, func(event access.Event) bool {
			return event.Type == access.EventDecided && !event.At.After(c.At) && slices.ContainsFunc(e.detail.Decisions,
				func(d access.Decision) bool {
					return d.Verdict == access.Approve && recordedAs(event, d)
				})
		})
		if !approved || c.Group != cmp.Or(r.group, groupOf(r.ask)) {
			f.note(&f.unasked, "%s was added to %s at %s, and no recorded approval of that came before", r.who, c.Group, c.At)
		}
	}
}

// countMembers counts memberships that no held lease explains, and held leases that no membership shows.
func (r *row) countMembers(f *finding, e evidence) {
	held := map[string]bool{}
	for _, l := range e.leases {
		if l.State == access.LeaseActive && l.Lease.Binding != nil {
			held[l.Lease.Binding.Role] = true
		}
	}
	for _, g := range e.groups {
		member := slices.Contains(g.Members, r.who)
		switch {
		case member && !held[g.DisplayName]:
			f.note(&f.unexplained, "%s is a member of %s without a lease", r.who, g.DisplayName)
		case !member && held[g.DisplayName]:
			f.note(&f.unexplained, "%s holds a lease on %s and is no member", r.who, g.DisplayName)
		}
	}
}

// countAudit counts what the audit trail lacks, or says twice: types, and the record of each decision and each lease.
func (r *row) countAudit(f *finding, e evidence) {
	said, types := map[string]bool{}, map[access.EventType]bool{}
	for _, event := range e.detail.Timeline {
		what := fmt.Sprint(event.Type, event.Lease, event.Actor, event.Items, event.Evidence, event.Text)
		if said[what] && onlyOnce(event.Type) {
			f.note(&f.missing, "the audit trail says twice: %s", event.Text)
		}
		said[what], types[event.Type] = true, true
	}
	for _, t := range r.want.requestEvents() {
		if !types[t] {
			f.note(&f.missing, "the audit trail lacks %s", t)
		}
	}
	for _, d := range e.detail.Decisions {
		if !slices.ContainsFunc(e.detail.Timeline, func(event access.Event) bool {
			return event.Type == access.EventDecided && recordedAs(event, d)
		}) {
			f.note(&f.missing, "the audit trail lacks the decision of %s", d.By)
		}
	}
	for _, l := range e.leases {
		if l.Lease.Request == r.id {
			r.countLease(f, l, e.detail.Timeline)
		}
	}
}

// recordedAs reports whether an event is the record of a decision. Its id names the decision; its time may be earlier, for a
// workflow that was reset takes the decision again.
func recordedAs(event access.Event, d access.Decision) bool {
	return event.Actor == d.By && event.Channel == d.Channel && !event.At.After(d.At) &&
		(d.ID == "" || strings.HasSuffix(event.ID, "/"+d.ID))
}

// onlyOnce reports whether the same is never said twice by events of a type, whatever happens to a run.
func onlyOnce(t access.EventType) bool {
	return slices.Contains([]access.EventType{
		access.EventSubmitted, access.EventRequired, access.EventTicketOpened, access.EventDecided, access.EventGrantRequested,
		access.EventEnded, access.EventTicketClosed, access.EventLeaseGranted, access.EventLeaseEnded,
	}, t)
}

func (r *row) countLease(f *finding, l access.LeaseView, timeline []access.Event) {
	has := func(t access.EventType) bool {
		return slices.ContainsFunc(timeline, func(event access.Event) bool { return event.Lease == l.Lease.ID && event.Type == t })
	}
	if l.GrantedAt != nil && !has(access.EventLeaseGranted) {
		f.note(&f.missing, "the audit trail lacks the grant of lease %s", l.Lease.ID)
	}
	if l.State == access.LeaseEnded && l.GrantedAt != nil && !has(access.EventLeaseEnded) {
		f.note(&f.missing, "the audit trail lacks the end of lease %s", l.Lease.ID)
	}
}

// wrongEnd returns what is not as the row must end.
func (r *row) wrongEnd(e evidence) []string {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if r.found.tickets != 1 && (r.found.tickets != 0 || !r.want.early) {
		say("the desk has %d tickets of the request", r.found.tickets)
	}
	if e.detail.State != r.want.outcome {
		say("the request is %s, expected %s: %s", e.detail.State, r.want.outcome, e.detail.StatusText)
	}
	for _, ticket := range e.tickets {
		if ticket.Status != r.want.status {
			say("ticket %s is in %q, expected %q", ticket.Key, ticket.Status, r.want.status)
		}
		if !says(ticket, r.want.says) && r.want.says != "" {
			say("no comment of ticket %s says %q: %v", ticket.Key, r.want.says, ticket.Comments)
		}
		seen := map[string]bool{}
		for _, c := range ticket.Comments {
			// What was to be said at the same time stands in one comment.
			for said := range strings.SplitSeq(c.Body, "\n") {
				// The frame of a text on Data Center, and what parts its paragraphs, say nothing.
				if said = strings.Trim(said, "\r "); said == "" || said == "{noformat}" {
					continue
				}
				if seen[said] {
					say("ticket %s says this twice: %s", ticket.Key, said)
				}
				seen[said] = true
			}
		}
	}
	state, leases := access.LeaseActive, 0
	if r.want.ended || r.want.takenBack {
		state = access.LeaseEnded
	}
	for _, l := range e.leases {
		if l.Lease.Request != r.id {
			continue
		}
		if l.State != state {
			say("lease %s is %s, expected %s: %s", l.Lease.ID, l.State, state, l.Problem)
		}
		leases++
	}
	if want := map[bool]int{true: 1}[r.want.outcome == access.OutcomeGranted]; leases != want && !r.want.takenBack {
		say("there are %d leases, expected %d", leases, want)
	}
	return wrong
}

// soundEvidence is what a sound row leaves behind, made by hand.
func soundEvidence() (*row, evidence) {
	r := &row{name: "made by hand", ask: "wiki/editor", who: "ana", id: "r1", want: granted}
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	lease := access.LeaseView{
		Lease: access.Lease{ID: "r1:1", Request: "r1", Binding: &access.Binding{Target: "directory", Role: "wiki-editors"}},
		State: access.LeaseActive, GrantedAt: &at,
	}
	e := evidence{
		tickets: []stack.Ticket{{Key: "ACCESS-1", Status: statusDone}},
		groups:  []stack.Group{{DisplayName: "wiki-editors", Members: []access.PersonID{"ana"}}, {DisplayName: "wiki-admins"}},
		changes: []stack.Change{{Kind: "added", Group: "wiki-editors", User: "ana", At: at}},
		leases:  []access.LeaseView{lease},
	}
	e.detail.State = access.OutcomeGranted
	e.detail.Decisions = []access.Decision{{ID: "d1", By: "mia", Verdict: access.Approve, At: at, Channel: access.ChannelAPI}}
	for _, t := range r.want.requestEvents() {
		event := access.Event{Request: "r1", Type: t, At: at, Channel: access.ChannelAPI}
		switch t {
		case access.EventLeaseGranted:
			event.ID, event.Lease = "lease/r1:1#1", "r1:1"
		case access.EventDecided:
			event.Actor, event.ID = "mia", "request/r1#decided/decision/d1"
		default:
			event.ID = "request/r1#" + string(t)
		}
		e.detail.Timeline = append(e.detail.Timeline, event)
	}
	return r, e
}

func TestInspect_sees_every_violation(t *testing.T) {
	drop := func(e *evidence, kind access.EventType) {
		e.detail.Timeline = slices.DeleteFunc(e.detail.Timeline, func(event access.Event) bool { return event.Type == kind })
	}
	for name, one := range map[string]struct {
		spoil func(*evidence)
		want  finding
	}{
		"nothing":                                {func(*evidence) {}, finding{tickets: 1}},
		"no ticket":                              {func(e *evidence) { e.tickets = nil }, finding{}},
		"a second ticket":                        {func(e *evidence) { e.tickets = append(e.tickets, e.tickets[0]) }, finding{tickets: 2}},
		"a grant before the decision":            {func(e *evidence) { e.changes[0].At = e.changes[0].At.Add(-1) }, finding{tickets: 1, unasked: 1}},
		"a grant of something else":              {func(e *evidence) { e.changes[0].Group = "wiki-admins" }, finding{tickets: 1, unasked: 1}},
		"a grant after a denial":                 {func(e *evidence) { e.detail.Decisions[0].Verdict = access.Deny }, finding{tickets: 1, unasked: 1}},
		"a member whose lease has ended":         {func(e *evidence) { e.leases[0].State = access.LeaseEnded }, finding{tickets: 1, unexplained: 1, missing: 1}},
		"a member without any lease":             {func(e *evidence) { e.groups[1].Members = e.groups[0].Members }, finding{tickets: 1, unexplained: 1}},
		"a lease without a member":               {func(e *evidence) { e.groups[0].Members = nil }, finding{tickets: 1, unexplained: 1}},
		"an event that is there twice":           {func(e *evidence) { e.detail.Timeline = append(e.detail.Timeline, e.detail.Timeline[0]) }, finding{tickets: 1, missing: 1}},
		"an event that is missing":               {func(e *evidence) { drop(e, access.EventTicketClosed) }, finding{tickets: 1, missing: 1}},
		"a lease whose grant is not recorded":    {func(e *evidence) { drop(e, access.EventLeaseGranted) }, finding{tickets: 1, missing: 2}},
		"a decision that is not recorded at all": {func(e *evidence) { drop(e, access.EventDecided) }, finding{tickets: 1, unasked: 1, missing: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := soundEvidence()
			one.spoil(&e)
			found := r.count(e)
			found.why = nil
			require.Equal(t, one.want, found)
		})
	}
}
