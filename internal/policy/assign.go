package policy

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"usher/internal/access"
)

// AssignmentRules are who gets the tickets of incidents on one desk. The first rule that is about an incident counts.
type AssignmentRules struct {
	Rules []AssignmentRule `yaml:"rules"`
	// Fallback is the address of the integration user who gets what nobody else can get. Required.
	Fallback string `yaml:"fallback"`
}

// AssignmentRule names some integration users: those of a group, or those with one of the addresses.
type AssignmentRule struct {
	// Applications are those that the rule is about; none for every incident.
	Applications []string `yaml:"applications"`
	Group        string   `yaml:"group"`
	Users        []string `yaml:"users"`
	// By is how one of them is picked; "" for LeastLoaded.
	By access.Balance `yaml:"by"`
}

// AssignmentStep is one try to find an assignee. Why is the reason in words: "rule 2 (group wiki-ops, least loaded)".
type AssignmentStep struct {
	Assignees access.Assignees
	Why       string
}

// groupName is what the name of a group of integration users may look like.
var groupName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// ValidGroup reports whether a text may name a group of integration users.
func ValidGroup(name string) bool { return groupName.MatchString(name) }

// Validate returns what is wrong, by key.
func (r AssignmentRules) Validate() []error {
	var wrong []error
	problem := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if !ValidAddress(r.Fallback) {
		problem("fallback: found %q, expected the e-mail address of an integration user", r.Fallback)
	}
	for i, rule := range r.Rules {
		if i < len(r.Rules)-1 && len(rule.Applications) == 0 {
			problem("rules[%d]: it is about every incident, so those behind it never count; expected applications, or no rule behind it", i)
		}
		for _, err := range rule.validate() {
			problem("rules[%d]%w", i, err)
		}
	}
	return wrong
}

// validate returns what is wrong, each with the key behind that of the rule.
func (r AssignmentRule) validate() []error {
	var wrong []error
	problem := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	switch {
	case r.Group == "" && len(r.Users) == 0:
		problem(": expected group or users")
	case r.Group != "" && len(r.Users) > 0:
		problem(": found both group and users, expected one of them")
	case r.Group != "" && !ValidGroup(r.Group):
		problem(".group: found %q, expected 1 to 64 of the characters a-z 0-9 . _ -", r.Group)
	}
	for n, user := range r.Users {
		if !ValidAddress(user) {
			problem(".users[%d]: found %q, expected an e-mail address", n, user)
		}
	}
	if slices.Contains(r.Applications, "") {
		problem(".applications: found an empty name, expected those of applications")
	}
	if r.By != "" && r.By != access.LeastLoaded && r.By != access.RoundRobin {
		problem(".by: found %q, expected %s or %s", r.By, access.LeastLoaded, access.RoundRobin)
	}
	return wrong
}

// ValidAddress reports whether a text is an e-mail address and nothing else.
func ValidAddress(text string) bool {
	found, err := mail.ParseAddress(text)
	return err == nil && found.Address == text
}

// Steps returns in which order an assignee is looked for: whom the caller names, else whom the first rule names that is about the incident; then the
// fallback. It is pure.
func (r AssignmentRules) Steps(desk access.DeskName, i access.Incident) []AssignmentStep {
	var steps []AssignmentStep
	if i.Assignee != "" {
		steps = append(steps, AssignmentStep{
			access.Assignees{Desk: desk, Emails: []string{i.Assignee}, By: access.LeastLoaded}, "the caller asked for " + i.Assignee,
		})
	} else if n := slices.IndexFunc(r.Rules, func(rule AssignmentRule) bool { return rule.about(i.Application) }); n >= 0 {
		steps = append(steps, r.Rules[n].step(desk, n))
	}
	return append(steps, AssignmentStep{
		access.Assignees{Desk: desk, Emails: []string{r.Fallback}, By: access.LeastLoaded}, "the fallback, " + r.Fallback,
	})
}

func (r AssignmentRule) about(application string) bool {
	return len(r.Applications) == 0 || slices.Contains(r.Applications, application)
}

func (r AssignmentRule) step(desk access.DeskName, n int) AssignmentStep {
	by := r.By
	if by == "" {
		by = access.LeastLoaded
	}
	who := "users " + strings.Join(r.Users, ", ")
	if r.Group != "" {
		who = "group " + r.Group
	}
	return AssignmentStep{
		access.Assignees{Desk: desk, Group: r.Group, Emails: r.Users, By: by},
		fmt.Sprintf("rule %d (%s, %s)", n+1, who, strings.ReplaceAll(string(by), "_", " ")),
	}
}
