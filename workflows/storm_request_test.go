package workflows_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
	"usher/workflows"
)

// requestStorm is the story of one request. The subject's workflow is played by it.
type requestStorm struct {
	*storm
	asked access.Request
	// updates are those that were sent, decisions those of them that decide, by their id.
	updates   []*sentMessage
	decisions map[string]*sentMessage
	// operators is true when the decisions of operators count.
	operators bool
	// stops are the outcomes that somebody has asked for.
	stops map[access.RequestState]bool
	// onDesk is true when approvers are asked by approvals of the desk.
	onDesk bool
	// moves counts what people did to the ticket, deleted how often it was deleted. cancelled is true when an operator cancelled.
	moves, deleted int
	cancelled      bool
	// guard is for what the subject's workflow keeps: the last wish for each lease, those that it refuses, and those held.
	guard   sync.Mutex
	wishes  map[access.LeaseID]access.LeaseSpec
	refuses map[access.LeaseID]bool
	held    map[access.LeaseID]bool
	refused *refusingLedger
}

// otherCatalog binds what can be asked for to other roles.
const otherCatalog = `
applications:
  - id: wiki
    name: Wiki
    owners: [ben]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-admins, max_duration: 30d, stages: [owner]}
`

// stormOfARequest plays one request.
func stormOfARequest(s *storm) {
	q := &requestStorm{
		storm: s, decisions: map[string]*sentMessage{}, stops: map[access.RequestState]bool{}, operators: s.chance(3), onDesk: s.chance(2),
		wishes: map[access.LeaseID]access.LeaseSpec{}, refuses: map[access.LeaseID]bool{}, held: map[access.LeaseID]bool{},
	}
	w := newWorldWith(s.t, func(t *access.RequestSettings) {
		t.OperatorDecisions, t.DeskApprovals = q.operators, q.onDesk
		t.ApprovalTimeout = access.Duration(pick(s, 30*time.Hour, 3*day))
		t.PollInitialInterval, t.PollMaxInterval = access.Duration(10*time.Minute), access.Duration(3*time.Hour)
	})
	w.edge = s.chance(5)
	w.quietly()
	w.accounts["eve"] = "account-of-eve"
	w.desk.UseApprovals()
	s.runs = newRuns(w, workflows.AccessRequestType)
	w.entity = q.ensured
	if !w.edge && s.chance(2) {
		q.ledgerRefuses()
	}
	q.asked = w.request(q.entitlements()...)
	q.plan()
	s.runs.mustEndBy(stormEnds)
	err := s.runs.toEnd(workflows.AccessRequestParams{Request: q.asked})
	s.say("the end: %v", err)
	q.judgeRequest(err)
}

func (q *requestStorm) entitlements() []access.EntitlementID {
	all := []access.EntitlementID{"wiki/editor", "wiki/admin", "badge/lab", "badge/vault"}
	q.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if q.chance(25) {
		return []access.EntitlementID{"wiki/unknown"}
	}
	return all[:1+q.IntN(3)]
}

// ledgerRefuses lets the ledger refuse the events of a type for good.
func (q *requestStorm) ledgerRefuses() {
	typ := pick(q.storm, access.EventDecided, access.EventGrantRequested, access.EventReminded, access.EventFulfilment, access.EventTicketOpened)
	kind := pick(q.storm, access.Conflict, access.Invalid)
	q.log = append(q.log, fmt.Sprintf("the ledger refuses each %s: %s", typ, kind))
	q.refused = &refusingLedger{faultyLedger: q.runs.ledger, refuses: refusesEvents(kind, typ)}
	q.runs.each(func() { q.runs.over(q.refused) })
}

