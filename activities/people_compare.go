package activities

import (
	"context"

	"usher/internal/access"
)

// person is what the snapshot and a listing have of one person.
type person struct {
	id     access.PersonID
	known  *access.KnownPerson
	listed access.ListedPerson
}

// compare calls take with everybody whom the snapshot or a listing has, in the order of ids, page by page.
func (a *People) compare(ctx context.Context, run access.PeopleRun, take func([]person) error) error {
	known := cursor[access.KnownPerson]{
		read: func(after access.PersonID) ([]access.KnownPerson, error) {
			return a.Ledger.KnownPeople(ctx, run.Source, after, peoplePage)
		},
		id: func(k access.KnownPerson) access.PersonID { return k.Record.ID },
	}
	listed := cursor[access.ListedRow]{
		read: func(after access.PersonID) ([]access.ListedRow, error) {
			return a.Ledger.ListedPeople(ctx, run.Source, run.Plan, after, peoplePage)
		},
		id: func(r access.ListedRow) access.PersonID { return r.ID },
	}
	var page []person
	for {
		k, err := known.next()
		if err != nil {
			return err
		}
		l, err := listed.next()
		if err != nil {
			return err
		}
		if k == nil && l == nil {
			return take(page)
		}
		var p person
		if l == nil || (k != nil && k.Record.ID <= l.ID) {
			p.id, p.known = k.Record.ID, k
			known.step()
		}
		if k == nil || (l != nil && l.ID <= k.Record.ID) {
			p.id, p.listed = l.ID, l.Listed
			listed.step()
		}
		if page = append(page, p); len(page) == peoplePage {
			if err := take(page); err != nil {
				return err
			}
			page = nil
		}
	}
}

// cursor reads rows in the order of their ids, page by page.
type cursor[T any] struct {
	read func(after access.PersonID) ([]T, error)
	id   func(T) access.PersonID
	page []T
	last access.PersonID
	end  bool
}

// next returns the row that the cursor stands at; nil behind the last.
func (c *cursor[T]) next() (*T, error) {
	if len(c.page) == 0 && !c.end {
		var err error
		if c.page, err = c.read(c.last); err != nil {
			return nil, err
		}
		c.end = len(c.page) < peoplePage
	}
	if len(c.page) == 0 {
		return nil, nil
	}
	return &c.page[0], nil
}

func (c *cursor[T]) step() {
	c.last = c.id(c.page[0])
	c.page = c.page[1:]
}

// at returns the row of an id, and nil where there is none. The ids that it is asked for grow.
func (c *cursor[T]) at(id access.PersonID) (*T, error) {
	for {
		row, err := c.next()
		if err != nil || row == nil || c.id(*row) > id {
			return nil, err
		}
		if c.id(*row) == id {
			return row, nil
		}
		c.step()
	}
}
