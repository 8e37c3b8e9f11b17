package requesttracker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// UsersConfig is what a human sets of the users of a desk of this kind. A custom field of users is written as "CF.<name>".
type UsersConfig struct {
	// PersonField holds whose user it is: a custom field, or Organization or Gecos, which only administrators can change. "" means that RT
	// does not keep it.
	PersonField string `yaml:"person_field"`
	// ManagerField is the custom field that holds the number of the manager's user. "" means that RT does not keep it.
	ManagerField string `yaml:"manager_field"`
	// Privileged makes the users that usher creates privileged, as those are who work in RT. Others are RT's contacts.
	Privileged bool `yaml:"privileged"`
	// Owned are kinds of tickets that name a user in one of their roles, by a name that you give them.
	Owned map[string]OwnedConfig `yaml:"owned"`
}

// validate names what is wrong, as Config.Validate does.
func (c UsersConfig) validate(problem func(key, format string, args ...any)) {
	if f, err := userFieldOf(c.PersonField); c.PersonField != "" && (err != nil || !f.custom && f.name != "Organization" && f.name != "Gecos") {
		problem("users.person_field", "expected %s<name of a custom field of users>, Organization or Gecos", customPrefix)
	}
	f, err := userFieldOf(c.ManagerField)
	if c.ManagerField != "" && (err != nil || !f.custom) {
		problem("users.manager_field", "expected %s<name of a custom field of users>", customPrefix)
	}
	if c.ManagerField != "" && c.ManagerField == c.PersonField {
		problem("users.manager_field", "found the name that users.person_field has; expected another custom field")
	}
	c.validateOwned(problem)
}

// customPrefix begins the name of a custom field of users.
const customPrefix = "CF."

// userField is a field of RT's users.
type userField struct {
	// name is RT's own, of a custom field without the prefix.
	name   string
	custom bool
	access.UserField
}

// coreFields are the fields of RT's own users that usher writes by their names, and how many bytes RT keeps; 0 means no limit.
func coreFields() map[string]int {
	return map[string]int{
		"Organization": 200, "Gecos": 16, "NickName": 16, "Lang": 16, "Timezone": 50, "WorkPhone": 30, "MobilePhone": 30, "HomePhone": 30,
		"PagerPhone": 30, "Address1": 200, "Address2": 200, "Zip": 16, "City": 100, "State": 100, "Country": 50, "Comments": 0,
		"FreeformContactInfo": 0, "Signature": 0,
	}
}

// onlyDigits is a name that RT takes for a number.
var onlyDigits = regexp.MustCompile(`^[0-9]+$`)

// userFieldOf is the field that the configuration calls so.
func userFieldOf(name string) (userField, error) {
	if custom, is := strings.CutPrefix(name, customPrefix); is {
		if strings.TrimSpace(custom) == "" || onlyDigits.MatchString(custom) {
			return userField{}, fmt.Errorf("%s: expected the name of a custom field, which is no number, after %q", name, customPrefix)
		}
		return userField{name: custom, custom: true, UserField: access.UserField{Clears: true}}, nil
	}
	limit, known := coreFields()[name]
	if !known {
		return userField{}, fmt.Errorf("%s: RT has no such field of users; expected %s<name of a custom field> or one of %s", name, customPrefix,
			strings.Join(slices.Sorted(maps.Keys(coreFields())), ", "))
	}
	return userField{name: name, UserField: access.UserField{Runes: limit, Clears: true}}, nil
}

// Users is the users of an RT, all but RT's own two. A UserID is the number of a user, and an AccountID is the user's name.
type Users struct {
	driver     *driver
	fields     map[string]userField
	person     userField
	privileged bool
	// wrong are the fields that no RT has.
	wrong []error
}

var _ access.UserDirectory = (*Users)(nil)

