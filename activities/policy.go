package activities

import (
	"cmp"
	"context"
	"slices"

	"usher/internal/access"
	"usher/internal/policy"
)

// Policy are the activities that ask policy. They run on the usher queue; the catalog is in the worker's memory.
type Policy struct {
	Catalog *policy.Catalog
	// Settings are those of each desk's requests, recorded with every requirement. Desk is the desk of applications for which the
	// catalog names none; its settings are among them.
	Settings map[access.DeskName]access.RequestSettings
	Desk     access.DeskName
	// Source is where people are looked up. People is its port when this worker serves it; nil when another worker does.
	Source access.SourceName
	People access.PeopleSource
	// Ledger has who has left by the snapshot of people of the source that Follows names; "" for none.
	Ledger  Standings
	Follows access.SourceName
	// Connectors are what Doctor asks.
	Connectors Connectors
}

// Standings has who has left and who is back; *ledger.Store is one.
type Standings interface {
	Standings(ctx context.Context, source access.SourceName, people ...access.PersonID) ([]access.Standing, error)
}

// Connectors names every connector that the configuration knows.
type Connectors struct {
	Desks   []access.DeskName   `json:"desks,omitempty"`
	Targets []access.TargetName `json:"targets,omitempty"`
	Sources []access.SourceName `json:"sources,omitempty"`
	// Watched are the desks with a watch, and how old its last poll may be.
	Watched map[access.DeskName]access.Duration `json:"watched,omitempty"`
}

// Consultation is what must be known before policy can answer.
type Consultation struct {
	Source access.SourceName `json:"source"`
	Input  LookupPeopleInput `json:"input"`
}

// EvaluateInput is the question that policy answers. People are given when another worker has looked them up.
type EvaluateInput struct {
	Request access.Request `json:"request"`
	// PeopleRead is true when People is the answer to a consultation, even if it is empty.
	PeopleRead bool            `json:"people_read,omitempty"`
	People     []access.Person `json:"people,omitempty"`
}

// Evaluation is policy's answer: refusals, or the requirement, or, where the source is served by another worker, who must
// be looked up there before policy is asked again.
type Evaluation struct {
	Requirement access.Requirement `json:"requirement,omitzero"`
	Refusals    []access.Refusal   `json:"refusals,omitempty"`
	Consult     *Consultation      `json:"consult,omitempty"`
}

// Evaluate reads the people whom a request concerns and answers what it demands. The answer is recorded in the history,
// so an edit of the catalog never touches a running request. It changes nothing.
func (a *Policy) Evaluate(ctx context.Context, c EvaluateInput) (Evaluation, error) {
	call := LookupPeopleInput{People: a.Catalog.People(c.Request), ManagersOf: []access.PersonID{c.Request.Subject}}
	people, consult, err := a.lookup(ctx, call, c.PeopleRead, c.People)
	if err != nil || consult != nil {
		return Evaluation{Consult: consult}, err
	}
	// Without an answer of the ledger nobody waits: who has left is found when the request is recorded, and before a grant.
	absent, _ := a.absent(ctx, people)
	requirement, refusals := a.Catalog.Evaluate(policy.Input{Request: c.Request, People: people, Desk: a.Desk, Settings: a.Settings, Absent: absent})
	return Evaluation{Requirement: requirement, Refusals: refusals}, nil
}

// SourceOfPeople is the source in which people are looked up.
func (a *Policy) SourceOfPeople(context.Context, struct{}) (access.SourceName, error) {
	return a.Source, nil
}

// ListConnectors names every connector that the configuration knows.
func (a *Policy) ListConnectors(context.Context) (Connectors, error) { return a.Connectors, nil }

// Approvers are the owners, and those of the catalog's fallback, who may approve on a desk, sorted.
type Approvers struct {
	Source access.SourceName `json:"source"`
	People []access.PersonID `json:"people,omitempty"`
	// Only are those of them who can decide something nowhere else.
	Only []access.PersonID `json:"only,omitempty"`
	// More counts those beyond maxApprovers.
	More int `json:"more,omitempty"`
}

// maxApprovers is how many owners are looked for on a desk at once.
const maxApprovers = 30

// ListApprovers lists the owners, and those of the catalog's fallback, who may decide on the tickets of a desk. Managers are not among them:
// anybody's may be one.
func (a *Policy) ListApprovers(_ context.Context, desk access.DeskName) (Approvers, error) {
	var owners, only []access.PersonID
	for _, e := range a.Catalog.Entitlements() {
		byTicket := len(e.DecisionChannels) == 0 || slices.Contains(e.DecisionChannels, access.ChannelTicket)
		if cmp.Or(e.Desk, a.Desk) != desk || !byTicket {
			continue
		}
		able := slices.Clone(e.Fallback)
		if slices.Contains(e.Stages, access.StageOwner) {
			able = append(able, e.Owners...)
		}
		owners = append(owners, able...)
		if len(e.DecisionChannels) == 1 {
			only = append(only, able...)
		}
	}
	slices.Sort(owners)
	owners = slices.Compact(owners)
	asked := owners[:min(len(owners), maxApprovers)]
	slices.Sort(only)
	return Approvers{Source: a.Source, People: asked, Only: slices.Compact(only), More: len(owners) - len(asked)}, nil
}

// CurrentSettings are the settings that a new request on a desk would get: for its watch, for removal tickets, and for what happens
// after a request has ended. Of a desk that this worker does not know they are those of the usual desk, and name no desk: an older
// worker, beside newer ones, or one that the desk was taken from.
func (a *Policy) CurrentSettings(_ context.Context, desk access.DeskName) (access.RequestSettings, error) {
	settings, known := a.Settings[desk]
	if !known {
		settings = a.Settings[a.Desk]
		settings.Desk = ""
	}
	return settings, nil
}
