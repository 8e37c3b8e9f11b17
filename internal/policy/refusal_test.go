package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

// attempt is a decision that somebody sends in a situation, at a time.
type attempt struct {
	situation
	all policy.Approvals
	d   access.Decision
	now time.Time
}

// asked are the items that the decision is about.
func (a attempt) asked() policy.Approvals {
	var asked policy.Approvals
	for _, item := range a.all {
		if len(a.d.Items) == 0 || slices.Contains(a.d.Items, item.Need.Item.ID) {
			asked = append(asked, item)
		}
	}
	return asked
}

// any reports whether an item that the decision is about meets a condition.
func (a attempt) any(condition func(policy.ItemApproval) bool) bool {
	return slices.ContainsFunc(a.asked(), condition)
}

// namesMe reports whether a stage of an item names the person who decides.
func (a attempt) namesMe(item policy.ItemApproval) bool {
	return slices.ContainsFunc(item.Need.Stages, func(s access.Stage) bool { return names(s, a.d.By) })
}

// in reports whether an item that the decision is about is in a state.
func (a attempt) in(state access.ItemState) bool {
	return a.any(func(i policy.ItemApproval) bool { return i.State == state })
}

// counts reports whether the decision would decide something.
func (a attempt) counts() bool {
	own := a.d.Channel != access.ChannelOperator && slices.Contains([]access.PersonID{a.need.Requester.ID, a.need.Subject.ID, a.need.Filer.ID}, a.d.By)
	return !own && (a.d.Verdict == access.Approve || a.d.Verdict == access.Deny) && !slices.Contains(a.d.Items, "9") &&
		a.any(func(i policy.ItemApproval) bool {
			return i.State == access.ItemPending && (a.d.By == operator || names(i.Stage, a.d.By))
		})
}

// everyAttempt visits what everybody may send in every situation of up to so many items, before and at the deadline. People
// who approve may also be those who ask for the access, get it, or have filed the request.
func everyAttempt(items int, visit func(attempt)) {
	everySituation(items, func(s situation) {
		people := append(slices.Clone(approvers), operator, stranger, "rita", "sam")
		decisions := append(attempts(s.need, people, access.Approve, access.Deny), attempts(s.need, approvers[:1], "perhaps")...)
		decisions = append(decisions, access.Decision{By: "anna", Verdict: access.Approve, Items: []access.ItemID{"1", "9"}})
		for _, now := range []time.Time{deadline.Add(-1), deadline} {
			for _, d := range decisions {
				visit(attempt{situation: s, all: s.at(now), d: d, now: now})
				if len(s.decided) == 0 {
					s.need.Requester.ID, s.need.Subject.ID = "anna", "ben"
					visit(attempt{situation: s, all: s.at(now), d: d, now: now})
					s.need.Requester.ID, s.need.Subject.ID = "rita", "sam"
					s.need.Filer.ID = "anna"
					visit(attempt{situation: s, all: s.at(now), d: d, now: now})
					s.need.Filer.ID = ""
				}
			}
		}
	})
}

func (a attempt) String() string {
	return fmt.Sprintf("decision: %+v\nat %s\nrequirement: %+v\ndecided: %+v", a.d, a.now, a.need, a.decided)
}

func TestJudge(t *testing.T) {
	t.Run("a decision is accepted when it changes something, and only then", acceptedWhenItCounts)
	t.Run("every reason is true, and names a field and a kind", reasonsAreTrue)
}

func acceptedWhenItCounts(t *testing.T) {
	accepted, refused := 0, 0
	everyAttempt(2, func(a attempt) {
		open, why := a.all.Judge(a.need, a.decided, a.d)
		if (why == nil) != a.counts() || (why == nil) != (len(open) > 0) {
			require.Fail(t, "accepted or refused wrongly", "why: %+v\n%s", why, a)
		}
		if why != nil {
			refused++
			return
		}
		accepted++
		after := a.with(a.recorded(a.d, open)).at(a.now)
		for i := range after {
			decides := slices.ContainsFunc(open, func(o policy.ItemApproval) bool { return o.Need.Item.ID == after[i].Need.Item.ID })
			if decides == same(a.all[i], after[i]) {
				require.Fail(t, "taken, it changes something else than it says", "items: %+v\n%s", open, a)
			}
		}
	})
	t.Logf("%d accepted, %d refused", accepted, refused)
	require.Greater(t, accepted, 1000)
	require.Greater(t, refused, 1000)
}

// reason is one of the reasons for which a decision is refused.
type reason struct {
	text  string
	kind  access.Kind
	field string
	// true reports whether what the text says is so.
	true func(attempt) bool
}

// expiredReason is where the reason is in the list that comes before all that are about the people and the stages.
const expiredReason = 5

// reasons are all of them.
var reasons = []reason{
	{`expected "approve" or "deny"`, access.Invalid, "verdict", func(a attempt) bool { return a.d.Verdict == "perhaps" }},
	{"this request has no item 9", access.Invalid, "items", func(a attempt) bool { return slices.Contains(a.d.Items, "9") }},
	{"you asked for this access yourself", access.Forbidden, "by", func(a attempt) bool { return a.d.By == a.need.Requester.ID }},
	{"you would get this access yourself", access.Forbidden, "by", func(a attempt) bool { return a.d.By == a.need.Subject.ID }},
	{"you filed this request yourself", access.Forbidden, "by", func(a attempt) bool { return a.d.By == a.need.Filer.ID }},
	{"has expired: nobody decided it in time", access.Conflict, "state", func(a attempt) bool { return a.in(access.ItemExpired) }},
	{"you have decided already", access.Conflict, "by", func(a attempt) bool {
		return slices.ContainsFunc(a.decided, func(d access.Decision) bool {
			return d.By == a.d.By && a.any(func(i policy.ItemApproval) bool { return about(d, i.Need.Item.ID, "") })
		})
	}},
	{"every item is decided already", access.Conflict, "state", func(a attempt) bool {
		return !a.in(access.ItemPending) && !a.in(access.ItemExpired)
	}},
	{"is not open now", access.Conflict, "by", func(a attempt) bool {
		return a.any(a.namesMe) && !a.any(func(i policy.ItemApproval) bool { return names(i.Stage, a.d.By) })
	}},
	{"you are not an approver of ", access.Forbidden, "by", func(a attempt) bool {
		return a.d.By != operator && !a.any(a.namesMe)
	}},
}

func reasonsAreTrue(t *testing.T) {
	seen := map[string]int{}
	everyAttempt(2, func(a attempt) {
		_, why := a.all.Judge(a.need, a.decided, a.d)
		if why == nil {
			return
		}
		i := slices.IndexFunc(reasons, func(r reason) bool { return strings.Contains(why.Problem, r.text) })
		if i < 0 || why.Kind != reasons[i].kind || why.Field != reasons[i].field || !reasons[i].true(a) {
			require.Fail(t, "the reason is not true", "%+v\n%s", why, a)
		}
		seen[reasons[i].text]++
		if i > expiredReason && a.in(access.ItemExpired) {
			require.Fail(t, "that an item has expired comes first", "%+v\n%s", why, a)
		}
	})
	for _, r := range reasons {
		require.Positive(t, seen[r.text], r.text)
	}
	t.Logf("reasons: %v", seen)
}
