package jiratest

import (
	"encoding/json"
	"net/http"
	"strings"
)

const invisible = "Issue does not exist or you do not have permission to see it."

func (c *call) invisible() string {
	if c.edition == Cloud {
		return invisible
	}
	return "Issue Does Not Exist"
}

// visible returns the issue of the path's key to somebody who may see it. A deleted issue, a hidden one and an anonymous
// caller all get the same answer, as at the vendor's.
func (s *Server) visible(c *call) (*issue, error) {
	i, exists := s.find(c.r.PathValue("key"))
	if !exists || s.hides(i) || c.account == nil {
		return nil, refuse(http.StatusNotFound, c.invisible())
	}
	return i, nil
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
	return created(map[string]any{"id": i.id(), "key": i.key(), "self": selfOf(c, i)})
}

func (s *Server) create(in input, actor *Account, version int) (*issue, error) {
	p, err := s.pickProject(in)
	if err != nil {
		return nil, err
	}
	i := &issue{Project: p.Key, Reporter: actor.ID, Creator: actor.ID, Status: p.Statuses[0].ID}
	fields := in
	fields.Fields = map[string]json.RawMessage{}
	for id, value := range in.Fields {
		if id != "project" && id != "issuetype" {
			fields.Fields[id] = value
		}
	}
	problems := s.apply(i, fields, version, p.onScreen)
	for _, f := range p.Fields {
		if _, wrong := problems[f.ID]; !wrong && f.Required && !i.holds(f) {
			problems[f.ID] = f.missing()
		}
	}
	if len(problems) > 0 {
		return nil, refuseFields(problems)
	}
	if err := setProperties(i, in.Properties); err != nil {
		return nil, err
	}
	s.numbers[p.Key]++
	i.ID, i.Number, i.Created = s.nextID(), s.numbers[p.Key], s.moment()
	i.Updated = i.Created
	if err := s.commit(i); err != nil {
		return nil, err
	}
	s.announce(event{name: "jira:issue_created", kind: "issue_created", issue: i, actor: actor})
	return i, nil
}

// pickProject reads the two fields that decide about all others.
func (s *Server) pickProject(in input) (*Project, error) {
	var project, kind struct{ ID, Key, Name string }
	if raw, given := in.Fields["project"]; !given || json.Unmarshal(raw, &project) != nil {
		return nil, refuseFields(map[string]string{"project": "Specify a valid project ID or key"})
	}
	p, known := s.project(project.ID + project.Key)
	if !known || s.hidesProject(p) {
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

// onScreen reports whether a field is on the create and edit screens.
func (p *Project) onScreen(id string) (Field, bool) {
	f, known := p.field(id)
	return f, known && !f.OffScreen
}

func (i *issue) holds(f Field) bool {
	switch f.ID {
	case "summary":
		return i.Summary != ""
	case "description":
		return len(i.Description) > 0
	case "labels":
		return len(i.Labels) > 0
	case "reporter":
		return i.Reporter != ""
	case "assignee":
		return i.Assignee != ""
	case "resolution":
		return i.Resolution != ""
	}
	return fieldText(i.Fields[f.ID]) != ""
}

func (f Field) missing() string {
	if f.ID == "summary" {
		return "You must specify a summary of the issue."
	}
	return f.Name + " is required."
}

func (s *Server) getIssue(c *call) (*answer, error) {
	i, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	return ok(s.render(c, i, selection{
		fields:     fieldList(c.query("fields"), "*all"),
		properties: splitList(c.query("properties")),
		changelog:  c.expands("changelog"),
		histories:  issueHistories,
	}))
}

func (s *Server) editIssue(c *call) (*answer, error) {
	before, err := s.changeable(c)
	if err != nil {
		return nil, err
	}
	var in input
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	after := before.clone()
	if problems := s.apply(after, in, c.version, s.projectOf(before).onScreen); len(problems) > 0 {
		return nil, refuseFields(problems)
	}
	if err := setProperties(after, in.Properties); err != nil {
		return nil, err
	}
	if err := s.change(before, after, c.account, "issue_updated"); err != nil {
		return nil, err
	}
	if len(in.Properties) > 0 && after.Updated.Equal(before.Updated) {
		if err := s.touch(after); err != nil {
			return nil, err
		}
	}
	return noContent()
}

func (s *Server) deleteIssue(c *call) (*answer, error) {
	i, err := s.changeable(c)
	if err != nil {
		return nil, err
	}
	if err := s.remove(i, c.account); err != nil {
		return nil, err
	}
	return noContent()
}

func (s *Server) remove(i *issue, actor *Account) error {
	gone := i.clone()
	gone.Deleted = true
	if err := s.touch(gone); err != nil {
		return err
	}
	s.announce(event{name: "jira:issue_deleted", issue: i, actor: actor})
	return nil
}

func (s *Server) assign(c *call) (*answer, error) {
	before, err := s.changeable(c)
	if err != nil {
		return nil, err
	}
	value, err := s.assigneeOf(c)
	if err != nil {
		return nil, err
	}
	after := before.clone()
	if problem := s.setAssignee(after, setting{value: value}); problem != "" {
		return nil, refuseFields(map[string]string{"assignee": problem})
	}
	if err := s.change(before, after, c.account, "issue_assigned"); err != nil {
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

func (s *Server) getChangelog(c *call) (*answer, error) {
	i, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	start, size, err := c.page(s, 100, 100)
	if err != nil {
		return nil, err
	}
	all := s.renderHistory(c, i)
	page := slice(all, start, size)
	body := map[string]any{
		"self": c.base + c.r.URL.RequestURI(), "startAt": start, "maxResults": size, "total": len(all),
		"isLast": start+len(page) >= len(all), "values": page,
	}
	return ok(body)
}
