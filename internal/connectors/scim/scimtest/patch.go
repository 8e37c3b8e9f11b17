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
		a := refuse(http.StatusBadRequest, scimType, detail)
		return nil, &a
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

// groupEdit is a group as the operations of one PATCH leave it.
type groupEdit struct {
	server  *Server
	name    string
	members []member
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
	a := refuse(http.StatusBadRequest, "invalidPath", "expected members, members[value eq \"id\"] or displayName")
	return &a
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
		if e.server.state.user(m.Value) == nil {
			return refuseValue("members: no such user")
		}
		if !slices.ContainsFunc(e.members, func(old member) bool { return old.ID == m.Value }) {
			e.members = append(e.members, member{ID: m.Value, Since: e.server.clock()})
		}
	}
	return nil
}

func (e *groupEdit) remove(id string) {
	e.members = slices.DeleteFunc(e.members, func(m member) bool { return m.ID == id })
}

func (e *groupEdit) rename(op string, value json.RawMessage) *answer {
	var name string
	if err := json.Unmarshal(value, &name); err != nil || name == "" || op == opRemove {
		return refuseValue("displayName: expected a text")
	}
	e.name = name
	return nil
}
