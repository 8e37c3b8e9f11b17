package intake

import (
	"strings"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// giveBack has the access ended that somebody no longer needs, and closes the ticket when it is gone. Only one's own access is
// given back, so nobody is asked for an approval.
func (a *asked) giveBack() {
	said, who := a.Look.Asked, a.Look.People.Requester
	if who.ID != a.Look.People.Subject.ID {
		a.Look.Findings = []access.Refusal{{Field: access.AskedSubject.Label(), Problem: "Only one's own access can be given back on a ticket."}}
		return
	}
	reason := who.Name() + " gave it back on ticket " + string(said.Ref.Key)
	if said.Filed {
		reason += ", filed by account " + string(said.Creator.ID)
	}
	var records *activities.Records
	call := activities.GiveBackInput{
		Subject: who.ID, Entitlements: said.Draft.GiveBack, Ticket: access.AskedRequestID(a.desk, a.ticket), Reason: reason, Leases: a.GivenBack,
		Revision:   workflows.NextVersion(0, a.loop.Now()),
		WorkflowID: workflows.SubjectWorkflowID(who.ID), WorkflowType: workflows.SubjectAccessType,
		TaskQueue: workflows.TaskQueue, Signal: workflows.SignalApplyLease,
	}
	options := workflows.SendMessage("give access back")
	durable.Start(a.loop, options, records.GiveBack, call, func(found activities.GiveBackResult, err error) {
		if a.done(err) {
			a.gaveBack(found)
		}
	})
}

// gaveBack takes where the access stands. What was not held when it was given back is answered for good: the ticket must not end what is
// granted later.
func (a *asked) gaveBack(found activities.GiveBackResult) {
	label := access.AskedGiveBack.Label()
	for _, entitlement := range found.NotHeld {
		a.Look.Findings = append(a.Look.Findings, access.Refusal{Field: label, Problem: string(entitlement) + " is not held: " + held(found.Held)})
	}
	for _, open := range found.Open {
		a.Look.Findings = append(a.Look.Findings, access.Refusal{
			Field: label, Problem: string(open.Entitlement) + " belongs to request " + string(open.Request) + ", which has not ended; expected that it is withdrawn.",
		})
	}
	switch {
	case len(a.Look.Findings) > 0:
		a.close(findingsText(a.Look.Findings, givingBack), "", access.TicketWontDo)
	case found.Ending > 0:
		a.GivenBack = found.Leases
		a.again()
	default:
		a.close("Given back, and gone: "+names(a.Look.Asked.Draft.GiveBack)+".", "", access.TicketDone)
	}
}

func held(all []access.EntitlementID) string {
	if len(all) == 0 {
		return "usher has given nothing that is held now."
	}
	return "held are " + names(all) + "."
}

func names(all []access.EntitlementID) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}
