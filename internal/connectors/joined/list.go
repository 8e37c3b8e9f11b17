package joined

import (
	"context"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

const opList = "list people"

// ListPeople implements access.PeopleLister. Every source is listed before take is called. Transient, besides what the sources say: another source than the first
// lists nobody. Invalid: the sources together cannot be asked for changes.
func (s *Source) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	if since != "" {
		return access.Listing{}, access.Errorf(access.Invalid, opList, "sources that are joined cannot be asked for changes; expected no watermark")
	}
	proof := access.ProofCount
	weaken := func(end access.Listing) {
		if end.Proof != access.ProofCount {
			proof = end.Proof
		}
	}
	indexes := make([]*index, len(s.members))
	for i := 1; i < len(s.members); i++ {
		x, end, err := s.index(ctx, i)
		if err != nil {
			return access.Listing{}, err
		}
		indexes[i] = x
		weaken(end)
	}
	first, end, err := s.everybody(ctx)
	if err != nil {
		return access.Listing{}, err
	}
	weaken(end)
	for i, x := range indexes {
		if x != nil && x.people == 0 && len(first.people) > 0 {
			return access.Listing{}, access.Errorf(access.Transient, opList,
				"source %s: lists nobody, and everybody would lose what comes from there; expected people", s.members[i].name)
		}
	}
	pages := people.NewPages(opList, take)
	if err := s.handOver(ctx, pages, first, indexes); err != nil {
		return access.Listing{}, err
	}
	return pages.End(ctx, proof)
}

// handOver adds everybody to the pages of a listing.
func (s *Source) handOver(ctx context.Context, pages *people.Pages, first *everybody, indexes []*index) error {
	for _, p := range first.people {
		person, problem := s.person(s.rowsOf(p, first, indexes))
		if problem != "" {
			if err := pages.Problem(ctx, access.PersonProblem{Row: "person " + string(p.ID), ID: p.ID, Problem: problem}); err != nil {
				return err
			}
			continue
		}
		if err := pages.Person(ctx, person); err != nil {
			return err
		}
	}
	for _, problem := range first.problems {
		problem.Row = "source " + string(s.members[0].name) + ": " + problem.Row
		if err := pages.Problem(ctx, problem); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf returns what all members have for a person of the first one. Of several people with one key, what others have is that of the only one who has not
// left: the old record of somebody who was hired again keeps nobody out, and gets nothing.
func (s *Source) rowsOf(p access.PersonRecord, first *everybody, indexes []*index) []row {
	rows := make([]row, len(s.members))
	rows[0].record = &p
	keys := keysOf(p, s.members[0].key)
	switch {
	case len(keys) == 0:
		return rows
	case len(keys) > 1:
		rows[0].unclear = s.members[0].severalKeys()
		return rows
	case first.having[keys[0]] > 1 && (s.leaves(p) || first.staying[keys[0]] > 1):
		rows[0].unclear = s.members[0].severalPeople()
		return rows
	}
	for i, x := range indexes {
		if x != nil {
			rows[i] = x.of(keys[0])
		}
	}
	return rows
}

// everybody is what the first source lists.
type everybody struct {
	people   []access.PersonRecord
	problems []access.PersonProblem
	// having are how many of them have a key, and staying how many of these have not left, or cannot be read.
	having, staying map[string]int
}

// everybody lists the first source.
func (s *Source) everybody(ctx context.Context) (*everybody, access.Listing, error) {
	all, first := &everybody{having: map[string]int{}, staying: map[string]int{}}, s.members[0]
	end, err := first.Port.ListPeople(ctx, "", func(page access.PeoplePage) error {
		all.people = append(all.people, page.People...)
		all.problems = append(all.problems, page.Problems...)
		for _, p := range page.People {
			for _, key := range keysOf(p, first.key) {
				all.having[key]++
				if !s.leaves(p) {
					all.staying[key]++
				}
			}
		}
		for _, p := range page.Problems {
			// What stands there otherwise cannot be read.
			for _, key := range keysOf(access.PersonRecord{Person: access.Person{ID: p.ID}}, first.key) {
				all.having[key]++
				all.staying[key]++
			}
		}
		return nil
	})
	return all, end, first.within(opList, err)
}
