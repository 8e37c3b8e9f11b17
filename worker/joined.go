package main

import (
	"fmt"
	"maps"
	"slices"

	"usher/internal/access"
	"usher/internal/connectors/joined"
)

// kindJoined is the kind of a source that is made of others.
const kindJoined = "joined"

// others are the sources that a source can be made of.
type others map[access.SourceName]sourceConfig

// source returns the configuration of a source, with the others where it is made of them.
func (c *workerConfig) source(name access.SourceName) sourceConfig {
	found := c.Sources[name]
	if found.Kind != kindJoined {
		return found
	}
	found.others = maps.Clone(c.Sources)
	itself := found.others[name]
	itself.itself = true
	found.others[name] = itself
	return found
}

// known returns what has to be known of the sources to join them.
func (o others) known() map[access.SourceName]joined.Known {
	all := map[access.SourceName]joined.Known{}
	for name, source := range o {
		kind, known := sourceKinds[source.Kind]
		switch {
		case source.itself:
			all[name] = joined.Known{Refused: "is this source itself; expected other sources"}
		case source.Kind == kindJoined:
			all[name] = joined.Known{Refused: "is made of others itself; expected sources of other kinds"}
		case source.Queue.Edge:
			all[name] = joined.Known{Refused: "another worker serves, at the edge; expected sources with their settings in this file"}
		case !known:
			all[name] = joined.Known{Refused: fmt.Sprintf("is of the unknown kind %q", source.Kind)}
		case source.People != nil && source.People.Only != "":
			// Who is in scope is asked of the source that is listed: here it would count for nothing.
			all[name] = joined.Known{Refused: "has people.only, which counts for nothing where it is joined; expected `only` under `people` of the source that joins"}
		default:
			all[name] = kind.joins(source)
		}
	}
	return all
}

// open opens the sources that are joined, each by itself.
func (o others) open(c joined.Config) (access.PeopleSource, error) {
	known := o.known()
	if err := c.Validate(known); err != nil {
		return nil, err
	}
	opened := map[access.SourceName]joined.Opened{}
	for _, member := range c.Sources {
		source, err := o[member.Source].open()
		if err != nil {
			return nil, fmt.Errorf("joined.sources: %s: %w", member.Source, err)
		}
		port, is := source.(joined.Port)
		if !is {
			return nil, fmt.Errorf("joined.sources: found %q, a source of the kind %s, which cannot be joined", member.Source, o[member.Source].Kind)
		}
		opened[member.Source] = joined.Opened{Known: known[member.Source], Port: port}
	}
	return joined.New(c, opened)
}

// mapping returns how the sources that are joined read people.
func (o others) mapping(c joined.Config) any {
	all := []any{c}
	for _, member := range c.Sources {
		source := o[member.Source]
		if kind, known := sourceKinds[source.Kind]; known && kind.mapping != nil {
			all = append(all, kind.mapping(source))
		}
	}
	return slices.Clip(all)
}

// joinedKind is the kind of sources that are made of others. It is no row of sourceKinds, whose rows it reads.
func joinedKind() kind[sourceConfig, access.PeopleSource] {
	return kind[sourceConfig, access.PeopleSource]{
		validate: func(c sourceConfig) error { return c.Joined.Validate(c.others.known()) },
		open:     func(c sourceConfig, _ string) (access.PeopleSource, error) { return c.others.open(c.Joined) },
		mapping:  func(c sourceConfig) any { return c.others.mapping(c.Joined) },
	}
}

// allSourceKinds are the kinds of sources that a configuration can name.
func allSourceKinds() map[string]kind[sourceConfig, access.PeopleSource] {
	all := maps.Clone(sourceKinds)
	all[kindJoined] = joinedKind()
	return all
}
