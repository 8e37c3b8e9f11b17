package servicenow

import (
	"context"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
)

// The groups of the instance, and the rows that make users members. A group within a group has no rows of its own in the outer one.
const (
	groupTable  = "sys_user_group"
	memberTable = "sys_user_grmember"
)

// Columns of the two tables. sourceColumn has where a group comes from, with ownedPrefix for one that an import from a directory keeps.
const (
	groupColumn  = "group"
	userColumn   = "user"
	sourceColumn = "source"
	ownedPrefix  = "ldap:"
)

var _ access.UserGroups = (*Users)(nil)

// FindGroup implements access.UserGroups. Invalid too: the group is not active, or ServiceNow cannot be asked for the name.
func (u *Users) FindGroup(ctx context.Context, name string) (access.DeskGroup, error) {
	const op = "find group"
	none := access.Errorf(access.NotFound, op, "there is no group %q", name)
	if name == "" {
		if _, err := u.d.Self(ctx, op); err != nil {
			return access.DeskGroup{}, err
		}
		return access.DeskGroup{}, none
	}
	if !writable(name) {
		return access.DeskGroup{}, access.Errorf(access.Invalid, op, "ServiceNow cannot be asked for a group of the name %q", name)
	}
	rows, err := u.groups(ctx, op, condition{nameColumn, equal, name})
	// ServiceNow compares without regard to case.
	rows = slices.DeleteFunc(rows, func(r row) bool { return r.get(nameColumn) != name })
	switch {
	case err != nil:
		return access.DeskGroup{}, err
	case len(rows) == 0:
		return access.DeskGroup{}, none
	case len(rows) > 1:
		return access.DeskGroup{}, access.Errorf(access.Conflict, op, "%d groups have the name %q", len(rows), name)
	}
	if err := changeable(op, rows[0]); err != nil {
		return access.DeskGroup{}, err
	}
	return access.DeskGroup{ID: access.GroupID(rows[0].get("sys_id")), Name: name}, nil
}

// GroupMembers implements access.UserGroups.
func (u *Users) GroupMembers(ctx context.Context, id access.GroupID) ([]access.UserID, error) {
	const op = "list group members"
	g, err := u.group(ctx, op, id)
	if err != nil {
		return nil, err
	}
	rows, err := u.memberRows(ctx, op, query{{groupColumn, equal, g.get("sys_id")}})
	if err != nil {
		return nil, err
	}
	members := map[access.UserID]bool{}
	for _, r := range rows {
		if user := r.get(userColumn); user != "" {
			members[access.UserID(user)] = true
		}
	}
	return slices.Sorted(maps.Keys(members)), nil
}

// groups returns the groups that meet a condition; none is the truth. Forbidden: some are hidden.
func (u *Users) groups(ctx context.Context, op string, where condition) ([]row, error) {
	rows, hidden, err := u.d.all(ctx, op, listing{
		table: groupTable, where: query{where}, fields: []string{nameColumn, activeColumn, sourceColumn},
	})
	if err == nil && hidden {
		err = access.Errorf(access.Forbidden, op, "usher's account may not see a group that has the %s that was asked for", where.field)
	}
	if err == nil && len(rows) == 0 {
		err = u.finds(ctx, op, groupTable, where.field)
	}
	for _, r := range rows {
		if err == nil {
			err = showsColumns(op, groupTable, r, nameColumn, activeColumn)
		}
	}
	return rows, err
}

// group reads a group by its id.
func (u *Users) group(ctx context.Context, op string, id access.GroupID) (row, error) {
	none := access.Errorf(access.NotFound, op, "there is no group %q", id)
	if !sysID.MatchString(string(id)) {
		if _, err := u.d.Self(ctx, op); err != nil {
			return nil, err
		}
		return nil, none
	}
	rows, err := u.groups(ctx, op, condition{"sys_id", equal, string(id)})
	if err == nil && len(rows) == 0 {
		err = none
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// changeable makes sure that the members of a group are usher's to change. Where the account may not read the source, nothing shows whose it is.
func changeable(op string, g row) error {
	switch {
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(g.get(sourceColumn))), ownedPrefix):
		return access.Errorf(access.Invalid, op, "the group %q is owned by another system: an import from a directory keeps it (%s)",
			g.get(nameColumn), g.get(sourceColumn))
	case g.get(activeColumn) != "true":
		return access.Errorf(access.Invalid, op, "the group %q is not active", g.get(nameColumn))
	}
	return nil
}

// memberRows returns the rows that meet a query, once ServiceNow has shown that none is missing.
func (u *Users) memberRows(ctx context.Context, op string, where query) ([]row, error) {
	l := listing{table: memberTable, where: where, fields: []string{groupColumn, userColumn}, limit: access.MaxUsersPage, pages: userPages}
	var rows []row
	count, err := u.d.walk(ctx, op, l, func(some []row) error {
		for _, r := range some {
			if err := showsColumns(op, memberTable, r, groupColumn, userColumn); err != nil {
				return err
			}
		}
		rows = append(rows, some...)
		return nil
	})
	if err == nil {
		err = u.allMembers(ctx, op, where, len(rows), count)
	}
	for _, c := range where {
		if err == nil && len(rows) == 0 {
			err = u.finds(ctx, op, memberTable, c.field)
		}
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// allMembers makes sure that so many rows were all, when there were so many at the beginning.
func (u *Users) allMembers(ctx context.Context, op string, where query, listed, count int) error {
	now, err := u.d.page(ctx, op, listing{table: memberTable, where: where, fields: []string{groupColumn}, limit: 1}, "")
	switch {
	case err != nil:
		return err
	case count < 0 || now.count < 0:
		return access.Errorf(access.Forbidden, op, "ServiceNow does not say how many members there are: the header X-Total-Count is missing, which"+
			" a gateway may have taken away")
	case now.count != count:
		return access.Errorf(access.Transient, op, "members changed while they were listed: there were %d rows, and are %d", count, now.count)
	case listed != count:
		return access.Errorf(access.Forbidden, op, "usher's account may not see all rows of the table %s: %d of %d are hidden", memberTable, count-listed, count)
	}
	return nil
}

func showsColumns(op, table string, r row, columns ...string) error {
	for _, column := range columns {
		if _, shown := r[column]; !shown {
			return access.Errorf(access.Forbidden, op, "usher's account may not read the column %s of the table %s", column, table)
		}
	}
	return nil
}

// finds makes sure, once, that a table can be searched by a column: an instance may answer with no rows where that is not so. A row that is
// there must be found. A table without rows proves nothing, and has nothing that could be missing.
func (u *Users) finds(ctx context.Context, op, table, column string) error {
	if _, known := u.searched.Load(table + "." + column); known {
		return nil
	}
	some, err := u.d.page(ctx, op, listing{table: table, fields: []string{column}, limit: manyRows}, "")
	if err != nil || some.count == 0 {
		return err
	}
	for _, r := range some.rows {
		if !writable(r.get(column)) {
			continue
		}
		found, _, err := u.d.all(ctx, op, listing{table: table, where: query{{"sys_id", equal, r.get("sys_id")}, {column, equal, r.get(column)}}, fields: []string{column}})
		if err != nil {
			return err
		}
		if len(found) == 1 {
			u.searched.Store(table+"."+column, true)
			return nil
		}
		break
	}
	return access.Errorf(access.Forbidden, op, "usher's account may not search by the column %s of %s: it finds no row by it", column, table)
}
