package scim

import (
	"context"
	"errors"
	"net/url"

	"usher/internal/access"
	"usher/internal/rest"
)

const opCheck = "check the directory"

// Check implements access.Checker: the directory is there, takes the token for users and groups, and can do what grants
// need. Whether the token may also change groups cannot be asked without a change.
func (t *Target) Check(ctx context.Context) ([]access.Finding, error) {
	provider, findings, err := t.client.check(ctx, "Users", "Groups")
	if err != nil || len(findings) > 0 {
		return findings, err
	}
	if provider.Patch != nil && !provider.Patch.Supported {
		findings = append(findings, access.Finding{
			Key:     "base_url",
			Problem: "the directory says that it does not support PATCH, by which roles are granted",
		})
	}
	if provider.Filter == nil || provider.Filter.Supported {
		return t.checkFilters(ctx, findings)
	}
	const unsupported = "the directory says that it does not support filters; expected id"
	if t.match != MatchID {
		findings = append(findings, access.Finding{Key: keyMatch, Problem: unsupported})
	}
	if t.rolesBy != RolesByID {
		findings = append(findings, access.Finding{Key: keyRolesBy, Problem: unsupported})
	}
	return findings, nil
}

// The settings whose filters a directory may refuse.
const (
	keyMatch   = "match"
	keyRolesBy = "roles_by"
)

// checkFilters asks by the filters that a grant asks by, for what cannot exist. What ServiceProviderConfig says of filters is about all of
// them: a directory that has filters may refuse the one by an attribute, and then no grant finds its account or its group.
func (t *Target) checkFilters(ctx context.Context, findings []access.Finding) ([]access.Finding, error) {
	if t.match != MatchID {
		attribute := string(t.match)
		_, err := t.findAccountBy(ctx, opCheck+" ("+keyMatch+": "+attribute+")", attribute, nobody)
		if findings, err = withRefusal(findings, keyMatch, "users by their "+attribute, err); err != nil {
			return findings, err
		}
	}
	if t.rolesBy == RolesByID {
		return findings, nil
	}
	_, err := t.findGroup(ctx, opCheck+" ("+keyRolesBy+": "+string(t.rolesBy)+")", nobody)
	return withRefusal(findings, keyRolesBy, "groups by their "+string(t.rolesBy), err)
}

// withRefusal adds that a directory refuses a search. That it found nothing is as it has to be; what is no refusal is an error, which names
// the setting.
func withRefusal(findings []access.Finding, key, what string, err error) ([]access.Finding, error) {
	switch {
	case err == nil, errors.Is(err, errNoSuch), access.IsKind(err, access.NotFound):
		return findings, nil
	case access.IsKind(err, access.Invalid), access.IsKind(err, access.Forbidden), access.IsKind(err, access.Conflict):
		return append(findings, access.Finding{
			Key: key, Problem: "the directory refuses to search " + what + " (" + err.Error() + "), so every grant would fail; expected a way that it takes",
		}), nil
	}
	return findings, err
}

// Check implements access.Checker: the directory is there and takes the token for users.
func (s *Source) Check(ctx context.Context) ([]access.Finding, error) {
	_, findings, err := s.client.check(ctx, "Users")
	return findings, err
}

// check asks for ServiceProviderConfig, which some directories show to anybody, and for one record of each listing.
func (c *client) check(ctx context.Context, listings ...string) (providerConfig, []access.Finding, error) {
	var provider providerConfig
	answer, err := c.get(ctx, rest.Call{Op: opCheck, Path: "ServiceProviderConfig", Into: &provider})
	if problem := misplaced(answer, err); problem != "" || (err == nil && !provider.real()) {
		return provider, []access.Finding{{Key: "base_url", Problem: "no SCIM 2.0 directory answers there " + problem}}, nil
	}
	if err != nil {
		return provider, nil, err
	}
	var findings []access.Finding
	for _, path := range listings {
		var list listResponse[account]
		call := rest.Call{Op: opCheck, Path: path, Query: url.Values{"count": {"1"}}, Into: &list}
		answer, err := c.get(ctx, call)
		if err == nil && !list.real() {
			findings = append(findings, access.Finding{Key: "base_url", Problem: path + " is not a SCIM listing"})
			continue
		}
		if problem := misplaced(answer, err); problem != "" {
			findings = append(findings, access.Finding{Key: "base_url", Problem: path + " cannot be listed " + problem})
		} else if err != nil {
			return provider, nil, err
		}
	}
	return provider, findings, nil
}

// misplaced returns why an answer is one that only another configuration can mend, "" for none: something answers, but not SCIM.
func misplaced(a rest.Response, err error) string {
	unread := err != nil && a.Status >= 200 && a.Status <= 299
	if unread || access.IsKind(err, access.NotFound) || access.IsKind(err, access.Invalid) {
		return "(" + err.Error() + ")"
	}
	return ""
}
