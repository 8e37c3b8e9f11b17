package people

import (
	"context"

	"usher/internal/access"
)

// Pages hands what a listing finds to its caller, page by page, and holds that everybody is there once. It is for one listing, and
// not for concurrent use.
type Pages struct {
	op   string
	take func(access.PeoplePage) error
	page access.PeoplePage
	seen map[access.PersonID]bool
	end  access.Listing
}

// NewPages returns the pages of one listing. op is what is done, for the texts of errors.
func NewPages(op string, take func(access.PeoplePage) error) *Pages {
	return &Pages{op: op, take: take, seen: map[access.PersonID]bool{}}
}

// Person adds a person. Transient: somebody of this id is there already. An error of the caller is returned as it is.
func (p *Pages) Person(ctx context.Context, person access.PersonRecord) error {
	p.page.People = append(p.page.People, person)
	p.end.People++
	return p.added(ctx, person.ID)
}

// Problem adds what is no person, as Person adds one.
func (p *Pages) Problem(ctx context.Context, problem access.PersonProblem) error {
	p.page.Problems = append(p.page.Problems, problem)
	p.end.Problems++
	return p.added(ctx, problem.ID)
}

// Gone adds somebody who is not in the source any more, as Person adds one.
func (p *Pages) Gone(ctx context.Context, id access.PersonID) error {
	p.page.Gone = append(p.page.Gone, id)
	return p.added(ctx, id)
}

// Read adds what a reader makes of a record.
func (p *Pages) Read(ctx context.Context, r *Reader, record Record) error {
	person, problem := r.Person(record)
	if problem != nil {
		return p.Problem(ctx, *problem)
	}
	return p.Person(ctx, person)
}

// Has reports whether somebody of an id has been listed.
func (p *Pages) Has(id access.PersonID) bool { return p.seen[id] }

// Records is how many records there have been, people and problems.
func (p *Pages) Records() int { return p.end.People + p.end.Problems }

// End hands over the last page and returns what a complete listing returns. The caller has proved by now that it is one.
func (p *Pages) End(ctx context.Context, proof access.ListingProof) (access.Listing, error) {
	if err := p.flush(ctx); err != nil {
		return access.Listing{}, err
	}
	p.end.Proof = proof
	return p.end, nil
}

func (p *Pages) added(ctx context.Context, id access.PersonID) error {
	if id != "" {
		if p.seen[id] {
			return access.Errorf(access.Transient, p.op, "the source lists %q twice: it changed while it was read, or repeats a page", id)
		}
		p.seen[id] = true
	}
	if len(p.page.People)+len(p.page.Problems)+len(p.page.Gone) < access.MaxPeoplePage {
		return nil
	}
	return p.flush(ctx)
}

func (p *Pages) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &access.Error{Kind: access.Transient, Op: p.op, Err: err}
	}
	if len(p.page.People)+len(p.page.Problems)+len(p.page.Gone) == 0 {
		return nil
	}
	page := p.page
	p.page = access.PeoplePage{}
	return p.take(page)
}
