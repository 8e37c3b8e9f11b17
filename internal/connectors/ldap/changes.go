package ldap

import (
	"context"
	"fmt"
	"slices"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// persons are the entries of Active Directory that can be people, whatever the filter says.
const persons = "(objectClass=person)(!(objectClass=computer))"

// listChanges lists who changed since a watermark.
func (s *Source) listChanges(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	if problem := s.noChanges(); problem != "" {
		return access.Listing{}, access.Errorf(access.Invalid, opList, "this directory cannot be asked for changes: %s", problem)
	}
	mark, err := parseWatermark(since)
	if err != nil {
		return access.Listing{}, err
	}
	c, err := s.open(ctx, opList)
	if err != nil {
		return access.Listing{}, err
	}
	defer c.close()
	at, err := c.server(ctx)
	if err == nil {
		err = at.follows(mark)
	}
	if err != nil {
		return access.Listing{}, err
	}
	pages := people.NewPages(opList, take)
	if err := c.changes(ctx, change{at.domain, fmt.Sprintf("(uSNChanged>=%d)", mark.usn+1)}, pages); err != nil {
		return access.Listing{}, err
	}
	end, err := pages.End(ctx, access.ProofCount)
	end.Changes, end.Watermark = true, at.now.text()
	return end, err
}

// change is what is asked for: entries of a domain, by a filter for what changed.
type change struct{ domain, filter string }

// inDomain is the query for what changed in the whole domain.
func (s *Source) inDomain(what change, filter string) query {
	return query{
		base: what.domain, scope: goldap.ScopeWholeSubtree, filter: "(&" + filter + what.filter + ")", attributes: []string{s.config.Fields.ID},
	}
}

// changes hands over who changed and who is gone. Everybody who changed is asked for first, before those among them who are usher's
// people: who becomes one of them in between is among both, and not taken for gone.
func (c *conn) changes(ctx context.Context, what change, pages *people.Pages) error {
	if err := c.unmoved(ctx, what); err != nil {
		return err
	}
	everybody, err := c.count(ctx, c.source.inDomain(what, persons))
	if err != nil {
		return err
	}
	ours, err := c.count(ctx, c.source.who(what.filter, c.source.config.Fields.ID))
	if err != nil {
		return err
	}
	if err := c.proveCount(ctx, ours); err != nil {
		return err
	}
	if err := c.hand(ctx, c.source.who(what.filter, c.source.asked()...), ours, listing{pages, newManagers(c, nil)}); err != nil {
		return err
	}
	deleted := c.source.inDomain(what, "(isDeleted=TRUE)"+persons)
	deleted.deleted = true
	bin, err := c.count(ctx, deleted)
	if err != nil {
		return err
	}
	return gone(ctx, pages, ours, everybody, bin)
}

// unmoved returns nil where no container of the domain changed: the people in one that moves do not change with it.
func (c *conn) unmoved(ctx context.Context, what change) error {
	q := c.source.inDomain(what, "(|(objectClass=organizationalUnit)(objectClass=container))")
	q.attributes, q.limit = []string{noAttributes}, 1
	moved, err := c.search(ctx, q)
	if err == nil && len(moved) > 0 {
		err = access.Errorf(access.Invalid, opList, "an organizational unit or a container changed, which may have moved people: list everybody")
	}
	return err
}

// gone hands over those of others who are not among ours, each once.
func gone(ctx context.Context, pages *people.Pages, ours counted, others ...counted) error {
	found := map[access.PersonID]bool{}
	for _, all := range others {
		for id := range all.names {
			if id != "" && ours.names[id] == 0 {
				found[id] = true
			}
		}
	}
	ids := make([]access.PersonID, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := pages.Gone(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
