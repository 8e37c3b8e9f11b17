package personexpr_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/personexpr"
)

func ada() access.PersonRecord {
	return access.PersonRecord{
		Person: access.Person{ID: "p1", UserName: "ada", DisplayName: "Ada Löwe", Email: "ada@example.com", Manager: "p2", Active: true},
		Attributes: map[string][]string{
			access.AttributeDepartment: {"Research", "Teaching"}, "secret": {"4711"},
		},
		Starts: "2020-02-01", Ends: "2027-01-31",
	}
}

func language(t *testing.T) *personexpr.Language {
	t.Helper()
	l, err := personexpr.New()
	require.NoError(t, err)
	return l
}

func TestText(t *testing.T) {
	l := language(t)
	for source, wanted := range map[string]string{
		`id + "/" + user_name + "/" + starts + "/" + ends`: "p1/ada/2020-02-01/2027-01-31",
		`"  " + display_name + " "`:                        "Ada Löwe",
		`first(attributes, "department")`:                  "Research",
		`first(attributes, "shoe size")`:                   "",
	} {
		text, err := l.Text(source)
		require.NoError(t, err, source)
		made, err := text.Of(personexpr.InputOf(ada()))
		require.NoError(t, err, source)
		require.Equal(t, wanted, made, source)
	}
}

func TestCondition(t *testing.T) {
	l := language(t)
	for source, wanted := range map[string]bool{
		`true`: true, `false`: false,
		`first(attributes, "department") == "Research"`:                       true,
		`first(attributes, "shoe size") != ""`:                                false,
		`attributes["department"].exists(d, d == "Teaching")`:                 true,
		`"department" in attributes && !("shoe size" in attributes)`:          true,
		`email.endsWith("@example.com") && !user_name.startsWith("svc-")`:     true,
		`ends == "" || ends > "2026-12-31"`:                                   true,
		`attributes["shoe size"][0] == "42" || user_name == "ada"`:            true,
		`user_name.matches("^[a-z]+$") && display_name == "Ada Löwe"`:         true,
		`id in ["p1", "p2"] && first(attributes, "department") in ["a", "b"]`: false,
	} {
		c, err := l.Condition(source)
		require.NoError(t, err, source)
		holds, err := c.Holds(ada())
		require.NoError(t, err, source)
		require.Equal(t, wanted, holds, source)
	}
	c, err := l.Condition(`"department" in attributes`)
	require.NoError(t, err)
	holds, err := c.Holds(access.PersonRecord{Person: access.Person{ID: "p3"}})
	require.NoError(t, err)
	require.False(t, holds, "somebody without attributes")
}

// Why a condition cannot be known is shown with the run: it is no place for what a record says.
func TestCondition_unknown(t *testing.T) {
	for source, why := range map[string]string{
		`attributes["shoe size"][0] == "42"`:                "no such key",
		`attributes[first(attributes, "secret")][0] == ""`:  "no such key",
		`attributes["department"][7] == "x"`:                "index out of bounds",
		`attributes["department"][int("4711")] == "x"`:      "index out of bounds",
		`int(first(attributes, "department")) > 3`:          "the expression fails on this record",
		`1 / (4711 - int(first(attributes, "secret"))) > 0`: "the expression fails on this record",
	} {
		c, err := language(t).Condition(source)
		require.NoError(t, err, source)
		_, err = c.Holds(ada())
		require.EqualError(t, err, why, source)
	}
}

func TestCondition_cost(t *testing.T) {
	c, err := language(t).Condition(`attributes["d"].all(a, attributes["d"].all(b, attributes["d"].all(c, a + b + c != "x")))`)
	require.NoError(t, err)
	p := ada()
	p.Attributes["d"] = make([]string, 1000)
	_, err = c.Holds(p)
	require.EqualError(t, err, "actual cost limit exceeded")
}

func TestLanguage_refuses(t *testing.T) {
	l := language(t)
	for source, why := range map[string]string{
		"": "expected an expression", "  ": "expected an expression",
		"user_nam == \"a\"": "undeclared reference", "active": "undeclared reference", `table("a", "b") == ""`: "undeclared reference",
		"user_name": "found an expression that is a string, expected one that is true or false",
		"id == 1":   "no matching overload",
	} {
		_, err := l.Condition(source)
		require.ErrorContains(t, err, why, source)
	}
	_, err := l.Text(`id == "p1"`)
	require.ErrorContains(t, err, "found an expression that is a bool, expected one that is a string")
}