func (q *requestStorm) plan() {
	r := q.runs
	q.log = append(q.log, fmt.Sprintf("edge %t, operators %t, %v", r.edge, q.operators, q.asked.Items))
	r.at(0, func() { q.update(workflows.UpdateSubmit, "submit", workflows.SubmitInput{Digest: q.asked.Digest()}) })
	if q.chance(3) {
		// Policy asks the source at the beginning.
		r.at(0, func() { r.source.Down(true) })
		q.at(q.between(0, 2*time.Hour), "the source is back", func() { r.source.Down(false) })
	}
	if q.chance(4) {
		queue := workflows.SourceQueue("directory")
		r.server.slowDown(queue, 20*time.Second)
	}
	q.faults()
	for range 4 + q.IntN(12) {
		q.act(min(q.moment(), q.moment()))
	}
	for _, by := range []access.PersonID{"mia", "omar"} {
		if !q.chance(4) {
			q.decides(min(q.moment(), q.moment()), by, access.Approve)
		}
	}
	if q.chance(5) {
		catalog, err := policy.Parse([]byte(otherCatalog))
		require.NoError(q.t, err)
		q.at(q.moment(), "the catalog binds to other roles", func() { r.catalog = catalog })
	}
	q.quiet()
	for at := stormLasts + time.Hour; at < stormEnds-day; at += 3 * time.Hour {
		r.at(at, q.grantsByHand)
	}
}

// update sends an update.
func (q *requestStorm) update(name, id string, arg any) *sentMessage {
	m := &sentMessage{name: name, id: fmt.Sprintf("%s/%d", id, len(q.updates)), arg: arg, answer: &answer{}}
	q.updates = append(q.updates, m)
	q.runs.send(m)
	return m
}

// decides plans a decision over the API.
func (q *requestStorm) decides(at time.Duration, by access.PersonID, v access.Verdict, items ...access.ItemID) {
	q.at(at, fmt.Sprintf("%s says %s of %v", by, v, items), func() {
		id := fmt.Sprintf("d-%s-%d", by, len(q.updates))
		d := access.Decision{ID: id, By: by, Verdict: v, Items: items, Reason: "because " + id, Evidence: "test"}
		q.decisions[id] = q.update(workflows.UpdateDecide, id, d)
		if q.chance(3) {
			q.update(workflows.UpdateDecide, id, d)
		}
	})
}

// act plans something that somebody does.
func (q *requestStorm) act(at time.Duration) {
	r := q.runs
	switch q.IntN(12) {
	case 0, 1, 2:
		by := pick[access.PersonID](q.storm, "mia", "omar", "olga", "ben", "ana", "nobody")
		verdict := pick(q.storm, access.Approve, access.Approve, access.Approve, access.Deny, "maybe")
		q.decides(at, by, verdict, pick(q.storm, nil, nil, []access.ItemID{"1"}, []access.ItemID{"2"}, []access.ItemID{"9"})...)
	case 3:
		by := pick[access.PersonID](q.storm, "ben", "ana")
		if by == "ana" && !q.chance(3) {
			return
		}
		q.at(at, string(by)+" withdraws", func() {
			q.stops[access.OutcomeWithdrawn] = q.stops[access.OutcomeWithdrawn] || by == "ana"
			q.update(workflows.UpdateWithdraw, "w-"+string(by), workflows.WithdrawInput{ID: "w-" + string(by), By: by})
		})
	case 4:
		digest := pick(q.storm, q.asked.Digest(), "another")
		q.at(at, "submitted again", func() { q.update(workflows.UpdateSubmit, "submit", workflows.SubmitInput{Digest: digest}) })
	case 5:
		verdict := pick(q.storm, access.Approve, access.Deny, "maybe")
		q.at(at, "an operator says "+string(verdict), func() {
			r.signal(workflows.SignalDecision, access.Decision{ID: fmt.Sprint("o", at), By: "mia", Verdict: verdict, Reason: "by phone"})
		})
	case 6:
		q.at(at, "a hint", r.hint)
	case 7:
		phase := pick(q.storm, access.TicketApproved, access.TicketApproved, access.TicketDenied, access.TicketDone, access.TicketWontDo, access.TicketOther)
		by := pick[access.PersonID](q.storm, "mia", "omar", "ben", "ana")
		q.at(at, fmt.Sprintf("%s moves the ticket to %s", by, phase), func() { q.moved(by, phase) })
	case 8:
		q.at(at, "the ticket is deleted", func() {
			if t := q.open(); t != nil && q.chance(2) {
				q.deleted++
				require.NoError(q.t, r.desk.Delete(t.Ref.ID))
			}
		})
	case 9:
		if q.chance(4) {
			q.at(at, "an operator cancels", func() { q.cancelled = true; r.env.CancelWorkflow() })
		}
	case 10:
		op := pick(q.storm, memory.OpCreateTicket, memory.OpTransitionTicket, memory.OpAddComments, memory.OpSetApprovals)
		q.at(at, "the desk loses the answer to "+op, func() { r.desk.DropAnswerNext(op) })
		q.at(at, "stale answers", func() {
			r.signal(workflows.SignalLeaseStatus, access.LeaseStatus{Lease: "r1:1", Revision: 1, State: access.LeaseActive})
		})
	case 11:
		asked := pick[access.PersonID](q.storm, "mia", "omar", "olga")
		by := pick(q.storm, asked, asked, asked, "eve", "ben")
		state := pick(q.storm, access.ApprovalApproved, access.ApprovalApproved, access.ApprovalDenied)
		q.at(at, fmt.Sprintf("%s answers for %s: %s", by, asked, state), func() { q.answered(by, asked, state) })
	}
}

