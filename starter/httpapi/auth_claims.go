package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"usher/internal/access"
)

// editableClaims are the claims that people can often change by themselves, or that pass from one person to another. OpenID Connect Core 1.0
// (section 5.7) warns of them: only sub is a stable, unique identifier.
func editableClaims() []string {
	return []string{"email", "preferred_username", "upn", "unique_name", "name", "nickname", "phone_number"}
}

// personClaimProblem refuses a claim by which somebody could become somebody else; nil for none.
func (c OIDCConfig) personClaimProblem() error {
	claim := c.PersonClaim[strings.LastIndex(c.PersonClaim, ".")+1:]
	if c.PersonClaimFixed || !slices.Contains(editableClaims(), claim) {
		return nil
	}
	return fmt.Errorf("auth.oidc.person_claim: found %q, which people can change at many issuers, expected a claim such as sub; "+
		"if nobody can change it at yours, set auth.oidc.person_claim_fixed: true", c.PersonClaim)
}

// scopeProblem refuses a scope that no token can have (RFC 6749); nil for none.
func (c OIDCConfig) scopeProblem() error {
	for i, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return fmt.Errorf("auth.oidc.scopes[%d]: found %q, expected a scope, without blanks and quotes", i, scope)
		}
	}
	if slices.Contains(c.AuthorizedParties, "") {
		return errors.New("auth.oidc.authorized_parties: one is empty, expected the client ids of those that may ask for tokens")
	}
	return nil
}

// permitted refuses a token that was issued to another client, or for other things, than the configuration names. It is *UnauthenticatedError for the
// client, and *Problem for the scope: there the caller is known, and may come again with another token (RFC 6750).
func (c OIDCConfig) permitted(claims map[string]any) error {
	if len(c.AuthorizedParties) > 0 {
		parties := partiesIn(claims)
		if len(parties) == 0 || slices.ContainsFunc(parties, func(p string) bool { return !slices.Contains(c.AuthorizedParties, p) }) {
			return &UnauthenticatedError{Reason: "the token was issued to a client that may not call usher", Offered: true}
		}
	}
	has := append(rolesIn(claims["scope"]), rolesIn(claims["scp"])...)
	for _, scope := range c.Scopes {
		if !slices.Contains(has, scope) {
			all := strings.Join(c.Scopes, " ")
			return newProblem(kindForbidden(), "the token lacks a scope: expected "+all).
				with("WWW-Authenticate", fmt.Sprintf(`Bearer realm="usher", error="insufficient_scope", scope="%s"`, all))
		}
	}
	return nil
}

// partiesIn are the clients to whom a token says it was issued: azp of OpenID Connect, client_id of RFC 9068, and appid and cid of two large issuers.
func partiesIn(claims map[string]any) []string {
	var parties []string
	for _, name := range []string{"azp", "client_id", "appid", "cid"} {
		value, there := claims[name]
		if !there {
			continue
		}
		// What is no text is a client that nobody configured.
		party, _ := value.(string)
		parties = append(parties, party)
	}
	return parties
}

// nameIn returns the name that a token has for people to read; "" for none, and for one that no person has.
func nameIn(claims map[string]any) string {
	name, _ := claims["name"].(string)
	if limit := access.Limits().Person; !limit.Fits(name) || fittingID("", name, limit) != nil {
		return ""
	}
	return name
}
