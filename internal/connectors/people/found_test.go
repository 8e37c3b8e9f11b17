package people_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

func foundTable(t *testing.T) *people.Table {
	t.Helper()
	reader, err := people.NewReader(people.Fields{
		ID: "id", UserName: "login", Email: "mail", Ends: "ends", Attributes: map[string]string{"number": "no", "site": "site"},
	})
	require.NoError(t, err)
	return people.NewTable(reader)
}

func row(line int, values ...string) people.Record {
	record := people.Record{Row: fmt.Sprintf("line %d", line), Values: map[string][]string{}}
	for i := 0; i < len(values); i += 2 {
		record.Values[values[i]] = append(record.Values[values[i]], values[i+1])
	}
	return record
}

// Whoever has a value is found, however it is spelt; and so is a record that has it and is no person.
func TestTable_FindPeople(t *testing.T) {
	table := foundTable(t)
	table.Add(row(2, "id", "1", "login", "josé", "mail", "jose@example.com", "no", "E1"))
	table.Add(row(3, "id", "2", "login", "bob", "no", "E2", "no", "e1"))
	table.Add(row(4, "id", "3", "no", "E2"))
	table.Add(row(5, "id", "4", "login", "kim", "no", "E4"))
	table.Add(row(6, "id", "4", "login", "kim2", "no", "E5"))
	table.Add(row(7, "id", "5", "login", "ked", "ends", "soon", "mail", "ked@example.com"))
	for _, c := range []struct {
		field, value   string
		people         []access.PersonID
		problems, rows []string
	}{
		{"id", "1", []access.PersonID{"1"}, nil, nil},
		{"user_name", "JOSÉ", []access.PersonID{"1"}, nil, nil},
		{"user_name", "JOSE\u0301", []access.PersonID{"1"}, nil, nil},
		{"email", " Jose@Example.com", []access.PersonID{"1"}, nil, nil},
		{"attributes.number", "e1", []access.PersonID{"1", "2"}, nil, nil},
		{"attributes.number", "e2", []access.PersonID{"2"}, []string{"3"}, []string{"line 4"}},
		{"id", "3", nil, []string{"3"}, []string{"line 4"}},
		{"id", "4", nil, []string{"4"}, []string{"line 5, line 6"}},
		{"user_name", "kim", nil, []string{"4"}, []string{"line 5"}},
		{"attributes.number", "E5", nil, []string{"4"}, []string{"line 6"}},
		{"email", "ked@example.com", nil, []string{"5"}, []string{"line 7"}},
		{"user_name", "", nil, nil, nil},
		{"attributes.site", "hall", nil, nil, nil},
	} {
		t.Run(c.field+" "+c.value, func(t *testing.T) {
			got, err := table.FindPeople("find", c.field, c.value)
			require.NoError(t, err)
			var ids []access.PersonID
			for _, p := range got.People {
				ids = append(ids, p.ID)
			}
			var problems, rows []string
			for _, p := range got.Problems {
				problems, rows = append(problems, string(p.ID)), append(rows, p.Row)
				require.NotEmpty(t, p.Problem)
			}
			require.Equal(t, c.people, ids)
			require.Equal(t, c.problems, problems)
			require.Equal(t, c.rows, rows)
			require.False(t, got.More)
		})
	}
	_, err := table.FindPeople("find", "attributes.floor", "1")
	require.Equal(t, access.Invalid, access.KindOf(err))
}

// A sign that only looks like a letter finds nobody who has the letter.
func TestTable_FindPeople_signs(t *testing.T) {
	table := foundTable(t)
	table.Add(row(2, "id", "1", "login", "kim"))
	got, err := table.FindPeople("find", access.FieldUserName, "\u212aim")
	require.NoError(t, err)
	require.Empty(t, got.People)
}

// Of many problems and people no more than ten come, and that there are more is shown.
func TestTable_FindPeople_limit(t *testing.T) {
	table := foundTable(t)
	for i := range access.MaxFoundPeople {
		table.Add(row(i, "id", fmt.Sprint(i), "login", fmt.Sprint(i), "site", "hall"))
	}
	got, err := table.FindPeople("find", "attributes.site", "hall")
	require.NoError(t, err)
	require.Len(t, got.People, access.MaxFoundPeople)
	require.False(t, got.More)
	table.Add(row(99, "id", "99", "site", "hall"))
	got, err = table.FindPeople("find", "attributes.site", "hall")
	require.NoError(t, err)
	require.Len(t, got.People, access.MaxFoundPeople)
	require.Empty(t, got.Problems)
	require.True(t, got.More)
}
