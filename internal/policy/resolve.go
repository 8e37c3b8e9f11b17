package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"usher/internal/access"
)

// Resolution is who approves one stage of one item, found anew.
type Resolution struct {
	Item      access.ItemID   `json:"item"`
	Stage     string          `json:"stage"`
	Approvers []access.Person `json:"approvers,omitempty"` // none: nobody can
	Fallback  bool            `json:"fallback,omitempty"`  // they are the catalog's fallback
	Problem   string          `json:"problem,omitempty"`   // why nobody can, for people; "" otherwise
}

// Resolve finds, by the catalog of today, who approves each stage of a requirement, in its order; none for no items. Everybody whom it
// names is active and neither requester nor subject nor filer. Which stages there are says the requirement, not the catalog: an
// entitlement that has no owners any more has nobody as owner, so its fallback approves, or there is a problem. An item that the
// catalog does not have any more has a problem in each of its stages.
//
// Of the input it needs People and Absent. Requester, subject and filer are those of the requirement; the request's where the
// requirement has none.
func (c *Catalog) Resolve(in Input, need access.Requirement) []Resolution {
	in.Request.Requester = cmp.Or(need.Requester.ID, in.Request.Requester)
	in.Request.Subject = cmp.Or(need.Subject.ID, in.Request.Subject)
	if need.Filer.ID != "" {
		in.Request.Origin = &access.Origin{Filer: need.Filer.ID}
	}
	e := c.evaluation(in)
	var all []Resolution
	for _, item := range need.Items {
		entitlement, known := c.find(item.Item.Entitlement)
		for _, stage := range item.Stages {
			found := Resolution{
				Stage:   stage.Name,
				Problem: fmt.Sprintf("The catalog does not have %s any more, so nobody can approve as %s.", item.Item.Entitlement, stage.Name),
			}
			if known {
				found = e.stage(entitlement, stage.Name)
			}
			found.Item = item.Item.ID
			all = append(all, found)
		}
	}
	return all
}

// PeopleOf lists, sorted and each once, whom Resolve must be told about besides the subject's manager: requester, subject and filer of
// the requirement, the fallback of its items' entitlements, and, where the requirement has an owner stage, their owners. An entitlement
// that the catalog does not have adds nobody.
func (c *Catalog) PeopleOf(need access.Requirement) []access.PersonID {
	ids := Parties(need)
	for _, item := range need.Items {
		entitlement, known := c.find(item.Item.Entitlement)
		if !known {
			continue
		}
		ids = append(ids, entitlement.Fallback...)
		if slices.ContainsFunc(item.Stages, func(s access.Stage) bool { return s.Name != access.StageManager }) {
			ids = append(ids, entitlement.Owners...)
		}
	}
	return eachOnce(ids)
}

// stage finds who approves a stage of an entitlement: those whom the stage is for, or else those of the fallback who can.
func (e *evaluation) stage(entitlement Entitlement, name string) Resolution {
	find := e.owners
	if name == access.StageManager {
		find = e.managers
	}
	approvers, problem := find(entitlement)
	if len(approvers) > 0 {
		return Resolution{Stage: name, Approvers: approvers}
	}
	if approvers, _ = e.able(entitlement.Fallback); len(approvers) > 0 {
		return Resolution{Stage: name, Approvers: approvers, Fallback: true}
	}
	if len(entitlement.Fallback) > 0 {
		problem += e.noFallback(entitlement)
	}
	return Resolution{Stage: name, Problem: problem}
}

// managers is the subject's manager; or nobody, and why.
func (e *evaluation) managers(Entitlement) ([]access.Person, string) {
	subject, known := e.people[e.Request.Subject]
	boss, bossKnown := e.people[subject.Manager]
	var why string
	switch {
	case !known:
		why = fmt.Sprintf("The subject, %q, is unknown to the identity source", e.Request.Subject)
	case subject.Manager == "":
		why = fmt.Sprintf("The identity source names no manager of %s", subject.Name())
	case subject.Manager == subject.ID:
		why = fmt.Sprintf("The identity source names %s as the manager of the same person", subject.Name())
	case !bossKnown:
		why = fmt.Sprintf("The manager of %s, %q, is unknown to the identity source", subject.Name(), subject.Manager)
	case !boss.Active:
		why = fmt.Sprintf("The manager of %s, %s, is not active", subject.Name(), boss.Name())
	case boss.ID == e.Request.Requester:
		why = fmt.Sprintf("The manager of %s, %s, is the requester", subject.Name(), boss.Name())
	case boss.ID == e.filer():
		why = fmt.Sprintf("The manager of %s, %s, has filed this request", subject.Name(), boss.Name())
	default:
		return []access.Person{boss}, ""
	}
	return nil, why + ", so nobody can approve as manager."
}

// owners are those of an entitlement's owners who can approve, in the catalog's order; or nobody, and why.
func (e *evaluation) owners(entitlement Entitlement) ([]access.Person, string) {
	able, why := e.able(entitlement.Owners)
	if len(able) > 0 {
		return able, ""
	}
	return nil, fmt.Sprintf("Nobody can approve %s as owner: %s.", entitlement.Title, cmp.Or(why, "the catalog names none"))
}

// noFallback returns, as one more sentence, why nobody of an entitlement's fallback can approve.
func (e *evaluation) noFallback(entitlement Entitlement) string {
	if len(entitlement.Fallback) == 0 {
		return " " + entitlement.Title + " has no fallback."
	}
	_, why := e.able(entitlement.Fallback)
	return fmt.Sprintf(" Nor can the fallback of %s: %s.", entitlement.Title, why)
}

// able returns those of people named by the catalog who can approve, in their order, and why the others cannot; "" for no others.
func (e *evaluation) able(ids []access.PersonID) ([]access.Person, string) {
	var able []access.Person
	var reasons []string
	for _, id := range ids {
		person, known := e.people[id]
		switch {
		case !known:
			reasons = append(reasons, fmt.Sprintf("%q is unknown to the identity source", id))
		case id == e.Request.Requester:
			reasons = append(reasons, person.Name()+" is the requester")
		case id == e.Request.Subject:
			reasons = append(reasons, person.Name()+" is the subject")
		case id == e.filer():
			reasons = append(reasons, person.Name()+" has filed this request")
		case !person.Active:
			reasons = append(reasons, person.Name()+" is not active")
		default:
			able = append(able, person)
		}
	}
	return able, strings.Join(reasons, ", ")
}
