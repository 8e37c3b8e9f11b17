package jiratest

import (
	"cmp"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/connectors/desktest"
)

// Group is a group of a site.
type Group struct {
	// ID is what Cloud calls the group by; one is made up when it is empty. Data Center shows nobody the id, and calls groups by their names.
	ID, Name string
	// Products are those that the group's members may use (Cloud): who is created for one of them becomes a member.
	Products []string
	// Members are ids of accounts.
	Members []string
	// Within are ids of groups whose members are members of this one too (Data Center).
	Within []string
	// Administers makes the members site administrators as far as groups show it (Cloud).
	Administers bool
	// Owned refuses every write to the group, as one that an identity provider or a directory owns.
	Owned bool
}

func copyGroups(groups []Group) []Group {
	groups = slices.Clone(groups)
	for n := range groups {
		groups[n].Members = slices.Clone(groups[n].Members)
	}
	return groups
}

// PutGroup adds a group as an administrator does, or replaces the one of that id, and returns its id.
func (s *Server) PutGroup(g Group) string {
	g = copyGroups([]Group{g})[0]
	_ = s.With(func() error {
		g.ID = cmp.Or(g.ID, "00000000-0000-4000-8000-"+strconv.FormatInt(100_000_000_000+int64(len(s.groups)), 10))
		s.groups = append(slices.DeleteFunc(s.groups, func(old Group) bool { return old.ID == g.ID }), g)
		return nil
	})
	return g.ID
}

// RemoveGroup deletes a group by its id.
func (s *Server) RemoveGroup(id string) {
	_ = s.With(func() error {
		s.groups = slices.DeleteFunc(s.groups, func(g Group) bool { return g.ID == id })
		return nil
	})
}

// GroupMembers returns the ids of the accounts in a group, in the order in which they came.
func (s *Server) GroupMembers(id string) (members []string) {
	_ = s.With(func() error {
		for _, g := range s.groups {
			if g.ID == id {
				members = slices.Clone(g.Members)
			}
		}
		return nil
	})
	return members
}

// SetMember puts an account into a group, or takes it out, as an administrator does.
func (s *Server) SetMember(group, account string, is bool) {
	_ = s.With(func() error {
		s.setMember(group, account, is)
		return nil
	})
}

func (s *Server) setMember(group, account string, is bool) {
	for n := range s.groups {
		if g := &s.groups[n]; g.ID == group {
			g.Members = slices.DeleteFunc(g.Members, func(id string) bool { return id == account })
			if is {
				g.Members = append(g.Members, account)
			}
		}
	}
}

func (s *Server) userGroups(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	a := s.store.AccountBy(desktest.ByID, c.query("accountId"))
	if a == nil || s.gone[a.ID] {
		return nil, refuse(http.StatusNotFound, noSuchUser)
	}
	list := []any{}
	for _, g := range s.groups {
		if slices.Contains(g.Members, a.ID) {
			list = append(list, renderGroup(c, &g))
		}
	}
	return ok(list)
}

func renderGroup(c *call, g *Group) map[string]any {
	out := map[string]any{"name": g.Name, "self": c.base + c.api() + "/group?groupname=" + url.QueryEscape(g.Name)}
	if c.edition == Cloud {
		out["groupId"], out["self"] = g.ID, c.base+c.api()+"/group?groupId="+g.ID
	}
	return out
}

// bulkGroups lists groups by their names, whatever their case, or by the access that they give.
func (s *Server) bulkGroups(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	if s.faults.HideGroups {
		return nil, refuse(http.StatusForbidden, "Browse users and groups permission is required to view groups.")
	}
	start, size, err := c.page(s, 50, 50)
	if err != nil {
		return nil, err
	}
	names := c.r.URL.Query()["groupName"]
	shown := []any{}
	for _, g := range s.groups {
		named := len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, g.Name) })
		if named && (c.query("accessType") != "site-admin" || g.Administers) {
			shown = append(shown, map[string]any{"groupId": g.ID, "name": g.Name})
		}
	}
	values := slice(shown, start, size)
	return ok(map[string]any{
		"self": c.base + c.api() + "/group/bulk", "startAt": start, "maxResults": size, "total": len(shown),
		"isLast": start+len(values) >= len(shown), "values": values,
	})
}

