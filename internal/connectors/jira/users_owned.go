package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// OwnedConfig is a kind of open issues that name a user as their owner.
type OwnedConfig struct {
	// Projects are the keys of the projects; required, so that usher takes nothing out of a project that nobody has named.
	Projects []string `yaml:"projects"`
	// Field is the field that names the owner; "" means OwnerAssignee.
	Field OwnerField `yaml:"field"`
	// Types are the only issue types, by name; none for all.
	Types []string `yaml:"types"`
}

// OwnerField is a field of issues that names their owner.
type OwnerField string

// The fields.
const (
	OwnerAssignee OwnerField = "assignee"
	OwnerReporter OwnerField = "reporter"
)

// wrongOwned are the keys below owned that are wrong.
func (c UsersConfig) wrongOwned() []wrongKey {
	var wrong []wrongKey
	for _, name := range slices.Sorted(maps.Keys(c.Owned)) {
		o := c.Owned[name]
		problem := func(key, format string, args ...any) {
			wrong = append(wrong, wrongKey{"owned." + name + key, fmt.Sprintf(format, args...)})
		}
		if name == "" || strings.TrimSpace(name) != name {
			problem("", "found the name %q, expected one such as tickets", name)
		}
		if len(o.Projects) == 0 {
			problem(".projects", "expected the keys of projects, such as [SUPPORT]")
		}
		for n, key := range o.Projects {
			if !projectKey.MatchString(key) || contains(o.Projects[:n], key) {
				problem(".projects", "found %q, expected different keys of projects, such as SUPPORT", key)
			}
		}
		if field := o.field(); field != OwnerAssignee && field != OwnerReporter {
			problem(".field", "found %q, expected %s or %s", field, OwnerAssignee, OwnerReporter)
		}
		for n, kind := range o.Types {
			if strings.TrimSpace(kind) == "" || contains(o.Types[:n], kind) {
				problem(".types", "found %q, expected different names of issue types", kind)
			}
		}
	}
	return wrong
}

// contains reports whether a list has a name, without regard to case, as Jira compares keys and names.
func contains(list []string, name string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return strings.EqualFold(one, name) })
}

func (c OwnedConfig) field() OwnerField { return cmp.Or(c.Field, OwnerAssignee) }

// jql searches a project for the issues of an owner, behind one of them. Jira takes the id of that one for its key: it compares the numbers of keys, and
// finds nothing in another project than its own, nor behind an issue that is gone.
func (c OwnedConfig) jql(project string, owner access.AccountID, after string) string {
	parts := []string{"project = " + quote(project), string(c.field()) + " = " + quote(string(owner)), "statusCategory != Done"}
	if len(c.Types) > 0 {
		kinds := make([]string, len(c.Types))
		for n, kind := range c.Types {
			kinds[n] = quote(kind)
		}
		parts = append(parts, "issuetype in ("+strings.Join(kinds, ", ")+")")
	}
	if after != "" {
		parts = append(parts, "id > "+after)
	}
	return strings.Join(parts, " AND ") + " ORDER BY key ASC"
}

// lacks is why an issue is none of the kind; "" for one that is.
func (c OwnedConfig) lacks(i found) string {
	switch {
	case !contains(c.Projects, i.project()):
		return "is in the project " + i.project()
	case len(c.Types) > 0 && !slices.ContainsFunc(c.Types, i.isOfKind):
		return "is of another type"
	case i.closed():
		return "is closed"
	}
	return ""
}

func (f found) project() string {
	var of struct{ Key string }
	if json.Unmarshal(f.Fields["project"], &of) != nil {
		return ""
	}
	return of.Key
}

// closed reports whether an issue is closed, or does not show that it is open.
func (f found) closed() bool {
	var now status
	return json.Unmarshal(f.Fields["status"], &now) != nil || now.of().Phase == access.TicketDone
}

// owner is the user whom a field names; "" for nobody.
func (f found) owner(field OwnerField) access.UserID {
	var who user
	if json.Unmarshal(f.Fields[string(field)], &who) != nil {
		return ""
	}
	return cmp.Or(access.UserID(who.AccountID), who.Key)
}

