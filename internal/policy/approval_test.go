package policy_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

// deadline is when the time for decisions is over in these tests.
var deadline = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const (
	// maxDecisions is how many decisions one request gets in these tests.
	maxDecisions = 3
	// operator decides by signal; stranger is named nowhere.
	operator access.PersonID = ""
	stranger access.PersonID = "stranger"
)

// approvers are the people whom a stage may name.
var approvers = []access.PersonID{"anna", "ben", "cleo"}

// situation is a requirement, and what has been decided so far.
type situation struct {
	need    access.Requirement
	decided []access.Decision
}

// at returns where the items stand at a time.
func (s situation) at(now time.Time) policy.Approvals {
	return policy.Approval(s.need, s.decided, deadline, now)
}

// open returns where the items stand in the last moment for decisions.
func (s situation) open() policy.Approvals { return s.at(deadline.Add(-1)) }

// with returns the situation after one more decision.
func (s situation) with(d access.Decision) situation {
	s.decided = append(slices.Clip(s.decided), d)
	return s
}

// recorded returns a decision as a request records it: with the items that it decides, and their stages.
func (s situation) recorded(d access.Decision, open policy.Approvals) access.Decision {
	d.Items, d.Stages = nil, nil
	for _, a := range open {
		d.Items, d.Stages = append(d.Items, a.Need.Item.ID), append(d.Stages, a.Stage.Name)
	}
	d.At = deadline.Add(time.Duration(len(s.decided)-maxDecisions-1) * time.Minute)
	return d
}

// groups are all sets of one to three approvers.
func groups() [][]access.Person {
	var all [][]access.Person
	for mask := 1; mask < 1<<len(approvers); mask++ {
		var group []access.Person
		for i, id := range approvers {
			if mask&(1<<i) != 0 {
				group = append(group, access.Person{ID: id})
			}
		}
		all = append(all, group)
	}
	return all
}

// stagesOf are all lists of at most two stages, of groups of approvers for the first and for the second.
func stagesOf(firsts, seconds [][]access.Person) [][]access.Stage {
	all := [][]access.Stage{nil}
	for _, first := range firsts {
		manager := access.Stage{Name: "manager", Approvers: first}
		all = append(all, []access.Stage{manager})
		for _, second := range seconds {
			all = append(all, []access.Stage{manager, {Name: "owner", Approvers: second}})
		}
	}
	return all
}

// stageLists are the stages that an item may have in a requirement of so many items: all for one item. Of two and three
// items there are fewer groups of approvers, some that overlap and some that do not; FULL=1 takes more.
func stageLists(items int) [][]access.Stage {
	all := groups()
	one, two := all[:1], [][]access.Person{all[2], all[5]} // anna; anna or ben, anna or cleo
	full := os.Getenv("FULL") != ""
	switch {
	case items == 1, items == 2 && full:
		return stagesOf(all, all)
	case items == 2, full:
		return stagesOf(slices.Concat(one, two[:1]), two[1:])
	}
	return stagesOf(two[:1], two[1:])
}

// requirements are the requirements of so many items, with every combination of stages.
func requirements(items int) []access.Requirement {
	all := []access.Requirement{{Requester: access.Person{ID: "rita"}, Subject: access.Person{ID: "sam"}}}
	for i := range items {
		var longer []access.Requirement
		for _, need := range all {
			for _, stages := range stageLists(items) {
				item := access.ItemRequirement{Item: access.Item{ID: access.ItemID(fmt.Sprint(i + 1))}, Stages: stages}
				more := need
				more.Items = append(slices.Clip(need.Items), item)
				longer = append(longer, more)
			}
		}
		all = longer
	}
	return all
}

// attempts are all decisions that people may send: about everything, and about each item.
func attempts(need access.Requirement, people []access.PersonID, verdicts ...access.Verdict) []access.Decision {
	about := [][]access.ItemID{nil}
	for _, item := range need.Items {
		about = append(about, []access.ItemID{item.Item.ID})
	}
	var all []access.Decision
	for _, by := range people {
		for _, verdict := range verdicts {
			for _, items := range about {
				d := access.Decision{By: by, Verdict: verdict, Items: items, Channel: access.ChannelAPI}
				if by == operator {
					d.Channel = access.ChannelOperator
				}
				all = append(all, d)
			}
		}
	}
	return all
}

