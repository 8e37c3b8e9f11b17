package jira

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// dataCenterUsers are the users of a Data Center site. Their ids are their keys, which stay when a user is renamed.
type dataCenterUsers struct{ *driver }

var _ userSide = dataCenterUsers{}

// userLimit is how many characters each field of a user holds.
const userLimit = 255

// schema implements userSide.
func (dataCenterUsers) schema() access.UserSchema {
	fields := map[string]access.UserField{}
	for _, name := range usualFields() {
		fields[name] = access.UserField{Runes: userLimit, Required: true}
	}
	return access.UserSchema{Fields: fields}
}

// unknown implements userSide.
func (c dataCenterUsers) unknown(context.Context, string) ([]wrongKey, error) {
	return c.config.Users.wrong(DataCenter), nil
}

func (dataCenterUsers) user(u user) access.DeskUser { return deskUser(u, u.Key, u.Active) }

// userPages is a page of the list of all users. What leads to the next page is a text, or a number.
type userPages struct {
	Values []user          `json:"values"`
	IsLast *bool           `json:"isLast"`
	Next   json.RawMessage `json:"nextCursor"`
}

// list implements userSide. The list tells its end, and no total. The search for users is no way around where there is no list: it finds
// nobody without a part of a name, and ends after the first hundred (JRASERVER-78660).
func (c dataCenterUsers) list(ctx context.Context, op string, take func([]access.DeskUser) error) (int, error) {
	seen, asked := map[access.UserID]bool{}, map[string]bool{}
	for next := ""; ; {
		query := url.Values{"maxResults": {strconv.Itoa(access.MaxUsersPage)}}
		if next != "" {
			query.Set("cursor", next)
		}
		var page userPages
		err := c.get(ctx, op, "user/list?"+query.Encode(), &page)
		if access.IsKind(err, access.NotFound) {
			return 0, access.Errorf(access.Invalid, op, "this Jira has no list of all users; expected 10.3 with long-term support, or 11 and later: %w", err)
		}
		if err != nil {
			return 0, err
		}
		users, err := c.listedUsers(op, page, seen)
		if err != nil {
			return 0, err
		}
		for some := range slices.Chunk(users, access.MaxUsersPage) {
			if err := take(some); err != nil {
				return 0, err
			}
		}
		if *page.IsLast {
			return c.counted(op, len(seen))
		}
		asked[next], next = true, plain(page.Next)
		if asked[next] {
			return 0, access.Errorf(access.Transient, op, "the list of users is cut short: nothing leads to its next page")
		}
	}
}

// listedUsers are the users of a page, all of them new.
func (c dataCenterUsers) listedUsers(op string, page userPages, seen map[access.UserID]bool) ([]access.DeskUser, error) {
	if page.Values == nil || page.IsLast == nil {
		return nil, access.Errorf(access.Transient, op, "the answer is no page of the list of users")
	}
	var users []access.DeskUser
	for _, u := range page.Values {
		if u.Key == "" || seen[u.Key] {
			return nil, access.Errorf(access.Transient, op, "the list of users has the key %q twice, or a user without one", u.Key)
		}
		seen[u.Key] = true
		users = append(users, c.user(u))
	}
	return users, nil
}

// counted wants some user: usher is one itself.
func (dataCenterUsers) counted(op string, count int) (int, error) {
	if count == 0 {
		return 0, access.Errorf(access.Forbidden, op, `Jira lists nobody; expected the permission "Browse users"`)
	}
	return count, nil
}

// read implements userSide.
func (c dataCenterUsers) read(ctx context.Context, op string, id access.UserID) (access.DeskUser, error) {
	found, err := c.account(ctx, op, id)
	if err != nil {
		return access.DeskUser{}, err
	}
	return c.user(found), nil
}

// look reads the user of a key or of a user name; false for nobody, and for an empty one.
func (c dataCenterUsers) look(ctx context.Context, op string, by url.Values) (user, bool, error) {
	var found user
	if by.Get("key")+by.Get("username") == "" {
		return found, false, nil
	}
	err := c.get(ctx, op, "user?"+by.Encode(), &found)
	if access.IsKind(err, access.NotFound) {
		return found, false, nil
	}
	return found, err == nil, err
}

// byName reads the user of a user name; false for nobody.
func (c dataCenterUsers) byName(ctx context.Context, op, name string) (user, bool, error) {
	found, there, err := c.look(ctx, op, url.Values{"username": {name}})
	return found, there && found.Key != "" && strings.EqualFold(string(found.Name), name), err
}

// find implements userSide.
func (c dataCenterUsers) find(ctx context.Context, op string, q access.UserQuery) ([]access.DeskUser, error) {
	if q.UserName != "" {
		found, there, err := c.byName(ctx, op, q.UserName)
		if err != nil || !there {
			return nil, err
		}
		return []access.DeskUser{c.user(found)}, nil
	}
	hits, err := c.searchUsers(ctx, op, url.Values{"username": {q.Email}, "includeInactive": {"true"}})
	if err != nil {
		return nil, c.noSuchAddress(op, err)
	}
	var found []access.DeskUser
	for _, u := range hits {
		// The search goes by beginnings.
		if u.Key != "" && strings.EqualFold(u.EmailAddress, q.Email) {
			found = append(found, c.user(u))
		}
	}
	return found, nil
}

