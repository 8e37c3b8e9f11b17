package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// itemGrant is how far one approved item is on its way to being held.
type itemGrant struct {
	Item access.ItemID `json:"item"`
	// Revision is the last ensure's; 0 before the first. Answered is the last revision that was answered.
	Revision int `json:"revision"`
	Answered int `json:"answered"`
	// Ensure is the message as it was first sent at this revision, so that repeating it says the same.
	Ensure *access.Ensure `json:"ensure,omitempty"`
	// AskAt is when to ask again while there is no answer; Asked counts.
	AskAt time.Time `json:"ask_at,omitzero"`
	Asked int       `json:"asked,omitempty"`
	// Claim is a human's word that a manual item was granted; CheckAt is when the target is asked (again) to show it.
	Claim   *access.Proof `json:"claim,omitempty"`
	CheckAt time.Time     `json:"check_at,omitzero"`
	Checks  int           `json:"checks,omitempty"`
}

// fulfil has the approved items granted: by the subject's own workflow, or by a human who works the ticket.
func (r *accessRequest) fulfil(ctx workflow.Context) error {
	if r.s.Stop != nil || r.s.View.State.Ended() {
		return nil
	}
	if r.s.View.State == access.StateAwaitingApprove {
		if !slices.ContainsFunc(r.s.View.Items, func(i access.ItemView) bool { return i.State == access.ItemApproved }) {
			return nil
		}
		r.beginFulfilment(ctx)
	}
	return r.until(ctx, r.grantAlarms, func(name alarmName) { r.ringGrant(ctx, name) }, func() bool {
		return r.s.Stop != nil || !slices.ContainsFunc(r.s.View.Items, func(i access.ItemView) bool { return i.State == access.ItemFulfilling })
	})
}

// beginFulfilment asks for the grants. The messages go out when the decisions that allow them stand in the ledger.
func (r *accessRequest) beginFulfilment(ctx workflow.Context) {
	r.enter(ctx, access.StateFulfilling)
	r.s.StageSince = r.s.View.Since
	byHand := []string{}
	for i := range r.s.View.Items {
		item := &r.s.View.Items[i]
		if item.State != access.ItemApproved {
			continue
		}
		item.State = access.ItemFulfilling
		grant := itemGrant{Item: item.Item.ID}
		if item.Fulfilment == access.FulfilmentManual {
			byHand = append(byHand, item.Title)
		} else {
			r.askFor(ctx, &grant, access.Present, nil)
		}
		r.s.Grants = append(r.s.Grants, grant)
	}
	write := ticketWrite{MoveTo: access.TicketWorking}
	r.s.RemindAt = time.Time{}
	if len(byHand) > 0 {
		write.Comment = workText(byHand)
		r.armReminder(ctx)
	}
	// A grant takes moments: what it comes to goes to the ticket together with what led to it.
	r.mirror.held = len(byHand) == 0
	r.mirror.write(write)
	r.tellFulfilment()
	r.record(ctx, access.Event{Type: access.EventFulfilment, Channel: access.ChannelSystem, Text: r.s.View.Next})
	r.show(ctx)
}

// noLongerMoments lets the ticket and the list say where the request stands, because what comes next may take a while.
func (r *accessRequest) noLongerMoments(ctx workflow.Context) {
	if r.mirror.held {
		r.mirror.held = false
		r.show(ctx)
	}
}

// askFor tells the subject's workflow what to ensure for an item. A grant is asked for when the ledger has what allows
// it; that access must go is said at once.
func (r *accessRequest) askFor(ctx workflow.Context, g *itemGrant, wanted access.Wanted, granted *access.Proof) {
	now := workflow.Now(ctx).UTC()
	need, terms := r.needOf(g.Item), r.s.Requirement.Terms
	window := access.Window{From: now, Lasts: need.Lasts}
	if granted != nil && need.Lasts > 0 {
		until := granted.At.Add(need.Lasts.Std())
		window = access.Window{From: granted.At, Until: &until}
	}
	g.Revision++
	g.Asked = 0
	g.Ensure = &access.Ensure{
		Lease: access.Lease{
			ID: access.LeaseIDOf(r.request.ID, g.Item), Request: r.request.ID, Item: g.Item,
			Subject: r.s.Requirement.Subject, Entitlement: need.Item.Entitlement, Title: need.Title,
			Fulfilment: need.Fulfilment, Binding: need.Binding,
			Desk: terms.Desk, DeskSettles: terms.DeskSettles, LookFirst: terms.LookFirst, LookAtMost: terms.LookAtMost,
		},
		Revision: g.Revision, Wanted: wanted, Window: window, Granted: granted,
		Why: "request " + string(r.request.ID),
	}
	if wanted == access.Present {
		r.record(ctx, access.Event{
			Type: access.EventGrantAsked, Channel: access.ChannelSystem, Items: []access.ItemID{g.Item},
			Text: "Asked for " + need.Title + " " + lasting(need.Lasts) + ".",
		})
	}
	r.sendEnsure(ctx, g)
}

