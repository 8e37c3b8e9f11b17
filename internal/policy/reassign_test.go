package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

// people are persons with nothing but an id.
func people(all ...access.PersonID) []access.Person {
	named := []access.Person{}
	for _, id := range all {
		named = append(named, access.Person{ID: id})
	}
	return named
}

// offer is a requirement of four items, each with the stages manager (anna, ben) and owner (anna, cleo). Of the first nothing is decided,
// the second waits for its owner, the third is approved, and the fourth is denied.
func offer() situation {
	s := situation{need: access.Requirement{Requester: access.Person{ID: "rita"}, Subject: access.Person{ID: "sam"}}}
	for _, id := range []access.ItemID{"1", "2", "3", "4"} {
		s.need.Items = append(s.need.Items, access.ItemRequirement{
			Item: access.Item{ID: id}, Title: "Item " + string(id),
			Stages: []access.Stage{{Name: "manager", Approvers: people("anna", "ben")}, {Name: "owner", Approvers: people("anna", "cleo")}},
		})
	}
	add := func(by access.PersonID, verdict access.Verdict, stage string, items ...access.ItemID) {
		d := access.Decision{By: by, Verdict: verdict, Items: items, At: deadline.Add(-time.Hour), Channel: access.ChannelAPI}
		for range items {
			d.Stages = append(d.Stages, stage)
		}
		s.decided = append(s.decided, d)
	}
	add("ben", access.Approve, "manager", "2", "3")
	add("cleo", access.Approve, "owner", "3")
	add("ben", access.Deny, "manager", "4")
	return s
}

func text(t *testing.T, need access.Requirement) string {
	t.Helper()
	written, err := json.Marshal(need)
	require.NoError(t, err)
	return string(written)
}

// stagesIn has a line for each stage of each item, with its approvers: "1 manager: anna ben".
func stagesIn(need access.Requirement) []string {
	var all []string
	for _, item := range need.Items {
		for _, stage := range item.Stages {
			line := string(item.Item.ID) + " " + stage.Name + ":"
			for _, person := range stage.Approvers {
				line += " " + string(person.ID)
			}
			all = append(all, line)
		}
	}
	return all
}

func TestVacate(t *testing.T) {
	s := offer()
	given := text(t, s.need)
	need, changed := policy.Vacate(s.need, s.open(), "anna")
	require.Equal(t, []policy.Changed{
		{Item: "1", Stage: "manager", Before: people("anna", "ben"), After: people("ben")},
		{Item: "1", Stage: "owner", Before: people("anna", "cleo"), After: people("cleo")},
		{Item: "2", Stage: "owner", Before: people("anna", "cleo"), After: people("cleo")},
	}, changed)
	require.Equal(t, []string{
		"1 manager: ben", "1 owner: cleo",
		"2 manager: anna ben", "2 owner: cleo",
		"3 manager: anna ben", "3 owner: anna cleo",
		"4 manager: anna ben", "4 owner: anna cleo",
	}, stagesIn(need))
	require.Equal(t, given, text(t, s.need), "what was given is as it was")

	t.Run("the last approver", func(t *testing.T) {
		after := situation{need: need, decided: s.decided}
		empty, changed := policy.Vacate(need, after.open(), "cleo")
		require.Equal(t, []policy.Changed{
			{Item: "1", Stage: "owner", Before: people("cleo"), After: people()},
			{Item: "2", Stage: "owner", Before: people("cleo"), After: people()},
		}, changed)
		require.Contains(t, stagesIn(empty), "2 owner:")
	})
	t.Run("somebody who is not named", func(t *testing.T) {
		same, changed := policy.Vacate(s.need, s.open(), stranger)
		require.Empty(t, changed)
		require.Equal(t, s.need, same)
	})
	t.Run("after the deadline", func(t *testing.T) {
		same, changed := policy.Vacate(s.need, s.at(deadline), "anna")
		require.Empty(t, changed)
		require.Equal(t, s.need, same)
	})
	t.Run("items that stand nowhere", func(t *testing.T) {
		same, changed := policy.Vacate(s.need, nil, "anna")
		require.Empty(t, changed)
		require.Equal(t, s.need, same)
	})
}

