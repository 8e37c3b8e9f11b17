package people_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

func person(id string) access.PersonRecord {
	return access.PersonRecord{Person: access.Person{ID: access.PersonID(id)}}
}

func TestPages_everybody(t *testing.T) {
	var sizes []int
	pages := people.NewPages("list people", func(p access.PeoplePage) error {
		sizes = append(sizes, len(p.People)+len(p.Problems)+len(p.Gone))
		return nil
	})
	for i := range access.MaxPeoplePage {
		require.NoError(t, pages.Person(t.Context(), person(fmt.Sprint(i))))
	}
	require.NoError(t, pages.Problem(t.Context(), access.PersonProblem{Row: "line 1"}))
	require.NoError(t, pages.Problem(t.Context(), access.PersonProblem{Row: "line 2"}))
	require.NoError(t, pages.Gone(t.Context(), "went"))
	require.Equal(t, access.MaxPeoplePage+2, pages.Records())
	require.True(t, pages.Has("7"))
	require.False(t, pages.Has("x"))
	end, err := pages.End(t.Context(), access.ProofCount)
	require.NoError(t, err)
	require.Equal(t, access.Listing{People: access.MaxPeoplePage, Problems: 2, Proof: access.ProofCount}, end)
	require.Equal(t, []int{access.MaxPeoplePage, 3}, sizes)
}

func TestPages_twice(t *testing.T) {
	pages := people.NewPages("list people", func(access.PeoplePage) error { return nil })
	require.NoError(t, pages.Person(t.Context(), person("ada")))
	for _, err := range []error{
		pages.Person(t.Context(), person("ada")),
		pages.Problem(t.Context(), access.PersonProblem{ID: "ada"}),
		pages.Gone(t.Context(), "ada"),
	} {
		require.Equal(t, access.Transient, access.KindOf(err))
		require.ErrorContains(t, err, `the source lists "ada" twice`)
	}
}

func TestPages_errors(t *testing.T) {
	full := errors.New("full")
	pages := people.NewPages("list people", func(access.PeoplePage) error { return full })
	require.NoError(t, pages.Person(t.Context(), person("ada")))
	_, err := pages.End(t.Context(), access.ProofEnd)
	require.ErrorIs(t, err, full)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = people.NewPages("list people", func(access.PeoplePage) error { return nil }).End(ctx, access.ProofEnd)
	require.Equal(t, access.Transient, access.KindOf(err))
}