// ushers reports whether an issue is kept by usher: its own account has created it, or it carries a marker, as that of a person who asks for access.
func (d *driver) ushers(i found, me access.AccountID) bool {
	markers := append(d.allMarkers(i), stampsIn(i.Properties[stampKey])...)
	return i.creator() == me || slices.ContainsFunc(markers, func(m access.Marker) bool {
		return strings.HasPrefix(string(m), "usher-") || (d.config.useLabel() && string(m) == d.config.label())
	})
}

// ownedFields are the fields that the others here look at.
func (d *driver) ownedFields(c OwnedConfig) []string {
	fields := []string{"summary", "project", "issuetype", "status", "creator", "labels", string(c.field())}
	if d.config.MarkerField != "" {
		fields = append(fields, d.config.MarkerField)
	}
	return fields
}

var _ access.UserBelongings = (*Users)(nil)

// OwnedKinds implements access.UserBelongings: a call, and one for each project, two where the kind names types.
func (u *Users) OwnedKinds(ctx context.Context) ([]access.OwnedKind, error) {
	const op = "read kinds of owned issues"
	if _, err := u.driver.Self(ctx, op); err != nil {
		return nil, err
	}
	var kinds []access.OwnedKind
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(u.driver.config.Users.Owned)) {
		c := u.driver.config.Users.Owned[name]
		problems, err := u.ownedProblems(ctx, op, c)
		if err != nil {
			return nil, err
		}
		for _, why := range problems {
			wrong = append(wrong, u.driver.key("users.owned."+name)+why)
		}
		kinds = append(kinds, access.OwnedKind{
			Name: name, Text: fmt.Sprintf("open issues by their %s in %s", c.field(), strings.Join(c.Projects, ", ")),
		})
	}
	if wrong != nil {
		return nil, access.Errorf(access.Invalid, op, "%s", strings.Join(wrong, "; "))
	}
	return kinds, nil
}

// ownedProblems are what Jira does not have of a kind, each with its key, and what usher may not write there.
func (u *Users) ownedProblems(ctx context.Context, op string, c OwnedConfig) ([]string, error) {
	var wrong []string
	known := map[string]bool{}
	for _, project := range c.Projects {
		missing, err := u.driver.missingPermissions(ctx, op, project, c.permissions())
		if access.IsKind(err, access.NotFound) {
			wrong = append(wrong, fmt.Sprintf(".projects: Jira shows usher's account no project %q", project))
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(missing) > 0 {
			wrong = append(wrong, fmt.Sprintf(".field: usher's account needs %s in the project %s", strings.Join(missing, " and "), project))
		}
		if len(c.Types) == 0 {
			continue
		}
		var of struct {
			IssueTypes []named `json:"issueTypes"`
		}
		if err := u.driver.get(ctx, op, "project/"+url.PathEscape(project), &of); err != nil {
			return nil, err
		}
		for _, kind := range of.IssueTypes {
			known[strings.ToLower(kind.Name)] = true
		}
	}
	for _, kind := range c.Types {
		if !known[strings.ToLower(kind)] && wrong == nil {
			wrong = append(wrong, fmt.Sprintf(".types: none of the projects has an issue type %q", kind))
		}
	}
	return wrong, nil
}

// permissions are what usher's account needs to write the field.
func (c OwnedConfig) permissions() []string {
	if c.field() == OwnerReporter {
		return []string{"EDIT_ISSUES", "MODIFY_REPORTER"}
	}
	return []string{"ASSIGN_ISSUES"}
}

// missingPermissions are those that usher's account does not have for any issue of a project. NotFound: there is no such project.
func (d *driver) missingPermissions(ctx context.Context, op, project string, wanted []string) ([]string, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	query := url.Values{"projectKey": {project}}
	if _, asks := api.(cloud); asks {
		query.Set("permissions", strings.Join(wanted, ","))
	}
	var mine struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}
	if err := d.get(ctx, op, "mypermissions?"+query.Encode(), &mine); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(one string) bool { return mine.Permissions[one].Have }), nil
}

// owned is a configured kind. It proves the credentials, and returns usher's own account.
func (u *Users) owned(ctx context.Context, op, name string) (OwnedConfig, access.AccountID, error) {
	me, err := u.driver.Self(ctx, op)
	if err != nil {
		return OwnedConfig{}, "", err
	}
	c, known := u.driver.config.Users.Owned[name]
	if !known {
		return c, "", access.Errorf(access.NotFound, op, "%s has no %q", u.driver.key("users.owned"), name)
	}
	return c, me.Account, nil
}

