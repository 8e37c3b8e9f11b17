package joined_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
	"usher/internal/connectors/people"
)

// script is a source of records in an order that a test chooses.
type script struct {
	people   []access.PersonRecord
	problems []access.PersonProblem
	// having are the keys of the records that cannot be read, by the ids or rows of the problems.
	having map[string]access.PersonRecord
	proof  access.ListingProof
	// err ends every call, and cut every listing, behind everybody.
	err, cut error
	findings []access.Finding
	// asked is how often it was asked for a value.
	asked int
}

func (s *script) Lookup(context.Context, access.PersonID) (access.Person, error) {
	return access.Person{}, access.Errorf(access.Unknown, "look up", "nobody calls it")
}

func (s *script) FindPerson(context.Context, access.PersonQuery) (access.Person, error) {
	return access.Person{}, access.Errorf(access.Unknown, "find a person", "nobody calls it")
}

func (s *script) Check(context.Context) ([]access.Finding, error) { return s.findings, s.err }

func (s *script) ListPeople(ctx context.Context, _ string, take func(access.PeoplePage) error) (access.Listing, error) {
	if s.err != nil {
		return access.Listing{}, s.err
	}
	pages := people.NewPages("list", take)
	for _, p := range s.people {
		if err := pages.Person(ctx, p); err != nil {
			return access.Listing{}, err
		}
	}
	for _, p := range s.problems {
		if err := pages.Problem(ctx, p); err != nil {
			return access.Listing{}, err
		}
	}
	if s.cut != nil {
		return access.Listing{}, s.cut
	}
	proof := s.proof
	if proof == "" {
		proof = access.ProofCount
	}
	return pages.End(ctx, proof)
}

func (s *script) FindPeople(_ context.Context, field, value string) (access.FoundPeople, error) {
	s.asked++
	var found access.FoundPeople
	has := func(p access.PersonRecord) bool {
		return slices.ContainsFunc(p.FieldValues(field), func(there string) bool {
			return access.FoldKey(there) == access.FoldKey(value) && access.FoldKey(value) != ""
		})
	}
	for _, p := range s.people {
		if has(p) {
			found.People = append(found.People, p)
		}
	}
	for _, p := range s.problems {
		if record, known := s.having[string(p.ID)+p.Row]; (known && has(record)) || has(access.PersonRecord{Person: access.Person{ID: p.ID}}) {
			found.Problems = append(found.Problems, p)
		}
	}
	return found, s.err
}

// numberKey is the attribute by which most tests join.
const (
	number    = "number"
	numberKey = "attributes.number"
)

// known is a source that has every field.
func known() joined.Known {
	return joined.Known{Fields: people.Fields{
		ID: "id", UserName: "login", DisplayName: "name", Email: "mail",
		Attributes: map[string]string{number: "no", access.AttributeDepartment: "dept", access.AttributePhone: "phone"},
	}}
}

// config joins hr, by its ids, with ad, by its numbers.
func config() joined.Config {
	return joined.Config{Sources: []joined.Member{{Source: "hr", Key: access.FieldID}, {Source: "ad", Key: numberKey}}}
}

// join joins scripts as hr, ad and tel.
func join(t *testing.T, c joined.Config, all ...*script) *joined.Source {
	t.Helper()
	opened := map[access.SourceName]joined.Opened{}
	for i, name := range []access.SourceName{"hr", "ad", "tel"}[:len(all)] {
		opened[name] = joined.Opened{Known: known(), Port: all[i]}
	}
	s, err := joined.New(c, opened)
	require.NoError(t, err)
	return s
}

// record is a person with one attribute of a name, and a number. Every value says whose it is.
func record(id, key string) access.PersonRecord {
	p := access.PersonRecord{Person: access.Person{ID: access.PersonID(id), UserName: "login of " + id, Active: true}}
	if key != "" {
		p.Attributes = map[string][]string{number: {key}}
	}
	return p
}

// result is what a listing gave.
type result struct {
	people   map[access.PersonID]access.PersonRecord
	problems map[access.PersonID]string
	end      access.Listing
}

func list(t *testing.T, s *joined.Source) (result, error) {
	t.Helper()
	got := result{people: map[access.PersonID]access.PersonRecord{}, problems: map[access.PersonID]string{}}
	var err error
	got.end, err = s.ListPeople(t.Context(), "", func(page access.PeoplePage) error {
		for _, p := range page.People {
			got.people[p.ID] = p
		}
		for _, p := range page.Problems {
			got.problems[p.ID] = p.Row + ": " + p.Problem
		}
		return nil
	})
	return got, err
}

// only returns the only person that two sources make of these records.
func only(t *testing.T, c joined.Config, first, second access.PersonRecord) access.PersonRecord {
	t.Helper()
	got, err := list(t, join(t, c, &script{people: []access.PersonRecord{first}}, &script{people: []access.PersonRecord{second}}))
	require.NoError(t, err)
	require.Empty(t, got.problems)
	require.Len(t, got.people, 1)
	return got.people[first.ID]
}
