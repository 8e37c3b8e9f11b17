package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
)

// ItemApproval is where one item stands among its stages.
type ItemApproval struct {
	Need access.ItemRequirement
	// State is pending, approved, denied or expired.
	State access.ItemState
	// Stage is the open stage; the zero Stage when the item is not pending.
	Stage access.Stage
	// By is the decision that settled the item; nil while it is pending, and when it expired.
	By *access.Decision
}

// Approvals is where every item of a requirement stands, in the requirement's order.
type Approvals []ItemApproval

// Approval counts recorded decisions at a time. It is pure and total: the requirement, the decisions, the deadline and the
// time say everything. Until the deadline an item may be decided; what is pending then has expired, and stays so. A zero
// deadline is none.
//
// Stages pass in order, one approval each; one denial at an open stage denies the item. An approval carries over: who
// has approved an earlier stage of the item is not asked again when a later stage names the same person; but who approved before the later
// stage got its present approvers is asked once more. A decision counts for the items and stages that it lists, and for no other; and only
// if the item can be decided on its channel.
//
// Of the requirement only the approvers of stages that are still to be decided are ever replaced, by Vacate and Replace. So what has been
// decided stays.
func Approval(need access.Requirement, decisions []access.Decision, deadline, now time.Time) Approvals {
	if !deadline.IsZero() {
		decisions = inTime(decisions, deadline)
	}
	all := make(Approvals, len(need.Items))
	for i, item := range need.Items {
		all[i] = approvalOf(item, decisions)
		if all[i].State == access.ItemPending && !deadline.IsZero() && !now.Before(deadline) {
			all[i] = ItemApproval{Need: item, State: access.ItemExpired}
		}
	}
	return all
}

// inTime returns the decisions up to the first that came too late.
func inTime(decisions []access.Decision, deadline time.Time) []access.Decision {
	late := func(d access.Decision) bool { return !d.At.Before(deadline) }
	if i := slices.IndexFunc(decisions, late); i >= 0 {
		return decisions[:i]
	}
	return decisions
}

func approvalOf(item access.ItemRequirement, decisions []access.Decision) ItemApproval {
	a := ItemApproval{Need: item, State: access.ItemPending}
	open := 0
	var approved []access.Decision
	for i := range decisions {
		d := &decisions[i]
		if open == len(item.Stages) || !decides(*d, item.Item.ID, item.Stages[open].Name) || !item.DecidedOn(d.Channel) {
			continue
		}
		if d.Verdict == access.Deny {
			return ItemApproval{Need: item, State: access.ItemDenied, By: d}
		}
		if d.By != "" {
			approved = append(approved, *d)
		}
		for open++; open < len(item.Stages) && carriesOver(item.Stages[open], approved); open++ {
		}
		a.By = d
	}
	if open == len(item.Stages) {
		a.State = access.ItemApproved
		return a
	}
	a.Stage, a.By = item.Stages[open], nil
	return a
}

// decides reports whether a recorded decision is about that item at that stage.
func decides(d access.Decision, item access.ItemID, stage string) bool {
	for i, id := range d.Items {
		if id == item && i < len(d.Stages) && d.Stages[i] == stage {
			return true
		}
	}
	return false
}

// carriesOver reports whether one of the approvals is by an approver of a stage, and not from before the stage got its approvers.
func carriesOver(stage access.Stage, approved []access.Decision) bool {
	return slices.ContainsFunc(approved, func(d access.Decision) bool {
		return namesPerson(stage, d.By) && !d.At.Before(stage.ReplacedAt)
	})
}

func namesPerson(stage access.Stage, person access.PersonID) bool {
	return slices.ContainsFunc(stage.Approvers, func(p access.Person) bool { return p.ID == person })
}

// Pending reports whether an item is still to be decided.
func (all Approvals) Pending() bool {
	return slices.ContainsFunc(all, func(a ItemApproval) bool { return a.State == access.ItemPending })
}

// AwaitedNames lists whom the open stages wait for: "Mia (manager), Omar or Olga (owner)"; "nobody yet (owner)" for a stage
// without approvers; "nobody" for no open stages.
func (all Approvals) AwaitedNames() string {
	var groups []string
	for _, a := range all {
		if a.State != access.ItemPending {
			continue
		}
		people := make([]string, len(a.Stage.Approvers))
		for i, p := range a.Stage.Approvers {
			people[i] = p.Name()
		}
		group := cmp.Or(strings.Join(people, " or "), "nobody yet") + " (" + a.Stage.Name + ")"
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 {
		return "nobody"
	}
	return strings.Join(groups, ", ")
}
