package usersync

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"

	"usher/internal/access"
	"usher/internal/personexpr"
)

// Group is who of the people is in a group of a desk.
type Group struct {
	// Members is a CEL expression that is true for those who are in the group. It sees what Field.Value sees, and besides reports, how many people
	// have the person as their manager, and owns, what of the catalog the person owns: "wiki/editor".
	Members string `yaml:"members" json:"members"`
	// Birthright lets people get a group by what they are that others have to ask for, or that approves or fulfils.
	Birthright bool `yaml:"birthright" json:"-"`
}

// Position is what a person is to others.
type Position struct {
	// Reports is how many people who have not left have the person as their manager.
	Reports int
	// Owns are the entitlements that the person owns; none for none.
	Owns []string
}

// Groups knows who is in the groups of a desk. A membership is a field of a user, access.GroupField, so that plans, brakes and releases are those
// of fields. nil has no groups. Safe for concurrent use.
type Groups struct {
	names   []string
	members map[string]*personexpr.Condition
	byOwns  []string
}

// NewGroups compiles groups. An error names each one that is wrong, by groups.<name>.
func NewGroups(groups map[string]Group, tables Tables) (*Groups, error) {
	reports := cel.Variable("reports", cel.IntType)
	language, err := languageOf(tables, reports, cel.Variable("owns", cel.ListType(cel.StringType)))
	if err != nil {
		return nil, err
	}
	withoutOwns, err := languageOf(tables, reports)
	if err != nil {
		return nil, err
	}
	g := &Groups{members: map[string]*personexpr.Condition{}}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if strings.TrimSpace(name) != name || name == "" || !access.Limits().ID.Fits(access.GroupField(name)) {
			wrong = append(wrong, fmt.Errorf("groups.%q: expected the name of a group of the desk", name))
		}
		members, err := language.Condition(groups[name].Members)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("groups.%s.members: %w", name, err))
		}
		if _, err := withoutOwns.Condition(groups[name].Members); err != nil {
			g.byOwns = append(g.byOwns, name)
		}
		g.members[name] = members
		g.names = append(g.names, name)
	}
	return g, errors.Join(wrong...)
}

// Names returns the names of the groups, sorted.
func (g *Groups) Names() []string {
	if g == nil {
		return nil
	}
	return slices.Clone(g.names)
}

// ByOwns returns the names of the groups whose expressions ask what people own, sorted.
func (g *Groups) ByOwns() []string {
	if g == nil {
		return nil
	}
	return slices.Clone(g.byOwns)
}

// Add adds to the values of a person's user which groups the user is in, and returns the notes with one for each group of which that cannot be
// known: there the user stays what they are.
func (g *Groups) Add(values map[string]string, notes []string, p access.PersonRecord, in Position) []string {
	if g == nil || len(g.names) == 0 {
		return notes
	}
	input := personexpr.InputOf(p)
	// A nil list is no list for the expression.
	input["reports"], input["owns"] = in.Reports, append([]string{}, in.Owns...)
	for _, name := range g.names {
		is, err := g.members[name].Of(input)
		field := access.GroupField(name)
		switch {
		case err != nil:
			notes = append(notes, field+": "+err.Error())
		case is:
			values[field] = access.GroupMember
		default:
			values[field] = ""
		}
	}
	return notes
}

// Removals returns those of some values that take a user out of a group; none is nil.
func Removals(values map[string]string) map[string]string {
	var removals map[string]string
	for field, value := range values {
		if _, is := access.GroupOfField(field); !is || value != "" {
			continue
		}
		if removals == nil {
			removals = map[string]string{}
		}
		removals[field] = ""
	}
	return removals
}