// answered is an answer to usher's last question to a person, if there is one.
func (q *requestStorm) answered(by, asked access.PersonID, state access.ApprovalState) {
	t, account := q.open(), q.runs.accounts[asked]
	if t == nil || len(q.runs.desk.Approvals(t.Ref.ID, account)) == 0 {
		return
	}
	q.moves++
	round := len(q.runs.desk.Approvals(t.Ref.ID, account))
	require.NoError(q.t, q.runs.desk.AnswerAs(q.runs.accounts[by], t.Ref.ID, account, round, state))
	q.runs.hint()
}

// open is the ticket; nil for none.
func (q *requestStorm) open() *memory.DeskTicket {
	for _, t := range q.runs.desk.Tickets() {
		if !t.Deleted {
			return &t
		}
	}
	return nil
}

func (q *requestStorm) moved(by access.PersonID, to access.TicketPhase) {
	t := q.open()
	if t == nil {
		return
	}
	q.moves++
	if to.Closed() {
		q.stops[access.OutcomeCancelled] = true
	}
	require.NoError(q.t, q.runs.desk.MoveAs(q.runs.accounts[by], t.Ref.ID, to))
	q.runs.hint()
}

// grantsByHand is a person who grants what waits for it, and closes the ticket.
func (q *requestStorm) grantsByHand() {
	if q.runs.view().State != access.StateFulfilling {
		return
	}
	for _, item := range q.runs.view().Items {
		if item.Item.Entitlement == "badge/vault" && item.State == access.ItemFulfilling {
			q.runs.target.Put("vault", "ana")
		}
	}
	q.moved("ben", access.TicketDone)
}

// ensured is the subject's workflow, which answers late. It refuses a lease now and then.
func (q *requestStorm) ensured(e access.LeaseSpec) {
	q.guard.Lock()
	defer q.guard.Unlock()
	if last, known := q.wishes[e.Lease.ID]; known && last.Revision > e.Revision {
		return
	} else if !known {
		q.refuses[e.Lease.ID] = q.chance(8)
	}
	if e.DesiredState == access.Present {
		q.judgeEvidence(e)
	}
	q.wishes[e.Lease.ID] = e
	late := pick(q.storm, 0, 0, time.Minute, 3*time.Hour)
	q.runs.at(q.runs.passed()+late, func() { q.answers(e) })
}

