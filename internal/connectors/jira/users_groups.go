package jira

import (
	"context"
	"net/http"
	"slices"

	"usher/internal/access"
	"usher/internal/rest"
)

var _ access.UserGroups = (*Users)(nil)

// groupSide is what differs between the groups of the editions. Its NotFound is Jira's own 404, except where it says otherwise.
type groupSide interface {
	// findGroup returns the group of a name that is not empty; NotFound only with credentials that are proved good.
	findGroup(ctx context.Context, op, name string) (access.DeskGroup, error)
	memberPage(ctx context.Context, op string, group access.GroupID, start int) (memberPage, error)
	// memberID is the id of a member; "" for an account that is no user.
	memberID(u user) access.UserID
	// account reads a user; NotFound only with credentials that are proved good.
	account(ctx context.Context, op string, id access.UserID) (user, error)
	// isMember reports whether a user who is there is in a group.
	isMember(ctx context.Context, op string, group access.GroupID, u user) (bool, error)
	setMember(ctx context.Context, op string, group access.GroupID, u user, is bool) error
	// administers reports whether usher's account may write groups, as far as Jira says so.
	administers(ctx context.Context, op string) bool
}

// FindGroup implements access.UserGroups. Jira does not show who owns a group: that shows when its members are written.
func (u *Users) FindGroup(ctx context.Context, name string) (access.DeskGroup, error) {
	const op = "find group"
	side, err := u.side(ctx, op)
	if err != nil {
		return access.DeskGroup{}, err
	}
	if name == "" {
		return access.DeskGroup{}, u.driver.noGroup(ctx, op, name)
	}
	return side.findGroup(ctx, op, name)
}

// GroupMembers implements access.UserGroups. On Data Center the members of groups within the group are listed too: Jira does not tell them
// apart. What is no user for usher, as an app, is left out.
func (u *Users) GroupMembers(ctx context.Context, id access.GroupID) ([]access.UserID, error) {
	const op = "list the members of a group"
	side, err := u.side(ctx, op)
	if err != nil {
		return nil, err
	}
	return u.members(ctx, op, side, id)
}

