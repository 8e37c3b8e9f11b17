package scimtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
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

func (s *Server) groupResource(g *group) resource {
	members := g.Members
	if g.staleReads > 0 {
		members = g.before
	}
	listed, ids := []any{}, []string{}
	for _, m := range members {
		ids = append(ids, m.ID)
		entry := map[string]any{"value": m.ID, "type": "User", "$ref": "../Users/" + url.PathEscape(m.ID)}
		if u := s.state.user(m.ID); u != nil {
			entry["display"] = u.DisplayName
		}
		listed = append(listed, entry)
	}
	r := resource{
		"schemas": []string{schemaGroup}, "id": g.ID, "displayName": g.DisplayName, "members": listed,
		"meta":   map[string]any{"resourceType": "Group", "location": BasePath + "/Groups/" + g.ID},
		indexKey: map[string][]string{"id": {g.ID}, "displayname": {g.DisplayName}, s.memberAttribute(): ids},
	}
	switch cut := s.quirks.CutMembers; {
	case s.quirks.HideMembers:
		r["members"] = []any{}
	case cut > 0 && cut < len(listed):
		r["members"] = listed[:cut]
	}
	return r
}

func (s *Server) memberAttribute() string {
	if s.quirks.MemberFilter == "" {
		return "members.value"
	}
	return strings.ToLower(s.quirks.MemberFilter)
}

func (s *Server) listGroups(r *http.Request, _ []byte) answer {
	query := r.URL.Query()
	all := make([]resource, 0, len(s.state.Groups))
	for i := range s.state.Groups {
		all = append(all, s.groupResource(&s.state.Groups[i]))
	}
	// Only a read that is about members uses up a stale one.
	if strings.Contains(strings.ToLower(query.Get("filter")), s.memberAttribute()) {
		for i := range s.state.Groups {
			s.state.Groups[i].readOnce()
		}
	}
	return s.list(query, s.groupAttributes(), all)
}

func (g *group) readOnce() { g.staleReads = max(0, g.staleReads-1) }

func (s *Server) getGroup(r *http.Request, _ []byte) answer {
	g := s.state.group(r.PathValue("id"))
	if g == nil {
		return refuse(http.StatusNotFound, "", "no such group")
	}
	full := s.groupResource(g)
	shown := full.project(r.URL.Query())
	if _, about := shown["members"]; about {
		g.readOnce()
	}
	return answer{http.StatusOK, shown}
}

func (s *Server) createGroup(r *http.Request, body []byte) answer {
	var sent struct {
		DisplayName string        `json:"displayName"`
		Members     []sentMembers `json:"members"`
	}
	if err := json.Unmarshal(body, &sent); err != nil || sent.DisplayName == "" {
		return refuse(http.StatusBadRequest, "invalidValue", "expected a group with a displayName")
	}
	g := Group{DisplayName: sent.DisplayName}
	for _, m := range sent.Members {
		if s.state.user(m.Value) == nil {
			return *refuseValue("members: no such user")
		}
		g.Members = append(g.Members, m.Value)
	}
	made := s.state.putGroup(g, s.clock())
	return s.saved(answer{http.StatusCreated, s.groupResource(made).project(r.URL.Query())})
}

// patchGroup applies all operations or none. A PATCH that changes nothing is answered 204.
func (s *Server) patchGroup(r *http.Request, body []byte) answer {
	g := s.state.group(r.PathValue("id"))
	if g == nil {
		return refuse(http.StatusNotFound, "", "no such group")
	}
	if s.quirks.NoPatch {
		return refuse(http.StatusNotImplemented, "", "PATCH is not supported")
	}
	operations, bad := parsePatch(body)
	if bad != nil {
		return *bad
	}
	edit := groupEdit{server: s, name: g.DisplayName, members: slices.Clone(g.Members)}
	for _, o := range operations {
		if bad := edit.apply(o); bad != nil {
			return *bad
		}
	}
	before, renamed := g.Members, edit.name != g.DisplayName
	g.DisplayName = edit.name
	changed := s.state.setMembers(g, edit.members, s.clock())
	if changed {
		g.before, g.staleReads = before, s.faults.StaleReads
	}
	if s.quirks.SilentPatch || (!changed && !renamed) {
		return s.saved(answer{status: http.StatusNoContent})
	}
	return s.saved(answer{http.StatusOK, s.groupResource(g).project(r.URL.Query())})
}

func (s *Server) deleteGroup(r *http.Request, _ []byte) answer {
	id := r.PathValue("id")
	g := s.state.group(id)
	if g == nil {
		return refuse(http.StatusNotFound, "", "no such group")
	}
	s.dropGroup(g)
	return s.saved(answer{status: http.StatusNoContent})
}

func (s *Server) dropGroup(g *group) {
	id := g.ID
	s.state.setMembers(g, nil, s.clock())
	s.state.Groups = slices.DeleteFunc(s.state.Groups, func(other group) bool { return other.ID == id })
}
