package scim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/people"
	"usher/internal/rest"
)

// Source is an access.IdentitySource over a SCIM directory. A person's id is the user's id, in its exact spelling.
// Safe for concurrent use: it keeps nothing between calls.
type Source struct {
	client *client
	reader *people.Reader
	// paths are the paths of attributes in users.
	paths []string
}

var _ access.IdentitySource = (*Source)(nil)

// NewSource checks the configuration and makes no call. The error names the keys.
func NewSource(c Config) (*Source, error) {
	calls, err := newClient(c)
	if err != nil {
		return nil, err
	}
	reader, err := people.NewReader(c.PeopleFields())
	if err != nil {
		return nil, err
	}
	return &Source{client: calls, reader: reader, paths: c.paths()}, nil
}

// Lookup implements access.IdentitySource. The display name is displayName, else name.formatted, else the parts of the
// name; the e-mail is the primary one, else the one for work, else the first; the manager is the enterprise
// extension's (RFC 7643, section 4.3). A user without `active` is active.
func (s *Source) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	const op = "look up a person"
	u, err := byID[user](ctx, s.client, rest.Call{Op: op, Path: "Users"}, string(id))
	if errors.Is(err, errNoSuch) || errors.Is(err, errOther) {
		return access.Person{}, access.Errorf(access.NotFound, op, "no person %q: no user has this id", id)
	}
	if err != nil {
		return access.Person{}, err
	}
	return u.person(), nil
}

// FindPerson implements access.IdentitySource, by a filter. A user name is asked for as it is and in lower case, as for a Target.
// Invalid: the directory cannot be asked by e-mail address (scimmy 1.3.5, where some users have none).
func (s *Source) FindPerson(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	const op = "find a person"
	attribute, value := "userName", q.UserName
	if value == "" {
		attribute, value = "emails.value", q.Email
	}
	found, err := find[user](ctx, s.client, op, attribute, value)
	if lower := strings.ToLower(value); err == nil && len(found) == 0 && lower != value {
		found, err = find[user](ctx, s.client, op, attribute, lower)
	}
	switch {
	case err != nil:
		return access.Person{}, err
	case len(found) != 1:
		return access.Person{}, access.Errorf(access.NotFound, op, "%d users have the %s %q; expected one", len(found), attribute, value)
	}
	return found[0].person(), nil
}

// find returns the users who have a user name ("userName") or an address ("emails.value"), without regard to case.
func find[T interface {
	record
	named() user
}](ctx context.Context, c *client, op, attribute, value string) ([]T, error) {
	if value == "" {
		return nil, nil
	}
	has := func(one T) bool {
		u := one.named()
		if attribute == "userName" {
			return strings.EqualFold(u.UserName, value)
		}
		return strings.EqualFold(u.email(), value)
	}
	return search(ctx, c, rest.Call{Op: op, Path: "Users", Query: url.Values{"filter": {eq(attribute, value)}}}, has)
}

type user struct {
	ID          string `json:"id"`
	UserName    string `json:"userName"`
	DisplayName string `json:"displayName"`
	Name        struct {
		Formatted  string `json:"formatted"`
		GivenName  string `json:"givenName"`
		FamilyName string `json:"familyName"`
	} `json:"name"`
	Active     *boolean `json:"active"`
	Emails     []email  `json:"emails"`
	Enterprise struct {
		Manager reference `json:"manager"`
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

func (u user) recordID() string { return u.ID }

func (u user) named() user { return u }

func (u user) person() access.Person {
	parts := strings.TrimSpace(u.Name.GivenName + " " + u.Name.FamilyName)
	return access.Person{
		ID:          access.PersonID(u.ID),
		UserName:    u.UserName,
		DisplayName: cmp.Or(u.DisplayName, u.Name.Formatted, parts),
		Email:       u.email(),
		Manager:     access.PersonID(u.Enterprise.Manager),
		Active:      u.Active == nil || bool(*u.Active),
	}
}

type email struct {
	Value   string  `json:"value"`
	Type    string  `json:"type"`
	Primary boolean `json:"primary"`
}

func (u user) email() string {
	var work, first string
	for _, e := range u.Emails {
		switch {
		case bool(e.Primary) && e.Value != "":
			return e.Value
		case strings.EqualFold(e.Type, "work"):
			work = cmp.Or(work, e.Value)
		}
		first = cmp.Or(first, e.Value)
	}
	return cmp.Or(work, first)
}

// boolean reads true and false also from texts: some directories write "True".
type boolean bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *boolean) UnmarshalJSON(text []byte) error {
	switch strings.ToLower(string(bytes.Trim(text, `"`))) {
	case "true":
		*b = true
	case "false", "null":
		*b = false
	default:
		return fmt.Errorf("expected true or false, not %d bytes of something else", len(text))
	}
	return nil
}

// reference reads the value of a reference, also where a directory writes the value alone. "" for none.
type reference string

// UnmarshalJSON implements json.Unmarshaler.
func (r *reference) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte(`"`)) {
		return json.Unmarshal(text, (*string)(r))
	}
	var object struct {
		Value string `json:"value"`
	}
	err := json.Unmarshal(text, &object)
	*r = reference(object.Value)
	return err
}
