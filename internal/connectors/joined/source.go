package joined

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/access"
)

// Port is a source that can be joined.
type Port interface {
	access.PeopleSource
	access.PeopleFinder
}

// Opened is a source that was opened to be joined.
type Opened struct {
	Known
	Port Port
}

// Source is several sources as one. Safe for concurrent use.
type Source struct {
	// members are the sources; the first decides who there is.
	members []member
	// orders are the members that have a field, by its name, and all is every member, for the fields that are not in it.
	orders map[string][]int
	all    []int
	now    func() time.Time
}

// member is one of the sources.
type member struct {
	Opened
	name access.SourceName
	key  string
}

var _ access.PeopleSource = (*Source)(nil)

// New joins sources that are open. The error names the keys of the configuration.
func New(c Config, sources map[access.SourceName]Opened) (*Source, error) {
	known := map[access.SourceName]Known{}
	for name, source := range sources {
		known[name] = source.Known
	}
	if err := c.Validate(known); err != nil {
		return nil, err
	}
	s := &Source{orders: map[string][]int{}, now: time.Now}
	for i, m := range c.Sources {
		s.members = append(s.members, member{Opened: sources[m.Source], name: m.Source, key: m.Key})
		s.all = append(s.all, i)
	}
	for field, names := range c.Fields {
		for _, name := range names {
			s.orders[field] = append(s.orders[field], slices.IndexFunc(c.Sources, func(m Member) bool { return m.Source == name }))
		}
	}
	return s, nil
}

// order is the members from which a field is taken, the first that has a value before all others.
func (s *Source) order(field string) []int {
	if order, set := s.orders[field]; set {
		return order
	}
	return s.all
}

// within returns an error of a member as one that names the member, of the same kind. nil stays nil.
func (m member) within(op string, err error) error {
	if err == nil {
		return nil
	}
	out := &access.Error{Kind: access.KindOf(err), Op: op, RetryAfter: access.RetryAfterOf(err), Err: fmt.Errorf("source %s: %w", m.name, err)}
	if inner, ok := errors.AsType[*access.Error](err); ok {
		out.Err = fmt.Errorf("source %s: %w", m.name, inner.Err)
	}
	return out
}

// askedForNobody is a key that nobody has.
const askedForNobody = "usher-asks-whether-this-key-can-be-asked"

// Check implements access.Checker: every source is in order by its own check, and can be asked by its key.
func (s *Source) Check(ctx context.Context) ([]access.Finding, error) {
	const op = "check the sources"
	var all []access.Finding
	for i, m := range s.members {
		found, err := m.Port.Check(ctx)
		if err != nil {
			return nil, m.within(op, err)
		}
		for _, f := range found {
			all = append(all, access.Finding{Key: fmt.Sprintf("sources[%d].source", i), Problem: fmt.Sprintf("%s: %s: %s", m.name, f.Key, f.Problem)})
		}
		_, err = m.Port.FindPeople(ctx, m.key, askedForNobody)
		switch {
		case access.IsKind(err, access.Invalid) && len(found) == 0:
			all = append(all, access.Finding{Key: fmt.Sprintf("sources[%d].key", i), Problem: m.within(op, err).Error()})
		case err != nil && !access.IsKind(err, access.Invalid):
			return nil, m.within(op, err)
		}
	}
	return all, nil
}