// userBody is a user as Jira takes one.
func userBody(values map[string]string) map[string]any {
	body := map[string]any{}
	for name, key := range map[string]string{
		access.UserFieldName: "name", access.UserFieldEmail: "emailAddress", access.UserFieldDisplayName: "displayName",
	} {
		if value, given := values[name]; given {
			body[key] = value
		}
	}
	return body
}

// create implements userSide.
func (c dataCenterUsers) create(ctx context.Context, op string, values map[string]string) (access.DeskUser, error) {
	body := userBody(values)
	if len(c.config.Users.Products) > 0 {
		body["applicationKeys"] = c.config.Users.Products
	}
	if c.config.Users.Notify {
		body["notification"] = "true"
	}
	answer, err := c.call(ctx, rest.Call{Op: op, Mode: rest.Create, Method: http.MethodPost, Path: "user", Body: body})
	if err != nil {
		return access.DeskUser{}, c.noSuchAddress(op, c.refused(ctx, answer, err, written{op: op, values: values}))
	}
	made, there, err := c.byName(ctx, op, values[access.UserFieldName])
	switch {
	case err != nil:
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "the user was created, and then: %w", err)
	case !there:
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "Jira answered that the user was created, and has none of that name")
	}
	now := c.user(made)
	return now, checkKept(op, values, now)
}

// update writes fields of a user.
func (c dataCenterUsers) update(ctx context.Context, op string, id access.UserID, values map[string]string) (access.DeskUser, error) {
	if err := c.put(ctx, written{op: op, id: id, values: values}, userBody(values)); err != nil {
		return access.DeskUser{}, err
	}
	now, err := c.read(ctx, op, id)
	if err != nil {
		return now, err
	}
	return now, checkKept(op, values, now)
}

// setActive implements userSide.
func (c dataCenterUsers) setActive(ctx context.Context, op string, id access.UserID, active bool) (access.DeskUser, error) {
	now, err := c.read(ctx, op, id)
	if err != nil || now.Active == active {
		return now, err
	}
	if err := c.put(ctx, written{op: op, id: id}, map[string]any{"active": active}); err != nil {
		return access.DeskUser{}, err
	}
	now, err = c.read(ctx, op, id)
	if err == nil && now.Active != active {
		err = access.Errorf(access.Invalid, op, "active: Jira did not keep what was written to the user %q", id)
	}
	return now, err
}

// written is a write to a user: its values by our names of the fields. id is "" for a user who is new.
type written struct {
	op     string
	id     access.UserID
	values map[string]string
}

func (c dataCenterUsers) put(ctx context.Context, w written, body map[string]any) error {
	answer, err := c.call(ctx, rest.Call{
		Op: w.op, Mode: rest.Write, Method: http.MethodPut, Path: "user", Query: url.Values{"key": {string(w.id)}}, Body: body,
	})
	if access.IsKind(err, access.NotFound) {
		return c.nobody(ctx, w.op, "username", w.id)
	}
	return c.refused(ctx, answer, err, w)
}

// refused finds out what a refusal of a write means, without its words, which differ by language: whether the user name is another user's,
// which fields it is about, and whether an administrator was refused, which is what a user directory that is read only does.
func (c dataCenterUsers) refused(ctx context.Context, a rest.Response, err error, w written) error {
	switch {
	case access.IsKind(err, access.Forbidden) && rest.StatusOf(err) == http.StatusForbidden && c.administers(ctx, w.op):
		fields := strings.Join(slices.Sorted(maps.Keys(w.values)), ", ")
		if len(w.values) == 0 {
			fields = "active"
		}
		return access.Errorf(access.Invalid, w.op, "%s: Jira does not let an administrator write it; is the user directory read only? %w", fields, err)
	case !access.IsKind(err, access.Invalid):
		return err
	}
	if name := w.values[access.UserFieldName]; name != "" {
		other, there, lookErr := c.byName(ctx, w.op, name)
		if lookErr == nil && there && other.Key != w.id {
			return access.Errorf(access.Conflict, w.op, "user_name: the user %q has it: %w", other.Key, err)
		}
	}
	if fields := refusedUserFields(a); len(fields) > 0 {
		return access.Errorf(access.Invalid, w.op, "%s: %w", strings.Join(fields, ", "), err)
	}
	return err
}

// refusedUserFields are our names of the fields that a refusal is about.
func refusedUserFields(a rest.Response) []string {
	r, _ := refusalOf(a)
	var fields []string
	for key := range r.Errors {
		switch strings.ToLower(key) {
		case "username", "name":
			fields = append(fields, access.UserFieldName)
		case "email", "emailaddress":
			fields = append(fields, access.UserFieldEmail)
		case "fullname", "displayname":
			fields = append(fields, access.UserFieldDisplayName)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// administers reports whether usher's account administers the site, as far as Jira says so.
func (c dataCenterUsers) administers(ctx context.Context, op string) bool {
	var mine struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}
	err := c.get(ctx, op, "mypermissions", &mine)
	return err == nil && mine.Permissions["ADMINISTER"].Have
}
