package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func inDepartment(i int, department string) access.PersonRecord {
	r := employee(i)
	r.Attributes = map[string][]string{access.AttributeDepartment: {department}}
	return r
}

// Somebody is missing, listed, and missing again: not twice in a row, though a brake held what the listing between had of this person.
func TestPeopleRun_listed_and_held_is_not_missing(t *testing.T) {
	c := newCompany(t, 40)
	c.ends()
	c.source.Remove(idOf(4))
	require.Equal(t, 1, c.ends().Counts.Classes[access.ClassMissing])
	for i := range 40 {
		c.source.PutRecords(inDepartment(i, "broken"))
	}
	require.Equal(t, 40, c.ends().Held, "the field is held")
	for i := range 40 {
		c.source.PutRecords(employee(i))
	}
	c.source.Remove(idOf(4))
	c.ends()
	require.Equal(t, access.PersonPresent, c.state(4), "was listed between the two listings without this person")
}

// The same, where a changed configuration holds the change.
func TestPeopleRun_listed_and_remapped_is_not_missing(t *testing.T) {
	c := newCompany(t, 40)
	c.ends()
	c.source.Remove(idOf(4))
	c.ends()
	c.mapping = "m2"
	c.source.PutRecords(inDepartment(4, "new"))
	require.Equal(t, 1, c.ends().Held)
	c.mapping = "m1"
	c.source.Remove(idOf(4))
	c.ends()
	require.Equal(t, access.PersonPresent, c.state(4), "was listed between the two listings without this person")
}
