package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"usher/internal/access"
)

const opParse = "parse catalog"

// names is what an application's id and a role may look like.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Parse reads a catalog in YAML:
//
//	applications:
//	  - id: wiki                      # letters, digits, . _ -
//	    name: Wiki
//	    owners: [person-7]            # ids of the identity source; needed where a stage is owner
//	    fallback: [person-8]          # who approves a stage that nobody else can approve; left out: nobody, so it is refused
//	    desk: jira                    # where requests for it are opened; left out: the usual desk
//	    entitlements:
//	      - role: editor              # asked for as wiki/editor
//	        title: Wiki editor
//	        fulfilment: scim          # or manual
//	        target: directory         # with target_role: where the access is; for manual both may be left out
//	        target_role: wiki-editors
//	        max_duration: 90d         # left out: no limit
//	        existing_access: keep     # or revoke, which is meant where it is left out: what becomes of access that
//	                                  # somebody had before usher granted it, when the lease ends
//	        stages: [manager, owner]  # one or both, in this order
//	        owners: [person-9]        # instead of the application's
//	        fallback: [person-6]      # instead of the application's
//
// The error is nil or Invalid, and its text has one line for each problem, with path and line:
// "applications[0].entitlements[1].stages (line 9): ...".
func Parse(data []byte) (*Catalog, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, access.Errorf(access.Invalid, opParse, "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if document.Kind == 0 {
		return nil, access.Errorf(access.Invalid, opParse, "applications: found an empty file, expected at least one application")
	}
	p := &parser{}
	entitlements := p.catalog(document.Content[0])
	if len(p.problems) > 0 {
		return nil, access.Errorf(access.Invalid, opParse, "%s", strings.Join(p.problems, "\n"))
	}
	return newCatalog(p.applications, entitlements), nil
}

// application is what an entitlement takes over from the application around it.
type application struct {
	id, name string
	desk     access.DeskName
	owners   []access.PersonID
	fallback []access.PersonID
	channels []access.Channel
}

func (p *parser) catalog(n *yaml.Node) []Entitlement {
	keys := p.section("", n, "applications")
	if keys == nil {
		return nil
	}
	applications := p.list("applications", keys["applications"])
	if len(applications) == 0 {
		p.problem("applications", n, "found none, expected at least one")
	}
	var all []Entitlement
	seen := map[string]string{}
	for i, one := range applications {
		all = append(all, p.application(fmt.Sprintf("applications[%d]", i), one, seen)...)
	}
	return all
}

func (p *parser) application(path string, n *yaml.Node, seen map[string]string) []Entitlement {
	keys := p.section(path, n, "id", "name", "desk", "owners", "decision_channels", "entitlements", "fallback")
	if keys == nil {
		return nil
	}
	app := application{
		id:       p.name(path+".id", n, keys["id"]),
		name:     p.required(path+".name", n, keys["name"]),
		owners:   p.people(path+".owners", n, keys["owners"]),
		fallback: p.fallback(path, n, keys, "for nobody"),
	}
	if desk, ok := keys["desk"]; ok {
		app.desk = access.DeskName(p.name(path+".desk", n, desk))
	}
	app.channels = p.channels(path, n, keys)
	p.once(path+".id", n, app.id, seen)
	p.applications = append(p.applications, access.PublishedApplication{ID: app.id, Name: app.name, Owners: app.owners})
	entitlements := p.list(path+".entitlements", keys["entitlements"])
	if len(entitlements) == 0 {
		p.problem(path+".entitlements", n, "found none, expected at least one")
	}
	var all []Entitlement
	roles := map[string]string{}
	for i, one := range entitlements {
		all = append(all, p.entitlement(fmt.Sprintf("%s.entitlements[%d]", path, i), one, app, roles))
	}
	return all
}

func (p *parser) entitlement(path string, n *yaml.Node, app application, roles map[string]string) Entitlement {
	keys := p.section(path, n, "role", "title", "fulfilment", "target", "target_role", "max_duration",
		"existing_access", "stages", "decision_channels", "owners", "fallback")
	if keys == nil {
		return Entitlement{}
	}
	role := p.name(path+".role", n, keys["role"])
	p.once(path+".role", n, role, roles)
	e := Entitlement{
		ID:          access.EntitlementID(app.id + "/" + role),
		Application: app.name,
		Title:       p.required(path+".title", n, keys["title"]),
		Fulfilment:  access.Fulfilment(p.oneOf(path+".fulfilment", n, keys["fulfilment"], string(access.FulfilmentSCIM), string(access.FulfilmentManual))),
		MaxDuration: p.duration(path+".max_duration", keys["max_duration"]),
		Stages:      p.both(path+".stages", n, keys["stages"], access.StageManager, access.StageOwner),
		Owners:      app.owners,
		Fallback:    app.fallback,
		Desk:        app.desk, DecisionChannels: app.channels,
	}
	e.Binding = p.binding(path, n, e.Fulfilment, keys)
	if existing, ok := keys["existing_access"]; ok {
		e.ExistingAccess = access.ExistingAccess(p.oneOf(path+".existing_access", n, existing,
			string(access.ExistingKeep), string(access.ExistingRevoke)))
	}
	if _, own := keys["decision_channels"]; own {
		e.DecisionChannels = p.channels(path, n, keys)
	}
	if _, own := keys["fallback"]; own {
		e.Fallback = p.fallback(path, n, keys, "for the application's fallback")
	}
	if own, ok := keys["owners"]; ok {
		e.Owners = p.people(path+".owners", n, own)
		if len(e.Owners) == 0 {
			p.problem(path+".owners", own, "found none, expected at least one; leave the key out for the application's owners")
		}
	} else if len(e.Owners) == 0 && slices.Contains(e.Stages, access.StageOwner) {
		p.problem(path+".stages", keys["stages"], "found owner, but neither the entitlement nor its application has owners")
	}
	return e
}