func TestReplace(t *testing.T) {
	since := deadline.Add(-time.Minute)
	rows := map[string]struct {
		item      access.ItemID
		stage     string
		approvers []access.Person
		// want is the stage's line afterwards; "" where nothing changes.
		want string
	}{
		"the open stage":                      {"1", "manager", people("dora"), "1 manager: dora"},
		"a later stage":                       {"1", "owner", people("dora", "anna"), "1 owner: dora anna"},
		"the open stage after one":            {"2", "owner", people("dora"), "2 owner: dora"},
		"by nobody":                           {"1", "owner", nil, "1 owner:"},
		"one fewer":                           {"1", "owner", people("cleo"), "1 owner: cleo"},
		"a stage that has passed":             {"2", "manager", people("dora"), ""},
		"a stage of an item that is approved": {"3", "owner", people("dora"), ""},
		"a stage of an item that is denied":   {"4", "owner", people("dora"), ""},
		"the same people":                     {"1", "owner", people("cleo", "anna"), ""},
		"no such item":                        {"9", "owner", people("dora"), ""},
		"no such stage":                       {"1", "boss", people("dora"), ""},
	}
	for name, row := range rows {
		for _, byHand := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, by hand: %v", name, byHand), func(t *testing.T) {
				s := offer()
				given := text(t, s.need)
				need, changed := policy.Replace(s.need, s.open(), policy.Replacement{
					Item: row.item, Stage: row.stage, Approvers: row.approvers, At: since, ByHand: byHand,
				})
				require.Equal(t, given, text(t, s.need), "what was given is as it was")
				if row.want == "" {
					require.Nil(t, changed)
					require.Equal(t, s.need, need)
					return
				}
				i, at := stageOf(s.need, row.item, row.stage)
				before := s.need.Items[i].Stages[at].Approvers
				require.Equal(t, &policy.Changed{Item: row.item, Stage: row.stage, Before: before, After: row.approvers}, changed)
				require.Contains(t, stagesIn(need), row.want)
				stage := need.Items[i].Stages[at]
				require.Equal(t, since, stage.ReplacedAt)
				require.Equal(t, byHand, stage.ByHand)
				require.NotNil(t, stage.Approvers)
				need.Items[i].Stages[at] = s.need.Items[i].Stages[at]
				require.Equal(t, s.need, need, "nothing else changes")
			})
		}
	}
	t.Run("after the deadline", func(t *testing.T) {
		s := offer()
		_, changed := policy.Replace(s.need, s.at(deadline), policy.Replacement{Item: "1", Stage: "owner", Approvers: people("dora"), At: deadline})
		require.Nil(t, changed)
	})
}

func stageOf(need access.Requirement, item access.ItemID, stage string) (int, int) {
	i := slices.IndexFunc(need.Items, func(r access.ItemRequirement) bool { return r.Item.ID == item })
	return i, slices.IndexFunc(need.Items[i].Stages, func(s access.Stage) bool { return s.Name == stage })
}

// TestReassign_copies: what comes back shares no approver with what was given, also where nothing changed.
func TestReassign_copies(t *testing.T) {
	s := offer()
	given := text(t, s.need)
	named := people("dora")
	vacated, _ := policy.Vacate(s.need, s.open(), "anna")
	same, _ := policy.Vacate(s.need, s.open(), stranger)
	replaced, changed := policy.Replace(s.need, s.open(), policy.Replacement{Item: "1", Stage: "owner", Approvers: named})
	kept, _ := policy.Replace(s.need, s.open(), policy.Replacement{Item: "3", Stage: "owner", Approvers: named})
	for _, need := range []access.Requirement{vacated, same, replaced, kept} {
		for i := range need.Items {
			need.Items[i].Title = "x"
			for at := range need.Items[i].Stages {
				for p := range need.Items[i].Stages[at].Approvers {
					need.Items[i].Stages[at].Approvers[p].ID = "x"
				}
				need.Items[i].Stages[at].Name = "x"
			}
		}
	}
	changed.Before[0].ID = "x"
	require.Equal(t, given, text(t, s.need))
	require.Equal(t, people("dora"), named)
	require.Equal(t, people("dora"), changed.After)
}