// ListOwned implements access.UserBelongings: two calls, one more for each project, and two for each 200 issues after the first of a project. All are searched for each
// page. Jira leaves out what usher's account may not see. Left out too is what usher keeps: its requests look after their tickets.
func (u *Users) ListOwned(ctx context.Context, q access.OwnedQuery) ([]access.Owned, error) {
	const op = "list owned issues"
	c, me, err := u.owned(ctx, op, q.Kind)
	if err != nil {
		return nil, err
	}
	side, err := u.side(ctx, op)
	if err != nil {
		return nil, err
	}
	// Data Center's search goes by user names, which may have changed.
	owner, err := side.account(ctx, op, q.Owner.ID)
	if access.IsKind(err, access.NotFound) {
		return nil, nil // Nobody has such an id.
	}
	if err != nil {
		return nil, err
	}
	w := ownedWalk{Users: u, op: op, kind: c, q: q, me: me, owner: owner.id()}
	for _, project := range c.Projects {
		if err := w.project(ctx, project); err != nil {
			return nil, err
		}
	}
	return w.page(), nil
}

// mostOwned is how many issues of a user are looked at. Whoever owns so many is left alone: hand_over.most is below that.
const mostOwned = 2500

// ownedWalk goes over the issues that a user owns, project by project.
type ownedWalk struct {
	*Users
	op    string
	kind  OwnedConfig
	q     access.OwnedQuery
	me    access.AccountID
	owner access.AccountID
	found []access.Owned
}

// page returns those behind the last issue of the page before, by id: an id stays where an issue is moved, and its key does not.
func (w *ownedWalk) page() []access.Owned {
	number := func(id string) int {
		n, _ := strconv.Atoi(id)
		return n
	}
	slices.SortFunc(w.found, func(a, b access.Owned) int { return number(a.ID) - number(b.ID) })
	all := slices.DeleteFunc(w.found, func(o access.Owned) bool { return w.q.After != "" && number(o.ID) <= number(w.q.After) })
	return all[:min(len(all), w.q.Limit)]
}

// project adds the issues of a project. Each search begins behind the last issue of the one before, and not at a position: positions shift while owners
// change. Behind an issue that is gone, or is in another project by now, Jira would find nothing, as if it were the last.
func (w *ownedWalk) project(ctx context.Context, project string) error {
	for after := ""; len(w.found) < mostOwned; {
		got, err := search[found](ctx, w.driver, w.op, query{
			jql: w.kind.jql(project, w.owner, after), fields: w.driver.ownedFields(w.kind), limit: access.MaxOwnedPage, stamps: true,
		})
		if err == nil {
			err = w.still(ctx, project, after)
		}
		if err != nil {
			return err
		}
		last, err := w.take(project, got.list)
		switch {
		case err != nil:
			return err
		case got.next == "":
			return nil
		case last == "", last == after:
			return access.Errorf(access.Transient, w.op, "the search does not go on behind the issue %q of the project %s", after, project)
		}
		after = last
	}
	return nil
}

// take adds what of a search is the user's and not kept by usher, and returns the last issue of the project; "" for none. Invalid: Jira has answered with issues of
// another project, as it does where the project has another key by now.
func (w *ownedWalk) take(project string, list []found) (last string, err error) {
	other := ""
	for _, i := range list {
		if !strings.EqualFold(i.project(), project) {
			other = i.project() // The index is behind, if this is not so of all.
			continue
		}
		last = i.ID
		if w.kind.lacks(i) == "" && i.owner(w.kind.field()) == w.q.Owner.ID && !w.driver.ushers(i, w.me) {
			title, _ := plainText(i.Fields["summary"])
			w.found = append(w.found, access.Owned{Kind: w.q.Kind, ID: i.ID, Title: title})
		}
	}
	if last == "" && other != "" {
		err = access.Errorf(access.Invalid, w.op, "%s: Jira has answered for the project %s with issues of %s: expected the key that the project has now",
			w.driver.key("users.owned."+w.q.Kind+".projects"), project, other)
	}
	return last, err
}

