package scimtest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// operation is one operation of a PATCH, its op in lower case.
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

const (
	opAdd     = "add"
	opRemove  = "remove"
	opReplace = "replace"
)

type sentMembers struct {
	Value string `json:"value"`
}

func parsePatch(body []byte) ([]operation, *answer) {
	var sent struct {
		Schemas    []string    `json:"schemas"`
		Operations []operation `json:"Operations"`
	}
	bad := func(scimType, detail string) ([]operation, *answer) {
		return nil, refuse(http.StatusBadRequest, scimType, detail)
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return bad("invalidSyntax", "the body is not a PATCH")
	}
	if !slices.Contains(sent.Schemas, schemaPatch) {
		return bad("invalidSyntax", "schemas: expected "+schemaPatch)
	}
	if len(sent.Operations) == 0 {
		return bad("invalidSyntax", "Operations: expected at least one")
	}
	for i := range sent.Operations {
		o := &sent.Operations[i]
		o.Op = strings.ToLower(o.Op)
		if o.Op != opAdd && o.Op != opRemove && o.Op != opReplace {
			return bad("invalidSyntax", "op: expected add, remove or replace")
		}
	}
	return sent.Operations, nil
}

// groupEdit collects what the operations of one PATCH do to a group: left are those of its members that were removed,
// and came stand at the end of its list.
type groupEdit struct {
	users      *roster[User]
	group      *group
	name       string
	left, came *roster[struct{}]
}

func newGroupEdit(s *Server, g *group) *groupEdit {
	return &groupEdit{
		users: s.state.users, group: g, name: g.DisplayName,
		left: newRoster[struct{}](nil), came: newRoster[struct{}](nil),
	}
}

// done is the edit as a whole.
func (e *groupEdit) done() edit {
	out := edit{Group: e.group.ID, Left: e.left.ids(), Came: e.came.ids()}
	slices.SortFunc(out.Left, func(a, b string) int { return e.group.members.byID[a].turn - e.group.members.byID[b].turn })
	if e.name != e.group.DisplayName {
		out.Name = e.name
	}
	return out
}

// memberPath is `members[value eq "id"]`.
var memberPath = regexp.MustCompile(`(?i)^members\[\s*value\s+eq\s+("(?:[^"\\]|\\.)*")\s*\]$`)

func (e *groupEdit) apply(o operation) *answer {
	if found := memberPath.FindStringSubmatch(o.Path); found != nil {
		var id string
		if err := json.Unmarshal([]byte(found[1]), &id); err != nil || o.Op != opRemove {
			return refuseValue("a member's path can only be removed")
		}
		e.remove(id)
		return nil
	}
	switch strings.ToLower(o.Path) {
	case "members":
		return e.applyMembers(o.Op, o.Value)
	case "displayname":
		return e.rename(o.Op, o.Value)
	case "":
		return e.applyPathless(o)
	}
	return refusePath()
}

func refusePath() *answer {
	return refuse(http.StatusBadRequest, "invalidPath", "expected members, members[value eq \"id\"] or displayName")
}

func (e *groupEdit) applyPathless(o operation) *answer {
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal(o.Value, &attributes); err != nil || o.Op == opRemove {
		return refuseValue("without a path, expected an object to add or replace")
	}
	for name := range attributes {
		if name != "members" && name != "displayName" {
			return refusePath()
		}
	}
	if value, sent := attributes["displayName"]; sent {
		if bad := e.rename(o.Op, value); bad != nil {
			return bad
		}
	}
	if value, sent := attributes["members"]; sent {
		return e.applyMembers(o.Op, value)
	}
	return nil
}

// applyMembers changes single members; it refuses what would write or empty the whole list.
func (e *groupEdit) applyMembers(op string, value json.RawMessage) *answer {
	var sent []sentMembers
	if err := json.Unmarshal(value, &sent); err != nil || len(sent) == 0 {
		return refuseValue("members: expected an array of {value}")
	}
	if op == opReplace {
		return refuseValue("members: a whole member list cannot be replaced")
	}
	for _, m := range sent {
		if op == opRemove {
			e.remove(m.Value)
			continue
		}
		if !e.users.has(m.Value) {
			return refuseValue("members: no such user")
		}
		if !e.group.members.has(m.Value) || e.left.has(m.Value) {
			e.came.put(m.Value, struct{}{})
		}
	}
	return nil
}

func (e *groupEdit) remove(id string) {
	e.came.drop(id)
	if e.group.members.has(id) {
		e.left.put(id, struct{}{})
	}
}

func (e *groupEdit) rename(op string, value json.RawMessage) *answer {
	var name string
	if err := json.Unmarshal(value, &name); err != nil || name == "" || op == opRemove {
		return refuseValue("displayName: expected a text")
	}
	e.name = name
	return nil
}
