package people_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

func fields() people.Fields {
	return people.Fields{
		ID: "Number", UserName: "Login", DisplayName: "Name", Email: "Mail", Manager: "Boss", Active: "Status",
		Starts: "From", Ends: "To", DateFormat: "DD.MM.YYYY",
		Attributes: map[string]string{access.AttributeDepartment: "Dept", "skills": "Skill"},
	}
}

func values() map[string][]string {
	return map[string][]string{
		"number": {" 17 "}, "LOGIN": {"ada"}, "Name": {"Ada Löwe"}, "Mail": {"ada@example.com", "old@example.com"}, "Boss": {"3"},
		"Status": {"Active"}, "From": {"01.02.2020"}, "To": {"31.12.2026 00:00"}, "Dept": {" Research "}, "Skill": {"go", "", "sql"},
	}
}

func TestReader_person(t *testing.T) {
	reader, err := people.NewReader(fields())
	require.NoError(t, err)
	p, problem := reader.Person(people.Record{Row: "line 2", Values: values()})
	require.Nil(t, problem)
	require.Equal(t, access.PersonRecord{
		Person: access.Person{
			ID: "17", UserName: "ada", DisplayName: "Ada Löwe", Email: "ada@example.com", Manager: "3", Active: true,
		},
		Starts: "2020-02-01", Ends: "2026-12-31",
		Attributes: map[string][]string{access.AttributeDepartment: {"Research"}, "skills": {"go", "sql"}},
	}, p)
}

func TestReader_problems(t *testing.T) {
	for name, row := range map[string]struct {
		field   string
		values  []string
		id      access.PersonID
		problem string
	}{
		"no id":            {"number", nil, "", "Number: expected one id, of at most 256 characters"},
		"two ids":          {"number", []string{"1", "2"}, "", "Number: expected one id, of at most 256 characters"},
		"a long id":        {"number", []string{strings.Repeat("x", 257)}, "", "Number: expected one id, of at most 256 characters"},
		"no user name":     {"LOGIN", []string{"  "}, "17", "Login: is empty, expected a login name"},
		"two names":        {"Name", []string{"a", "b"}, "17", "Name: found 2 values, expected one"},
		"an unknown value": {"Status", []string{"retired"}, "17", "Status: found a value that is in no list, expected one of true, yes, y, 1, active, enabled, false, no, n, 0, inactive, disabled"},
		"another date":     {"From", []string{"2020-02-01"}, "17", "From: expected a day as DD.MM.YYYY"},
		"no such day":      {"To", []string{"31.02.2020"}, "17", "To: expected a day as DD.MM.YYYY"},
		"a long value":     {"Dept", []string{strings.Repeat("x", 1001)}, "17", "attributes.department: expected at most 1000 characters, found 1001"},
		"no UTF-8":         {"Dept", []string{"\xff"}, "17", "attributes.department: expected UTF-8"},
		"a long manager":   {"Boss", []string{strings.Repeat("x", 257)}, "17", "manager: expected at most 256 characters, found 257"},
	} {
		t.Run(name, func(t *testing.T) {
			reader, err := people.NewReader(fields())
			require.NoError(t, err)
			v := values()
			v[row.field] = row.values
			_, problem := reader.Person(people.Record{Row: "line 2", Values: v})
			require.Equal(t, &access.PersonProblem{Row: "line 2", ID: row.id, Problem: row.problem}, problem)
		})
	}
	t.Run("much in all", func(t *testing.T) {
		reader, err := people.NewReader(fields())
		require.NoError(t, err)
		v := values()
		for range 70 {
			v["Skill"] = append(v["Skill"], strings.Repeat("x", 1000))
		}
		_, problem := reader.Person(people.Record{Values: v})
		require.Contains(t, problem.Problem, "all values: expected at most 65536 bytes")
	})
}

func TestReader_active(t *testing.T) {
	for name, row := range map[string]struct {
		yes, no []string
		want    map[string]any
	}{
		"usual words": {nil, nil, map[string]any{"": true, "TRUE": true, "0": false, "Disabled": false, "x": "problem"}},
		"both lists":  {[]string{"A"}, []string{"T"}, map[string]any{"a": true, "t": false, "": "problem", "x": "problem"}},
		"active only": {[]string{"A"}, nil, map[string]any{"A": true, "x": false, "": false}},
		"others only": {nil, []string{"T"}, map[string]any{"T": false, "x": true, "": true}},
	} {
		t.Run(name, func(t *testing.T) {
			f := fields()
			f.ActiveValues, f.InactiveValues = row.yes, row.no
			reader, err := people.NewReader(f)
			require.NoError(t, err)
			for value, want := range row.want {
				v := values()
				v["Status"] = []string{value}
				p, problem := reader.Person(people.Record{Values: v})
				if want == "problem" {
					require.NotNil(t, problem, value)
					continue
				}
				require.Nil(t, problem, value)
				require.Equal(t, want, p.Active, value)
			}
		})
	}
	t.Run("no field", func(t *testing.T) {
		reader, err := people.NewReader(people.Fields{ID: "Number", UserName: "Login"})
		require.NoError(t, err)
		p, problem := reader.Person(people.Record{Values: values()})
		require.Nil(t, problem)
		require.Equal(t, access.Person{ID: "17", UserName: "ada", Active: true}, p.Person)
	})
}

func TestFields_wrong(t *testing.T) {
	for want, change := range map[string]func(*people.Fields){
		"fields.id: is empty, expected the field with a person's stable id":                      func(f *people.Fields) { f.ID = "" },
		"fields.user_name: is empty, expected the field with the login name":                     func(f *people.Fields) { f.UserName = "" },
		"fields.attributes.Cost Center: expected a name of a-z, 0-9 and _":                       func(f *people.Fields) { f.Attributes = map[string]string{"Cost Center": "x"} },
		"fields.attributes.team: is empty, expected a field":                                     func(f *people.Fields) { f.Attributes = map[string]string{"team": ""} },
		"fields.date_format: found \"YYYY-MM\", expected YYYY, MM and DD, once each":             func(f *people.Fields) { f.DateFormat = "YYYY-MM" },
		"fields.date_format: found \"YYYY15MMDD\", expected YYYY, MM and DD, and nothing else":   func(f *people.Fields) { f.DateFormat = "YYYY15MMDD" },
		"fields.active: is empty, expected the field of active_values":                           func(f *people.Fields) { f.Active, f.ActiveValues = "", []string{"A"} },
		"fields.inactive_values: found \"a\", which is one of active_values, expected it in one": func(f *people.Fields) { f.ActiveValues, f.InactiveValues = []string{"a"}, []string{"A"} },
	} {
		t.Run(want, func(t *testing.T) {
			f := fields()
			change(&f)
			require.ErrorContains(t, f.Validate(), want)
			_, err := people.NewReader(f)
			require.Error(t, err)
		})
	}
	require.NoError(t, fields().Validate())
	require.Equal(t, []string{"Boss", "Dept", "From", "Login", "Mail", "Name", "Number", "Skill", "Status", "To"}, fields().Names())
}
