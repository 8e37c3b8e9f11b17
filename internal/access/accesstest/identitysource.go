package accesstest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// IdentitySourceHarness is a fresh source behind the connector under test, with what the port cannot do. Its funcs fail
// the test themselves when they cannot do what they are asked for.
type IdentitySourceHarness struct {
	Source access.IdentitySource
	// Known has every field and is active, Bare was given an id and a user name and nothing else, Inactive is inactive.
	// They are as Lookup shall give them, with what the source makes up by itself.
	Known, Bare, Inactive access.Person
	// Unknown is an id that the source does not know.
	Unknown access.PersonID

	// NoEmails is why the source cannot be asked by e-mail address; "" where it can.
	NoEmails string

	// Deactivate makes a person inactive in the source.
	Deactivate func(access.Person)
	// RefuseCredentials makes the source treat the connector's credentials as wrong.
	RefuseCredentials func()
}

// RunIdentitySource checks every promise of access.IdentitySource, one case each. newHarness is called once per case;
// what it opens it closes by t.Cleanup.
func RunIdentitySource(t *testing.T, newHarness func(*testing.T) IdentitySourceHarness) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, IdentitySourceHarness)
	}{
		{"a person is given with every field that the source has", lookupKnown},
		{"what the source does not have is empty", lookupBare},
		{"an inactive person is given, as inactive", lookupInactive},
		{"a person who leaves is inactive from then on", lookupLeaver},
		{"an id that nobody has is not found and named", lookupUnknown},
		{"only the whole id in its own spelling finds a person", lookupExactly},
		{"a user name or an e-mail address finds the only person who has it, in any case", findPerson},
		{"nobody is found by what nobody has", findNobody},
		{"looking up again gives the same, at the same time too", lookupConcurrently},
		{"bad credentials are forbidden, never an unknown person", lookupForbidden},
		{"a context that has ended ends the call", lookupEnded},
		{"a source that is in order has no findings", sourceCheck},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

func (h IdentitySourceHarness) want(t *testing.T, want access.Person) {
	t.Helper()
	got, err := h.Source.Lookup(t.Context(), want.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func lookupKnown(t *testing.T, h IdentitySourceHarness) {
	for _, field := range []string{
		string(h.Known.ID), h.Known.UserName, h.Known.DisplayName, h.Known.Email, string(h.Known.Manager),
	} {
		require.NotEmpty(t, field, "the harness promises a person with every field")
	}
	require.True(t, h.Known.Active)
	h.want(t, h.Known)
}

func lookupBare(t *testing.T, h IdentitySourceHarness) {
	require.Empty(t, h.Bare.Manager, "the harness promises a person without a manager")
	h.want(t, h.Bare)
}

func lookupInactive(t *testing.T, h IdentitySourceHarness) {
	require.False(t, h.Inactive.Active, "the harness promises an inactive person")
	h.want(t, h.Inactive)
}

func lookupLeaver(t *testing.T, h IdentitySourceHarness) {
	h.want(t, h.Known)
	h.Deactivate(h.Known)
	left := h.Known
	left.Active = false
	h.want(t, left)
}

func lookupUnknown(t *testing.T, h IdentitySourceHarness) {
	_, err := h.Source.Lookup(t.Context(), h.Unknown)
	requireFailure(t, access.NotFound, err)
	require.Contains(t, err.Error(), string(h.Unknown))
}

// lookupExactly: two spellings of one id would be two subjects to usher, and a person could approve for themselves.
func lookupExactly(t *testing.T, h IdentitySourceHarness) {
	id := string(h.Known.ID)
	for _, other := range []string{
		"", " ", ".", "..", "../Users/" + id, id + "/", id + "?", id + "#", id + " ", id + "/../" + id, "*", `" or "" eq "`,
		strings.ToUpper(id), strings.ToLower(id), "x" + id,
	} {
		if other == id {
			continue
		}
		_, err := h.Source.Lookup(t.Context(), access.PersonID(other))
		requireFailure(t, access.NotFound, err)
	}
}

func findPerson(t *testing.T, h IdentitySourceHarness) {
	for _, q := range []access.PersonQuery{
		{UserName: h.Known.UserName},
		{UserName: strings.ToUpper(h.Known.UserName)},
		{Email: h.Known.Email},
		{Email: strings.ToUpper(h.Known.Email)},
	} {
		got, err := h.Source.FindPerson(t.Context(), q)
		if q.Email != "" && h.NoEmails != "" {
			requireFailure(t, access.Invalid, err)
			continue
		}
		require.NoError(t, err, "%+v", q)
		require.Equal(t, h.Known, got)
	}
}

func findNobody(t *testing.T, h IdentitySourceHarness) {
	for _, q := range []access.PersonQuery{
		{}, {UserName: "x" + h.Known.UserName}, {Email: "x" + h.Known.Email}, {UserName: h.Known.Email + "x"}, {Email: `" or "" eq "`},
	} {
		_, err := h.Source.FindPerson(t.Context(), q)
		if q.Email != "" && h.NoEmails != "" {
			requireFailure(t, access.Invalid, err)
			continue
		}
		requireFailure(t, access.NotFound, err)
	}
}

func lookupConcurrently(t *testing.T, h IdentitySourceHarness) {
	const calls = 8
	type result struct {
		person access.Person
		err    error
	}
	results := make(chan result)
	for range calls {
		go func() {
			p, err := h.Source.Lookup(t.Context(), h.Known.ID)
			results <- result{p, err}
		}()
	}
	for range calls {
		require.Equal(t, result{person: h.Known}, <-results)
	}
}

func lookupForbidden(t *testing.T, h IdentitySourceHarness) {
	h.RefuseCredentials()
	for _, id := range []access.PersonID{h.Known.ID, h.Unknown} {
		_, err := h.Source.Lookup(t.Context(), id)
		requireFailure(t, access.Forbidden, err)
	}
	_, err := h.Source.Check(t.Context())
	requireFailure(t, access.Forbidden, err)
}

func lookupEnded(t *testing.T, h IdentitySourceHarness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Source.Lookup(ctx, h.Known.ID)
	require.Error(t, err)
	require.Equal(t, access.Transient, access.KindOf(err))
}

func sourceCheck(t *testing.T, h IdentitySourceHarness) {
	for range 2 {
		findings, err := h.Source.Check(t.Context())
		require.NoError(t, err)
		require.Empty(t, findings)
	}
}