// TestReassign_decides_nothing: whoever leaves and whoever is named, no item stands elsewhere than before.
func TestReassign_decides_nothing(t *testing.T) {
	vacated, replaced := 0, 0
	everySituation(2, func(s situation) {
		all := s.open()
		stands := func(what string, need access.Requirement) {
			for i, a := range (situation{need: need, decided: s.decided}).open() {
				if a.State != all[i].State || a.Stage.Name != all[i].Stage.Name {
					require.Fail(t, what, "requirement: %+v\nafter: %+v\ndecided: %+v", s.need, need, s.decided)
				}
			}
		}
		for _, person := range approvers {
			need, changed := policy.Vacate(s.need, all, person)
			vacated += len(changed)
			stands("vacated", need)
			for _, item := range s.need.Items {
				for _, stage := range item.Stages {
					by := policy.Replacement{Item: item.Item.ID, Stage: stage.Name, Approvers: people(person), At: deadline.Add(-time.Second)}
					need, change := policy.Replace(s.need, all, by)
					if change != nil {
						replaced++
					}
					stands("replaced", need)
				}
			}
		}
	})
	require.Greater(t, vacated, 1000)
	require.Greater(t, replaced, 1000)
}

// TestApproval_of_a_stage_with_other_approvers: who approved as manager before they were named as owner is asked once more; who did so
// since then is not.
func TestApproval_of_a_stage_with_other_approvers(t *testing.T) {
	since := deadline.Add(-time.Hour)
	for name, row := range map[string]struct {
		approved time.Time
		replaced time.Time
		state    access.ItemState
	}{
		"named as owner from the beginning":         {since, time.Time{}, access.ItemApproved},
		"named as owner after the approval":         {since.Add(-1), since, access.ItemPending},
		"named as owner at the time of it":          {since, since, access.ItemApproved},
		"named as owner before the approval":        {since.Add(1), since, access.ItemApproved},
		"from the beginning, approval with no time": {time.Time{}, time.Time{}, access.ItemApproved},
	} {
		t.Run(name, func(t *testing.T) {
			s := situation{need: access.Requirement{Items: []access.ItemRequirement{{
				Item: access.Item{ID: "1"},
				Stages: []access.Stage{
					{Name: "manager", Approvers: people("anna")},
					{Name: "owner", Approvers: people("anna", "ben"), ReplacedAt: row.replaced},
				},
			}}}}
			first := access.Decision{By: "anna", Verdict: access.Approve, Items: []access.ItemID{"1"}, Stages: []string{"manager"}, At: row.approved, Channel: access.ChannelAPI}
			s = s.with(first)
			require.Equal(t, row.state, s.open()[0].State)
			if row.state == access.ItemApproved {
				return
			}
			require.Equal(t, "anna or ben (owner)", s.open().AwaitedNames())
			again := access.Decision{By: "anna", Verdict: access.Approve, Channel: access.ChannelAPI}
			open, why := s.open().Judge(s.need, s.decided, again)
			require.Nil(t, why, "who approved as manager may approve as owner")
			require.Equal(t, access.ItemApproved, s.with(s.recorded(again, open)).open()[0].State)
		})
	}
}