// everySituation visits every requirement of up to so many items with every sequence of decisions that may be taken.
func everySituation(items int, visit func(situation)) {
	for n := range items {
		for _, need := range requirements(n + 1) {
			from(situation{need: need}, visit)
		}
	}
}

func from(s situation, visit func(situation)) {
	visit(s)
	if len(s.decided) == maxDecisions {
		return
	}
	all := s.open()
	for _, d := range attempts(s.need, append(slices.Clone(approvers), operator), access.Approve, access.Deny) {
		if open, why := all.Judge(s.need, s.decided, d); why == nil {
			from(s.with(s.recorded(d, open)), visit)
		}
	}
}

// about reports whether a recorded decision lists an item at a stage; at any stage where that is "".
func about(d access.Decision, item access.ItemID, stage string) bool {
	for i, id := range d.Items {
		if id == item && (stage == "" || d.Stages[i] == stage) {
			return true
		}
	}
	return false
}

func names(stage access.Stage, person access.PersonID) bool {
	return slices.ContainsFunc(stage.Approvers, func(p access.Person) bool { return p.ID == person })
}

// passed reports whether a stage of an item has an approval: of its own, or by somebody who approved an earlier one.
func (s situation) passed(item access.ItemRequirement, stage int) bool {
	return slices.ContainsFunc(s.decided, func(d access.Decision) bool {
		if d.Verdict != access.Approve {
			return false
		}
		for i, earlier := range item.Stages[:stage+1] {
			if about(d, item.Item.ID, earlier.Name) && (i == stage || names(item.Stages[stage], d.By)) {
				return true
			}
		}
		return false
	})
}

// denied reports whether somebody has denied an item.
func (s situation) denied(item access.ItemID) bool {
	return slices.ContainsFunc(s.decided, func(d access.Decision) bool { return d.Verdict == access.Deny && about(d, item, "") })
}

// last returns the last decision about an item; nil for none.
func (s situation) last(item access.ItemID) *access.Decision {
	var last *access.Decision
	for i := range s.decided {
		if about(s.decided[i], item, "") {
			last = &s.decided[i]
		}
	}
	return last
}

func TestApproval(t *testing.T) {
	properties := []struct {
		name  string
		items int
		// broken is what does not hold; "" for nothing.
		broken func(situation) string
	}{
		{"a stage is decided by one of its approvers or an operator", 3, decidedByApprovers},
		{"an item is approved when each of its stages is, and denied by one denial", 3, eachStageCounts},
		{"what is pending at the deadline has expired, and nothing else", 3, pendingExpires},
		{"a decision about something else does not count", 2, othersDoNotCount},
		{"the order of decisions about different items does not matter", 3, orderDoesNotMatter},
		{"what is settled stays as it is", 2, settledStays},
	}
	for _, p := range properties {
		t.Run(p.name, func(t *testing.T) {
			everySituation(p.items, func(s situation) {
				if broken := p.broken(s); broken != "" {
					require.Fail(t, broken, "requirement: %+v\ndecided: %+v", s.need, s.decided)
				}
			})
		})
	}
	t.Run("the situations have everything in them", func(t *testing.T) {
		states := map[access.ItemState]int{}
		carried, all := 0, 0
		everySituation(3, func(s situation) {
			all++
			for _, a := range s.open() {
				states[a.State]++
				if a.State == access.ItemApproved && len(a.Need.Stages) == 2 && !about(*a.By, a.Need.Item.ID, "owner") {
					carried++
				}
			}
		})
		t.Logf("%d situations, items: %v, carried over: %d", all, states, carried)
		for _, state := range []access.ItemState{access.ItemPending, access.ItemApproved, access.ItemDenied} {
			require.Greater(t, states[state], all/10, state)
		}
		require.Greater(t, carried, 1000)
	})
}

func decidedByApprovers(s situation) string {
	for i, a := range s.open() {
		if a.Need.Item.ID != s.need.Items[i].Item.ID {
			return "the order is not the requirement's"
		}
		for _, stage := range a.Need.Stages {
			for _, d := range s.decided {
				if about(d, a.Need.Item.ID, stage.Name) && d.By != operator && !names(stage, d.By) {
					return fmt.Sprintf("item %s, stage %s was decided by %s", a.Need.Item.ID, stage.Name, d.By)
				}
			}
		}
	}
	return ""
}