// NewUsers returns the users of the desk of that name, with the usual fields and those that are named besides: fields of RT's, or
// "CF.<name>". It calls nobody: a field that RT does not have is an error of UserSchema. The error is Validate's.
func NewUsers(c Config, name access.DeskName, fields []string) (*Users, error) {
	d, err := newDriver(c, name)
	if err != nil {
		return nil, err
	}
	u := &Users{driver: d, privileged: c.Users.Privileged, fields: map[string]userField{
		access.UserFieldName:        {name: "Name", UserField: access.UserField{Runes: 200, Required: true}},
		access.UserFieldEmail:       {name: "EmailAddress", UserField: access.UserField{Runes: 120, Clears: true}},
		access.UserFieldDisplayName: {name: "RealName", UserField: access.UserField{Runes: 120, Clears: true}},
	}}
	if c.Users.ManagerField != "" {
		u.fields[access.UserFieldManager], _ = userFieldOf(c.Users.ManagerField) // Validate has seen it.
	}
	if c.Users.PersonField != "" {
		u.person, _ = userFieldOf(c.Users.PersonField) // Validate has seen it.
	}
	for _, one := range fields {
		f, err := userFieldOf(one)
		switch {
		case err != nil:
			u.wrong = append(u.wrong, err)
		case one == c.Users.ManagerField || one == c.Users.PersonField:
			u.wrong = append(u.wrong, fmt.Errorf("%s: %s names this field as well; expected another one", one, desk.Key(name, "users")))
		default:
			u.fields[one] = f
		}
	}
	return u, nil
}

// keepsPerson reports whether RT keeps whose user it is.
func (u *Users) keepsPerson() bool { return u.person.name != "" }

// UserSchema implements access.UserDirectory: one call. Forbidden too: usher's account may not administer users.
func (u *Users) UserSchema(ctx context.Context) (access.UserSchema, error) {
	const op = "read the fields of users"
	r, err := u.prove(ctx, op)
	if err != nil {
		return access.UserSchema{}, err
	}
	wrong, schema := slices.Clone(u.wrong), access.UserSchema{Fields: map[string]access.UserField{}, KeepsPerson: u.keepsPerson()}
	for name, f := range u.fields {
		schema.Fields[name] = f.UserField
	}
	for _, f := range u.hidden(r) {
		wrong = append(wrong, fmt.Errorf("%s%s: RT has no such custom field of users, or usher's account lacks the right SeeCustomField", customPrefix, f))
	}
	if len(wrong) > 0 {
		return access.UserSchema{}, access.Errorf(access.Invalid, op, "%w", errors.Join(wrong...))
	}
	return schema, nil
}

// userRecord is a user as RT shows it, alone or in a list.
type userRecord struct {
	core   map[string]json.RawMessage
	custom []customField
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *userRecord) UnmarshalJSON(raw []byte) error {
	err := json.Unmarshal(raw, &r.core)
	_ = json.Unmarshal(r.core["CustomFields"], &r.custom) // RT writes "" where there are none.
	return err
}

// text is a field's value, "" where there is none or where it is no text.
func (r userRecord) text(field string) string {
	var value scalar
	_ = json.Unmarshal(r.core[field], &value)
	return string(value)
}

func (r userRecord) number() scalar { return scalar(r.text("id")) }

// own reports whether it is one of RT's own two.
func (r userRecord) own() bool { return r.text("Name") == nobody || r.text("Name") == system }

// administered reports whether RT shows all of the user. It shows no more than a summary to who may not administer users.
func (r userRecord) administered() bool { return r.text("Disabled") != "" }

// of is the value of the field, and whether RT shows the field. A core field that it leaves out is empty.
func (f userField) of(r userRecord) (string, bool) {
	if !f.custom {
		return r.text(f.name), true
	}
	for _, one := range r.custom {
		if one.Name != f.name {
			continue
		}
		var values []string
		for _, value := range one.Values {
			if text, is := value.(string); is {
				values = append(values, text)
			}
		}
		return strings.Join(values, ", "), true
	}
	return "", false
}

// hidden are the custom fields that RT does not show of a user.
func (u *Users) hidden(r userRecord) []string {
	var names []string
	for _, f := range append(slices.Collect(maps.Values(u.fields)), u.person) {
		if _, shown := f.of(r); !shown && !slices.Contains(names, f.name) {
			names = append(names, f.name)
		}
	}
	slices.Sort(names)
	return names
}

// user is a record in the port's words. Forbidden: RT does not show a field that usher needs, which would look empty.
func (u *Users) user(op string, r userRecord, active bool) (access.DeskUser, error) {
	if hidden := u.hidden(r); len(hidden) > 0 {
		return access.DeskUser{}, access.Errorf(access.Forbidden, op, "RT does not show the custom fields of users: %s; usher's account needs the"+
			" right SeeCustomField", strings.Join(hidden, ", "))
	}
	out := access.DeskUser{
		ID: access.UserID(r.number()), Account: access.AccountID(r.text("Name")), Active: active, Values: map[string]string{},
	}
	person, _ := u.person.of(r)
	out.Person = access.PersonID(person)
	for name, f := range u.fields {
		if value, _ := f.of(r); value != "" {
			out.Values[name] = value
		}
	}
	return out, nil
}
