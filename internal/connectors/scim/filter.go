package scim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/rest"
)

// nobody is a member that cannot exist: asked for, it shows whether a directory looks at filters at all.
const nobody = "usher-asks-whether-filters-count"

// memberAttributes are the ways to ask for a member, in the order in which they are tried.
func memberAttributes() []string { return []string{"members.value", "member"} }

// askFilters asks what the list could not tell. Where no filter can be asked, what the list said stands: m, or why it
// could not be read.
func (c *client) askFilters(ctx context.Context, op string, m membership, unreadable error) (membership, error) {
	for _, attribute := range memberAttributes() {
		asked, err := c.readFilter(ctx, op, attribute, m)
		if err == nil || !access.IsKind(err, access.Invalid) {
			return asked, err
		}
	}
	if unreadable != nil {
		return membership{}, unreadable
	}
	return m, nil
}

// readFilter reads by a filter whether m.account is a member of m.group. That it is counts only if nobody is not.
// Invalid: the directory cannot be asked by this attribute, or ignores the filter.
func (c *client) readFilter(ctx context.Context, op, attribute string, m membership) (membership, error) {
	at := time.Now().UTC()
	found, err := c.filterHits(ctx, op, m.group, eq(attribute, m.account))
	if err == nil && found.group {
		err = c.knowsNobody(ctx, op, attribute, m.group)
	}
	if err != nil {
		return membership{}, err
	}
	return m.filtered(attribute, found, at), nil
}

// filtered is m as a filter shows it.
func (m membership) filtered(attribute string, found hits, at time.Time) membership {
	m.at, m.method, m.filter = at, methodFilter, attribute
	m.holds, m.exact = found.group, !found.others
	m.evidence = fmt.Sprintf("group %q filtered by %s: user %q %s", m.group, attribute, m.account, among(m.holds))
	return m
}

// readAppeared reads by the filter that gave nothing before the change whether it gives the group now, and only that.
// An answer that turned with the change shows that the directory looks at the filter, as long as it is known to have
// done so before. Invalid: as for readFilter.
func (c *client) readAppeared(ctx context.Context, op string, before membership) (membership, error) {
	at := time.Now().UTC()
	found, err := c.filterHits(ctx, op, before.group, eq(before.filter, before.account))
	if err != nil {
		return membership{}, err
	}
	now := before.filtered(before.filter, found, at)
	if now.holds {
		now.evidence += ", and not before the change"
	}
	return now, nil
}

// knowsNobody is nil if the directory does not take nobody for a member. Invalid: it does, so it ignores the filter.
func (c *client) knowsNobody(ctx context.Context, op, attribute, id string) error {
	found, err := c.filterHits(ctx, op, id, eq(attribute, nobody))
	switch {
	case access.IsKind(err, access.Invalid):
		// It looked at the filter and does not like the value; so it looked at the other one, too.
		return nil
	case err != nil:
		return err
	case found.group:
		return access.Errorf(access.Invalid, op, "the directory ignores the filter by %s", attribute)
	}
	return nil
}

// hits is what a filter for one member of one group gave: that group, or others, or both, or nothing.
type hits struct{ group, others bool }

func (c *client) filterHits(ctx context.Context, op, id, condition string) (hits, error) {
	var got hits
	_, err := search(ctx, c, rest.Call{Op: op, Path: "Groups", Query: groupQuery(eq("id", id) + " and " + condition)},
		func(g group) bool {
			got.group = got.group || g.ID == id
			got.others = got.others || g.ID != id
			return g.ID == id
		})
	return got, err
}

// maxProvenFilters bounds what a Target remembers; then it forgets all and learns again.
const maxProvenFilters = 10_000

// provenFilters remembers for long groups by which attribute a filter told a member from nobody. Its zero value knows
// none. Safe for concurrent use.
type provenFilters struct {
	mu         sync.Mutex
	attributes map[string]string
}

// attribute is "" for a group that is not known.
func (p *provenFilters) attribute(group string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.attributes[group]
}

func (p *provenFilters) remember(group, attribute string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.attributes[group]
	if p.attributes == nil || (!known && len(p.attributes) >= maxProvenFilters) {
		p.attributes = map[string]string{}
	}
	p.attributes[group] = attribute
}

func (p *provenFilters) forget(group string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.attributes, group)
}
