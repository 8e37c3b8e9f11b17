package request

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

// naming is what an administrator has said about who approves, until it is done.
type naming struct {
	question
	Input workflows.ReassignInput `json:"input"`
}

// judgeReassign returns why an administrator's word is refused, as far as that is known before people are looked up. One that comes before policy
// has answered is judged again then.
func (r *request) judgeReassign(c workflows.ReassignInput) *policy.Rejection {
	switch unfit := unfitReassign(c); {
	case r.named(c.ID) != nil || slices.Contains(r.Named, c.ID):
		return nil
	case r.View.State.Ended() || r.Stop != nil:
		return r.tooLate()
	case r.View.State != access.StateAwaitingApproval && r.View.State != access.StateEvaluating:
		return &policy.Rejection{Kind: access.Conflict, Field: "state", Problem: "the request does not wait for decisions"}
	case unfit != nil || r.Requirement == nil:
		return unfit
	case len(r.toReassign(c)) == 0:
		return &policy.Rejection{Kind: access.Conflict, Field: "stage", Problem: "no such stage is still to be decided; awaited: " + r.approvals().AwaitedNames()}
	}
	return r.judgeNamed(c)
}

// unfitReassign returns what of a call is missing, or could not be recorded; nil for nothing.
func unfitReassign(c workflows.ReassignInput) *policy.Rejection {
	limits := access.Limits()
	switch {
	case !limits.Decision.Fits(c.ID) || c.ID == "":
		return &policy.Rejection{Kind: access.Invalid, Field: "id", Problem: "expected the call's id"}
	case c.By == "" || !limits.Person.Fits(string(c.By)):
		return &policy.Rejection{Kind: access.Invalid, Field: "by", Problem: "expected the id of the administrator"}
	case c.Reason == "" || !limits.KeptReason.Fits(c.Reason):
		return &policy.Rejection{Kind: access.Invalid, Field: "reason", Problem: "expected why others approve, in at most " + fmt.Sprint(limits.KeptReason.Runes) + " characters"}
	case len(c.To) == 0 || len(c.To) > maxNamed:
		return &policy.Rejection{Kind: access.Invalid, Field: "to", Problem: fmt.Sprintf("expected 1 to %d people", maxNamed)}
	}
	return nil
}

// judgeNamed returns why one of the people who are named cannot approve, or is not for this administrator to name, as far as that is known
// before they are looked up.
func (r *request) judgeNamed(c workflows.ReassignInput) *policy.Rejection {
	if slices.Contains(policy.Parties(*r.Requirement), c.By) {
		return &policy.Rejection{Kind: access.Forbidden, Field: "by", Problem: "this request is your own, so another administrator names who approves it"}
	}
	for i, id := range c.To {
		field := fmt.Sprintf("to[%d]", i)
		switch {
		case !access.Limits().Person.Fits(string(id)) || id == "":
			return &policy.Rejection{Kind: access.Invalid, Field: field, Problem: "expected the id of a person"}
		case id == c.By:
			return &policy.Rejection{Kind: access.Forbidden, Field: field, Problem: "who names approvers does not name themselves"}
		case slices.Contains(policy.Parties(*r.Requirement), id):
			return &policy.Rejection{Kind: access.Forbidden, Field: field, Problem: string(id) + " has asked for this access, would get it, or has filed the request"}
		case slices.Contains(c.To[:i], id):
			return &policy.Rejection{Kind: access.Invalid, Field: field, Problem: string(id) + " is named twice"}
		}
	}
	return nil
}

// maxNamed is how many people an administrator names at once.
const maxNamed = 10

// keptCalls is how many calls that are done are known by their ids.
const keptCalls = 20

// namedKey keeps the ids of these calls apart from those of decisions.
func namedKey(id string) string { return "reassign/" + id }

// named returns what an administrator has said with a call's id; nil for nothing that is not done.
func (r *request) named(id string) *naming {
	for _, n := range r.Naming {
		if n.Input.ID == id {
			return n
		}
	}
	return nil
}

// stageOf is one stage of one item.
type stageOf struct {
	item  access.ItemID
	stage string
}