func (u *Users) members(ctx context.Context, op string, side groupSide, id access.GroupID) ([]access.UserID, error) {
	if id == "" {
		return nil, u.driver.noGroup(ctx, op, string(id))
	}
	var all []access.UserID
	err := walkMembers(ctx, op, side, id, func(one user) error {
		if member := side.memberID(one); member != "" {
			all = append(all, member)
		}
		return nil
	})
	if access.IsKind(err, access.NotFound) {
		err = u.driver.noGroup(ctx, op, string(id))
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(all)
	if len(slices.Compact(slices.Clone(all))) < len(all) {
		return nil, access.Errorf(access.Transient, op, "the members of the group %q changed while they were read", id)
	}
	return all, nil
}

// AddGroupMember implements access.UserGroups.
func (u *Users) AddGroupMember(ctx context.Context, id access.GroupID, member access.UserID) error {
	return u.setMember(ctx, "add a member to a group", membership{id, member, true})
}

// RemoveGroupMember implements access.UserGroups.
func (u *Users) RemoveGroupMember(ctx context.Context, id access.GroupID, member access.UserID) error {
	return u.setMember(ctx, "remove a member from a group", membership{id, member, false})
}

// membership is a user in a group, or not in it.
type membership struct {
	group  access.GroupID
	member access.UserID
	is     bool
}

// setMember reads before it writes, because Jira refuses what is so already, and afterwards, because it answers some writes with success and
// keeps nothing. What was refused may have become so meanwhile.
func (u *Users) setMember(ctx context.Context, op string, want membership) error {
	side, err := u.side(ctx, op)
	if err != nil {
		return err
	}
	account, done, err := u.isSo(ctx, op, side, want)
	if err != nil || done {
		return err
	}
	refused := side.setMember(ctx, op, want.group, account, want.is)
	switch {
	case rest.StatusOf(refused) == http.StatusForbidden && access.IsKind(refused, access.Forbidden) && side.administers(ctx, op):
		return access.Errorf(access.Invalid, op, "Jira does not let an administrator write the group %q; does another system own it? %w", want.group, refused)
	case refused != nil && !access.IsKind(refused, access.Invalid) && !access.IsKind(refused, access.NotFound):
		return refused
	}
	_, done, err = u.isSo(ctx, op, side, want)
	switch {
	case err != nil || done:
		return err
	case access.IsKind(refused, access.NotFound):
		return access.Errorf(access.Forbidden, op,
			"Jira shows the group %q and the user %q, and does not find them for a write: %w", want.group, want.member, refused)
	case refused != nil:
		return access.Errorf(access.Invalid, op, "the group %q: %w", want.group, refused)
	}
	return access.Errorf(access.Invalid, op, "Jira did not keep the change of the group %q", want.group)
}

// isSo reports whether nothing is left to write, and returns the account to write else. Jira's answer for a user who is not there is the one
// for a user who is hidden from usher, so whoever shall be no member is looked for among the members too.
func (u *Users) isSo(ctx context.Context, op string, side groupSide, want membership) (user, bool, error) {
	if err := u.groupThere(ctx, op, side, want.group); err != nil {
		return user{}, false, err
	}
	account, err := side.account(ctx, op, want.member)
	if access.IsKind(err, access.NotFound) && !want.is {
		return user{}, true, u.notAmong(ctx, op, side, want)
	}
	if err != nil {
		return user{}, false, err
	}
	in, err := side.isMember(ctx, op, want.group, account)
	if access.IsKind(err, access.NotFound) {
		err = access.Errorf(access.Transient, op, "the group %q or the user %q went away while they were read: %w", want.group, want.member, err)
	}
	return account, err == nil && in == want.is, err
}

func (u *Users) groupThere(ctx context.Context, op string, side groupSide, id access.GroupID) error {
	if id == "" {
		return u.driver.noGroup(ctx, op, string(id))
	}
	_, err := side.memberPage(ctx, op, id, 0)
	if access.IsKind(err, access.NotFound) {
		return u.driver.noGroup(ctx, op, string(id))
	}
	return err
}

func (u *Users) notAmong(ctx context.Context, op string, side groupSide, want membership) error {
	all, err := u.members(ctx, op, side, want.group)
	if err == nil && slices.Contains(all, want.member) {
		err = access.Errorf(access.Forbidden, op, "Jira shows %q as a member of the group %q, and not as a user", want.member, want.group)
	}
	return err
}

// memberPage is one page of a group's members.
type memberPage struct {
	Values []user `json:"values"`
	Total  *int   `json:"total"`
}

// walkMembers calls take with every account of a group. It wants as many as Jira says that there are, all the time. Each page begins at a number
// that shifts when somebody before it leaves, so it is asked for from the last account of the one before on: where that one is not its first,
// somebody may be missing.
func walkMembers(ctx context.Context, op string, side groupSide, id access.GroupID, take func(user) error) error {
	changed := access.Errorf(access.Transient, op, "the members of the group %q changed while they were read", id)
	var last user
	total := 0
	for rows := 0; ; {
		page, err := side.memberPage(ctx, op, id, max(0, rows-1))
		if err != nil {
			return err
		}
		fresh := page.Values
		if rows > 0 {
			if len(fresh) == 0 || fresh[0].id() != last.id() || *page.Total != total {
				return changed
			}
			fresh = fresh[1:]
		}
		for _, one := range fresh {
			if err := take(one); err != nil {
				return err
			}
		}
		rows, total = rows+len(fresh), *page.Total
		switch {
		case rows == total:
			return nil
		case rows > total:
			return changed
		case len(fresh) == 0:
			return access.Errorf(access.Transient, op,
				"the group %q has %d members, and %d were listed; they changed, or Jira hides somebody from usher", id, total, rows)
		}
		last = fresh[len(fresh)-1]
	}
}

// readMembers reads one page of a group's members.
func (d *driver) readMembers(ctx context.Context, op, query string) (memberPage, error) {
	var page memberPage
	err := d.get(ctx, op, "group/member?"+query, &page)
	if err == nil && page.Total == nil {
		err = access.Errorf(access.Transient, op, "the answer does not tell how many members a group has")
	}
	if err == nil {
		err = listed(op, "members", page.Values)
	}
	return page, err
}

// noGroup is the error of a group that is not there. Only good credentials prove that.
func (d *driver) noGroup(ctx context.Context, op, group string) error {
	if _, err := d.Self(ctx, op); err != nil {
		return err
	}
	return access.Errorf(access.NotFound, op, "Jira has no group %q", group)
}