func eachStageCounts(s situation) string {
	for i, a := range s.open() {
		item := s.need.Items[i]
		first := 0
		for first < len(item.Stages) && s.passed(item, first) {
			first++
		}
		want := policy.ItemApproval{State: access.ItemApproved, By: s.last(item.Item.ID)}
		switch {
		case s.denied(item.Item.ID):
			want.State = access.ItemDenied
		case first < len(item.Stages):
			want = policy.ItemApproval{State: access.ItemPending, Stage: item.Stages[first]}
		}
		if !same(want, a) {
			return fmt.Sprintf("item %s: expected %+v, found %+v", item.Item.ID, want, a)
		}
	}
	return ""
}

func pendingExpires(s situation) string {
	without := policy.Approval(s.need, s.decided, time.Time{}, deadline.Add(time.Hour))
	for _, wait := range []time.Duration{-time.Hour, -1, 0, 1, time.Hour} {
		for i, a := range s.at(deadline.Add(wait)) {
			want := without[i]
			if wait >= 0 && want.State == access.ItemPending {
				want = policy.ItemApproval{State: access.ItemExpired}
			}
			if !same(want, a) {
				return fmt.Sprintf("%s after the deadline: expected %+v, found %+v", wait, want, a)
			}
		}
	}
	return ""
}

// same reports whether an item stands where another does.
func same(a, b policy.ItemApproval) bool {
	by := (a.By == nil && b.By == nil) || (a.By != nil && b.By != nil && a.By.At.Equal(b.By.At) && a.By.By == b.By.By)
	return by && a.State == b.State && a.Stage.Name == b.Stage.Name && len(a.Stage.Approvers) == len(b.Stage.Approvers)
}

func othersDoNotCount(s situation) string {
	all := s.open()
	for at := range len(s.decided) + 1 {
		earlier := situation{need: s.need, decided: s.decided[:at]}
		for _, d := range foreign(s.need, earlier.open()) {
			changed := situation{need: s.need, decided: slices.Insert(slices.Clone(s.decided), at, d)}
			if !slices.EqualFunc(all, changed.open(), same) {
				return fmt.Sprintf("decision %d counts: %+v", at, d)
			}
		}
	}
	return ""
}

// foreign are recorded decisions that are about no open stage of any item.
func foreign(need access.Requirement, all policy.Approvals) []access.Decision {
	decisions := []access.Decision{{By: "anna", Verdict: access.Deny}}
	for i, item := range need.Items {
		add := func(items []access.ItemID, stages ...string) {
			for _, verdict := range []access.Verdict{access.Approve, access.Deny} {
				decisions = append(decisions, access.Decision{By: "anna", Verdict: verdict, Items: items, Stages: stages})
			}
		}
		open := all[i].Stage.Name
		add([]access.ItemID{"another item", item.Item.ID}, open)
		for _, stage := range []string{"manager", "owner", "another stage"} {
			if stage != open {
				add([]access.ItemID{item.Item.ID}, stage)
			}
		}
	}
	return decisions
}

func orderDoesNotMatter(s situation) string {
	for i := 1; i < len(s.decided); i++ {
		first, second := s.decided[i-1], s.decided[i]
		if slices.ContainsFunc(first.Items, func(id access.ItemID) bool { return about(second, id, "") }) {
			continue
		}
		swapped := situation{need: s.need, decided: slices.Clone(s.decided)}
		swapped.decided[i-1], swapped.decided[i] = second, first
		if !slices.EqualFunc(s.open(), swapped.open(), same) {
			return fmt.Sprintf("decisions %d and %d cannot be swapped", i-1, i)
		}
	}
	return ""
}

func settledStays(s situation) string {
	for _, now := range []time.Time{deadline.Add(-1), deadline} {
		all := s.at(now)
		for _, a := range all {
			for _, d := range attempts(access.Requirement{}, []access.PersonID{"anna", operator, stranger}, access.Approve, access.Deny) {
				for _, stage := range []string{"manager", "owner"} {
					d.Items, d.Stages, d.At = []access.ItemID{a.Need.Item.ID}, []string{stage}, now
					if a.State != access.ItemPending && !slices.EqualFunc(all, s.with(d).at(now), same) {
						return fmt.Sprintf("at %s, decision counts: %+v", now, d)
					}
				}
			}
		}
	}
	return ""
}
