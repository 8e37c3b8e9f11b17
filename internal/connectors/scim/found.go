package scim

import (
	"context"
	"errors"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

var _ access.PeopleFinder = (*Source)(nil)

const opFind = "find people"

// FindPeople implements access.PeopleFinder: a user by the id, which has case, and users by their name or address, as FindPerson does. Invalid:
// by an attribute, because few directories can be asked so.
func (s *Source) FindPeople(ctx context.Context, field, value string) (access.FoundPeople, error) {
	if value = strings.TrimSpace(value); strings.ContainsRune(value, 0) {
		value = ""
	}
	var users []rawUser
	var err error
	switch field {
	case access.FieldID:
		users, err = s.userOf(ctx, value)
	case access.FieldUserName:
		users, err = s.usersWith(ctx, "userName", value)
	case access.FieldEmail:
		users, err = s.usersWith(ctx, "emails.value", value)
	default:
		return access.FoundPeople{}, access.Errorf(access.Invalid, opFind, "a SCIM directory is asked by %s, %s and %s, found %q",
			access.FieldID, access.FieldUserName, access.FieldEmail, field)
	}
	if err != nil {
		return access.FoundPeople{}, err
	}
	found := access.FoundPeople{More: len(users) > access.MaxFoundPeople}
	for _, raw := range users[:min(len(users), access.MaxFoundPeople)] {
		record, problem := s.record(raw, "user "+raw.recordID())
		var person access.PersonRecord
		if problem == nil {
			person, problem = s.reader.Person(record)
		}
		if problem != nil {
			found.Problems = append(found.Problems, *problem)
			continue
		}
		found.People = append(found.People, person)
	}
	return found, nil
}

// userOf returns the user of an id, if there is one.
func (s *Source) userOf(ctx context.Context, id string) ([]rawUser, error) {
	u, err := byID[rawUser](ctx, s.client, rest.Call{Op: opFind, Path: "Users"}, id)
	switch {
	case errors.Is(err, errNoSuch), errors.Is(err, errOther):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []rawUser{u}, nil
}

// usersWith returns the users who have a value in an attribute, which is asked for as it is and in lower case.
func (s *Source) usersWith(ctx context.Context, attribute, value string) ([]rawUser, error) {
	found, err := find[rawUser](ctx, s.client, opFind, attribute, value)
	if lower := strings.ToLower(value); err == nil && len(found) == 0 && lower != value {
		found, err = find[rawUser](ctx, s.client, opFind, attribute, lower)
	}
	return found, err
}