// toReassign returns the stages that a call is about: of each item that it names, or of all, the stage that it names, or the open one.
func (r *request) toReassign(c workflows.ReassignInput) []stageOf {
	var all []stageOf
	for _, a := range r.approvals() {
		if a.State != access.ItemPending || (len(c.Items) > 0 && !slices.Contains(c.Items, a.Need.Item.ID)) {
			continue
		}
		for i, s := range stillOpen(a) {
			if s.Name == c.Stage || (c.Stage == "" && i == 0) {
				all = append(all, stageOf{a.Need.Item.ID, s.Name})
			}
		}
	}
	return all
}

func (r *request) applyReassign(c workflows.ReassignInput) func() bool {
	if slices.Contains(r.Named, c.ID) {
		return func() bool { return r.outbox.Recorded(r.numbers[namedKey(c.ID)]) }
	}
	if r.named(c.ID) == nil {
		r.Naming = append(r.Naming, &naming{Input: c})
	}
	return func() bool { return r.named(c.ID) == nil && r.outbox.Recorded(r.numbers[namedKey(c.ID)]) }
}

func (r *request) answerReassign(c workflows.ReassignInput) (access.RequestView, error) {
	if err := r.rejected[namedKey(c.ID)]; err != nil {
		return access.RequestView{}, err
	}
	if r.named(c.ID) != nil {
		return access.RequestView{}, temporal.NewApplicationErrorWithCause(errNotYet.Error(), string(access.Transient), errNotYet)
	}
	return r.view(), nil
}

// name looks up those whom administrators have named, and has them approve.
func (r *request) name(now time.Time) {
	for _, n := range slices.Clone(r.Naming) {
		switch {
		case n.asking || (r.View.State == access.StateEvaluating && r.Stop == nil):
		case r.View.State.Ended() || r.Stop != nil || r.View.State != access.StateAwaitingApproval:
			r.forget(n)
			r.rejected[namedKey(n.Input.ID)] = workflows.RefusalError(r.judgeReassign(n.Input))
		case n.ready(now):
			call := activities.FindApproversInput{Named: n.Input.To, PeopleRead: n.LookedUp, People: n.People}
			var p *activities.Policy
			askPolicy(r, &n.question, asked[activities.FoundApprovers]{
				p.FindApprovers, call,
				func(found activities.FoundApprovers) { r.nameFound(n, found.People) },
				func(error) { r.later(&n.question, workflows.RetryConnector) },
			})
		}
	}
}

// namingDue returns when somebody is looked up again; zero for never.
func (r *request) namingDue() time.Time {
	var due time.Time
	for _, n := range r.Naming {
		if !n.asking && !n.RetryAt.IsZero() && (due.IsZero() || n.RetryAt.Before(due)) {
			due = n.RetryAt
		}
	}
	return due
}

// forget takes that a call is done.
func (r *request) forget(n *naming) {
	r.Naming = slices.DeleteFunc(slices.Clone(r.Naming), func(other *naming) bool { return other == n })
}

// nameFound has the people who were named approve, if all of them can. The state may be another one than when the call was judged.
func (r *request) nameFound(n *naming, people []access.Person) {
	c := n.Input
	r.forget(n)
	if why := r.judgeReassign(c); why != nil {
		r.rejected[namedKey(c.ID)] = workflows.RefusalError(why)
		return
	}
	var approvers []access.Person
	for i, id := range c.To {
		at := slices.IndexFunc(people, func(p access.Person) bool { return p.ID == id })
		if at < 0 || !people[at].Active {
			problem := "the identity source knows no " + string(id)
			if at >= 0 {
				problem = people[at].Name() + " is not active, or has left"
			}
			r.rejected[namedKey(c.ID)] = workflows.RefusalError(&policy.Rejection{Kind: access.Invalid, Field: fmt.Sprintf("to[%d]", i), Problem: problem})
			return
		}
		approvers = append(approvers, people[at])
	}
	said := reassignment{why: workflows.Sentence(string(c.By)+" says so", c.Reason), by: c.By, evidence: c.Evidence, id: c.ID}
	for _, s := range r.toReassign(c) {
		r.replace(&said, policy.Replacement{Item: s.item, Stage: s.stage, Approvers: approvers, ByHand: true})
	}
	r.Named = append(r.Named, c.ID)
	r.Named = r.Named[max(0, len(r.Named)-keptCalls):]
	if len(said.changed) > 0 {
		r.numbers[namedKey(c.ID)] = r.reassigned(said)
	}
	if !r.vacant() {
		r.Follow.Find, r.Follow.Problem = r.Follow.Moved, ""
	}
}
