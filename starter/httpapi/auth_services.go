package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"usher/internal/access"
)

// AllApplications stands for every application in ServiceCaller.Applications.
const AllApplications = "*"

// ServiceCaller is a program that may ask for access on behalf of people. It logs in by its client credentials, and is nobody: it never decides, and
// sees the requests that it made, and nothing else.
type ServiceCaller struct {
	// Client is the client to whom its tokens are issued (azp, client_id). It is recorded with each request.
	Client string `yaml:"client"`
	// Sub is what sub is in its tokens; "" means Client, as RFC 9068 has it. People may log in by the same client: their sub is another one.
	Sub string `yaml:"sub"`
	// Applications are those that it may ask for, by id; AllApplications alone means all.
	Applications []string `yaml:"applications"`
}

func (s ServiceCaller) sub() string { return orDefault(s.Sub, s.Client) }

// mayAskFor reports whether the service may ask for an entitlement.
func (s ServiceCaller) mayAskFor(e access.EntitlementID) bool {
	return slices.Contains(s.Applications, AllApplications) || slices.Contains(s.Applications, e.Application())
}

// serviceProblems returns what is wrong with the services, by key.
func (c OIDCConfig) serviceProblems() []error {
	var problems []error
	limit := access.Limits().Person
	for i, s := range c.ServiceCallers {
		key := fmt.Sprintf("auth.oidc.service_callers[%d]", i)
		if s.Client == "" || !limit.Fits(s.Client) || len(fittingID("", s.Client, limit)) > 0 {
			problems = append(problems, fmt.Errorf("%s.client: found %q, expected the id of a client", key, s.Client))
		}
		if slices.ContainsFunc(c.ServiceCallers[:i], func(o ServiceCaller) bool { return o.Client == s.Client }) {
			problems = append(problems, fmt.Errorf("%s.client: found %q twice, expected each client once", key, s.Client))
		}
		none := func(a string) bool {
			return a == "" || strings.Contains(a, "/") || (a == AllApplications && len(s.Applications) > 1)
		}
		if len(s.Applications) == 0 || slices.ContainsFunc(s.Applications, none) {
			problems = append(problems, fmt.Errorf("%s.applications: found %q, expected ids of applications, or %q alone for all", key, s.Applications, AllApplications))
		}
	}
	return problems
}

// serviceIn returns the service whose token it is; nil for a person's.
func (c OIDCConfig) serviceIn(claims map[string]any, sub string) *ServiceCaller {
	parties := partiesIn(claims)
	for _, s := range c.ServiceCallers {
		other := func(party string) bool { return party != s.Client }
		if len(parties) > 0 && !slices.ContainsFunc(parties, other) && sub == s.sub() {
			return &s
		}
	}
	return nil
}

// key names a caller among all callers. No person's id has a control character.
func (c Caller) key() access.PersonID {
	if c.Service != nil {
		return access.PersonID("\x00service/" + c.Service.Client)
	}
	return c.Person
}

// askable refuses what a service may not ask for; nil for what it may, and for a person.
func (c Caller) askable(in *submitInput) error {
	var fields []ProblemField
	for i, item := range in.Body.Items {
		if c.Service != nil && !c.Service.mayAskFor(access.EntitlementID(item.Entitlement)) {
			fields = append(fields, ProblemField{
				Location: fmt.Sprintf("body.items[%d].entitlement", i), Message: "expected one of the applications that the service may ask for",
			})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return newProblem(kindForbidden(), "This service may not ask for all of this.", fields...)
}