// still makes sure that the issue behind which a search began is in the project; "" begins at the first.
func (w *ownedWalk) still(ctx context.Context, project, after string) error {
	if after == "" {
		return nil
	}
	last, err := w.ownedIssue(ctx, w.op, w.kind, after)
	if err != nil && !access.IsKind(err, access.NotFound) {
		return err
	}
	if err != nil || !strings.EqualFold(last.project(), project) {
		return access.Errorf(access.Transient, w.op, "the issue %s, behind which a search began, is not in the project %s any more", after, project)
	}
	return nil
}

// ownedIssue reads an issue, of the kind or not.
func (u *Users) ownedIssue(ctx context.Context, op string, c OwnedConfig, id string) (found, error) {
	var i found
	err := error(access.Errorf(access.NotFound, op, "there is no issue %q", id))
	if isNumber(id) {
		err = u.driver.get(ctx, op, issuePath(access.TicketID(id), "?fields="+strings.Join(u.driver.ownedFields(c), ",")+"&properties="+stampKey), &i)
	}
	if err == nil && i.ID != id {
		err = access.Errorf(access.NotFound, op, "there is no issue %q", id)
	}
	return i, err
}

// HandOver implements access.UserBelongings: five calls, six on Cloud with users.groups, and two fewer where nothing is to be written. Jira has no conditional
// write: between the read and the write somebody may be faster.
func (u *Users) HandOver(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	const op = "hand over issue"
	c, me, err := u.owned(ctx, op, o.Kind)
	if err != nil {
		return err
	}
	side, err := u.side(ctx, op)
	if err != nil {
		return err
	}
	taker, err := side.read(ctx, op, to.ID)
	if access.IsKind(err, access.NotFound) {
		return access.Errorf(access.Invalid, op, "there is no user %q to hand it to", to.ID)
	}
	if err != nil {
		return err
	}
	now, err := u.ownedIssue(ctx, op, c, o.ID)
	if err != nil {
		return err
	}
	owner := now.owner(c.field())
	if owner == to.ID {
		return nil
	}
	switch why := c.lacks(now); {
	case owner != from.ID:
		return access.Errorf(access.Conflict, op, "issue %s is owned by %q by now", now.Key, owner)
	case why != "":
		return access.Errorf(access.Conflict, op, "issue %s %s by now", now.Key, why)
	case u.driver.ushers(now, me):
		return access.Errorf(access.Conflict, op, "issue %s belongs to a request of usher's", now.Key)
	case !taker.Active:
		return access.Errorf(access.Invalid, op, "the user %q is switched off, so nothing is handed to them", to.ID)
	}
	if err := u.writeOwner(ctx, op, c, now, taker.Account); err != nil {
		return err
	}
	now, err = u.ownedIssue(ctx, op, c, o.ID)
	if err == nil && now.owner(c.field()) != to.ID {
		err = access.Errorf(access.Invalid, op, "%s: Jira took what was written to issue %s and did not keep it", c.field(), now.Key)
	}
	return err
}

// writeOwner makes an account the owner of an issue that was just read. What Jira refuses is returned in its own words.
func (u *Users) writeOwner(ctx context.Context, op string, c OwnedConfig, i found, to access.AccountID) error {
	api, err := u.driver.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	call := rest.Call{Method: http.MethodPut, Path: issuePath(access.TicketID(i.ID), "/assignee"), Body: api.person(to)}
	if c.field() == OwnerReporter {
		call.Path = issuePath(access.TicketID(i.ID), "")
		call.Body = map[string]any{"fields": map[string]any{string(OwnerReporter): api.person(to)}}
	}
	err = u.driver.write(ctx, op, call)
	switch {
	case access.IsKind(err, access.Forbidden):
		// Data Center answers 401 too where the right is missing.
		if _, bad := u.driver.Self(ctx, op); bad != nil {
			return bad
		}
		return access.Errorf(access.Invalid, op, "usher's account may not write %s of issue %s: %w", c.field(), i.Key, err)
	case access.IsKind(err, access.NotFound):
		// The issue was just read, so it is the new owner whom Jira does not find there.
		return access.Errorf(access.Invalid, op, "%s of issue %s: %w", c.field(), i.Key, err)
	}
	return err
}
