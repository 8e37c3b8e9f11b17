package usersync

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"usher/internal/access"
	"usher/internal/personexpr"
)

// Guard knows the users whom usher never touches: shared accounts, and those of programs. Safe for concurrent use.
type Guard struct {
	patterns []string
	when     cel.Program
	groups   []string
}

// NewGuard returns a guard of the users whose id, account, user name or address fits one of the patterns of path.Match, without regard to case, and of
// those for whom an expression over id, account, person, active and values is true; "" for none. An error names what is wrong.
func NewGuard(patterns []string, when string) (*Guard, error) {
	g := &Guard{}
	var wrong []error
	for _, p := range patterns {
		if p == "" || strings.Contains(p, "[") {
			wrong = append(wrong, fmt.Errorf("protected: found %q, expected a pattern of letters, * and ?", p))
		}
		g.patterns = append(g.patterns, plain(p))
	}
	if when == "" {
		return g, errors.Join(wrong...)
	}
	env, err := cel.NewEnv(
		cel.Variable("id", cel.StringType), cel.Variable("account", cel.StringType), cel.Variable("person", cel.StringType),
		cel.Variable("active", cel.BoolType), cel.Variable("values", cel.MapType(cel.StringType, cel.StringType)),
	)
	if err != nil {
		return nil, err
	}
	tree, issues := env.Compile(when)
	switch {
	case issues.Err() != nil:
		wrong = append(wrong, fmt.Errorf("protected_when: %w", issues.Err()))
	case !tree.OutputType().IsExactType(cel.BoolType):
		wrong = append(wrong, fmt.Errorf("protected_when: found an expression that is a %s, expected one that is true or false", tree.OutputType()))
	default:
		if g.when, err = env.Program(tree, cel.CostLimit(personexpr.CostLimit)); err != nil {
			wrong = append(wrong, fmt.Errorf("protected_when: %w", err))
		}
	}
	return g, errors.Join(wrong...)
}

// WithGroups returns a guard of the users who are in one of some groups of the desk too, by their names.
func (g *Guard) WithGroups(names []string) *Guard {
	with := *g
	with.groups = slices.Clone(names)
	return &with
}

// Unlisted returns the first protected group that users were listed without, by the schema of the listing: nobody of the listing would be in it. ""
// for none.
func (g *Guard) Unlisted(schema access.UserSchema) string {
	for _, name := range g.groups {
		if _, there := schema.Fields[access.GroupField(name)]; !there {
			return name
		}
	}
	return ""
}

// Protects returns why a user is not touched; "" for one who may be. A user for whom it cannot be known is not touched.
func (g *Guard) Protects(u access.DeskUser) string {
	if g.fits(string(u.ID), string(u.Account), u.Values[access.UserFieldName], u.Values[access.UserFieldEmail]) {
		return "the user is protected by a pattern"
	}
	for _, name := range g.groups {
		if u.Values[access.GroupField(name)] != "" {
			return fmt.Sprintf("the user is in the protected group %q", name)
		}
	}
	if g.when == nil {
		return ""
	}
	values := u.Values
	if values == nil {
		values = map[string]string{}
	}
	out, _, err := g.when.Eval(map[string]any{
		"id": string(u.ID), "account": string(u.Account), "person": string(u.Person), "active": u.Active, "values": values,
	})
	switch {
	case err != nil:
		return "protected_when cannot be answered for the user: " + err.Error()
	case out == types.True:
		return "the user is protected by protected_when"
	}
	return ""
}

// wouldProtect returns why a user would be protected once some values are written; "" where not.
func (g *Guard) wouldProtect(u access.DeskUser, values map[string]string) string {
	after := u
	after.Values = maps.Clone(u.Values)
	if after.Values == nil {
		after.Values = map[string]string{}
	}
	maps.Copy(after.Values, values)
	return g.Protects(after)
}

func (g *Guard) fits(names ...string) bool {
	return slices.ContainsFunc(g.patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			fits, err := path.Match(pattern, plain(name))
			return name != "" && err == nil && fits
		})
	})
}

// plain returns a name or a pattern as they are compared. path.Match would give slashes and backslashes a meaning: only * and ? have one here.
func plain(text string) string {
	return strings.NewReplacer("/", "\x01", `\`, "\x02").Replace(access.FoldKey(text))
}
