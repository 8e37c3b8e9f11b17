package policy

import (
	"slices"
	"time"

	"usher/internal/access"
)

// Changed is one stage of one item whose approvers are others than before.
type Changed struct {
	Item  access.ItemID
	Stage string
	// Before and After are its approvers; none for nobody.
	Before, After []access.Person
}

// Vacate returns the requirement where somebody who has left approves nothing that is still to be decided, and the stages that changed, in
// the requirement's order; none where nothing did. The person is taken out of the open stage and the later stages of items that are
// pending, and these stages may have nobody then. Stages that have passed and items that are settled stay as they are. all is where the
// items of the requirement stand; an item that it does not have stays as it is. What is given is not changed.
func Vacate(need access.Requirement, all Approvals, gone access.PersonID) (access.Requirement, []Changed) {
	need = copyOf(need)
	var changed []Changed
	for i := range need.Items {
		item := &need.Items[i]
		for s := all.open(*item); s < len(item.Stages); s++ {
			stage := &item.Stages[s]
			if !namesPerson(*stage, gone) {
				continue
			}
			before := slices.Clone(stage.Approvers)
			stage.Approvers = slices.DeleteFunc(stage.Approvers, func(p access.Person) bool { return p.ID == gone })
			changed = append(changed, Changed{Item: item.Item.ID, Stage: stage.Name, Before: before, After: slices.Clone(stage.Approvers)})
		}
	}
	return need, changed
}

// Replacement is who approves one stage of one item from a time on.
type Replacement struct {
	Item  access.ItemID
	Stage string
	// Approvers are the new ones, each once; none leave the stage with nobody. Whether they may approve is for the caller to see to.
	Approvers []access.Person
	// At is since when. What one of them has approved before does not carry over to the stage.
	At time.Time
	// ByHand is true when somebody has named them by hand, and false when they were found.
	ByHand bool
}

// Replace returns the requirement where one stage has other approvers, and what changed: nil where the stage is not the open one or a later
// one of a pending item, or names the same people already. Then the requirement is as it was. all is where the items of the requirement
// stand. What is given is not changed.
func Replace(need access.Requirement, all Approvals, by Replacement) (access.Requirement, *Changed) {
	need = copyOf(need)
	i := slices.IndexFunc(need.Items, func(r access.ItemRequirement) bool { return r.Item.ID == by.Item })
	if i < 0 {
		return need, nil
	}
	stages := need.Items[i].Stages
	s := slices.IndexFunc(stages, func(s access.Stage) bool { return s.Name == by.Stage })
	if s < all.open(need.Items[i]) || samePeople(stages[s].Approvers, by.Approvers) {
		return need, nil
	}
	changed := &Changed{Item: by.Item, Stage: by.Stage, Before: stages[s].Approvers, After: slices.Clone(by.Approvers)}
	stages[s] = access.Stage{Name: by.Stage, Approvers: append([]access.Person{}, by.Approvers...), ReplacedAt: by.At, ByHand: by.ByHand}
	return need, changed
}

// open returns where the open stage of an item is among its stages; beyond the last for an item that is not pending.
func (all Approvals) open(item access.ItemRequirement) int {
	i := slices.IndexFunc(all, func(a ItemApproval) bool { return a.Need.Item.ID == item.Item.ID })
	if i >= 0 && all[i].State == access.ItemPending {
		if s := slices.IndexFunc(item.Stages, func(s access.Stage) bool { return s.Name == all[i].Stage.Name }); s >= 0 {
			return s
		}
	}
	return len(item.Stages)
}

// samePeople reports whether two lists have the same ids, in whatever order.
func samePeople(a, b []access.Person) bool {
	within := func(a, b []access.Person) bool {
		return !slices.ContainsFunc(a, func(p access.Person) bool { return !namesPerson(access.Stage{Approvers: b}, p.ID) })
	}
	return within(a, b) && within(b, a)
}

// copyOf returns a requirement whose items, stages and approvers are its own.
func copyOf(need access.Requirement) access.Requirement {
	need.Items = slices.Clone(need.Items)
	for i := range need.Items {
		need.Items[i].Stages = slices.Clone(need.Items[i].Stages)
		for s := range need.Items[i].Stages {
			need.Items[i].Stages[s].Approvers = slices.Clone(need.Items[i].Stages[s].Approvers)
		}
	}
	return need
}