// TestApproval_with_an_earlier_and_a_later: of several approvals of one person each may carry over.
func TestApproval_with_an_earlier_and_a_later(t *testing.T) {
	since := deadline.Add(-time.Hour)
	s := situation{need: access.Requirement{Items: []access.ItemRequirement{{
		Item: access.Item{ID: "1"},
		Stages: []access.Stage{
			{Name: "first", Approvers: people("anna")},
			{Name: "second", Approvers: people("anna"), ReplacedAt: since},
			{Name: "third", Approvers: people("anna"), ReplacedAt: since},
		},
	}}}}
	approve := func(stage string, at time.Time) access.Decision {
		return access.Decision{By: "anna", Verdict: access.Approve, Items: []access.ItemID{"1"}, Stages: []string{stage}, At: at}
	}
	s = s.with(approve("first", since.Add(-1)))
	require.Equal(t, "second", s.open()[0].Stage.Name)
	require.Equal(t, access.ItemApproved, s.with(approve("second", since)).open()[0].State)
	require.Equal(t, "third", s.with(approve("second", since.Add(-1))).open()[0].Stage.Name)
}

// TestJudge_a_stage_without_approvers: only an operator decides it, and everybody else reads that it waits for nobody yet.
func TestJudge_a_stage_without_approvers(t *testing.T) {
	s := offer()
	for _, gone := range []access.PersonID{"anna", "cleo"} {
		s.need, _ = policy.Vacate(s.need, s.open(), gone)
	}
	require.Equal(t, "ben (manager), nobody yet (owner)", s.open().AwaitedNames())
	for _, row := range []struct {
		by      access.PersonID
		kind    access.Kind
		problem string
	}{
		{"anna", access.Conflict, "your stage (manager) is not open now; awaited: ben (manager), nobody yet (owner)"},
		{"cleo", access.Forbidden, "you are not an approver of these items; awaited: ben (manager), nobody yet (owner)"},
		{stranger, access.Forbidden, "you are not an approver of these items; awaited: ben (manager), nobody yet (owner)"},
		{"", access.Forbidden, "you are not an approver of these items; awaited: ben (manager), nobody yet (owner)"},
		{"ben", access.Conflict, "you have decided already: approve at 2026-03-04 11:00 UTC"},
		{"rita", access.Forbidden, "you asked for this access yourself, so somebody else decides: ben (manager), nobody yet (owner)"},
	} {
		for _, channel := range []access.Channel{access.ChannelAPI, access.ChannelTicket} {
			open, why := s.open().Judge(s.need, s.decided, access.Decision{By: row.by, Verdict: access.Approve, Items: []access.ItemID{"2"}, Channel: channel})
			require.Empty(t, open)
			require.Equal(t, &policy.Rejection{Kind: row.kind, Field: "by", Problem: row.problem}, why)
		}
	}
	open, why := s.open().Judge(s.need, s.decided, access.Decision{Verdict: access.Approve, Items: []access.ItemID{"2"}, Channel: access.ChannelOperator})
	require.Nil(t, why)
	require.Len(t, open, 1)
}

// TestJudge_named_again_on_another_channel: who approved as manager and is named as owner since then is told where to decide, and not that
// they have decided already.
func TestJudge_named_again_on_another_channel(t *testing.T) {
	s := offer()
	s.need.Items[1].DecisionChannels = []access.Channel{access.ChannelAPI}
	s.need, _ = policy.Replace(s.need, s.open(), policy.Replacement{Item: "2", Stage: "owner", Approvers: people("ben"), At: deadline.Add(-time.Minute)})
	d := access.Decision{By: "ben", Verdict: access.Approve, Items: []access.ItemID{"2"}, Channel: access.ChannelTicket}
	_, why := s.open().Judge(s.need, s.decided, d)
	require.Equal(t, &policy.Rejection{Kind: access.Forbidden, Field: "channel", Problem: "Item 2 is decided with usher only, not on the ticket"}, why)
	d.Channel = access.ChannelAPI
	_, why = s.open().Judge(s.need, s.decided, d)
	require.Nil(t, why)
}
