package intake

import (
	"slices"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// joined is a request that asks for what this ticket asks for, and was there before.
type joined struct {
	Request access.RequestID `json:"request"`
	// Digest is that of what the ticket asked for when it joined: a changed ticket asks anew.
	Digest string `json:"digest"`
}

// findSame asks whether an open request asks for the same already.
func (a *asked) findSame() {
	request := a.request()
	if a.Look.Asked.Filed {
		// What somebody asks elsewhere is not for who files for them.
		a.Look.Unasked = true
		return
	}
	if j := a.Joined; j != nil && j.Digest == request.Digest() {
		a.await()
		return
	}
	a.Joined = nil
	var records *activities.Records
	durable.StartLocal(a.loop, workflows.LocalQuestion(), records.FindSame, request, func(found activities.FindSameResult, err error) {
		switch {
		case !a.done(err):
		case found.Request == "":
			a.Look.Unasked = true
		default:
			a.join(found, request.Digest())
		}
	})
}

// join has the ticket say which request it joins, and waits for the outcome of that one.
func (a *asked) join(same activities.FindSameResult, digest string) {
	a.say(joinedText(same), string(same.Request), func() { a.Joined = &joined{Request: same.Request, Digest: digest} })
}

func joinedText(same activities.FindSameResult) string {
	where := "request " + string(same.Request)
	if same.Ticket != "" {
		where += ", on ticket " + string(same.Ticket)
	}
	return "The same access is asked for already: " + where + ". This ticket is closed when that request has ended, with its outcome."
}

// await asks how the request stands that the ticket has joined, and closes the ticket once it has ended.
func (a *asked) await() {
	var records *activities.Records
	id := a.Joined.Request
	durable.StartLocal(a.loop, workflows.LocalQuestion(), records.ReadRequest, id, func(found activities.ReadRequestResult, err error) {
		switch view := found.View; {
		case !a.done(err):
		case !view.State.Ended():
			a.again()
		default:
			to := access.TicketWontDo
			if granted(view, a.request().Items) {
				to = access.TicketDone
			}
			a.close(endText(view), string(id), to)
		}
	})
}

// granted reports whether a request has given all of some items.
func granted(view access.RequestView, items []access.Item) bool {
	for _, item := range items {
		gave := func(i access.ItemView) bool {
			return i.Item.Entitlement == item.Entitlement && i.State == access.ItemGranted
		}
		if !slices.ContainsFunc(view.Items, gave) {
			return false
		}
	}
	return true
}

// endText returns how a request has ended that a ticket had joined.
func endText(view access.RequestView) string {
	text := "Request " + string(view.Request.ID) + " has ended. " + ticket.OutcomeText(view)
	for _, r := range view.Refusals {
		text += "\n" + label(r.Field) + ": " + r.Problem
	}
	return text
}

// again waits before the next question about something that takes its time.
func (a *asked) again() {
	a.Waits++
	a.RetryAt = a.loop.Now().Add(workflows.RetryConnector.After(a.Waits))
}
