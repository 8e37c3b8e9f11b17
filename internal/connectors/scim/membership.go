package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/rest"
)

// The methods that proofs name.
const (
	methodList   = "scim group member list"
	methodFilter = "scim group member filter"
)

// believedBelow is the length from which a member list is taken to be cut: 100 is the smallest page that directories
// are documented to cut at.
const believedBelow = 100

// nobody is a member that cannot exist: asked for, it shows whether a directory looks at filters at all.
const nobody = "usher-asks-whether-filters-count"

type group struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	Members     []member `json:"members"`
}

func (g group) recordID() string { return g.ID }

type member struct {
	Value string `json:"value"`
	Type  string `json:"type"`
}

func groupPath(id string) string { return "Groups/" + url.PathEscape(id) }

// groupQuery searches groups without their members, of which there may be many.
func groupQuery(filter string) url.Values {
	return url.Values{"filter": {filter}, "excludedAttributes": {"members"}}
}

// readMembership reads whether m.account is a member of m.group: see the package comment. A group that is gone has no
// members, and m.group is then "".
func (c *client) readMembership(ctx context.Context, op string, m membership) (membership, error) {
	m.at, m.method, m.holds = time.Now().UTC(), methodList, false
	g, err := byID[group](ctx, c, rest.Call{Op: op, Path: "Groups"}, m.group)
	switch {
	case errors.Is(err, errNoSuch):
		m.evidence = fmt.Sprintf("no group has the id %q", m.group)
		m.group = ""
		return m, nil
	case tooLong(err):
		return c.askFilter(ctx, op, m, err)
	case err != nil:
		return membership{}, err
	}
	m.holds = slices.ContainsFunc(g.Members, func(u member) bool {
		return u.Value == m.account && !strings.EqualFold(u.Type, "group")
	})
	m.evidence = fmt.Sprintf("group %q lists %d members, user %q %s", m.group, len(g.Members), m.account, among(m.holds))
	if m.holds || (len(g.Members) > 0 && len(g.Members) < believedBelow) {
		return m, nil
	}
	return c.askFilter(ctx, op, m, nil)
}

// tooLong tells whether a group could not be read for its size: rest's own limit, or the directory's.
func tooLong(err error) bool {
	status := rest.StatusOf(err)
	return access.IsKind(err, access.Invalid) && (status == 0 || status == http.StatusRequestEntityTooLarge)
}

// askFilter asks what the list could not tell. Where no filter can be asked, what the list said stands: m, or why it
// could not be read.
func (c *client) askFilter(ctx context.Context, op string, m membership, unreadable error) (membership, error) {
	for _, attribute := range []string{"members.value", "member"} {
		holds, err := c.filterHolds(ctx, op, attribute, m)
		switch {
		case err == nil:
			m.method, m.holds = methodFilter, holds
			m.evidence = fmt.Sprintf("group %q filtered by %s: user %q %s", m.group, attribute, m.account, among(holds))
			return m, nil
		case !access.IsKind(err, access.Invalid):
			return membership{}, err
		}
	}
	if unreadable != nil {
		return membership{}, unreadable
	}
	return m, nil
}

func among(holds bool) string {
	if holds {
		return "among them"
	}
	return "not among them"
}

// filterHolds asks by filter. Invalid: the directory cannot be asked by this attribute.
func (c *client) filterHolds(ctx context.Context, op, attribute string, m membership) (bool, error) {
	holds, err := c.filterHits(ctx, op, m.group, eq(attribute, m.account))
	if err != nil || !holds {
		return false, err
	}
	ignored, err := c.filterHits(ctx, op, m.group, eq(attribute, nobody))
	switch {
	case access.IsKind(err, access.Invalid):
		// It looked at the filter and does not like the value; so it looked at the other one, too.
		return true, nil
	case err != nil:
		return false, err
	case ignored:
		return false, access.Errorf(access.Invalid, op, "the directory ignores the filter by %s", attribute)
	}
	return true, nil
}

func (c *client) filterHits(ctx context.Context, op, id, condition string) (bool, error) {
	found, err := search(ctx, c, rest.Call{Op: op, Path: "Groups", Query: groupQuery(eq("id", id) + " and " + condition)},
		func(g group) bool { return g.ID == id })
	return len(found) > 0, err
}
