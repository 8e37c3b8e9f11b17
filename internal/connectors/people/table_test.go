package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

func TestFields_keys(t *testing.T) {
	f := people.Fields{ID: "nr", UserName: "login", Attributes: map[string]string{"title": "job", "phone": "login"}}
	require.Equal(t, []people.Key{
		{Name: "fields.attributes.phone", Field: "login"},
		{Name: "fields.attributes.title", Field: "job"},
		{Name: "fields.id", Field: "nr"},
		{Name: "fields.user_name", Field: "login"},
	}, f.Keys())
}

func TestFindings_errors(t *testing.T) {
	wanted := access.Finding{Key: "path", Problem: "there is no such file"}
	findings, err := people.Findings(&access.Error{Kind: access.Transient, Err: &people.KeyError{Finding: wanted}})
	require.NoError(t, err)
	require.Equal(t, []access.Finding{wanted}, findings)
	findings, err = people.Findings(access.Errorf(access.Forbidden, "look", "no"))
	require.Empty(t, findings)
	require.Equal(t, access.Forbidden, access.KindOf(err))
}

func TestTable_ids(t *testing.T) {
	reader, err := people.NewReader(people.Fields{ID: "nr", UserName: "login"})
	require.NoError(t, err)
	table := people.NewTable(reader)
	_, nobody := table.Nobody()
	require.False(t, nobody, "a table of nothing")
	add := func(row, id, login string) {
		table.Add(people.Record{Row: row, Values: map[string][]string{"nr": {id}, "login": {login}}})
	}
	add("row 1", "", "ana")
	problem, nobody := table.Nobody()
	require.True(t, nobody)
	require.Equal(t, "row 1", problem.Row)
	add("row 2", "", "")
	add("row 3", "7", "ana")
	add("row of 8", "8", "bob")
	add("row of 8", "8", "bob")
	add("row of 8", "8", "eve")
	_, nobody = table.Nobody()
	require.False(t, nobody)
	require.Equal(t, 6, table.Records())

	var got access.PeoplePage
	pages := people.NewPages("list people", func(p access.PeoplePage) error { got = p; return nil })
	require.NoError(t, table.ListTo(t.Context(), pages))
	_, err = pages.End(t.Context(), access.ProofCount)
	require.NoError(t, err)
	require.Equal(t, []access.PersonRecord{{Person: access.Person{ID: "7", UserName: "ana", Active: true}}}, got.People)
	require.Len(t, got.Problems, 3)
	require.Equal(t, access.PersonProblem{Row: "row of 8", ID: "8", Problem: "nr: found 3 rows with this id, expected one"}, got.Problems[2])

	_, err = table.Find("find", access.PersonQuery{UserName: "ana"})
	require.Equal(t, access.NotFound, access.KindOf(err), "a row without an id has the name as well")
	_, err = table.Find("find", access.PersonQuery{UserName: "eve"})
	require.Equal(t, access.NotFound, access.KindOf(err))
	_, err = table.Find("find", access.PersonQuery{})
	require.Equal(t, access.NotFound, access.KindOf(err))
	_, err = table.Find("find", access.PersonQuery{Email: "a@x"})
	require.Equal(t, access.Invalid, access.KindOf(err))
}
