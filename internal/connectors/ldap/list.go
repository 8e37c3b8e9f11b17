package ldap

import (
	"context"
	"fmt"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

const opList = "list people"

// ListPeople implements access.PeopleLister. It searches twice on one connection: for the ids alone, and for the attributes. Both must
// find the same entries, which is the proof. Only Active Directory can be asked for changes, see the package's comment.
func (s *Source) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	if since != "" {
		return s.listChanges(ctx, since, take)
	}
	c, err := s.open(ctx, opList)
	if err != nil {
		return access.Listing{}, err
	}
	defer c.close()
	mark, err := c.newWatermark(ctx)
	if err != nil {
		return access.Listing{}, err
	}
	all, err := c.count(ctx, s.who("", s.config.Fields.ID))
	if err != nil {
		return access.Listing{}, err
	}
	if err := c.proveCount(ctx, all); err != nil {
		return access.Listing{}, err
	}
	pages := people.NewPages(opList, take)
	if err := c.hand(ctx, s.who("", s.asked()...), all, listing{pages, newManagers(c, all.managers())}); err != nil {
		return access.Listing{}, err
	}
	end, err := pages.End(ctx, access.ProofCount)
	end.Watermark = mark.text()
	return end, err
}

// changed is the error of a directory that does not say the same twice.
func changed(op, format string, args ...any) error {
	return access.Errorf(access.Transient, op, "%s: the directory changed while it was read, or hides some", fmt.Sprintf(format, args...))
}

// counted are the entries that a search for ids found.
type counted struct {
	// ids are the ids by names of entries, "" for an entry without one.
	ids map[string]access.PersonID
	// names are how many entries have an id.
	names map[access.PersonID]int
}

// count searches for ids.
func (c *conn) count(ctx context.Context, q query) (counted, error) {
	all := counted{ids: map[string]access.PersonID{}, names: map[access.PersonID]int{}}
	err := c.paged(ctx, q, func(e *goldap.Entry) error {
		if _, again := all.ids[e.DN]; again {
			return access.Errorf(access.Transient, c.op, "the directory lists an entry twice: it changed while it was read, or repeats a page")
		}
		id := c.source.reader.ID(c.source.record(e))
		all.ids[e.DN] = id
		all.names[id]++
		return nil
	})
	return all, err
}

// proveCount returns nil where a count can be believed: an account that may read less than it should gets less, and success.
func (c *conn) proveCount(ctx context.Context, all counted) error {
	if len(all.ids) == 0 {
		return c.proveBase(ctx)
	}
	if all.names[""] == len(all.ids) {
		return access.Errorf(access.Forbidden, c.op, "none of %d entries shows an id (fields.id: %s): bind_dn may not read it, or it is another attribute",
			len(all.ids), c.source.config.Fields.ID)
	}
	return nil
}

// managers are the ids by the keys of the entries' names.
func (all counted) managers() map[string]access.PersonID {
	known := make(map[string]access.PersonID, len(all.ids))
	for name, id := range all.ids {
		known[nameKey(name)] = id
	}
	return known
}

// listing is where people go.
type listing struct {
	pages    *people.Pages
	managers *managers
}

// hand searches for the attributes of those who were counted, and hands them over.
func (c *conn) hand(ctx context.Context, q query, all counted, to listing) error {
	seen := make(map[string]bool, len(all.ids))
	shared := map[access.PersonID]bool{}
	err := c.paged(ctx, q, func(e *goldap.Entry) error {
		id, known := all.ids[e.DN]
		switch {
		case seen[e.DN]:
			return access.Errorf(access.Transient, c.op, "the directory lists an entry twice: it changed while it was read, or repeats a page")
		case !known:
			return changed(c.op, "the search for attributes found an entry that the search for ids did not")
		case c.source.reader.ID(c.source.record(e)) != id:
			return changed(c.op, "an entry has another id in the search for attributes than in the search for ids")
		}
		seen[e.DN] = true
		if id != "" && all.names[id] > 1 {
			if shared[id] {
				return nil
			}
			shared[id] = true
			return to.pages.Problem(ctx, access.PersonProblem{
				Row: "entry " + e.DN, ID: id, Problem: fmt.Sprintf("%s: %d entries have this id, expected one", c.source.config.Fields.ID, all.names[id]),
			})
		}
		return c.handOne(ctx, e, to)
	})
	if err != nil {
		return err
	}
	if len(seen) != len(all.ids) {
		return changed(c.op, "the search for ids found %d entries, and the one for attributes %d", len(all.ids), len(seen))
	}
	return nil
}

// handOne hands an entry over.
func (c *conn) handOne(ctx context.Context, e *goldap.Entry, to listing) error {
	if err := c.complete(ctx, e); err != nil {
		return err
	}
	record := c.source.record(e)
	if err := to.managers.resolve(ctx, record); err != nil {
		return err
	}
	return to.pages.Read(ctx, c.source.reader, record)
}
