package scimtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

func (s *Server) groupAttributes() attributeSet {
	known := attributeSet{"id": true, "displayname": false}
	switch s.quirks.MemberFilter {
	case NoMemberFilter:
	case "":
		known["members.value"] = true
	default:
		known[strings.ToLower(s.quirks.MemberFilter)] = true
	}
	return known
}

func (s *Server) groupMatches(g *group, c condition) bool {
	switch c.attribute {
	case s.memberAttribute():
		return g.shown().has(c.value)
	case "id":
		return c.equals(g.ID)
	case "displayname":
		return c.equals(g.DisplayName)
	}
	return false
}

func (s *Server) groupResource(g *group, p projection) resource {
	r := resource{
		"schemas": []string{schemaGroup}, "id": g.ID, "displayName": g.DisplayName,
		"meta": map[string]any{"resourceType": "Group", "location": BasePath + "/Groups/" + g.ID},
	}
	// A group may have very many members, so they are listed for those alone who want to see them.
	if p.shows("members") {
		r["members"] = s.listMembers(g)
	}
	return p.of(r)
}

// listedMember is a member as it goes over the wire. Display is nil where no user has the id.
type listedMember struct {
	Ref     string  `json:"$ref"`
	Display *string `json:"display,omitempty"`
	Type    string  `json:"type"`
	Value   string  `json:"value"`
}

func (s *Server) listMembers(g *group) []listedMember {
	members := g.shown().order
	switch cut := s.quirks.CutMembers; {
	case s.quirks.HideMembers:
		members = nil
	case cut > 0 && cut < len(members):
		members = members[:cut]
	}
	listed := make([]listedMember, 0, len(members))
	for _, m := range members {
		entry := listedMember{Ref: "../Users/" + url.PathEscape(m.id), Type: "User", Value: m.id}
		if u, found := s.state.users.get(m.id); found {
			name := u.DisplayName
			entry.Display = &name
		}
		listed = append(listed, entry)
	}
	return listed
}

func (s *Server) memberAttribute() string {
	if s.quirks.MemberFilter == "" {
		return "members.value"
	}
	return strings.ToLower(s.quirks.MemberFilter)
}

func (s *Server) listGroups(r *http.Request, _ []byte) *answer {
	query := r.URL.Query()
	a := answerPage(s, query, listing[*group]{s.state.groups, s.groupAttributes(), s.groupMatches, s.groupResource})
	// Only a read that is about members uses up a stale one.
	if strings.Contains(strings.ToLower(query.Get("filter")), s.memberAttribute()) {
		for g := range s.state.groups.values() {
			g.readOnce()
		}
	}
	return a
}

func (s *Server) getGroup(r *http.Request, _ []byte) *answer {
	g, found := s.state.groups.get(r.PathValue("id"))
	if !found {
		return refuse(http.StatusNotFound, "", "no such group")
	}
	p := projectionOf(r.URL.Query())
	shown := s.groupResource(g, p)
	if p.shows("members") {
		g.readOnce()
	}
	return &answer{Status: http.StatusOK, Body: shown}
}

func (s *Server) createGroup(r *http.Request, body []byte) *answer {
	var sent struct {
		DisplayName string        `json:"displayName"`
		Members     []sentMembers `json:"members"`
	}
	if err := json.Unmarshal(body, &sent); err != nil || sent.DisplayName == "" {
		return refuse(http.StatusBadRequest, "invalidValue", "expected a group with a displayName")
	}
	g := Group{DisplayName: sent.DisplayName}
	for _, m := range sent.Members {
		if !s.state.users.has(m.Value) {
			return refuseValue("members: no such user")
		}
		g.Members = append(g.Members, m.Value)
	}
	id, err := s.putGroup(g)
	if err != nil {
		return refuseUnkept(err)
	}
	made, _ := s.state.groups.get(id)
	return &answer{Status: http.StatusCreated, Body: s.groupResource(made, projectionOf(r.URL.Query()))}
}

// patchGroup applies all operations or none. A PATCH that changes nothing is answered 204.
func (s *Server) patchGroup(r *http.Request, body []byte) *answer {
	g, found := s.state.groups.get(r.PathValue("id"))
	if !found {
		return refuse(http.StatusNotFound, "", "no such group")
	}
	if s.quirks.NoPatch {
		return refuse(http.StatusNotImplemented, "", "PATCH is not supported")
	}
	operations, bad := parsePatch(body)
	if bad != nil {
		return bad
	}
	e := newGroupEdit(s, g)
	for _, o := range operations {
		if bad := e.apply(o); bad != nil {
			return bad
		}
	}
	done := e.done()
	changed, err := s.editGroup(g, done)
	if err != nil {
		return refuseUnkept(err)
	}
	if s.quirks.SilentPatch || (!changed && done.Name == "") {
		return &answer{Status: http.StatusNoContent}
	}
	return &answer{Status: http.StatusOK, Body: s.groupResource(g, projectionOf(r.URL.Query()))}
}

// editGroup reports whether the edit changed who is a member. Stale reads cost a copy of the member list.
func (s *Server) editGroup(g *group, e edit) (changed bool, err error) {
	if e.Name == "" && len(e.Left)+len(e.Came) == 0 {
		return false, nil
	}
	var before *roster[member]
	if s.staleReads > 0 {
		before = g.members.clone()
	}
	logged := len(s.state.changes)
	err = s.commit(update{Edit: &e})
	if changed = len(s.state.changes) > logged; changed {
		g.before, g.staleReads = before, s.staleReads
	}
	return changed, err
}

// putGroup adds a group or replaces the one with its ID, which is made up for "".
func (s *Server) putGroup(g Group) (string, error) {
	g.ID = s.state.named(g.ID, "group-")
	return g.ID, s.commit(update{Group: &g, Made: s.state.made})
}

func (s *Server) deleteGroup(r *http.Request, _ []byte) *answer {
	id := r.PathValue("id")
	if !s.state.groups.has(id) {
		return refuse(http.StatusNotFound, "", "no such group")
	}
	if err := s.commit(update{DropGroup: &id}); err != nil {
		return refuseUnkept(err)
	}
	return &answer{Status: http.StatusNoContent}
}
