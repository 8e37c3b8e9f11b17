package joined_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
)

// A record of the directory that cannot be read and shows no key may be anybody's, so in a listing everybody without a record there is a problem, and "to look such a person up is an error that says why"
// (connectors.md). The look-up finds no record by the key, and returns the person as if the directory had none: half a person, with the address that the order puts last.
func TestAttackJoined_lookup_of_half_a_person(t *testing.T) {
	c := config()
	c.Fields = map[string][]access.SourceName{"email": {"ad", "hr"}, "user_name": {"ad", "hr"}}
	hr := &script{people: []access.PersonRecord{withEmail(record("1", ""), "private@example.net"), record("2", "")}}
	ad := &script{people: []access.PersonRecord{record("x", "2")}, problems: []access.PersonProblem{{Row: "cn=ana", Problem: "employeeID: cannot be read"}}}
	s := join(t, c, hr, ad)
	got, err := list(t, s)
	require.NoError(t, err)
	require.Contains(t, got.problems["1"], "may be this person's")
	person, err := s.Lookup(t.Context(), "1")
	require.Error(t, err, "%+v", person)
}

// Somebody who was hired again has a new id in the personnel system, and the old record, which is inactive, stays there with the same number. Nobody works by the old record, and the key of the person who is
// here is that of several people for ever: the new one never joins, or stays as usher knew this person, a last day too.
func TestAttackJoined_old_record_of_somebody_who_was_hired_again(t *testing.T) {
	c := joined.Config{Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: numberKey}}}
	old := record("1", "4711")
	old.Active = false
	got, err := list(t, join(t, c, &script{people: []access.PersonRecord{old, record("2", "4711")}}, &script{people: []access.PersonRecord{record("x", "4711")}}))
	require.NoError(t, err)
	require.Contains(t, got.people, access.PersonID("2"), "%v", got.problems)
}
