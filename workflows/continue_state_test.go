package workflows_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// endState is what a scenario has come to, as sorted lines: a line that is there twice happened twice.
//
// Two chains of one scenario must have the same. So it holds nothing that may differ between them:
//   - Times, also those in texts: what was under way when a run ended is done again by the next, moments or a backoff later.
//     How long a lease lasts is held.
//   - Versions, event ids and the order of the lines: they may be counted otherwise.
//   - The order of what concerns two leases.
//   - Whether a ticket was "opened" or "found", and how often usher's own trail says so: when an activity is under way as its run ends, the test environment
//     drops its result, so the next run finds what that one created.
//   - Who moved the ticket last, in the verification of an event of the ticket: usher may have been quicker.
//   - How often an ensure or an answer was sent: each is declarative, and is sent again when its activity is. They are held
//     as a set.
//   - How often a port was asked.
type endState []string

var (
	timeInText   = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC|Z)?`)
	ownOpening   = regexp.MustCompile(`^Ticket \S+ was (opened|found: an earlier attempt had opened it)\.$`)
	openedInText = regexp.MustCompile(`was found: an earlier attempt had opened it\.`)
)

func plain(text string) string {
	text = openedInText.ReplaceAllString(timeInText.ReplaceAllString(text, "<time>"), "was opened.")
	return strings.ReplaceAll(text, "\n", " / ")
}

func (s *endState) add(format string, args ...any) {
	*s = append(*s, plain(fmt.Sprintf(format, args...)))
}

// addOnce adds a line that is not there yet.
func (s *endState) addOnce(format string, args ...any) {
	line := plain(fmt.Sprintf(format, args...))
	if !slices.Contains(*s, line) {
		*s = append(*s, line)
	}
}

// against returns what is in one of two states only; "" when they are the same.
func (s endState) against(other endState) string {
	count := map[string]int{}
	for _, line := range s {
		count[line]++
	}
	for _, line := range other {
		count[line]--
	}
	var lines []string
	for line, n := range count {
		switch {
		case n > 0:
			lines = append(lines, fmt.Sprintf("%d more of [%s]", n, line))
		case n < 0:
			lines = append(lines, fmt.Sprintf("%d less of [%s]", -n, line))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// stateOf reads the end of a chain.
func stateOf(c *chain, end error) endState {
	var s endState
	s.add("end: %s", endText(end))
	s.addPorts(c.w)
	for _, u := range c.updates {
		a := u.answer
		s.add("update %s %s: answered %t, refused %v, failed %v", u.name, u.id, a.done, a.rejected, a.accepted)
	}
	for _, id := range c.w.requestIDs() {
		s.addRequest(c.w, id)
	}
	leases, err := c.w.ledger.LeasesOf(c.w.t.Context(), "ana")
	if err != nil {
		c.w.t.Fatalf("%v", err)
	}
	for _, l := range leases {
		lasts := time.Duration(0)
		if l.GrantedAt != nil && l.EndsAt != nil {
			lasts = l.EndsAt.Sub(*l.GrantedAt)
		}
		s.add("lease %s: wanted %s, %s, granted %t, lasts %s, ended %t, problem %q", l.Lease.ID, l.DesiredState, l.State,
			l.GrantedAt != nil, lasts, l.EndedAt != nil, l.Problem)
	}
	for _, e := range c.w.ensures {
		s.addOnce("ensure %s: revision %d, %s, granted %t", e.Lease.ID, rank(c.w.ensures, e), e.DesiredState, e.Granted != nil)
	}
	return s
}

func endText(end error) string {
	if end == nil {
		return "without an error"
	}
	_, text, _ := strings.Cut(end.Error(), "): ")
	return text
}

// addPorts adds what the desk and the target hold.
func (s *endState) addPorts(w *world) {
	for n, t := range w.desk.Tickets() {
		s.add("ticket %d of %s: %s, deleted %t, assigned to %q, %s / %s", n+1, t.New.Marker, t.Phase, t.Deleted, t.Assignee,
			t.New.Summary, t.New.Body)
		for _, comment := range t.Comments {
			s.add("comment on %s: %s", t.Ref.Key, comment.Text)
		}
		for person, account := range w.accounts {
			if states := w.desk.Approvals(t.Ref.ID, account); len(states) > 0 {
				s.add("approvals of %s on %s: %v", person, t.Ref.Key, states)
			}
		}
	}
	for _, role := range []string{"wiki-editors", "wiki-admins", "vault"} {
		changes := slices.DeleteFunc(w.target.History(), func(c memory.TargetChange) bool { return c.Role != role })
		s.add("members of %s: %v, changes in this order: %v", role, w.target.Members(role), changes)
	}
}

// addRequest adds what the ledger knows of a request.
func (s *endState) addRequest(w *world, id access.RequestID) {
	ctx := w.t.Context()
	for _, e := range w.events(id) {
		if e.Type == access.EventTicketChanged && e.Channel == access.ChannelSystem && ownOpening.MatchString(e.Text) {
			continue
		}
		verification := e.Evidence
		if e.Channel == access.ChannelTicket {
			verification = "of the ticket"
		}
		s.add("event of %s: %s by %q over %s, items %v: %s, verification %q", id, e.Type, e.Actor, e.Channel, e.Items, e.Text, verification)
	}
	links, err := w.ledger.TicketsOf(ctx, id)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	for _, link := range links {
		s.add("link of %s: %s, lease %q", id, link.Ref.Key, link.Lease)
	}
	v, err := w.ledger.View(ctx, id)
	if access.IsKind(err, access.NotFound) {
		s.add("view of %s: none", id)
		return
	}
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	s.add("view of %s: %s, next %q, waiting on %d, refusals %v, ticket problem %q", id, v.State, v.StatusText, len(v.WaitingOn), v.Refusals, v.TicketProblem)
	if v.Ticket != nil {
		s.add("ticket in the view of %s: %s", id, v.Ticket.Key)
	}
	for _, i := range v.Items {
		s.add("item %s of %s: %s, stage %q, why %q, lease %t", i.Item.ID, id, i.State, i.Stage, i.Detail, i.Lease != nil)
	}
	for _, d := range v.Decisions {
		s.add("decision on %s: %s by %q over %s, items %v, stages %v: %s", id, d.Verdict, d.By, d.Channel, d.Items, d.Stages, d.Reason)
	}
}

// requestIDs are the requests that a scenario may be about.
func (w *world) requestIDs() []access.RequestID { return []access.RequestID{"r1", "r2", "r3"} }

// rank is which revision of its lease a message has, counted from 1: a revision is made from the time, which a continuation
// may shift.
func rank(all []access.LeaseSpec, e access.LeaseSpec) int {
	lower := map[int]bool{}
	for _, other := range all {
		if other.Lease.ID == e.Lease.ID && other.Revision <= e.Revision {
			lower[other.Revision] = true
		}
	}
	return len(lower)
}