// fallback returns the people of the section's fallback; none where the section does not say. absent is what it means to leave the key out.
func (p *parser) fallback(path string, parent *yaml.Node, keys map[string]*yaml.Node, absent string) []access.PersonID {
	n, ok := keys["fallback"]
	if !ok {
		return nil
	}
	ids := p.people(path+".fallback", parent, n)
	if n.Kind == yaml.SequenceNode && len(ids) == 0 {
		p.problem(path+".fallback", n, "found none, expected at least one; leave the key out %s", absent)
	}
	return ids
}

// channels returns the channels on which an approver decides; none where the section does not say.
func (p *parser) channels(path string, n *yaml.Node, keys map[string]*yaml.Node) []access.Channel {
	by, ok := keys["decision_channels"]
	if !ok {
		return nil
	}
	var channels []access.Channel
	for _, channel := range p.both(path+".decision_channels", n, by, string(access.ChannelAPI), string(access.ChannelTicket)) {
		channels = append(channels, access.Channel(channel))
	}
	return channels
}

func (p *parser) binding(path string, n *yaml.Node, fulfilment access.Fulfilment, keys map[string]*yaml.Node) *access.Binding {
	target, hasTarget := keys["target"]
	role, hasRole := keys["target_role"]
	if fulfilment != access.FulfilmentSCIM && !hasTarget && !hasRole {
		return nil
	}
	b := &access.Binding{Target: access.TargetName(p.text(path+".target", target)), Role: p.text(path+".target_role", role)}
	p.half(path+".target", n, target, fulfilment)
	p.half(path+".target_role", n, role, fulfilment)
	return b
}

// half notes that one of target and target_role is missing.
func (p *parser) half(path string, parent, n *yaml.Node, fulfilment access.Fulfilment) {
	switch {
	case n != nil && (n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) != ""):
	case fulfilment == access.FulfilmentSCIM:
		p.problem(path, parent, "found none, expected it, because fulfilment is scim")
	default:
		p.problem(path, parent, "found none, expected target and target_role, or none of them")
	}
}

// both returns a list of one or both of two words, in the order of the file.
func (p *parser) both(path string, parent, n *yaml.Node, one, other string) []string {
	if n == nil {
		p.problem(path, parent, "found none, expected %s, %s, or both", one, other)
		return nil
	}
	var found []string
	for i, item := range p.list(path, n) {
		word := p.oneOf(fmt.Sprintf("%s[%d]", path, i), parent, item, one, other)
		if slices.Contains(found, word) && word != "" {
			p.problem(path, item, "found %s twice, expected it once", word)
			continue
		}
		found = append(found, word)
	}
	if n.Kind == yaml.SequenceNode && len(found) == 0 {
		p.problem(path, n, "found none, expected %s, %s, or both", one, other)
	}
	return found
}

func (p *parser) people(path string, parent, n *yaml.Node) []access.PersonID {
	var ids []access.PersonID
	for i, one := range p.list(path, n) {
		at := fmt.Sprintf("%s[%d]", path, i)
		id := access.PersonID(p.required(at, parent, one))
		if problem := access.Limits().Person.Problem(string(id)); problem != "" {
			p.problem(at, one, "%s", problem)
		}
		if slices.Contains(ids, id) && id != "" {
			p.problem(at, one, "found %s twice, expected each person once", id)
		}
		ids = append(ids, id)
	}
	return ids
}

func (p *parser) duration(path string, n *yaml.Node) access.Duration {
	if n == nil {
		return 0
	}
	text := p.text(path, n)
	if n.Kind != yaml.ScalarNode {
		return 0
	}
	d, err := access.ParseDuration(text)
	if err != nil {
		p.problem(path, n, "%v", err)
	} else if d == 0 {
		p.problem(path, n, "found no time at all; leave the key out for no limit")
	}
	return d
}
