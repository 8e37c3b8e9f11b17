package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"usher/internal/access"
)

// Input is everything that an answer depends on besides the catalog.
type Input struct {
	Request access.Request
	// People are those of Catalog.People (for Resolve those of Catalog.PeopleOf) whom the source knows, and the subject's manager when there
	// is one. Whoever is missing here is unknown to the source.
	People []access.Person
	// Absent are people who count as not active, whatever the source says; nil for none.
	Absent []access.PersonID
	// Settings are those of each desk's requests. Desk is the desk of applications for which the catalog names none.
	Settings map[access.DeskName]access.RequestSettings
	Desk     access.DeskName
}

// Evaluate returns what the request must pass, or why it is refused: all refusals at once, in the order of the request's
// fields. Without refusals the requirement has one entry for each item, in their order, and every stage has at least one
// approver, who is active and neither requester nor subject nor filer, and all items are of applications of one desk. With refusals it
// has no items; policy hash, settings, and those of requester and subject whom the source knows are set in both cases.
func (c *Catalog) Evaluate(q Input) (access.Requirement, []access.Refusal) {
	e := c.evaluation(q)
	settings := q.Settings[e.desk()]
	requirement := access.Requirement{
		PolicyHash: hashOf(c.hash, settings),
		Requester:  e.people[q.Request.Requester],
		Subject:    e.people[q.Request.Subject],
		Filer:      e.filerAsKnown(),
		Settings:   settings,
	}
	e.parties()
	e.manager()
	items := e.items()
	e.reason()
	if len(e.refusals) == 0 {
		requirement.Items = items
	}
	return requirement, e.refusals
}

type evaluation struct {
	Input
	catalog  *Catalog
	people   map[access.PersonID]access.Person
	refusals []access.Refusal
}

func (c *Catalog) evaluation(q Input) *evaluation {
	e := &evaluation{Input: q, catalog: c, people: map[access.PersonID]access.Person{}}
	for _, person := range q.People {
		person.Active = person.Active && !slices.Contains(q.Absent, person.ID)
		e.people[person.ID] = person
	}
	return e
}

