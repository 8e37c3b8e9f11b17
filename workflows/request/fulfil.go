package request

import (
	"slices"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/outbox"
	"usher/workflows/ticket"
)

// grant is how far one approved item is on its way to being held.
type grant struct {
	Item access.ItemID `json:"item"`
	// Revision is that of the last wish, 0 before the first; Answered is the last revision that was answered. A revision is
	// made from the time, so that after a reset it is higher than what was said before.
	Revision     int                 `json:"revision,omitempty"`
	Answered     int                 `json:"answered,omitempty"`
	DesiredState access.DesiredState `json:"desired_state,omitempty"`
	// RequestedAt is when the wish was made, and Granted is the verification of a grant by hand that has been made already.
	RequestedAt time.Time            `json:"requested_at,omitzero"`
	Granted     *access.Verification `json:"granted,omitempty"`
	// StatusVersion is the version of the last status that was taken for this revision: a late, older one is ignored.
	StatusVersion int `json:"status_version,omitempty"`
	// ResendAt is when to ask again while there is no answer; Sends counts.
	ResendAt time.Time `json:"resend_at,omitzero"`
	Sends    int       `json:"sends,omitempty"`
	// Claim is a person's word that a manual item was granted; CheckAt is when the target is asked (again) to show it.
	Claim   *access.Verification `json:"claim,omitempty"`
	CheckAt time.Time            `json:"check_at,omitzero"`
	Checks  int                  `json:"checks,omitempty"`
	// checking is true while the target is being asked.
	checking bool
}

func (g grant) unanswered() bool { return g.Answered < g.Revision }

// takenBack reports whether the subject's workflow has not answered yet that the access shall go.
func (g grant) takenBack() bool { return g.DesiredState == access.Absent && g.unanswered() }

// due returns when there is something to do for the grant; zero for never.
func (g grant) due() time.Time {
	switch {
	case g.unanswered():
		return g.ResendAt
	case g.checking:
		return time.Time{}
	}
	return g.CheckAt
}

// beginFulfilment asks for the grants. The messages go out when the decisions that allow them are in the ledger.
func (r *request) beginFulfilment() {
	r.setState(access.StateFulfilling)
	r.StageSince, r.Reminders = r.View.Since, 0
	byHand := []string{}
	for i := range r.View.Items {
		item := &r.View.Items[i]
		if item.State != access.ItemApproved {
			continue
		}
		item.State = access.ItemFulfilling
		r.Grants = append(r.Grants, grant{Item: item.Item.ID})
		if item.Fulfilment == access.FulfilmentManual {
			byHand = append(byHand, item.Title)
		}
	}
	write := ticket.Write{TransitionTo: access.TicketWorking}
	r.RemindAt = time.Time{}
	if len(byHand) > 0 {
		write.Key, write.Text = "work", ticket.WorkText(byHand)
		r.armReminder()
	}
	// A grant takes moments: its outcome goes to the ticket together with what led to it.
	r.ticket.Held = len(byHand) == 0
	r.ticket.Write(write)
	r.updateStatusText()
	r.record(access.Event{Type: access.EventFulfilment, Channel: access.ChannelSystem, Text: r.View.StatusText})
	for i := range r.Grants {
		if g := &r.Grants[i]; r.itemOf(g.Item).Fulfilment != access.FulfilmentManual {
			r.requestLease(g, access.Present, nil)
		}
	}
}

// release lets the ticket say where the request stands, because what comes next may take a while.
func (r *request) release() {
	if r.ticket != nil {
		r.ticket.Held = false
	}
}

// requestLease sends the subject's workflow the desired state. A grant is asked for when the ledger has what allows it; that access must
// go is said at once.
func (r *request) requestLease(g *grant, wanted access.DesiredState, granted *access.Verification) {
	now := r.loop.Now()
	g.Revision = workflows.NextVersion(g.Revision, now)
	g.DesiredState, g.RequestedAt, g.Granted, g.Sends, g.StatusVersion = wanted, now, granted, 0, 0
	if wanted == access.Present {
		need := r.needOf(g.Item)
		r.recordAs("grant/"+string(g.Item), access.Event{
			Type: access.EventGrantRequested, Channel: access.ChannelSystem, Items: []access.ItemID{g.Item},
			Text: "Asked for " + need.Title + " " + ticket.Lasting(need.Duration) + ".",
		})
	}
	r.send(g)
}

