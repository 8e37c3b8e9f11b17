package jiratest

import (
	"encoding/json"
	"net/http"
	"strings"

	"usher/internal/connectors/desktest"
)

const (
	invisible     = "Issue does not exist or you do not have permission to see it."
	archivedIssue = "The issue is archived. Restore it before you change it."
)

func (c *call) invisible() string {
	if c.edition == Cloud {
		return invisible
	}
	return "Issue Does Not Exist"
}

// visible returns the issue of the path's key to somebody who may see it. A deleted issue, a hidden one and an anonymous
// caller all get the same answer, as at the vendor's.
func (s *Server) visible(c *call) (*issue, error) {
	i, exists := s.store.Find(c.r.PathValue("key"))
	if !exists || s.store.Hides(i) || c.account == nil {
		return nil, refuse(http.StatusNotFound, c.invisible())
	}
	return i, nil
}

// changeable returns the issue of the path's key to somebody who may change it.
func (s *Server) changeable(c *call) (*issue, error) {
	i, err := s.visible(c)
	switch {
	case err != nil:
		return nil, err
	case s.store.ReadOnly(i):
		return nil, refuse(http.StatusForbidden, "You do not have permission to edit issues in this project.")
	case i.Archived:
		return nil, refuse(http.StatusBadRequest, archivedIssue)
	}
	return i, nil
}

// onIssue is an operation on the issue that the path's key finds.
func onIssue(find func(*call) (*issue, error), run func(*call, *issue) (*answer, error)) operation {
	return func(c *call) (*answer, error) {
		i, err := find(c)
		if err != nil {
			return nil, err
		}
		return run(c, i)
	}
}

func (s *Server) createIssue(c *call) (*answer, error) {
	var in input
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if c.account == nil {
		return nil, refuseFields(map[string]string{
			"project": "Anonymous users do not have permission to create issues in this project. Please try logging in first.",
		})
	}
	i, err := s.create(in, c.account, c.version)
	if err != nil {
		return nil, err
	}
	return created(map[string]any{"id": i.ID, "key": i.Key, "self": selfOf(c, i)})
}

func (s *Server) create(in input, actor *Account, version int) (*issue, error) {
	p, err := s.pickProject(in)
	if err != nil {
		return nil, err
	}
	i := &issue{Project: p.Key, Reporter: actor.ID}
	fields := in
	fields.Fields = map[string]json.RawMessage{}
	for id, value := range in.Fields {
		if id != "project" && id != "issuetype" {
			fields.Fields[id] = value
		}
	}
	problems := s.apply(i, fields, version, onScreen(p))
	for _, f := range p.Fields {
		if _, wrong := problems[f.ID]; !wrong && f.Required && !s.store.Holds(i, f) {
			problems[f.ID] = missing(f)
		}
	}
	if len(problems) > 0 {
		return nil, refuseFields(problems)
	}
	if err := setProperties(i, in.Properties); err != nil {
		return nil, err
	}
	return i, s.store.Open(i, actor)
}

// pickProject reads the two fields that decide about all others.
func (s *Server) pickProject(in input) (*Project, error) {
	var project, kind struct{ ID, Key, Name string }
	if raw, given := in.Fields["project"]; !given || json.Unmarshal(raw, &project) != nil {
		return nil, refuseFields(map[string]string{"project": "Specify a valid project ID or key"})
	}
	p, known := s.store.Project(project.ID + project.Key)
	if !known || s.store.HidesProject(p) {
		return nil, refuseFields(map[string]string{"project": "Specify a valid project ID or key"})
	}
	raw, given := in.Fields["issuetype"]
	if !given || json.Unmarshal(raw, &kind) != nil {
		return nil, refuseFields(map[string]string{"issuetype": "issue type is required"})
	}
	if kind.ID != p.IssueType.ID && (kind.ID != "" || !strings.EqualFold(kind.Name, p.IssueType.Name)) {
		return nil, refuseFields(map[string]string{"issuetype": "Specify a valid issue type"})
	}
	return p, nil
}

// onScreen returns what finds the fields that are on the create and edit screens of a project.
func onScreen(p *Project) func(string) (desktest.Field, bool) {
	return func(id string) (desktest.Field, bool) {
		f, known := p.Field(id)
		return f, known && !f.OffScreen
	}
}

func missing(f desktest.Field) string {
	if f.ID == "summary" {
		return "You must specify a summary of the issue."
	}
	return f.Name + " is required."
}

func (s *Server) getIssue(c *call, i *issue) (*answer, error) {
	return ok(s.render(c, i, selection{
		fields:     fieldList(c.query("fields"), "*all"),
		properties: splitList(c.query("properties")),
		changelog:  c.expands("changelog"),
		histories:  issueHistories,
	}))
}

func (s *Server) editIssue(c *call, before *issue) (*answer, error) {
	var in input
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	after := before.Clone()
	if problems := s.apply(after, in, c.version, onScreen(s.store.ProjectOf(before))); len(problems) > 0 {
		return nil, refuseFields(problems)
	}
	if err := setProperties(after, in.Properties); err != nil {
		return nil, err
	}
	if err := s.store.Change(before, after, c.account, desktest.EventEdited); err != nil {
		return nil, err
	}
	if len(in.Properties) > 0 && after.Updated.Equal(before.Updated) {
		if err := s.store.Touch(after, c.account); err != nil {
			return nil, err
		}
	}
	return noContent()
}

func (s *Server) deleteIssue(c *call, i *issue) (*answer, error) {
	if err := s.store.Delete(i, c.account); err != nil {
		return nil, err
	}
	return noContent()
}

func (s *Server) assign(c *call, before *issue) (*answer, error) {
	value, err := s.assigneeOf(c)
	if err != nil {
		return nil, err
	}
	after := before.Clone()
	if problem := s.setAssignee(after, setting{value: value}); problem != "" {
		return nil, refuseFields(map[string]string{"assignee": problem})
	}
	if err := s.store.Change(before, after, c.account, desktest.EventAssigned); err != nil {
		return nil, err
	}
	return noContent()
}

// assigneeOf reads the body of assign, as a value of the field: {"accountId":..} on Cloud, {"name":..} on Data Center.
// null and "-1", the project's standard, assign nobody.
func (s *Server) assigneeOf(c *call) (json.RawMessage, error) {
	given := map[string]json.RawMessage{}
	if err := c.decode(&given); err != nil {
		return nil, err
	}
	member, others := "accountId", []string{"name", "key"}
	if c.edition != Cloud {
		member, others = "name", []string{"accountId"}
	}
	value, named := given[member]
	for _, other := range others {
		if _, wrong := given[other]; wrong {
			named = false
		}
	}
	switch {
	case !named && c.edition == Cloud:
		return nil, refuse(http.StatusBadRequest, "'accountId' must be the only user identifying query parameter in GDPR strict mode.")
	case !named:
		return nil, refuse(http.StatusBadRequest, "The assignee must be given by name.")
	case string(value) == "null" || string(value) == `"-1"`:
		return json.RawMessage("null"), nil
	}
	return json.RawMessage(`{"` + member + `":` + string(value) + `}`), nil
}

func (s *Server) getChangelog(c *call, i *issue) (*answer, error) {
	start, size, err := c.page(s, 100, 100)
	if err != nil {
		return nil, err
	}
	page := []any{}
	for _, h := range slice(i.History, start, size) {
		page = append(page, s.renderChange(c, h))
	}
	body := map[string]any{
		"self": c.base + c.r.URL.RequestURI(), "startAt": start, "maxResults": size, "total": len(i.History),
		"isLast": start+len(page) >= len(i.History), "values": page,
	}
	return ok(body)
}