func (e *evaluation) refuse(field, format string, args ...any) {
	e.refusals = append(e.refusals, access.Refusal{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// filer returns who filed the request for the requester; "" for nobody whom usher knows.
func (e *evaluation) filer() access.PersonID {
	if e.Request.Origin == nil {
		return ""
	}
	return e.Request.Origin.Filer
}

// filerAsKnown is the filer as far as the source knows them.
func (e *evaluation) filerAsKnown() access.Person {
	if person, known := e.people[e.filer()]; known {
		return person
	}
	return access.Person{ID: e.filer()}
}

// parties holds that the request has a name, and that requester and subject are people who are there.
func (e *evaluation) parties() {
	if !access.ValidRequestID(string(e.Request.ID)) {
		e.refuse("id", "A request's id has 1 to %d of the characters a-z A-Z 0-9 . _ -", access.Limits().Request.Bytes)
	}
	e.party("requester", e.Request.Requester)
	e.party("subject", e.Request.Subject)
}

func (e *evaluation) party(role string, id access.PersonID) {
	person, known := e.people[id]
	unfit := access.Limits().Person.Problem(string(id))
	switch {
	case id == "":
		e.refuse(role, "The %s is missing.", role)
	case unfit != "":
		e.refuse(role, "The %s: %s.", role, unfit)
	case !known:
		e.refuse(role, "The %s %q is unknown to the identity source.", role, id)
	case !person.Active:
		e.refuse(role, "%s is not active.", person.Name())
	}
}

// manager holds that somebody can approve as manager, for every item that demands it: the subject's manager, or else the
// entitlement's fallback. It refuses once, for the subject, and not per item.
func (e *evaluation) manager() {
	if _, known := e.people[e.Request.Subject]; !known {
		return
	}
	_, problem := e.managers(Entitlement{})
	fallback, refused := false, false
	var notes []string
	for _, item := range e.Request.Items {
		entitlement, ok := e.catalog.find(item.Entitlement)
		if !ok || !slices.Contains(entitlement.Stages, access.StageManager) {
			continue
		}
		fallback = fallback || len(entitlement.Fallback) > 0
		if e.stage(entitlement, access.StageManager).Problem == "" {
			continue
		}
		refused = true
		note := e.noFallback(entitlement)
		if !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	if fallback {
		problem += strings.Join(notes, "")
	}
	if refused {
		e.refuse("subject", "%s", problem)
	}
}

// desk returns the desk where the request's ticket is opened: that of its first item that the catalog knows.
func (e *evaluation) desk() access.DeskName {
	for _, item := range e.Request.Items {
		if entitlement, ok := e.catalog.find(item.Entitlement); ok {
			return e.deskOf(entitlement)
		}
	}
	return e.Desk
}

func (e *evaluation) deskOf(entitlement Entitlement) access.DeskName {
	if entitlement.Desk == "" {
		return e.Desk
	}
	return entitlement.Desk
}

func (e *evaluation) items() []access.ItemRequirement {
	most := access.Limits().Items
	if n := len(e.Request.Items); n < 1 || n > most {
		e.refuse("items", "A request has 1 to %d items; this one has %d.", most, n)
	}
	ids, entitlements := map[access.ItemID]bool{}, map[access.EntitlementID]int{}
	var all []access.ItemRequirement
	for i, item := range e.Request.Items[:min(len(e.Request.Items), most)] {
		field := "items[" + strconv.Itoa(i) + "]"
		if item.ID == "" || ids[item.ID] {
			e.refuse(field+".id", "An item's id is not empty, and each item has its own.")
		}
		ids[item.ID] = true
		if first, twice := entitlements[item.Entitlement]; twice {
			e.refuse(field+".entitlement", "%s is asked for twice; items[%d] asks for it already.", item.Entitlement, first)
			continue
		}
		entitlements[item.Entitlement] = i
		all = append(all, e.item(field, item))
	}
	return all
}

func (e *evaluation) item(field string, item access.Item) access.ItemRequirement {
	entitlement, ok := e.catalog.find(item.Entitlement)
	if !ok {
		e.refuse(field+".entitlement", "%s", e.unknown(item.Entitlement))
		return access.ItemRequirement{}
	}
	r := access.ItemRequirement{
		Item:        item,
		Application: entitlement.Application,
		Title:       entitlement.Title,
		Fulfilment:  entitlement.Fulfilment,
		Duration:    item.Duration,

		ExistingAccess:   entitlement.ExistingAccess,
		DecisionChannels: slices.Clone(entitlement.DecisionChannels),
	}
	if b := entitlement.Binding; b != nil {
		r.Binding = &access.Binding{Target: b.Target, Role: b.Role}
	}
	if here, own := e.desk(), e.deskOf(entitlement); own != here {
		e.refuse(field+".entitlement", "A request has one ticket: %s is asked for on the desk %s, and what stands before it on %s. Ask in two requests.",
			entitlement.Title, own, here)
	}
	if from := e.Request.Origin; from != nil && e.deskOf(entitlement) != from.Desk {
		e.refuse(field+".entitlement", "%s is asked for on the desk %s, not on %s.", entitlement.Title, e.deskOf(entitlement), from.Desk)
	}
	longest := entitlement.MaxDuration
	switch {
	case item.Duration < 0:
		e.refuse(field+".duration", "A duration is not negative; 0 asks for as long as the catalog allows.")
	case item.Duration == 0:
		r.Duration = longest
	case longest > 0 && item.Duration > longest:
		e.refuse(field+".duration", "%s can be asked for %s at most; this item asks for %s.", entitlement.Title, longest, item.Duration)
	}
	for _, stage := range entitlement.Stages {
		found := e.stage(entitlement, stage)
		if found.Problem != "" && stage != access.StageManager {
			e.refuse(field+".entitlement", "%s", found.Problem)
		}
		r.Stages = append(r.Stages, access.Stage{Name: stage, Approvers: found.Approvers})
	}
	return r
}

func (e *evaluation) unknown(id access.EntitlementID) string {
	known := make([]string, len(e.catalog.entitlements))
	for i, entitlement := range e.catalog.entitlements {
		known[i] = string(entitlement.ID)
	}
	if meant := near(string(id), known); len(meant) > 0 {
		return fmt.Sprintf("The catalog has no entitlement %q; near to it: %s.", id, strings.Join(meant, ", "))
	}
	return fmt.Sprintf("The catalog has no entitlement %q, nor one like it.", id)
}

func (e *evaluation) reason() {
	most := access.Limits().Reason.Runes
	switch n := utf8.RuneCountInString(e.Request.Reason); {
	case strings.TrimSpace(e.Request.Reason) == "":
		e.refuse("reason", "The reason is missing.")
	case n > most:
		e.refuse("reason", "A reason has %d characters at most; this one has %d.", most, n)
	}
}
