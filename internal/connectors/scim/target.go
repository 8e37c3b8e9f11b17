package scim

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// Target is an access.Provisioner over a SCIM directory: a role is a group. Safe for concurrent use. Between calls it
// remembers which groups cannot be read by their list, and by which filter they can be asked, and never who holds what.
type Target struct {
	client  *client
	match   Match
	rolesBy RolesBy
	proven  provenFilters
	removed removals
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
func (t *Target) Grant(ctx context.Context, a access.Assignment) (access.Verification, error) {
	const op = "grant"
	held, err := t.find(ctx, op, a)
	if err == nil && !held.noAccount {
		held, err = t.readBeforeGrant(ctx, op, held)
	}
	switch {
	case err != nil:
		return access.Verification{}, err
	case held.noGroup, held.noAccount:
		return access.Verification{}, access.Errorf(access.NotFound, op, "%s", held.evidence)
	case held.holds:
		return held.verification(true), nil
	}
	verification, _, err := t.change(ctx, op, held, patchOperation{
		Op: "add", Path: "members", Value: []groupValue{{Value: held.account}},
	})
	return verification, err
}

// Revoke implements access.Provisioner. Conflict: as for Grant. A user who is gone may still be listed by a group; the
// membership is taken away where the directory can do that, and else the user's absence is the verification.
func (t *Target) Revoke(ctx context.Context, a access.Assignment) (access.Verification, error) {
	const op = "revoke"
	held, err := t.read(ctx, op, a)
	if err != nil {
		return access.Verification{}, err
	}
	if !held.holds {
		return held.verification(true), nil
	}
	verification, refused, err := t.change(ctx, op, held, patchOperation{Op: "remove", Path: "members[" + eq("value", held.account) + "]"})
	if refused && a.Account != "" {
		if now, lost := t.client.readAccount(ctx, op, held); lost == nil && now.noAccount {
			return now.verification(true), nil
		}
	}
	return verification, err
}

// Verify implements access.Provisioner. Conflict: as for Grant.
func (t *Target) Verify(ctx context.Context, a access.Assignment) (access.Verification, error) {
	const op = "verify"
	held, err := t.read(ctx, op, a)
	if err == nil && held.holds && a.Account != "" {
		// Nobody has looked for the user yet.
		held, err = t.client.readAccount(ctx, op, held)
	}
	if err != nil {
		return access.Verification{}, err
	}
	return held.verification(false), nil
}

// find names the group and the account by their ids: those that are known, else those that are looked up. NotFound: a
// name finds nothing.
func (t *Target) find(ctx context.Context, op string, a access.Assignment) (membership, error) {
	m := membership{group: a.RoleID, account: a.Account}
	if m.group == "" {
		var err error
		if m.group, err = t.findGroup(ctx, op, a.Role); err != nil {
			return membership{}, err
		}
	}
	if m.account != "" {
		return m, nil
	}
	return t.findAccount(ctx, op, m, a.Subject)
}

// read finds the group and the account and reads whether the one has the other.
func (t *Target) read(ctx context.Context, op string, a access.Assignment) (membership, error) {
	m, err := t.find(ctx, op, a)
	if err != nil || m.noAccount {
		return m, err
	}
	return t.readMembership(ctx, op, m)
}

// readMembership reads the list first. A filter that finds a member whom the list does not show has proved itself: see
// readFilter.
func (t *Target) readMembership(ctx context.Context, op string, m membership) (membership, error) {
	m, err := t.client.readMembership(ctx, op, m)
	if err == nil && m.filter != "" && m.holds && m.exact {
		t.proven.remember(m.group, m.filter)
	}
	return m, err
}

// readBeforeGrant reads a long or hidden group by the filter that has proved itself there, and every other one by its list. That
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

// change sends one operation and reads back, and reports whether the directory refused it. A refusal that says that the
// thing is in the way or not there settles nothing: the read-back does.
func (t *Target) change(ctx context.Context, op string, held membership, o patchOperation) (_ access.Verification, refused bool, _ error) {
	answer := t.client.patch(ctx, op, groupPath(held.group), o)
	doubtful := access.IsKind(answer, access.NotFound) || access.IsKind(answer, access.Conflict)
	refused = doubtful || access.IsKind(answer, access.Invalid)
	if answer != nil && !doubtful {
		return access.Verification{}, refused, answer
	}
	wanted := !held.holds
	if !wanted {
		t.removed.add(held.group, held.account)
	}
	now, err := t.readBack(ctx, op, held)
	switch {
	case err != nil:
		return access.Verification{}, false, err
	case now.holds == wanted:
		return now.withLost(t.lost(ctx, op, held, now)).verification(false), false, nil
	case now.noGroup:
		return access.Verification{}, refused, access.Errorf(access.NotFound, op, "%s", now.evidence)
	case refused:
		return access.Verification{}, refused, access.Errorf(access.Transient, op, "the change was refused, and is not there: %w", answer)
	}
	return access.Verification{}, false, access.Errorf(access.Transient, op,
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

// findGroup returns the id of the role's group. A role that is an id is its own answer: reading the membership tells
// whether there is such a group. NotFound: no group has the name.
func (t *Target) findGroup(ctx context.Context, op, role string) (string, error) {
	none := access.Errorf(access.NotFound, op, "no role %q: no group has this %s", role, t.rolesBy)
	isID := t.rolesBy == RolesByID
	switch {
	case role == "", isID && !addressable(role):
		return "", none
	case isID:
		return role, nil
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
	id, err := only(op, found, fmt.Sprintf("groups are named %q; name the role by its id (roles_by: id)", role))
	if errors.Is(err, errNoSuch) {
		return "", none
	}
	return id, err
}

// only returns the id of the one record; errNoSuch for none, Conflict for several.
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
