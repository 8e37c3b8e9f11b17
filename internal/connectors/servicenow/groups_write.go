package servicenow

import (
	"context"
	"net/http"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// AddGroupMember implements access.UserGroups.
func (u *Users) AddGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	const op = "add group member"
	g, err := u.group(ctx, op, id)
	if err != nil {
		return err
	}
	if _, err := u.row(ctx, op, user); err != nil {
		return err
	}
	rows, err := u.memberRows(ctx, op, membership(id, user))
	if err != nil || len(rows) > 0 {
		return err
	}
	if err := changeable(op, g); err != nil {
		return err
	}
	var made row
	_, err = u.d.call(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPost, Path: tablePath(memberTable), Query: plain("sys_id"),
		Body: map[string]string{groupColumn: string(id), userColumn: string(user)},
	}, &made)
	// Where an index refuses it, somebody else may have added the same row meanwhile: the answer to the next call shows that.
	if err != nil && !strings.Contains(err.Error(), byIndex) {
		return u.refusedMember(op, g, err)
	}
	return u.kept(ctx, op, g, user, true)
}

// RemoveGroupMember implements access.UserGroups. A user may have several rows in a group, and is a member until the last one is gone.
func (u *Users) RemoveGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	const op = "remove group member"
	g, err := u.group(ctx, op, id)
	if err != nil || !sysID.MatchString(string(user)) {
		return err // Nobody has such an id.
	}
	rows, err := u.memberRows(ctx, op, membership(id, user))
	if err != nil || len(rows) == 0 {
		return err
	}
	if err := changeable(op, g); err != nil {
		return err
	}
	for _, r := range rows {
		err := u.d.remove(ctx, op, memberTable, r.get("sys_id"))
		if err != nil && !access.IsKind(err, access.NotFound) {
			return u.refusedMember(op, g, err)
		}
	}
	return u.kept(ctx, op, g, user, false)
}

// membership asks for the rows of a user in a group.
func membership(id access.GroupID, user access.UserID) query {
	return query{{groupColumn, equal, string(id)}, {userColumn, equal, string(user)}}
}

// kept makes sure that ServiceNow shows what was written.
func (u *Users) kept(ctx context.Context, op string, g row, user access.UserID, member bool) error {
	rows, err := u.memberRows(ctx, op, membership(access.GroupID(g.get("sys_id")), user))
	if err == nil && (len(rows) > 0) != member {
		err = access.Errorf(access.Invalid, op, "ServiceNow answered with success and did not keep the change of the group %q: usher's account may not"+
			" write %s, or a rule of the instance changed it", g.get(nameColumn), memberTable)
	}
	return err
}

// refusedMember is an error of a write. The credentials are good: they have just shown the group.
func (u *Users) refusedMember(op string, g row, err error) error {
	switch {
	case access.IsKind(err, access.NotFound):
		return access.Errorf(access.Invalid, op, "%s: %w", u.d.key("base_url"), err)
	case rest.StatusOf(err) == http.StatusForbidden && strings.Contains(err.Error(), byACL):
		return access.Errorf(access.Invalid, op, "usher's account may not change the members of the group %q: %w", g.get(nameColumn), err)
	}
	return err
}