// pickGroups shows some of the groups whose names have a part, in any case, and how many there are; to an anonymous caller none. It never shows more than 20.
func (s *Server) pickGroups(c *call) (*answer, error) {
	const limit = 20
	size, err := intParam(c.query("maxResults"), limit)
	if err != nil {
		size = limit
	}
	query := c.r.URL.Query()
	var names []string
	for _, g := range s.groups {
		part := strings.Contains(strings.ToLower(g.Name), strings.ToLower(query.Get("query")))
		if part && c.account != nil && !s.faults.HideGroups && !slices.Contains(query["exclude"], g.Name) {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	shown := []any{}
	for _, name := range slice(names, 0, s.cap(min(size, limit))) {
		shown = append(shown, map[string]any{"name": name, "html": html.EscapeString(name), "labels": []any{}})
	}
	return ok(map[string]any{
		"header": "Showing " + strconv.Itoa(len(shown)) + " of " + strconv.Itoa(len(names)) + " matching groups", "total": len(names), "groups": shown,
	})
}

// group is the group that the query names: on Cloud by its id or its name, on Data Center by its name in any case.
func (s *Server) group(c *call) (*Group, error) {
	id, name := c.query("groupId"), c.query("groupname")
	if c.edition != Cloud {
		id = ""
	}
	if (id == "") == (name == "") {
		return nil, refuse(http.StatusBadRequest, "Specify either 'groupname' or 'groupId'.")
	}
	for n := range s.groups {
		g := &s.groups[n]
		if (id != "" && g.ID == id) || g.Name == name || (c.edition != Cloud && strings.EqualFold(g.Name, name)) {
			return g, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "The group '"+cmp.Or(id, name)+"' does not exist.")
}

// membersOf are the members of a group, on Data Center with those of the groups within it, each once.
func (s *Server) membersOf(g *Group) []string {
	all := slices.Clone(g.Members)
	for _, inner := range s.groups {
		if s.cfg.Edition == DataCenter && slices.Contains(g.Within, inner.ID) {
			all = append(all, s.membersOf(&inner)...)
		}
	}
	var once []string
	for _, id := range all {
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	return once
}

// groupMembers is one page of a group's members. Data Center shows it to administrators only.
func (s *Server) groupMembers(c *call) (*answer, error) {
	may := s.needAccount
	if c.edition != Cloud {
		may = s.needAdmin
	}
	if err := may(c); err != nil {
		return nil, err
	}
	g, err := s.group(c)
	if err != nil {
		return nil, err
	}
	start, size, err := c.page(s, 50, 50)
	if err != nil {
		return nil, err
	}
	var shown []string
	for _, id := range s.membersOf(g) {
		if a := s.store.Account(id); a != nil && (!s.store.Inactive(a) || c.query("includeInactiveUsers") == "true") {
			shown = append(shown, id)
		}
	}
	page, values := slice(shown, start, size), []any{}
	for _, id := range page {
		if !slices.Contains(s.faults.HideMembers, id) {
			values = append(values, s.renderAccount(c, id))
		}
	}
	return ok(map[string]any{
		"self": c.base + c.api() + "/group/member", "startAt": start, "maxResults": size, "total": len(shown),
		"isLast": start+len(page) >= len(shown), "values": values,
	})
}

// joinGroup refuses who is a member already.
func (s *Server) joinGroup(c *call) (*answer, error) {
	var in struct {
		AccountID string `json:"accountId"`
		Name      string `json:"name"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	g, account, err := s.membership(c, in.AccountID, in.Name)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(g.Members, account):
		return nil, refuse(http.StatusBadRequest, "Cannot add user, user is already a member of '"+g.Name+"'.")
	case !s.faults.IgnoreUserWrites:
		s.setMember(g.ID, account, true)
	}
	return created(renderGroup(c, g))
}

// leaveGroup answers with an empty body, and refuses who is no member.
func (s *Server) leaveGroup(c *call) (*answer, error) {
	g, account, err := s.membership(c, c.query("accountId"), c.query("username"))
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(g.Members, account):
		return nil, refuse(http.StatusBadRequest, "Cannot remove user, user is not a member of '"+g.Name+"'.")
	case !s.faults.IgnoreUserWrites:
		s.setMember(g.ID, account, false)
	}
	return &answer{Status: http.StatusOK, Raw: []byte{}}, nil
}

// membership is the group of a write to it, for administrators, and the id of the account that the edition's name for it is of.
func (s *Server) membership(c *call, id, name string) (*Group, string, error) {
	if err := s.needAdmin(c); err != nil {
		return nil, "", err
	}
	g, err := s.group(c)
	if err != nil {
		return nil, "", err
	}
	by, given := desktest.ByID, id
	if c.edition != Cloud {
		by, given = desktest.ByName, name
	}
	if given == "" {
		return nil, "", refuse(http.StatusBadRequest, "The user is missing.")
	}
	a := s.store.AccountBy(by, given)
	if a == nil || s.gone[a.ID] {
		return nil, "", refuse(http.StatusNotFound, noSuchUser)
	}
	if g.Owned || s.faults.ReadOnlyDirectory {
		return nil, "", refuse(http.StatusForbidden, "The group '"+g.Name+"' is read-only: it is managed outside of Jira.")
	}
	return g, a.ID, nil
}
