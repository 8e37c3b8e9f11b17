package joined_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
)

// keyless is a source that cannot be asked by its key.
type keyless struct{ script }

func (k *keyless) FindPeople(context.Context, string, string) (access.FoundPeople, error) {
	return access.FoundPeople{}, access.Errorf(access.Invalid, "find", "no such filter")
}

// withEmail is a record with an address.
func withEmail(p access.PersonRecord, email string) access.PersonRecord {
	p.Email = email
	return p
}

// Somebody is found by the value that the joined person has, and only while nobody else has it.
func TestFindPerson(t *testing.T) {
	const address = "x@example.com"
	c := config()
	c.Fields = map[string][]access.SourceName{"email": {"ad", "hr"}}
	unreadable := []access.PersonProblem{{Row: "line 9", ID: "9", Problem: "login: is empty"}}
	for _, row := range []struct {
		name   string
		hr, ad *script
		found  access.PersonID
	}{
		{"by the other source", &script{people: []access.PersonRecord{record("1", "")}}, &script{people: []access.PersonRecord{withEmail(record("x", "1"), address)}}, "1"},
		{
			"by the first one, where the other has no value", &script{people: []access.PersonRecord{withEmail(record("1", ""), address)}},
			&script{people: []access.PersonRecord{record("x", "1")}}, "1",
		},
		{
			"by a value that is not the person's any more", &script{people: []access.PersonRecord{withEmail(record("1", ""), address)}},
			&script{people: []access.PersonRecord{withEmail(record("x", "1"), "new@example.com")}}, "",
		},
		{
			"by a record that is nobody's", &script{people: []access.PersonRecord{record("1", "")}},
			&script{people: []access.PersonRecord{withEmail(record("x", "2"), address)}}, "",
		},
		{
			"one in each source", &script{people: []access.PersonRecord{withEmail(record("1", ""), address), record("2", "")}},
			&script{people: []access.PersonRecord{withEmail(record("x", "2"), address)}}, "",
		},
		{
			"the same one in each source", &script{people: []access.PersonRecord{withEmail(record("1", ""), address), record("2", "")}},
			&script{people: []access.PersonRecord{withEmail(record("x", "1"), address)}}, "1",
		},
		{
			"one in each source, of whom one has another", &script{people: []access.PersonRecord{withEmail(record("1", ""), address), record("2", "")}},
			&script{people: []access.PersonRecord{withEmail(record("x", "2"), address), withEmail(record("y", "1"), "new@example.com")}}, "2",
		},
		{
			"several in the other source", &script{people: []access.PersonRecord{withEmail(record("1", ""), address), record("2", ""), record("3", "")}},
			&script{people: []access.PersonRecord{withEmail(record("x", "2"), address), withEmail(record("y", "3"), address)}}, "",
		},
		{"somebody besides who cannot be read", &script{
			people: []access.PersonRecord{withEmail(record("1", ""), address)}, problems: unreadable,
			having: map[string]access.PersonRecord{"9line 9": withEmail(record("9", ""), address)},
		}, &script{people: []access.PersonRecord{record("x", "1")}}, ""},
		{
			"somebody besides whose records are unclear", &script{people: []access.PersonRecord{withEmail(record("1", ""), address), withEmail(record("2", ""), address)}},
			&script{people: []access.PersonRecord{record("x", "2"), record("y", "2")}}, "",
		},
		{"nobody", &script{people: []access.PersonRecord{record("1", "")}}, &script{people: []access.PersonRecord{record("x", "1")}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := join(t, c, row.hr, row.ad).FindPerson(t.Context(), access.PersonQuery{Email: "X@example.com"})
			if row.found == "" {
				require.Equal(t, access.NotFound, access.KindOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.found, got.ID)
			require.Equal(t, address, got.Email)
		})
	}
}

// A source without addresses is not asked for them; where none has any, nobody can be found so.
func TestFindPerson_without_the_field(t *testing.T) {
	bare := known()
	bare.Fields.Email = ""
	hr, ad := &script{people: []access.PersonRecord{record("1", "")}}, &script{people: []access.PersonRecord{withEmail(record("x", "1"), "x@example.com")}}
	opened := map[access.SourceName]joined.Opened{"hr": {Known: bare, Port: hr}, "ad": {Known: known(), Port: ad}}
	s, err := joined.New(config(), opened)
	require.NoError(t, err)
	got, err := s.FindPerson(t.Context(), access.PersonQuery{Email: "x@example.com"})
	require.NoError(t, err)
	require.Equal(t, access.PersonID("1"), got.ID)

	opened["ad"] = joined.Opened{Known: bare, Port: ad}
	bare.Fields.Email = ""
	s, err = joined.New(config(), opened)
	require.NoError(t, err)
	_, err = s.FindPerson(t.Context(), access.PersonQuery{Email: "x@example.com"})
	require.Equal(t, access.Invalid, access.KindOf(err))
}

// What cannot be read is said so when it is looked up, and is nobody who does not exist.
func TestLookup_unreadable(t *testing.T) {
	hr := &script{
		people:   []access.PersonRecord{record("1", ""), record("2", "")},
		problems: []access.PersonProblem{{Row: "line 9", ID: "9", Problem: "login: is empty"}},
	}
	ad := &script{
		people:   []access.PersonRecord{record("x", "2")},
		problems: []access.PersonProblem{{Row: "entry y", ID: "y", Problem: "mail: found 2 values"}},
		having:   map[string]access.PersonRecord{"yentry y": record("y", "1")},
	}
	s := join(t, config(), hr, ad)
	_, err := s.Lookup(t.Context(), "9")
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, `the record of "9" cannot be read: source hr: line 9: login: is empty`)
	_, err = s.Lookup(t.Context(), "1")
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "source ad: the record cannot be read: entry y")
	_, err = s.Lookup(t.Context(), "2")
	require.NoError(t, err)
	_, err = s.Lookup(t.Context(), "3")
	require.Equal(t, access.NotFound, access.KindOf(err))
	_, err = s.ListPeople(t.Context(), "5", func(access.PeoplePage) error { return nil })
	require.Equal(t, access.Invalid, access.KindOf(err))
}
