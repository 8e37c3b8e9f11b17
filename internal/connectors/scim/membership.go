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

// The methods that verifications name.
const (
	methodList   = "scim group member list"
	methodFilter = "scim group member filter"
	methodUser   = "scim user by id"
)

// believedBelow is the length from which a member list is taken to be cut: 100 is the smallest page that directories
// are documented to cut at.
const believedBelow = 100

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

// membership is what was read about an assignment. group and account are ids; account is "" where none is known.
type membership struct {
	group, account string
	// noGroup and noAccount are true when the directory, asked by the id, has no such record.
	noGroup, noAccount bool
	holds              bool
	method, evidence   string
	at                 time.Time
	// long is true for a group whose list was long, or too long to read, when it was last read, and for one whose list is
	// known to hide members.
	long bool
	// filter is the attribute of the filter that gave the answer, "" where the list did.
	filter string
	// others are the listed members but account; listed is true where the list was read and is short enough to be believed.
	others []string
	listed bool
	// othersLost is how many of them a change seems to have taken away: see Target.lost.
	othersLost int
	// exact is true when that filter gave no other groups: a directory that ignores filters would.
	exact bool
}

func (m membership) verification(already bool) access.Verification {
	return access.Verification{
		Present: m.holds, Account: m.account, RoleID: m.group, Method: m.method, Evidence: m.evidence, At: m.at, Unchanged: already,
		OthersLost: m.othersLost,
	}
}

// readMembership reads whether m.account is a member of m.group: see the package comment. A group that is gone has no
// members.
func (c *client) readMembership(ctx context.Context, op string, m membership) (membership, error) {
	m = membership{group: m.group, account: m.account, at: time.Now().UTC(), method: methodList}
	g, err := byID[group](ctx, c, rest.Call{Op: op, Path: "Groups"}, m.group)
	switch {
	case errors.Is(err, errNoSuch):
		m.noGroup, m.evidence = true, fmt.Sprintf("no role: no group has the id %q", m.group)
		return m, nil
	case tooLong(err):
		m.long = true
		return c.askFilters(ctx, op, m, err)
	case err != nil:
		return membership{}, err
	}
	m.long = len(g.Members) >= believedBelow
	m.holds = slices.ContainsFunc(g.Members, func(u member) bool {
		return u.Value == m.account && !strings.EqualFold(u.Type, "group")
	})
	m.listed = !m.long
	for _, u := range g.Members {
		if u.Value != m.account {
			m.others = append(m.others, u.Value)
		}
	}
	m.evidence = fmt.Sprintf("group %q lists %d members, user %q %s", m.group, len(g.Members), m.account, among(m.holds))
	if m.holds || (len(g.Members) > 0 && !m.long) {
		return m, nil
	}
	return c.askFilters(ctx, op, m, nil)
}

// readAccount reads whether there is a user of the id m.account. One that is gone holds nothing, whatever groups list.
func (c *client) readAccount(ctx context.Context, op string, m membership) (membership, error) {
	at := time.Now().UTC()
	_, err := byID[account](ctx, c, rest.Call{Op: op, Path: "Users"}, m.account)
	if errors.Is(err, errNoSuch) {
		m.noAccount, m.holds = true, false
		m.at, m.method, m.evidence = at, methodUser, fmt.Sprintf("no account: no user has the id %q", m.account)
		return m, nil
	}
	return m, err
}

// tooLong reports whether a group could not be read for its size: rest's own limit, or the directory's.
func tooLong(err error) bool {
	status := rest.StatusOf(err)
	return access.IsKind(err, access.Invalid) && (status == 0 || status == http.StatusRequestEntityTooLarge)
}

func among(holds bool) string {
	if holds {
		return "among them"
	}
	return "not among them"
}