func (r *accessRequest) needOf(id access.ItemID) access.ItemRequirement {
	i := slices.IndexFunc(r.s.Requirement.Items, func(n access.ItemRequirement) bool { return n.Item.ID == id })
	return r.s.Requirement.Items[i]
}

func (r *accessRequest) itemOf(id access.ItemID) *access.ItemView {
	i := slices.IndexFunc(r.s.View.Items, func(v access.ItemView) bool { return v.Item.ID == id })
	return &r.s.View.Items[i]
}

// grantAlarms are the alarms of the grants under way.
func (r *accessRequest) grantAlarms() []alarm {
	alarms := []alarm{{r.s.RemindAt, alarmReminder}}
	for _, g := range r.s.Grants {
		if g.Answered < g.Revision {
			alarms = append(alarms, alarm{g.AskAt, alarmEnsure})
		}
		alarms = append(alarms, alarm{g.CheckAt, alarmCheck})
	}
	return alarms
}

func (r *accessRequest) ringGrant(ctx workflow.Context, name alarmName) {
	now := workflow.Now(ctx)
	switch name {
	case alarmEnsure:
		r.noLongerMoments(ctx)
		for i := range r.s.Grants {
			if g := &r.s.Grants[i]; g.Answered < g.Revision && !g.AskAt.After(now) {
				r.sendEnsure(ctx, g)
			}
		}
	case alarmCheck:
		for i := range r.s.Grants {
			if g := &r.s.Grants[i]; !g.CheckAt.IsZero() && !g.CheckAt.After(now) {
				r.checkClaim(ctx, g)
			}
		}
	case alarmReminder:
		r.remindFulfiller(ctx)
	case alarmDeadline, alarmLook:
	}
}

// sendEnsure sends the message, and sets when to repeat it.
func (r *accessRequest) sendEnsure(ctx workflow.Context, g *itemGrant) {
	g.AskAt = workflow.Now(ctx).UTC().Add(betweenEnsures.after(g.Asked))
	g.Asked++
	ensure := activities.EnsureCall{
		WorkflowID: SubjectWorkflowID(g.Ensure.Lease.Subject.ID), WorkflowType: SubjectAccessType, TaskQueue: TaskQueue,
		Signal: SignalEnsure, Ensure: *g.Ensure,
	}
	if g.Ensure.Wanted == access.Present {
		if r.recorder.waits(g.Ensure.Lease.ID) {
			return
		}
		r.recorder.add(note{Ensures: []activities.EnsureCall{ensure}})
		return
	}
	r.recorder.drop(g.Ensure.Lease.ID)
	workflow.Go(ctx, func(ctx workflow.Context) {
		var records *activities.Records
		call := activities.RecordCall{Ensures: []activities.EnsureCall{ensure}}
		opts := message(ctx, "ensure "+string(ensure.Ensure.Lease.ID))
		if err := workflow.ExecuteActivity(opts, records.Record, call).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("ensure not sent, will be repeated", "lease", ensure.Ensure.Lease.ID, "error", err)
		}
	})
}

// leaseAnswered takes an answer of the subject's workflow.
func (r *accessRequest) leaseAnswered(ctx workflow.Context, a access.LeaseAnswer) {
	i := slices.IndexFunc(r.s.Grants, func(g itemGrant) bool { return access.LeaseIDOf(r.request.ID, g.Item) == a.Lease })
	if i < 0 || a.Revision < r.s.Grants[i].Revision {
		return
	}
	g := &r.s.Grants[i]
	item := r.itemOf(g.Item)
	item.Lease = &access.LeaseView{
		Lease: g.Ensure.Lease, Revision: a.Revision, Wanted: g.Ensure.Wanted, State: a.State,
		GrantedAt: a.GrantedAt, EndsAt: a.EndsAt, Proof: a.Proof, Problem: a.Problem,
	}
	item.Why = a.Problem
	if a.Problem == "" || a.State == access.LeaseRevoking {
		g.Answered = a.Revision
	} else {
		// Under way, with trouble: the answer that counts will come; asking again is only for a lost one.
		g.AskAt = workflow.Now(ctx).UTC().Add(betweenEnsures.most)
	}
	if item.State == access.ItemFulfilling {
		switch {
		case a.Refused != "":
			item.State, item.Why = access.ItemDenied, a.Refused
		case a.State == access.LeaseHeld, a.GrantedAt != nil:
			// A lease that was granted and is ending already was granted all the same.
			item.State = access.ItemGranted
		case a.State == access.LeaseEnded:
			item.State, item.Why = access.ItemDenied, "it ended before it was granted"
		}
	}
	r.tellFulfilment()
	r.record(ctx, access.Event{
		Type: access.EventFulfilment, Channel: access.ChannelSystem, Items: []access.ItemID{g.Item},
		Proof: proofText(a.Proof), Text: answerText(item.Title, a),
	})
	if a.Problem != "" {
		r.noLongerMoments(ctx)
	}
}

