package scim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/rest"
)

// Target is an access.Provisioner over a SCIM directory: a role is a group. Safe for concurrent use. Between calls it
// remembers which groups are long and by which filter they can be asked, and never who holds what.
type Target struct {
	client  *client
	match   Match
	rolesBy RolesBy
	proven  provenFilters
}

var _ access.Provisioner = (*Target)(nil)

// NewTarget checks the configuration and makes no call. The error names the keys.
func NewTarget(c Config) (*Target, error) {
	calls, err := newClient(c)
	if err != nil {
		return nil, err
	}
	c = c.withDefaults()
	return &Target{client: calls, match: c.Match, rolesBy: c.RolesBy}, nil
}

// Grant implements access.Provisioner. Conflict: more than one group has the role's name, or more than one user matches
// the subject.
func (t *Target) Grant(ctx context.Context, a access.Assignment) (access.Proof, error) {
	const op = "grant"
	held, err := t.find(ctx, op, a)
	if err == nil && held.account != "" {
		held, err = t.readBeforeGrant(ctx, op, held)
	}
	switch {
	case err != nil:
		return access.Proof{}, err
	case held.group == "":
		return access.Proof{}, t.noRole(op, a)
	case held.account == "":
		return access.Proof{}, t.noAccount(op, a)
	case held.holds:
		return held.proof(true), nil
	}
	return t.change(ctx, op, held, patchOperation{
		Op: "add", Path: "members", Value: []groupValue{{Value: held.account}},
	})
}

// Revoke implements access.Provisioner. Conflict: as for Grant.
func (t *Target) Revoke(ctx context.Context, a access.Assignment) (access.Proof, error) {
	const op = "revoke"
	held, err := t.read(ctx, op, a)
	if err != nil {
		return access.Proof{}, err
	}
	if !held.holds {
		return held.proof(true), nil
	}
	return t.change(ctx, op, held, patchOperation{Op: "remove", Path: "members[" + eq("value", held.account) + "]"})
}

// Verify implements access.Provisioner. Conflict: as for Grant.
func (t *Target) Verify(ctx context.Context, a access.Assignment) (access.Proof, error) {
	const op = "verify"
	held, err := t.read(ctx, op, a)
	if err != nil {
		return access.Proof{}, err
	}
	if held.group == "" {
		return access.Proof{}, t.noRole(op, a)
	}
	return held.proof(false), nil
}

// find looks up the group and the account. Where the directory lacks one of them the account is "", and the evidence
// says what it lacks.
func (t *Target) find(ctx context.Context, op string, a access.Assignment) (membership, error) {
	var m membership
	var err error
	if m.group, err = t.findGroup(ctx, op, a.Role); err == nil {
		m.account, err = t.findAccount(ctx, op, a.Subject)
	}
	if err == nil {
		return m, nil
	}
	if !errors.Is(err, errNoSuch) {
		return membership{}, err
	}
	m.at = time.Now().UTC()
	m.method, m.evidence = "scim search", t.noAccountText(a)
	if m.group == "" {
		m.evidence = t.noRoleText(a)
	}
	return m, nil
}

// read finds the group and the account and reads whether the one has the other.
func (t *Target) read(ctx context.Context, op string, a access.Assignment) (membership, error) {
	m, err := t.find(ctx, op, a)
	if err != nil || m.account == "" {
		return m, err
	}
	return t.readMembership(ctx, op, m)
}

// readMembership reads the list first. A filter that finds a member of a long group has proved itself: see readFilter.
func (t *Target) readMembership(ctx context.Context, op string, m membership) (membership, error) {
	m, err := t.client.readMembership(ctx, op, m)
	if err == nil && m.long && m.holds && m.exact {
		t.proven.remember(m.group, m.filter)
	}
	return m, err
}

// readBeforeGrant reads a long group by the filter that has proved itself there, and every other one by its list. That
// an account is not a member may be read in this way, because a grant concludes nothing from it but that there is
// something to do.
func (t *Target) readBeforeGrant(ctx context.Context, op string, m membership) (membership, error) {
	attribute := t.proven.attribute(m.group)
	if attribute == "" {
		return t.readMembership(ctx, op, m)
	}
	m.long = true
	asked, err := t.client.readFilter(ctx, op, attribute, m)
	switch {
	case err == nil && (asked.holds || asked.exact):
		return asked, nil
	case err != nil && !access.IsKind(err, access.Invalid):
		return membership{}, err
	}
	t.proven.forget(m.group)
	return t.readMembership(ctx, op, m)
}