func (q *requestStorm) answers(e access.LeaseSpec) {
	q.guard.Lock()
	defer q.guard.Unlock()
	id := e.Lease.ID
	if q.wishes[id].Revision > e.Revision {
		return
	}
	now := q.runs.env.Now().UTC()
	answer := access.LeaseStatus{Lease: id, Revision: e.Revision, State: access.LeaseEnded}
	switch {
	case e.DesiredState == access.Present && q.refuses[id]:
		answer.Refused = "the subject has left"
	case e.DesiredState == access.Present:
		answer.State, answer.GrantedAt = access.LeaseActive, &now
	}
	q.held[id] = answer.State == access.LeaseActive
	q.log = append(q.log, fmt.Sprintf("%-14s answered: %s is %s %s", q.runs.passed(), id, answer.State, answer.Refused))
	q.runs.signal(workflows.SignalLeaseStatus, answer)
}

// judgeEvidence demands that the ledger has the approval of each stage before a grant is asked for. It is called in an activity:
// one that panics would be repeated for ever, so it notes what is wrong, and goes on.
func (q *requestStorm) judgeEvidence(e access.LeaseSpec) {
	view, err := q.runs.ledger.View(q.t.Context(), q.asked.ID)
	if err != nil {
		q.t.Errorf("the request cannot be read: %v", err)
		return
	}
	stages := map[access.EntitlementID][]string{
		"wiki/editor": {access.StageManager}, "wiki/admin": {access.StageManager, access.StageOwner},
		"badge/lab": {access.StageOwner}, "badge/vault": {access.StageOwner},
	}[e.Lease.Entitlement]
	if len(stages) == 0 {
		q.t.Errorf("%s is asked for, and has no stages", e.Lease.Entitlement)
	}
	for _, stage := range stages {
		if !slices.ContainsFunc(view.Decisions, func(d access.Decision) bool {
			for i, id := range d.Items {
				if id == e.Lease.Item && d.Stages[i] == stage && d.Verdict == access.Approve {
					return true
				}
			}
			return false
		}) {
			q.t.Errorf("%s is asked for without the approval of %s in the ledger", e.Lease.ID, stage)
		}
	}
	i := slices.IndexFunc(view.Items, func(i access.ItemView) bool { return i.Item.ID == e.Lease.Item })
	if i < 0 || !reflect.DeepEqual(view.Items[i].Binding, e.Lease.Binding) {
		q.t.Errorf("the request has no item %s with the binding %v", e.Lease.Item, e.Lease.Binding)
	}
}

// judgeRequest demands, at the end, what a request promises.
func (q *requestStorm) judgeRequest(end error) {
	view, err := q.runs.ledger.View(q.t.Context(), q.asked.ID)
	require.NoError(q.t, err)
	require.True(q.t, view.State.Ended(), "the ledger says %s", view.State)
	if end != nil {
		require.True(q.t, temporal.IsCanceledError(end) && q.cancelled && view.State == access.OutcomeCancelled, "%v", end)
	}
	q.judgeAnswers(view)
	q.judgeOutcome(view)
	q.judgeTickets(view)
	for _, d := range view.Decisions {
		_, by, answer := strings.Cut(d.Evidence, ", an approval by account ")
		require.True(q.t, !answer || by == string(q.runs.accounts[d.By]), "an answer for somebody else counts: %s", d.Evidence)
	}
}

// judgeAnswers demands that every update that was taken is answered, and each decision that was accepted is in the ledger.
func (q *requestStorm) judgeAnswers(view access.RequestView) {
	for _, m := range q.updates {
		require.True(q.t, m.answer.done || !m.taken, "update %s %s is answered", m.name, m.id)
	}
	events := q.runs.events(q.asked.ID)
	for id, m := range q.decisions {
		accepted := m.answer.done && m.answer.rejected == nil && m.answer.accepted == nil
		count := 0
		for _, d := range view.Decisions {
			if d.ID == id {
				count++
			}
		}
		if m.answer.accepted != nil {
			// Policy had not answered when the run continued as new: the decision is kept, and the caller is asked to repeat.
			require.LessOrEqual(q.t, count, 1, "decision %s is in the ledger", id)
			continue
		}
		require.Equal(q.t, map[bool]int{true: 1}[accepted], count, "decision %s, accepted %t, is in the ledger", id, accepted)
		said := slices.ContainsFunc(events, func(e access.Event) bool {
			return e.Type == access.EventDecided && e.ID == workflows.EventID(workflows.RequestWorkflowID(q.asked.ID), "decision/"+id, e)
		})
		require.Equal(q.t, accepted, said || (accepted && q.refused != nil), "the trail has decision %s", id)
	}
}

