package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

func TestAssignmentRules_Steps(t *testing.T) {
	rules := policy.AssignmentRules{
		Rules: []policy.AssignmentRule{
			{Applications: []string{"wiki", "blog"}, Group: "ops", By: access.RoundRobin},
			{Applications: []string{"wiki"}, Users: []string{"never@example.test"}},
			{Users: []string{"a@example.test", "b@example.test"}},
		},
		Fallback: "sam@example.test",
	}
	fallback := policy.AssignmentStep{
		Assignees: access.Assignees{Desk: "it", Emails: []string{"sam@example.test"}, By: access.LeastLoaded}, Why: "the fallback, sam@example.test",
	}
	for name, row := range map[string]struct {
		incident access.Incident
		want     policy.AssignmentStep
	}{
		"the first rule that is about it": {
			access.Incident{Application: "wiki"},
			policy.AssignmentStep{Assignees: access.Assignees{Desk: "it", Group: "ops", By: access.RoundRobin}, Why: "rule 1 (group ops, round robin)"},
		},
		"a rule about everything": {
			access.Incident{Application: "mail"},
			policy.AssignmentStep{
				Assignees: access.Assignees{Desk: "it", Emails: []string{"a@example.test", "b@example.test"}, By: access.LeastLoaded},
				Why:       "rule 3 (users a@example.test, b@example.test, least loaded)",
			},
		},
		"whom the caller names": {
			access.Incident{Application: "wiki", Assignee: "kim@example.test"},
			policy.AssignmentStep{
				Assignees: access.Assignees{Desk: "it", Emails: []string{"kim@example.test"}, By: access.LeastLoaded}, Why: "the caller asked for kim@example.test",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []policy.AssignmentStep{row.want, fallback}, rules.Steps("it", row.incident))
		})
	}
	rules.Rules = rules.Rules[:2]
	require.Equal(t, []policy.AssignmentStep{fallback}, rules.Steps("it", access.Incident{}), "no rule is about it")
}

func TestAssignmentRules_Validate(t *testing.T) {
	good := func() policy.AssignmentRules {
		return policy.AssignmentRules{
			Rules: []policy.AssignmentRule{
				{Applications: []string{"wiki"}, Group: "ops", By: access.RoundRobin}, {Users: []string{"a@example.test"}, By: access.LeastLoaded},
			},
			Fallback: "sam@example.test",
		}
	}
	require.Empty(t, good().Validate())
	for says, change := range map[string]func(*policy.AssignmentRules){
		`fallback: found "", expected the e-mail address`:                 func(r *policy.AssignmentRules) { r.Fallback = "" },
		`fallback: found "sam", expected the e-mail address`:              func(r *policy.AssignmentRules) { r.Fallback = "sam" },
		`rules[0]: expected group or users`:                               func(r *policy.AssignmentRules) { r.Rules[0].Group = "" },
		`rules[0]: found both group and users`:                            func(r *policy.AssignmentRules) { r.Rules[0].Users = []string{"a@example.test"} },
		`rules[0].group: found "Ops!"`:                                    func(r *policy.AssignmentRules) { r.Rules[0].Group = "Ops!" },
		`rules[1].users[0]: found "a b@c"`:                                func(r *policy.AssignmentRules) { r.Rules[1].Users[0] = "a b@c" },
		`rules[0].applications: found an empty name`:                      func(r *policy.AssignmentRules) { r.Rules[0].Applications = []string{""} },
		`rules[0].by: found "dice", expected least_loaded or round_robin`: func(r *policy.AssignmentRules) { r.Rules[0].By = "dice" },
		`rules[0]: it is about every incident`:                            func(r *policy.AssignmentRules) { r.Rules[0].Applications = nil },
	} {
		rules := good()
		change(&rules)
		wrong := rules.Validate()
		require.Len(t, wrong, 1, says)
		require.ErrorContains(t, wrong[0], says)
	}
}