func answerText(title string, a access.LeaseAnswer) string {
	switch {
	case a.Refused != "":
		return title + " will not be granted: " + a.Refused + "."
	case a.Problem != "":
		return title + " is " + string(a.State) + ", with trouble: " + a.Problem
	}
	return title + " is " + string(a.State) + "."
}

func proofText(p *access.Proof) string {
	if p == nil {
		return ""
	}
	return sentence(p.Method, p.Evidence)
}

// remindFulfiller reminds whoever works the ticket.
func (r *accessRequest) remindFulfiller(ctx workflow.Context) {
	r.armReminder(ctx)
	titles := r.byHandOpen()
	if len(titles) == 0 {
		r.s.RemindAt = time.Time{}
		return
	}
	r.mirror.write(ticketWrite{Comment: fulfilmentReminderText(titles, r.s.StageSince)})
	r.record(ctx, access.Event{Type: access.EventReminded, Channel: access.ChannelSystem, Text: "Reminded whoever works the ticket."})
}

// byHandOpen are the titles of the items that wait for a human's grant.
func (r *accessRequest) byHandOpen() []string {
	var titles []string
	for _, item := range r.s.View.Items {
		if item.State == access.ItemFulfilling && item.Fulfilment == access.FulfilmentManual {
			titles = append(titles, item.Title)
		}
	}
	return titles
}

// claimed takes a human's word that the manual items were granted. Where the target can be read, it must show the
// access before the item counts as granted.
func (r *accessRequest) claimed(ctx workflow.Context, word access.Proof) {
	for i := range r.s.Grants {
		g := &r.s.Grants[i]
		item := r.itemOf(g.Item)
		if item.State != access.ItemFulfilling || item.Fulfilment != access.FulfilmentManual || g.Claim != nil {
			continue
		}
		g.Claim = &word
		if r.s.Stop != nil {
			// Too late: what was granted by hand meanwhile must be taken away by hand.
			r.askFor(ctx, g, access.Absent, nil)
			continue
		}
		if r.needOf(g.Item).Binding != nil {
			g.CheckAt, g.Checks = workflow.Now(ctx).UTC(), 0
			continue
		}
		r.askFor(ctx, g, access.Present, &word)
	}
}

// checkClaim asks the target to show what a human says was granted.
func (r *accessRequest) checkClaim(ctx workflow.Context, g *itemGrant) {
	g.CheckAt = workflow.Now(ctx).UTC().Add(betweenChecks.after(g.Checks))
	g.Checks++
	first, id, need := g.Checks == 1, g.Item, r.needOf(g.Item)
	workflow.Go(ctx, func(ctx workflow.Context) {
		var port *activities.Target
		var proof access.Proof
		call := access.Assignment{Role: need.Binding.Role, Subject: r.s.Requirement.Subject}
		err := workflow.ExecuteActivity(target(ctx, need.Binding.Target, "verify "+need.Title), port.Verify, call).Get(ctx, &proof)
		i := slices.IndexFunc(r.s.Grants, func(g itemGrant) bool { return g.Item == id })
		g := &r.s.Grants[i]
		item := r.itemOf(id)
		switch {
		case item.State != access.ItemFulfilling || g.Revision > 0 || r.s.Stop != nil:
		case err != nil:
			item.Why = "the target cannot be read: " + sayError(err)
		case proof.Holds:
			g.CheckAt, item.Why = time.Time{}, ""
			r.askFor(ctx, g, access.Present, &proof)
		default:
			item.Why = "closed as done, but the target does not show the access yet"
			if first {
				r.mirror.write(ticketWrite{Comment: notYetVisibleText(item.Title)})
				r.record(ctx, access.Event{
					Type: access.EventFulfilment, Channel: access.ChannelSystem, Items: []access.ItemID{id},
					Proof: proofText(&proof), Text: item.Title + ": " + item.Why + ".",
				})
			}
		}
		r.tellFulfilment()
	})
}

// tellFulfilment says in the view what the request waits for.
func (r *accessRequest) tellFulfilment() {
	if r.s.View.State != access.StateFulfilling {
		return
	}
	v := &r.s.View
	v.WaitingOn = nil
	v.Next = "The access is being granted."
	for i := range v.Items {
		item := &v.Items[i]
		item.Stage = ""
		if item.State == access.ItemFulfilling && item.Fulfilment == access.FulfilmentManual {
			r.await(access.Waiting{Name: "whoever works the ticket", Stage: "fulfilment", Since: r.s.StageSince}, item.Item.ID)
			v.Next = "Waiting for a human to grant by hand and close the ticket as done."
		}
	}
	for _, item := range v.Items {
		if item.State == access.ItemFulfilling && item.Why != "" {
			v.Next += " " + item.Title + ": " + item.Why
		}
	}
}
