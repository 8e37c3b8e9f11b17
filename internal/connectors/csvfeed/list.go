package csvfeed

import (
	"context"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

var (
	_ access.PeopleLister = (*Source)(nil)
	_ access.PeopleFinder = (*Source)(nil)
)

// ListPeople implements access.PeopleLister. The file is read as a whole and proved before take is called. Invalid: a file has no history,
// so it cannot be asked for changes.
func (s *Source) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	const op = "list people"
	if since != "" {
		return access.Listing{}, access.Errorf(access.Invalid, op, "a file cannot be asked for changes; expected no watermark")
	}
	now, err := s.readAgain(ctx, op)
	if err != nil {
		return access.Listing{}, err
	}
	pages := people.NewPages(op, take)
	if err := now.table.ListTo(ctx, pages); err != nil {
		return access.Listing{}, err
	}
	return pages.End(ctx, now.proof)
}

// readAgain reads the file, whatever is remembered of it.
func (s *Source) readAgain(ctx context.Context, op string) (reading, error) {
	leave, err := s.enter(ctx, op)
	if err != nil {
		return reading{}, err
	}
	defer leave()
	if err := s.refresh(ctx, op, nil); err != nil {
		return reading{}, err
	}
	return *s.last, nil
}

// Check implements access.Checker: the file is there, whole, and has the columns, and a row of it is a person.
func (s *Source) Check(ctx context.Context) ([]access.Finding, error) {
	now, err := s.readAgain(ctx, "check the file")
	if err != nil {
		return people.Findings(err)
	}
	if problem, nobody := now.table.Nobody(); nobody {
		return []access.Finding{{Key: "fields", Problem: "no row of the file is a person; " + problem.Row + ": " + problem.Problem}}, nil
	}
	return nil, nil
}
