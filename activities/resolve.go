package activities

import (
	"context"

	"usher/internal/access"
	"usher/internal/policy"
)

// ResolveInput asks who approves the stages of a request by now. People are given when another worker has looked them up.
type ResolveInput struct {
	Request access.Request     `json:"request"`
	Need    access.Requirement `json:"need"`
	// PeopleRead is true when People is the answer to a consultation, even if it is empty.
	PeopleRead bool            `json:"people_read,omitempty"`
	People     []access.Person `json:"people,omitempty"`
}

// Resolved is policy's answer: who approves each stage, or who must be looked up elsewhere before policy is asked again.
type Resolved struct {
	Resolutions []policy.Resolution `json:"resolutions,omitempty"`
	Consult     *Consultation       `json:"consult,omitempty"`
}

// Resolve finds, by the catalog and the people of today, who approves each stage that a request's requirement names. Whoever has left by the
// ledger approves nothing, whatever the source tells. It changes nothing.
func (a *Policy) Resolve(ctx context.Context, c ResolveInput) (Resolved, error) {
	call := LookupPeopleInput{People: a.Catalog.PeopleOf(c.Need), ManagersOf: []access.PersonID{c.Request.Subject}}
	people, consult, err := a.lookup(ctx, call, c.PeopleRead, c.People)
	if err != nil || consult != nil {
		return Resolved{Consult: consult}, err
	}
	absent, err := a.absent(ctx, people)
	if err != nil {
		return Resolved{}, translate(err)
	}
	in := policy.Input{Request: c.Request, People: people, Desk: a.Desk, Settings: a.Settings, Absent: absent}
	return Resolved{Resolutions: a.Catalog.Resolve(in, c.Need)}, nil
}

// lookup returns people who are given, or whom this worker's source has; or the consultation by which another worker looks them up.
func (a *Policy) lookup(ctx context.Context, call LookupPeopleInput, read bool, people []access.Person) ([]access.Person, *Consultation, error) {
	switch {
	case read:
		return people, nil, nil
	case a.People == nil:
		return nil, &Consultation{Source: a.Source, Input: call}, nil
	}
	people, err := (&Source{Port: a.People}).LookupPeople(ctx, call)
	return people, nil, err
}

// absent returns those of some people who have left by the ledger.
func (a *Policy) absent(ctx context.Context, people []access.Person) ([]access.PersonID, error) {
	if a.Follows == "" {
		return nil, nil
	}
	ids := make([]access.PersonID, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	standings, err := a.Ledger.Standings(ctx, a.Follows, ids...)
	var absent []access.PersonID
	for _, s := range standings {
		if s.Absent {
			absent = append(absent, s.Person)
		}
	}
	return absent, err
}

// FindApproversInput asks for people whom somebody has named as approvers.
type FindApproversInput struct {
	Named      []access.PersonID `json:"named"`
	PeopleRead bool              `json:"people_read,omitempty"`
	People     []access.Person   `json:"people,omitempty"`
}

// FoundApprovers are those whom the source knows, or who must be looked up elsewhere before this is asked again.
type FoundApprovers struct {
	People  []access.Person `json:"people,omitempty"`
	Consult *Consultation   `json:"consult,omitempty"`
}

// FindApprovers looks up people whom somebody has named as approvers. Whoever has left by the ledger is not active, whatever the source
// tells; whom the source does not know is missing. It changes nothing.
func (a *Policy) FindApprovers(ctx context.Context, c FindApproversInput) (FoundApprovers, error) {
	people, consult, err := a.lookup(ctx, LookupPeopleInput{People: c.Named}, c.PeopleRead, c.People)
	if err != nil || consult != nil {
		return FoundApprovers{Consult: consult}, err
	}
	absent, err := a.absent(ctx, people)
	if err != nil {
		return FoundApprovers{}, translate(err)
	}
	found := FoundApprovers{People: people}
	for i, p := range found.People {
		for _, id := range absent {
			found.People[i].Active = found.People[i].Active && p.ID != id
		}
	}
	return found, nil
}

// Consults returns who must be looked up elsewhere before policy is asked again; nil for nobody.
func (e Evaluation) Consults() *Consultation { return e.Consult }

// Consults returns who must be looked up elsewhere before policy is asked again; nil for nobody.
func (r Resolved) Consults() *Consultation { return r.Consult }

// Consults returns who must be looked up elsewhere before this is asked again; nil for nobody.
func (f FoundApprovers) Consults() *Consultation { return f.Consult }
