package requesttracker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/access"
	"usher/internal/rest"
)

// CreateUser implements access.UserDirectory: two calls, and more where RT refuses. Unknown too: RT has made the user and has not kept a field,
// which the text names. UpdateUser then says whether it ever will.
func (u *Users) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	const op = "create user"
	wanted := access.UserChange(n)
	if n.Values[access.UserFieldName] == "" {
		return access.DeskUser{}, access.Errorf(access.Invalid, op, "%s: expected a value", access.UserFieldName)
	}
	if err := u.check(ctx, op, wanted); err != nil {
		return access.DeskUser{}, err
	}
	body := u.body(access.DeskUser{}, wanted)
	body["Privileged"] = 0
	if u.privileged {
		body["Privileged"] = 1
	}
	answer, err := u.driver.rest.Do(ctx, rest.Call{Op: op, Mode: rest.Create, Method: http.MethodPost, Path: "user", Body: body})
	switch {
	case access.IsKind(err, access.NotFound):
		return access.DeskUser{}, u.driver.noAPI(op, err)
	case access.IsKind(err, access.Invalid):
		return access.DeskUser{}, u.refused(ctx, op, n.Values, err)
	case err != nil:
		return access.DeskUser{}, err
	}
	// The answer itself has the name for an id.
	id := path.Base(answer.Header.Get("Location"))
	if !ticketNumber.MatchString(id) {
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "the answer does not say which number the user has")
	}
	made, err := u.load(ctx, op, access.UserID(id))
	if err != nil {
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "user %s was created and not seen again: %w", id, err)
	}
	if lost := u.different(made, wanted); len(lost) > 0 {
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "user %s was created, and RT did not keep: %s", id, strings.Join(lost, ", "))
	}
	return made, nil
}

// refused is why RT has not created a user. It says so in the language of the account, and refuses as well who may not create any.
func (u *Users) refused(ctx context.Context, op string, values map[string]string, why error) error {
	if _, err := u.prove(ctx, op); err != nil {
		return err
	}
	if err := u.taken(ctx, op, "", values); err != nil {
		return err
	}
	return access.Errorf(access.Invalid, op, "%s or %s: %w", access.UserFieldName, access.UserFieldEmail, why)
}

// taken is the Conflict of a user name or an address that RT finds with another user; nil where it does not. Names and addresses are alike where
// RT's database finds them alike.
func (u *Users) taken(ctx context.Context, op string, id access.UserID, values map[string]string) error {
	for _, name := range []string{access.UserFieldName, access.UserFieldEmail} {
		if values[name] == "" {
			continue
		}
		rows, err := u.search(ctx, op, question{field: u.fields[name].name, value: values[name]}, 2)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if access.UserID(r.number()) != id {
				return access.Errorf(access.Conflict, op, "%s: user %s has %q", name, r.number(), values[name])
			}
		}
	}
	return nil
}

// UpdateUser implements access.UserDirectory: one call where nothing is to be written, else three. RT writes each field by itself, so with a Conflict
// or with Invalid others may be written.
func (u *Users) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	const op = "update user"
	now, err := u.load(ctx, op, id)
	if err != nil {
		return access.DeskUser{}, err
	}
	if err := u.check(ctx, op, change); err != nil {
		return access.DeskUser{}, err
	}
	if len(u.different(now, change)) == 0 {
		return now, nil
	}
	after, said, err := u.write(ctx, op, id, u.body(now, change))
	if err != nil {
		return access.DeskUser{}, err
	}
	lost := u.different(after, change)
	if len(lost) == 0 {
		return after, nil
	}
	refused := map[string]string{}
	for _, name := range lost {
		refused[name] = change.Values[name]
	}
	if err := u.taken(ctx, op, id, refused); err != nil {
		return access.DeskUser{}, err
	}
	return access.DeskUser{}, access.Errorf(access.Invalid, op, "RT did not keep: %s; it said: %s", strings.Join(lost, ", "), said)
}

