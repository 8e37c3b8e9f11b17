package policy

import (
	"slices"

	"usher/internal/access"
)

// Rejection is why a decision cannot be taken: a kind that the API maps to a status, and a sentence about a field.
type Rejection struct {
	Kind    access.Kind
	Field   string
	Problem string
}

// Judge returns the items that a decision would decide now, each with its open stage; or why it cannot be taken. decided are
// the decisions that all counts.
func (all Approvals) Judge(need access.Requirement, decided []access.Decision, d access.Decision) (Approvals, *Rejection) {
	if d.Verdict != access.Approve && d.Verdict != access.Deny {
		return nil, &Rejection{access.Invalid, "verdict", `expected "approve" or "deny"`}
	}
	for _, id := range d.Items {
		if !slices.ContainsFunc(need.Items, func(i access.ItemRequirement) bool { return i.Item.ID == id }) {
			return nil, &Rejection{access.Invalid, "items", "this request has no item " + string(id)}
		}
	}
	operator := d.Channel == access.ChannelOperator
	if !operator && slices.Contains(Parties(need), d.By) {
		return nil, &Rejection{access.Forbidden, "by", all.ownDecision(need, d.By)}
	}
	var open Approvals
	for _, a := range all.asked(d) {
		if a.State == access.ItemPending && a.Need.DecidedOn(d.Channel) && (operator || namesPerson(a.Stage, d.By)) {
			open = append(open, a)
		}
	}
	if len(open) == 0 {
		return nil, all.whyNot(decided, d)
	}
	return open, nil
}

// otherChannel returns where an item is decided that somebody could decide now, but not where they tried; "" for no such item.
func (all Approvals) otherChannel(d access.Decision) string {
	for _, a := range all {
		if a.State != access.ItemPending || !namesPerson(a.Stage, d.By) || a.Need.DecidedOn(d.Channel) {
			continue
		}
		if slices.Contains(a.Need.DecisionChannels, access.ChannelTicket) {
			return a.Need.Title + " is decided on the ticket only"
		}
		return a.Need.Title + " is decided with usher only, not on the ticket"
	}
	return ""
}

// asked are the items that a decision is about: those that it names, or all.
func (all Approvals) asked(d access.Decision) Approvals {
	var asked Approvals
	for _, a := range all {
		if len(d.Items) == 0 || slices.Contains(d.Items, a.Need.Item.ID) {
			asked = append(asked, a)
		}
	}
	return asked
}

// Parties are those who decide nothing about a request, because it is theirs.
func Parties(need access.Requirement) []access.PersonID {
	all := []access.PersonID{need.Requester.ID, need.Subject.ID}
	if need.Filer.ID != "" {
		all = append(all, need.Filer.ID)
	}
	return all
}

// ownDecision returns, for a requester, subject or filer, who decides instead.
func (all Approvals) ownDecision(need access.Requirement, by access.PersonID) string {
	part := "filed this request"
	switch by {
	case need.Requester.ID:
		part = "asked for this access"
	case need.Subject.ID:
		part = "would get this access"
	}
	return "you " + part + " yourself, so somebody else decides: " + all.AwaitedNames()
}

// whyNot explains to somebody who decides nothing now. It speaks of the items that the decision is about, and of no other.
func (all Approvals) whyNot(decided []access.Decision, d access.Decision) *Rejection {
	asked := all.asked(d)
	for _, a := range asked {
		if a.State == access.ItemExpired {
			return &Rejection{access.Conflict, "state", "item " + string(a.Need.Item.ID) + " has expired: nobody decided it in time"}
		}
	}
	if where := asked.otherChannel(d); where != "" {
		return &Rejection{access.Forbidden, "channel", where}
	}
	for _, earlier := range slices.Backward(decided) {
		about := func(a ItemApproval) bool { return slices.Contains(earlier.Items, a.Need.Item.ID) }
		if earlier.By == d.By && d.By != "" && slices.ContainsFunc(asked, about) {
			return &Rejection{access.Conflict, "by", "you have decided already: " + string(earlier.Verdict) + " at " +
				earlier.At.UTC().Format("2006-01-02 15:04 MST")}
		}
	}
	if !asked.Pending() {
		return &Rejection{access.Conflict, "state", "every item is decided already"}
	}
	for _, a := range asked {
		for _, stage := range a.Need.Stages {
			if namesPerson(stage, d.By) {
				return &Rejection{access.Conflict, "by", "your stage (" + stage.Name + ") is not open now; awaited: " + all.AwaitedNames()}
			}
		}
	}
	what := "this request"
	if len(d.Items) > 0 {
		what = "these items"
	}
	return &Rejection{access.Forbidden, "by", "you are not an approver of " + what + "; awaited: " + all.AwaitedNames()}
}