// message returns what the subject's workflow is told about a grant.
func (r *request) message(g *grant) activities.ApplyLeaseMessage {
	need, settings := r.needOf(g.Item), r.Requirement.Settings
	window := access.Window{From: g.RequestedAt, Duration: need.Duration}
	if g.Granted != nil && need.Duration > 0 {
		until := g.Granted.At.Add(need.Duration.Std())
		window = access.Window{From: g.Granted.At, Until: &until}
	}
	return activities.ApplyLeaseMessage{
		WorkflowID: workflows.SubjectWorkflowID(r.Requirement.Subject.ID), WorkflowType: workflows.SubjectAccessType,
		TaskQueue: workflows.TaskQueue, Signal: workflows.SignalApplyLease,
		Spec: access.LeaseSpec{
			Lease: access.Lease{
				ID: access.LeaseIDOf(r.asked.ID, g.Item), Request: r.asked.ID, Item: g.Item,
				Subject: r.Requirement.Subject, Entitlement: need.Item.Entitlement, Title: need.Title,
				Fulfilment: need.Fulfilment, Binding: need.Binding, ExistingAccess: need.ExistingAccess,
				Desk: settings.Desk,
			},
			Revision: g.Revision, DesiredState: g.DesiredState, Window: window, Granted: g.Granted,
		},
	}
}

func (r *request) needOf(id access.ItemID) access.ItemRequirement {
	i := slices.IndexFunc(r.Requirement.Items, func(n access.ItemRequirement) bool { return n.Item.ID == id })
	return r.Requirement.Items[i]
}

func (r *request) grantOf(id access.ItemID) *grant {
	i := slices.IndexFunc(r.Grants, func(g grant) bool { return g.Item == id })
	return &r.Grants[i]
}

func (r *request) itemOf(id access.ItemID) *access.ItemView {
	i := slices.IndexFunc(r.View.Items, func(v access.ItemView) bool { return v.Item.ID == id })
	return &r.View.Items[i]
}

// send sends the wish, and sets when to repeat it.
func (r *request) send(g *grant) {
	g.Sends++
	g.ResendAt = r.loop.Now().Add(workflows.ResendLease.After(g.Sends))
	m := r.message(g)
	if g.DesiredState == access.Present {
		if !r.outbox.Holds(m.Spec.Lease.ID) {
			r.outbox.Add(outbox.Fact{Apply: []activities.ApplyLeaseMessage{m}})
		}
		return
	}
	r.outbox.Withdraw(m.Spec.Lease.ID)
	id := g.Item
	r.outbox.Send(activities.RecordInput{Specs: []activities.ApplyLeaseMessage{m}}, "end lease "+string(m.Spec.Lease.ID), func() {
		if g := r.grantOf(id); g.Revision == m.Spec.Revision {
			g.ResendAt = r.loop.Now()
			if !r.loop.Leaving() {
				g.ResendAt = g.ResendAt.Add(workflows.RetryConnector.After(g.Sends))
			}
		}
	})
}

// fulfil repeats the wishes that are not answered, and checks what people say that they granted.
func (r *request) fulfil(now time.Time) {
	if r.View.State == access.StateFulfilling && r.Ticket.Off {
		r.failUnconfirmable()
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		switch due := g.due(); {
		case due.IsZero() || now.Before(due):
		case g.unanswered():
			r.release()
			r.send(g)
		default:
			r.check(g)
		}
	}
}

// failUnconfirmable fails the items that a person grants by hand when there is no ticket on which to say so.
func (r *request) failUnconfirmable() {
	for i := range r.Grants {
		g := &r.Grants[i]
		item := r.itemOf(g.Item)
		if item.State != access.ItemFulfilling || item.Fulfilment != access.FulfilmentManual || g.Claim != nil || g.DesiredState != "" {
			continue
		}
		item.State, item.Detail = access.ItemFailed, "there is no ticket any more on which somebody could say that it was granted"
		r.recordAs("no ticket/"+string(item.Item.ID), access.Event{
			Type: access.EventFulfilment, Channel: access.ChannelSystem, Items: []access.ItemID{item.Item.ID},
			Text: item.Title + " is not granted: " + item.Detail + ".",
		})
	}
}

// leaseStatus takes a status that the subject's workflow sends.
func (r *request) leaseStatus(a access.LeaseStatus) {
	i := slices.IndexFunc(r.Grants, func(g grant) bool { return access.LeaseIDOf(r.asked.ID, g.Item) == a.Lease })
	// What nobody has asked for has no status.
	if i < 0 || r.Grants[i].Revision == 0 || a.Revision < r.Grants[i].Revision || a.Version < r.Grants[i].StatusVersion {
		return
	}
	g := &r.Grants[i]
	if r.View.State.Ended() {
		r.disown(g, a)
		return
	}
	g.StatusVersion = a.Version
	item := r.itemOf(g.Item)
	before := *item
	item.Lease = &access.LeaseView{
		Lease: r.message(g).Spec.Lease, Revision: a.Revision, DesiredState: g.DesiredState, State: a.State,
		GrantedAt: a.GrantedAt, EndsAt: a.EndsAt, Verification: a.Verification, Problem: a.Problem,
	}
	item.Detail = a.Problem
	if a.Problem == "" || a.State == access.LeaseRevoking {
		g.Answered = g.Revision
	} else {
		// Under way, with a problem: the status that counts will come; asking again is only for a lost one.
		g.ResendAt = r.loop.Now().Add(workflows.ResendLease.Max)
	}
	// What is answered to a wish that access shall go says nothing of the grant: how the request was stopped says it.
	if item.State == access.ItemFulfilling && g.DesiredState == access.Present {
		item.State, item.Detail = fulfilled(a)
	}
	r.updateStatusText()
	if a.Problem != "" {
		r.release()
	}
	if before.Lease != nil && before.State == item.State && before.Detail == item.Detail && before.Lease.State == a.State {
		// The same status again tells nobody anything.
		return
	}
	r.record(access.Event{
		Type: access.EventFulfilment, Channel: access.ChannelSystem, Items: []access.ItemID{g.Item},
		Evidence: workflows.EvidenceText(a.Verification), Text: statusText(item.Title, a),
	})
}