// SetUserActive implements access.UserDirectory: RT lets a user in, or not. It is not done to usher's own account, which could not undo it.
func (u *Users) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	const op = "switch user"
	now, err := u.load(ctx, op, id)
	if err != nil || now.Active == active {
		return now, err
	}
	if string(id) == u.driver.config.account() {
		return access.DeskUser{}, access.Errorf(access.Invalid, op, "user %s is usher's own account", id)
	}
	disabled := 1
	if active {
		disabled = 0
	}
	after, said, err := u.write(ctx, op, id, map[string]any{"Disabled": disabled})
	switch {
	case err != nil:
		return access.DeskUser{}, err
	case after.Active != active:
		return access.DeskUser{}, access.Errorf(access.Invalid, op, "active: RT did not change it; it said: %s", said)
	}
	return after, nil
}

// write changes a user, and returns the user as RT has it then and what RT said.
func (u *Users) write(ctx context.Context, op string, id access.UserID, body map[string]any) (access.DeskUser, string, error) {
	said, err := u.driver.put(ctx, op, "user/"+string(id), nil, body)
	if err != nil {
		return access.DeskUser{}, "", err
	}
	after, err := u.load(ctx, op, id)
	return after, said, err
}

// check is what is wrong with what is to be written, as far as it shows before. RT cuts what is too long without a word.
func (u *Users) check(ctx context.Context, op string, change access.UserChange) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(change.Values)) {
		f, known := u.fields[name]
		if !known {
			wrong = append(wrong, fmt.Errorf("%s: not one of the fields that usher reads and writes", name))
			continue
		}
		if err := f.takes(change.Values[name]); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}
	}
	if err := u.person.takes(string(change.Person)); err != nil && change.Person != "" {
		wrong = append(wrong, fmt.Errorf("person: %w", err))
	}
	if manager := change.Values[access.UserFieldManager]; manager != "" {
		_, err := u.load(ctx, op, access.UserID(manager))
		switch {
		case access.IsKind(err, access.NotFound):
			wrong = append(wrong, fmt.Errorf("%s: found %q, expected the number of a user", access.UserFieldManager, manager))
		case err != nil:
			return err
		}
	}
	if len(wrong) > 0 {
		return access.Errorf(access.Invalid, op, "%w", errors.Join(wrong...))
	}
	return nil
}

// takes is nil when the field can hold a value.
func (f userField) takes(value string) error {
	switch {
	case f.Runes > 0 && len(value) > f.Runes:
		return fmt.Errorf("found %d bytes, expected at most %d", len(value), f.Runes)
	case !utf8.ValidString(value):
		return errors.New("expected a text in UTF-8")
	case value == "" && f.Required:
		return errors.New("expected a value")
	case !f.custom && f.name == "Name" && onlyDigits.MatchString(value):
		return fmt.Errorf("found %q; RT takes a name of digits for the number of another user", value)
	}
	return nil
}

// different are the names of what a user has not as it is wanted.
func (u *Users) different(user access.DeskUser, wanted access.UserChange) []string {
	var names []string
	for name, value := range wanted.Values {
		if user.Values[name] != value {
			names = append(names, name)
		}
	}
	if u.person.name != "" && wanted.Person != "" && user.Person != wanted.Person {
		names = append(names, "person")
	}
	slices.Sort(names)
	return names
}

// body writes what a user has not as it is wanted. To write a custom field again that is empty would give it an empty value.
func (u *Users) body(user access.DeskUser, wanted access.UserChange) map[string]any {
	body, custom := map[string]any{}, map[string]string{}
	for _, name := range u.different(user, wanted) {
		f, value := u.fields[name], wanted.Values[name]
		if name == "person" {
			f, value = u.person, string(wanted.Person)
		}
		if f.custom {
			custom[f.name] = value
			continue
		}
		body[f.name] = value
	}
	if len(custom) > 0 {
		body["CustomFields"] = custom
	}
	return body
}
