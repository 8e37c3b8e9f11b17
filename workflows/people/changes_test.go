package people_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// changing is a source that can be asked for changes, and gives one page after the other.
type changing struct {
	access.PeopleSource
	// since is what it was asked with.
	since []string
	pages []access.PeoplePage
}

func (s *changing) ListPeople(_ context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	page := s.pages[len(s.since)]
	s.since = append(s.since, since)
	if err := take(page); err != nil {
		return access.Listing{}, err
	}
	return access.Listing{
		People: len(page.People), Problems: len(page.Problems), Changes: since != "", Proof: access.ProofCount, Watermark: "w" + strconv.Itoa(len(s.since)),
	}, nil
}

// inTurn is a company of 40 whose source gives such pages.
func inTurn(t *testing.T, pages ...access.PeoplePage) (*company, *changing) {
	c := newCompany(t, 0)
	c.settings.WholeEvery = 7 * 24 * time.Hour
	s := &changing{PeopleSource: c.source, pages: pages}
	c.port = s
	return c, s
}

func everybody(problems ...access.PersonProblem) access.PeoplePage {
	page := access.PeoplePage{Problems: problems}
	for i := range 40 {
		page.People = append(page.People, employee(i))
	}
	return page
}

// What could not be read of the changes is asked for again: it may be readable by then, and is not among what changed since.
func TestPeopleRun_problem_in_changes_is_read_again(t *testing.T) {
	for name, problem := range map[string]access.PersonProblem{
		"with an id": {Row: "entry", ID: idOf(3), Problem: "not shown"}, "without an id": {Row: "entry", Problem: "no id"},
	} {
		t.Run(name, func(t *testing.T) {
			spoiled := access.PeoplePage{Problems: []access.PersonProblem{problem}}
			c, s := inTurn(t, everybody(), spoiled, spoiled, access.PeoplePage{}, access.PeoplePage{})
			for range s.pages {
				c.ends()
			}
			require.Equal(t, []string{"", "w1", "w1", "w1", "w4"}, s.since)
		})
	}
}

// Nobody can be missing beside an entry that names nobody, so such a listing does not count as the one of everybody.
func TestPeopleRun_whole_listing_with_a_nameless_row(t *testing.T) {
	c, s := inTurn(t, everybody(), everybody(access.PersonProblem{Row: "entry", Problem: "no id"}), everybody(), access.PeoplePage{})
	first := c.ends()
	spoiled, err := c.run(workflows.PeopleRunParams{Whole: true})
	require.NoError(t, err)
	require.Equal(t, first.WholeAt, spoiled.WholeAt)
	last := c.ends()
	require.Equal(t, last.BeganAt, last.WholeAt)
	c.ends()
	require.Equal(t, []string{"", "", "", "w3"}, s.since)

	c, s = inTurn(t, everybody(access.PersonProblem{Row: "entry", ID: "other", Problem: "no name"}), access.PeoplePage{})
	c.ends()
	c.ends()
	require.Equal(t, []string{"", "w1"}, s.since, "this problem names somebody")
}
