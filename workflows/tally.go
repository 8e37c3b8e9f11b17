package workflows

import (
	"slices"
	"strings"

	"usher/internal/access"
)

// itemTally is where one item stands among its stages.
type itemTally struct {
	need  access.ItemRequirement
	state access.ItemState // pending, approved or denied
	// stage is the open stage; the zero Stage when the item is decided.
	stage access.Stage
	// said is the decision that settled the item; nil while it is pending.
	said *access.Decision
}

// tallyOf counts recorded decisions. It is pure: the requirement and the decisions say everything.
//
// Stages pass in order, one approval each; one denial at an open stage denies the item. An approval carries over: who
// has approved an earlier stage of the item is not asked again when a later stage names the same person.
func tallyOf(need access.Requirement, decisions []access.Decision) []itemTally {
	tallies := make([]itemTally, len(need.Items))
	for i, item := range need.Items {
		tallies[i] = tallyItem(item, decisions)
	}
	return tallies
}

func tallyItem(item access.ItemRequirement, decisions []access.Decision) itemTally {
	t := itemTally{need: item, state: access.ItemPending}
	open := 0
	approvedBy := map[access.PersonID]bool{}
	for i := range decisions {
		d := &decisions[i]
		if open == len(item.Stages) || !decides(*d, item.Item.ID, item.Stages[open].Name) {
			continue
		}
		if d.Verdict == access.Deny {
			return itemTally{need: item, state: access.ItemDenied, said: d}
		}
		if d.By != "" {
			approvedBy[d.By] = true
		}
		for open++; open < len(item.Stages) && namesOneOf(item.Stages[open], approvedBy); open++ {
		}
		t.said = d
	}
	if open == len(item.Stages) {
		t.state = access.ItemApproved
		return t
	}
	t.stage, t.said = item.Stages[open], nil
	return t
}

// decides reports whether a recorded decision speaks of that item at that stage.
func decides(d access.Decision, item access.ItemID, stage string) bool {
	for i, id := range d.Items {
		if id == item && i < len(d.Stages) && d.Stages[i] == stage {
			return true
		}
	}
	return false
}

func namesOneOf(stage access.Stage, people map[access.PersonID]bool) bool {
	return slices.ContainsFunc(stage.Approvers, func(p access.Person) bool { return people[p.ID] })
}

func names(stage access.Stage, person access.PersonID) bool {
	return slices.ContainsFunc(stage.Approvers, func(p access.Person) bool { return p.ID == person })
}

// settled reports whether every item is decided.
func settled(tallies []itemTally) bool {
	return !slices.ContainsFunc(tallies, func(t itemTally) bool { return t.state == access.ItemPending })
}

// refused is why a message is refused: a kind that the API maps to a status, and a sentence about a field.
type refused struct {
	kind  access.Kind
	field string
	why   string
}

// mayDecide says why a decision cannot be taken now; nil when it can. The items that it would decide, with
// their stages, are the second result.
func mayDecide(need access.Requirement, decided []access.Decision, d access.Decision) (*refused, []itemTally) {
	if d.Verdict != access.Approve && d.Verdict != access.Deny {
		return &refused{access.Invalid, "verdict", `expected "approve" or "deny"`}, nil
	}
	for _, id := range d.Items {
		if !slices.ContainsFunc(need.Items, func(i access.ItemRequirement) bool { return i.Item.ID == id }) {
			return &refused{access.Invalid, "items", "this request has no item " + string(id)}, nil
		}
	}
	tallies := tallyOf(need, decided)
	if d.Channel != access.ChannelOperator && (d.By == need.Requester.ID || d.By == need.Subject.ID) {
		return &refused{access.Forbidden, "by", selfDecision(need, d.By, tallies)}, nil
	}
	var open []itemTally
	for _, t := range tallies {
		asked := len(d.Items) == 0 || slices.Contains(d.Items, t.need.Item.ID)
		if asked && t.state == access.ItemPending && (d.Channel == access.ChannelOperator || names(t.stage, d.By)) {
			open = append(open, t)
		}
	}
	if len(open) > 0 {
		return nil, open
	}
	return whyNot(need, decided, d, tallies), nil
}

// selfDecision tells a requester or subject who decides instead.
func selfDecision(need access.Requirement, by access.PersonID, tallies []itemTally) string {
	part := "asked for this access"
	if by != need.Requester.ID {
		part = "would get this access"
	}
	return "you " + part + " yourself, so somebody else decides: " + awaitedNames(tallies)
}

// whyNot explains to somebody who decides nothing now.
func whyNot(need access.Requirement, decided []access.Decision, d access.Decision, tallies []itemTally) *refused {
	for _, earlier := range slices.Backward(decided) {
		if earlier.By == d.By && d.By != "" {
			return &refused{access.Conflict, "by", "you have decided already: " + string(earlier.Verdict) + " at " +
				earlier.At.UTC().Format("2006-01-02 15:04 MST")}
		}
	}
	if settled(tallies) {
		return &refused{access.Conflict, "state", "every item is decided already"}
	}
	for _, item := range need.Items {
		for _, stage := range item.Stages {
			if names(stage, d.By) {
				return &refused{access.Conflict, "by", "your stage (" + stage.Name + ") is not open now; awaited: " + awaitedNames(tallies)}
			}
		}
	}
	return &refused{access.Forbidden, "by", "you are not an approver of this request; awaited: " + awaitedNames(tallies)}
}

// awaitedNames lists whom the open stages wait for: "Mia (manager), Omar or Olga (owner)".
func awaitedNames(tallies []itemTally) string {
	var groups []string
	for _, t := range tallies {
		if t.state != access.ItemPending {
			continue
		}
		people := make([]string, len(t.stage.Approvers))
		for i, p := range t.stage.Approvers {
			people[i] = p.Name()
		}
		group := strings.Join(people, " or ") + " (" + t.stage.Name + ")"
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 {
		return "nobody"
	}
	return strings.Join(groups, ", ")
}
