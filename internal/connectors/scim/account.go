package scim

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// account is what a Target needs of a user.
type account struct {
	ID         string `json:"id"`
	UserName   string `json:"userName"`
	ExternalID string `json:"externalId"`
}

func (a account) recordID() string { return a.ID }

// findAccount looks the subject's user up, which sets m.account. Where the person's id is that of the user, a user who is
// not there is gone: m.noAccount. NotFound: a search finds none.
func (t *Target) findAccount(ctx context.Context, op string, m membership, p access.Person) (membership, error) {
	var err error
	switch t.match {
	case MatchExternalID:
		m.account, err = t.findAccountBy(ctx, op, "externalId", string(p.ID))
	case MatchUserName:
		m.account, err = t.findByUserName(ctx, op, p)
	case MatchID:
		if !addressable(string(p.ID)) {
			return membership{}, t.noAccount(op, p)
		}
		m.account = string(p.ID)
		if m, err = t.client.readAccount(ctx, op, m); m.noAccount {
			m.account = ""
		}
	}
	if errors.Is(err, errNoSuch) {
		return membership{}, t.noAccount(op, p)
	}
	return m, err
}

func (t *Target) noAccount(op string, p access.Person) error {
	return access.Errorf(access.NotFound, op, "no account for the person %q: no user matches by %s", p.ID, t.match)
}

// findByUserName asks for the name as it is and, if nobody has it, in lower case: userName disregards case by
// RFC 7643, but some directories compare it exactly.
func (t *Target) findByUserName(ctx context.Context, op string, p access.Person) (string, error) {
	if p.UserName == "" {
		return "", access.Errorf(access.Invalid, op, "the person %q has no user name to match by (match: userName)", p.ID)
	}
	id, err := t.findAccountBy(ctx, op, "userName", p.UserName)
	if lower := strings.ToLower(p.UserName); errors.Is(err, errNoSuch) && lower != p.UserName {
		return t.findAccountBy(ctx, op, "userName", lower)
	}
	return id, err
}

func (t *Target) findAccountBy(ctx context.Context, op, attribute, value string) (string, error) {
	if value == "" {
		return "", errNoSuch
	}
	found, err := search(ctx, t.client,
		rest.Call{Op: op, Path: "Users", Query: url.Values{"filter": {eq(attribute, value)}}},
		func(a account) bool {
			if attribute == "userName" {
				return strings.EqualFold(a.UserName, value)
			}
			return a.ExternalID == value
		})
	if err != nil {
		return "", err
	}
	return only(op, found, fmt.Sprintf("users have the %s %q; expected one", attribute, value))
}
