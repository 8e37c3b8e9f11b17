package request

import (
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// question is how far a question to policy has come. Policy reads people itself where this queue's worker serves the source; else they are
// looked up where it is served, and policy is asked again.
type question struct {
	// Long is true when the first, short question was not answered.
	Long     bool      `json:"long,omitempty"`
	Failures int       `json:"failures,omitempty"`
	RetryAt  time.Time `json:"retry_at,omitzero"`
	// Consult names who must be looked up before policy is asked again; People are those who were.
	Consult  *activities.Consultation `json:"consult,omitempty"`
	LookedUp bool                     `json:"looked_up,omitempty"`
	People   []access.Person          `json:"people,omitempty"`
	// asking is true while an activity is in flight.
	asking bool
}

// ready reports whether it is time to ask.
func (q *question) ready(now time.Time) bool { return !q.asking && !now.Before(q.RetryAt) }

// answer is what policy answers, if not who must be looked up before.
type answer interface {
	Consults() *activities.Consultation
}

// asked is an activity that asks policy, and who takes what comes of it: the answer, or an error after which to ask later.
type asked[A answer] struct {
	activity, call any
	taken          func(A)
	failed         func(error)
}

// askPolicy asks. The first question is short: as a rule it is answered within this workflow task.
func askPolicy[A answer](r *request, q *question, what asked[A]) {
	q.asking = true
	if q.Consult != nil {
		r.consult(q, what.failed)
		return
	}
	done := func(a A, err error) {
		q.asking = false
		switch consult := a.Consults(); {
		case err != nil && !q.Long:
			q.Long = true
		case err != nil:
			what.failed(err)
		case consult != nil:
			q.Consult = consult
		default:
			q.People = nil
			what.taken(a)
		}
	}
	if q.Long {
		durable.Start(r.loop, workflows.Evaluate(), what.activity, what.call, done)
	} else {
		durable.StartLocal(r.loop, workflows.EvaluateSoon(), what.activity, what.call, done)
	}
}

// consult looks up people where the source is served.
func (r *request) consult(q *question, failed func(error)) {
	var source *activities.Source
	durable.Start(r.loop, workflows.LookupPeople(q.Consult.Source), source.LookupPeople, q.Consult.Input, func(people []access.Person, err error) {
		q.asking = false
		if err != nil {
			failed(err)
			return
		}
		q.Consult, q.LookedUp, q.People = nil, true, people
	})
}

// later takes that a question is to be asked again, unless the run leaves; and reports whether it is.
func (r *request) later(q *question, b workflows.Backoff) bool {
	if r.loop.Leaving() {
		return false
	}
	q.Failures++
	q.RetryAt = r.loop.Now().Add(b.After(q.Failures))
	return true
}