// disown takes a status that comes after the outcome: access that the outcome does not keep must go.
func (r *request) disown(g *grant, a access.LeaseStatus) {
	kept := r.View.State.KeepsAccess() && r.itemOf(g.Item).State == access.ItemGranted
	if !kept && g.DesiredState == access.Present && (a.State == access.LeaseActive || a.State == access.LeaseGranting) {
		r.requestLease(g, access.Absent, nil)
	}
}

// fulfilled returns what a status makes of an item whose grant is awaited, and why.
func fulfilled(a access.LeaseStatus) (access.ItemState, string) {
	switch {
	case a.Refused != "":
		return access.ItemDenied, a.Refused
	case a.State == access.LeaseActive, a.GrantedAt != nil:
		// A lease that was granted and is ending already was granted all the same.
		return access.ItemGranted, a.Problem
	case a.State == access.LeaseEnded:
		return access.ItemDenied, "it ended before it was granted"
	}
	return access.ItemFulfilling, a.Problem
}

func statusText(title string, a access.LeaseStatus) string {
	switch {
	case a.Refused != "":
		return title + " will not be granted: " + a.Refused + "."
	case a.Problem != "":
		return title + " is " + string(a.State) + ", with trouble: " + a.Problem
	}
	return title + " is " + string(a.State) + "."
}

// manualOpen returns the titles of the items that wait for a person's grant.
func (r *request) manualOpen() []string {
	var titles []string
	for _, item := range r.View.Items {
		if item.State == access.ItemFulfilling && item.Fulfilment == access.FulfilmentManual {
			titles = append(titles, item.Title)
		}
	}
	return titles
}

// confirmGrant takes a person's word that the manual items were granted. Where the target can be read, it must show the
// access before the item counts as granted.
func (r *request) confirmGrant(word access.Verification) {
	for i := range r.Grants {
		g := &r.Grants[i]
		item := r.itemOf(g.Item)
		if item.State != access.ItemFulfilling || item.Fulfilment != access.FulfilmentManual || g.Claim != nil {
			continue
		}
		g.Claim = &word
		switch {
		case r.Stop != nil:
			// Too late: what was granted by hand meanwhile must be taken away by hand.
			r.requestLease(g, access.Absent, nil)
		case r.needOf(g.Item).Binding != nil:
			g.CheckAt, g.Checks = r.loop.Now(), 0
		default:
			r.requestLease(g, access.Present, &word)
		}
	}
}

// check asks the target to show what a person says was granted.
func (r *request) check(g *grant) {
	g.Checks++
	g.CheckAt = r.loop.Now().Add(workflows.RetryCheck.After(g.Checks))
	g.checking = true
	id, need := g.Item, r.needOf(g.Item)
	var port *activities.Target
	call := access.Assignment{Role: need.Binding.Role, Subject: r.Requirement.Subject}
	options := workflows.Target(need.Binding.Target, "verify "+need.Title)
	durable.Start(r.loop, options, port.Verify, call, func(verification access.Verification, err error) { r.checked(id, verification, err) })
}

func (r *request) checked(id access.ItemID, verification access.Verification, err error) {
	g := r.grantOf(id)
	g.checking = false
	item := r.itemOf(id)
	switch {
	case item.State != access.ItemFulfilling || g.Revision > 0 || r.Stop != nil:
	case err != nil && r.loop.Leaving():
		g.Checks--
		g.CheckAt = r.loop.Now()
	case err != nil:
		item.Detail = "the target cannot be read: " + workflows.ErrorText(err)
	case verification.Present:
		g.CheckAt, item.Detail = time.Time{}, ""
		r.requestLease(g, access.Present, &verification)
	default:
		item.Detail = "closed as done, but the target does not show the access yet"
		if g.Checks == 1 {
			r.ticket.Write(ticket.Write{Key: "not visible/" + string(id), Text: ticket.NotVisibleText(item.Title)})
			r.record(access.Event{
				Type: access.EventFulfilment, Channel: access.ChannelSystem, Items: []access.ItemID{id},
				Evidence: workflows.EvidenceText(&verification), Text: item.Title + ": " + item.Detail + ".",
			})
		}
	}
	r.updateStatusText()
}
