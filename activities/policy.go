package activities

import (
	"context"

	"usher/internal/access"
	"usher/internal/policy"
)

// Policy are the activities that ask policy. They run on the usher queue, as local activities, for the catalog is in the
// worker's memory.
type Policy struct {
	Catalog *policy.Catalog
	// Terms are recorded with every requirement.
	Terms access.Terms
	// Source is where people are looked up.
	Source access.SourceName
	// Connectors are what Doctor asks.
	Connectors Connectors
}

// Connectors names every connector that the configuration knows.
type Connectors struct {
	Desks   []access.DeskName   `json:"desks,omitempty"`
	Targets []access.TargetName `json:"targets,omitempty"`
	Sources []access.SourceName `json:"sources,omitempty"`
}

// Consultation is what must be known before policy can answer.
type Consultation struct {
	Source access.SourceName `json:"source"`
	People []access.PersonID `json:"people"`
	// ManagersOf are those of People whose manager must be known too.
	ManagersOf []access.PersonID `json:"managers_of"`
}

// Consult says which people policy must know to answer this request.
func (a *Policy) Consult(_ context.Context, r access.Request) (Consultation, error) {
	return Consultation{
		Source:     a.Source,
		People:     a.Catalog.People(r),
		ManagersOf: []access.PersonID{r.Subject},
	}, nil
}

// EvaluateCall is the question that policy answers.
type EvaluateCall struct {
	Request access.Request  `json:"request"`
	People  []access.Person `json:"people"`
}

// Evaluation is policy's answer: refusals, or the requirement.
type Evaluation struct {
	Requirement access.Requirement `json:"requirement"`
	Refusals    []access.Refusal   `json:"refusals,omitempty"`
}

// Evaluate answers what the request demands. The answer is recorded in the history, so an edit of the catalog never
// touches a running request.
func (a *Policy) Evaluate(_ context.Context, c EvaluateCall) (Evaluation, error) {
	requirement, refusals := a.Catalog.Evaluate(policy.Question{Request: c.Request, People: c.People, Terms: a.Terms})
	return Evaluation{Requirement: requirement, Refusals: refusals}, nil
}

// ListConnectors names every connector that the configuration knows.
func (a *Policy) ListConnectors(context.Context) (Connectors, error) { return a.Connectors, nil }

// CurrentTerms are the terms that a new request would get: for what happens after a request's own have ended with it.
func (a *Policy) CurrentTerms(context.Context) (access.Terms, error) { return a.Terms, nil }