// judgeOutcome demands that the outcome agrees with the items, the decisions, and what the subject's workflow was told.
func (q *requestStorm) judgeOutcome(view access.RequestView) {
	granted := 0
	for _, item := range view.Items {
		id := access.LeaseIDOf(q.asked.ID, item.Item.ID)
		wish, asked := q.wishes[id]
		switch item.State {
		case access.ItemGranted:
			granted++
			require.True(q.t, q.held[id] && wish.DesiredState == access.Present, "item %s is granted, and no lease is held", item.Item.ID)
		case access.ItemDenied, access.ItemExpired, access.ItemWithdrawn, access.ItemCancelled, access.ItemRefused, access.ItemFailed:
			require.False(q.t, asked && wish.DesiredState == access.Present && q.held[id], "item %s is %s, and its lease is held", item.Item.ID, item.State)
		case access.ItemPending, access.ItemApproved, access.ItemFulfilling:
			require.Fail(q.t, "an item is open at the end", "%s is %s", item.Item.ID, item.State)
		}
		denied := slices.ContainsFunc(view.Decisions, func(d access.Decision) bool {
			return d.Verdict == access.Deny && slices.Contains(d.Items, item.Item.ID)
		})
		require.False(q.t, denied && item.State == access.ItemGranted, "item %s is denied and granted", item.Item.ID)
		if item.State == access.ItemDenied {
			// Who closes the ticket of a grant by hand denies it.
			require.True(q.t, denied || q.refuses[id] || q.moves > 0, "nobody has denied item %s: %s", item.Item.ID, item.Detail)
		}
	}
	switch view.State {
	case access.OutcomeGranted:
		require.Len(q.t, view.Items, granted)
	case access.OutcomePartlyGranted:
		require.True(q.t, granted > 0 && granted < len(view.Items))
	case access.OutcomeWithdrawn:
		require.True(q.t, q.stops[access.OutcomeWithdrawn], "nobody has withdrawn the request")
	case access.OutcomeCancelled:
		require.True(q.t, q.cancelled || q.stops[access.OutcomeCancelled], "nobody has cancelled the request")
	default:
		require.Zero(q.t, granted, "the outcome is %s", view.State)
	}
}

// judgeTickets demands one ticket that says each thing once, and shows the outcome.
func (q *requestStorm) judgeTickets(view access.RequestView) {
	alive := 0
	for _, t := range q.runs.desk.Tickets() {
		if !t.Deleted {
			alive++
			require.True(q.t, t.Phase.Closed(), "the ticket is %s at the end", t.Phase)
			for person, account := range q.runs.accounts {
				require.NotContains(q.t, q.runs.desk.Approvals(t.Ref.ID, account), access.ApprovalRequested, "%s is still asked", person)
			}
		}
		said := map[string]int{}
		for _, c := range t.Comments {
			said[c.Text]++
			// Only what a person does again is answered again, in the same words.
			require.LessOrEqual(q.t, said[c.Text], 1+q.moves, "comment %q", c.Text)
		}
	}
	require.LessOrEqual(q.t, len(q.runs.desk.Tickets()), 1+q.deleted, "tickets were opened")
	if view.Ticket != nil && q.deleted == 0 {
		require.Equal(q.t, 1, alive, "tickets that exist")
	}
}