// change sends one operation and reads back. An answer that the thing is in the way or not there settles nothing: the
// read-back does.
func (t *Target) change(ctx context.Context, op string, held membership, o patchOperation) (access.Proof, error) {
	refused := t.client.patch(ctx, op, groupPath(held.group), o)
	if refused != nil && !access.IsKind(refused, access.NotFound) && !access.IsKind(refused, access.Conflict) {
		return access.Proof{}, refused
	}
	wanted := !held.holds
	now, err := t.readBack(ctx, op, held)
	switch {
	case err != nil:
		return access.Proof{}, err
	case now.holds == wanted:
		return now.proof(false), nil
	case now.group == "":
		return access.Proof{}, access.Errorf(access.NotFound, op, "%s", now.evidence)
	case refused != nil:
		return access.Proof{}, access.Errorf(access.Transient, op, "the change was refused, and is not there: %w", refused)
	}
	return access.Proof{}, access.Errorf(access.Transient, op,
		"the directory accepted the change, and the read-back does not show it yet: %s", now.evidence)
}

// readBack reads what came of a change. What was added to a long group may be shown by the filter that gave nothing
// before; if it does not, or cannot be asked any more, the list is read as if nothing were known.
func (t *Target) readBack(ctx context.Context, op string, before membership) (membership, error) {
	if !before.long || !before.exact || before.holds {
		return t.readMembership(ctx, op, before)
	}
	var now membership
	var err error
	if t.proven.attribute(before.group) == before.filter {
		now, err = t.client.readAppeared(ctx, op, before)
	} else {
		now, err = t.client.readFilter(ctx, op, before.filter, before)
	}
	switch {
	case err == nil && now.holds && now.exact:
		t.proven.remember(now.group, now.filter)
		return now, nil
	case err != nil && !access.IsKind(err, access.Invalid):
		return membership{}, err
	}
	t.proven.forget(before.group)
	return t.readMembership(ctx, op, before)
}

// findGroup gives the id of the role's group; errNoSuch for none. A role that is an id is its own answer: reading the
// membership tells whether there is such a group.
func (t *Target) findGroup(ctx context.Context, op, role string) (string, error) {
	if t.rolesBy == RolesByID {
		return role, nil
	}
	if role == "" {
		return "", errNoSuch
	}
	found, err := search(ctx, t.client, rest.Call{Op: op, Path: "Groups", Query: groupQuery(eq("displayName", role))},
		func(g group) bool { return strings.EqualFold(g.DisplayName, role) })
	if err != nil {
		return "", err
	}
	var exact []group
	for _, g := range found {
		if g.DisplayName == role {
			exact = append(exact, g)
		}
	}
	// Names differ by case alone in directories where case matters: the exact name is the one that is meant.
	if len(exact) > 0 {
		found = exact
	}
	return only(op, found, fmt.Sprintf("groups are named %q; name the role by its id (roles_by: id)", role))
}

// only gives the id of the one record; errNoSuch for none, Conflict for several.
func only[T record](op string, found []T, several string) (string, error) {
	switch len(found) {
	case 0:
		return "", errNoSuch
	case 1:
		if id := found[0].recordID(); id != "" {
			return id, nil
		}
		return "", &access.Error{Kind: access.Transient, Op: op, Err: errNotSCIM}
	}
	return "", access.Errorf(access.Conflict, op, "%d %s", len(found), several)
}

func (t *Target) noRole(op string, a access.Assignment) error {
	return access.Errorf(access.NotFound, op, "%s", t.noRoleText(a))
}

func (t *Target) noAccount(op string, a access.Assignment) error {
	return access.Errorf(access.NotFound, op, "%s", t.noAccountText(a))
}

func (t *Target) noRoleText(a access.Assignment) string {
	return fmt.Sprintf("no role %q: no group has this %s", a.Role, t.rolesBy)
}

func (t *Target) noAccountText(a access.Assignment) string {
	return fmt.Sprintf("no account for the person %q: no user matches by %s", a.Subject.ID, t.match)
}
