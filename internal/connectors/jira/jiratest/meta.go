package jiratest

import (
	"net/http"
	"strconv"
	"strings"

	"usher/internal/connectors/desktest"
)

func (s *Server) serverInfo(c *call) (*answer, error) {
	out := map[string]any{
		"baseUrl": c.base, "version": "1001.0.0-SNAPSHOT", "versionNumbers": []int{1001, 0, 0}, "deploymentType": "Cloud",
		"buildNumber": 100287, "buildDate": "2026-01-05T08:00:00.000+0000", "serverTime": s.stamp(s.store.Now()), "scmInfo": "fake",
		"serverTitle": "Jira (fake)",
	}
	if c.edition == Cloud {
		out["serverTimeZone"] = s.cfg.Zone.String()
		return ok(out)
	}
	out["version"], out["versionNumbers"], out["deploymentType"] = s.cfg.Version, numbers(s.cfg.Version), "Server"
	return ok(out)
}

// numbers are the parts of a version; what is no number is left out.
func numbers(version string) []int {
	out := []int{}
	for _, part := range strings.Split(version, ".") {
		if n, err := strconv.Atoi(part); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// visibleProject returns the project of the path to somebody who may see it.
func (s *Server) visibleProject(c *call) (*Project, error) {
	key := c.r.PathValue("key")
	p, known := s.store.Project(key)
	if !known || c.account == nil || s.store.HidesProject(p) {
		return nil, refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
	}
	return p, nil
}

func (s *Server) getProject(c *call) (*answer, error) {
	p, err := s.visibleProject(c)
	if err != nil {
		return nil, err
	}
	body := renderProject(c, p)
	body["issueTypes"] = []any{renderIssueType(c, p)}
	body["lead"] = s.renderAccount(c, s.store.Accounts()[0].ID)
	body["assigneeType"] = "UNASSIGNED"
	if c.edition == Cloud {
		body["style"], body["isPrivate"] = "classic", false
	}
	return ok(body)
}

func (s *Server) projectStatuses(c *call) (*answer, error) {
	p, err := s.visibleProject(c)
	if err != nil {
		return nil, err
	}
	statuses := []any{}
	for _, st := range p.Statuses {
		statuses = append(statuses, renderStatus(c, st))
	}
	return ok([]any{map[string]any{
		"self": c.base + c.api() + "/issuetype/" + p.IssueType.ID, "id": p.IssueType.ID, "name": p.IssueType.Name,
		"subtask": false, "statuses": statuses,
	}})
}

// creatable returns the project of the path to somebody who may create issues in it, nil to others: Cloud answers them with
// emptiness, Data Center refuses.
func (s *Server) creatable(c *call) (*Project, error) {
	p, known := s.store.Project(c.r.PathValue("key"))
	if known && c.account != nil && !s.store.HidesProject(p) {
		return p, nil
	}
	if c.edition == Cloud {
		return nil, nil
	}
	return nil, refuse(http.StatusBadRequest, "The project does not exist, or you may not see it.")
}

func (s *Server) createMetaTypes(c *call) (*answer, error) {
	p, err := s.creatable(c)
	if err != nil {
		return nil, err
	}
	types := []any{}
	if p != nil {
		types = append(types, renderIssueType(c, p))
	}
	return s.metaPage(c, "issueTypes", types)
}

func (s *Server) createMetaFields(c *call) (*answer, error) {
	p, err := s.creatable(c)
	if err != nil {
		return nil, err
	}
	fields := []any{}
	if p != nil && c.r.PathValue("type") == p.IssueType.ID {
		fields = append(fields, projectMeta(c, p), typeMeta(c, p))
		for _, f := range p.Fields {
			if f.OffScreen || (f.ID == "reporter" && s.faults.ReporterRefused) {
				continue
			}
			meta := fieldMeta(c, p, f)
			meta["fieldId"] = f.ID
			fields = append(fields, meta)
		}
	}
	for _, f := range fields {
		if c.edition != Cloud {
			delete(f.(map[string]any), "key")
		}
	}
	return s.metaPage(c, "fields", fields)
}

// metaPage is a page of a list, called by name on Cloud and "values" on Data Center.
func (s *Server) metaPage(c *call, name string, all []any) (*answer, error) {
	start, size, err := c.page(s, 50, 200)
	if err != nil {
		return nil, err
	}
	page := slice(all, start, size)
	if c.edition == Cloud {
		return ok(map[string]any{"startAt": start, "maxResults": size, "total": len(all), name: page})
	}
	return ok(map[string]any{
		"startAt": start, "maxResults": size, "total": len(all), "isLast": start+len(page) >= len(all), "values": page,
	})
}

func projectMeta(c *call, p *Project) map[string]any {
	return map[string]any{
		"fieldId": "project", "key": "project", "name": "Project", "required": true, "hasDefaultValue": false, "operations": []string{"set"},
		"schema": map[string]any{"type": "project", "system": "project"}, "allowedValues": []any{renderProject(c, p)},
	}
}

func typeMeta(c *call, p *Project) map[string]any {
	return map[string]any{
		"fieldId": "issuetype", "key": "issuetype", "name": "Issue Type", "required": true, "hasDefaultValue": false, "operations": []string{},
		"schema": map[string]any{"type": "issuetype", "system": "issuetype"}, "allowedValues": []any{renderIssueType(c, p)},
	}
}

// schemas is, for each type of field, the type and the custom type that the metadata tells.
var schemas = map[desktest.FieldType][2]string{
	desktest.TextField:     {"string", "textfield"},
	desktest.TextAreaField: {"string", "textarea"},
	desktest.NumberField:   {"number", "float"},
	desktest.SelectField:   {"option", "select"},
	desktest.URLField:      {"string", "url"},
	desktest.DateField:     {"date", "datepicker"},
	desktest.UserField:     {"user", "userpicker"},
	desktest.LabelsField:   {"array", "labels"},
}

func fieldMeta(c *call, p *Project, f desktest.Field) map[string]any {
	names := schemas[f.Type]
	schema := map[string]any{"type": names[0]}
	if f.Type == desktest.LabelsField {
		schema["items"] = "string"
	}
	if id, custom := strings.CutPrefix(f.ID, "customfield_"); custom {
		schema["custom"] = "com.atlassian.jira.plugin.system.customfieldtypes:" + names[1]
		if number, err := strconv.Atoi(id); err == nil {
			schema["customId"] = number
		}
	} else {
		schema["system"] = f.ID
	}
	operations := []string{"set"}
	if f.Type == desktest.LabelsField {
		operations = []string{"add", "set", "remove"}
	}
	meta := map[string]any{
		"key": f.ID, "name": f.Name, "required": f.Required, "hasDefaultValue": f.ID == "reporter", "operations": operations, "schema": schema,
	}
	switch {
	case f.ID == "resolution":
		schema["type"] = "resolution"
		meta["allowedValues"] = allowedResolutions(c, p)
	case len(f.Options) > 0:
		meta["allowedValues"] = allowedOptions(c, f)
	}
	return meta
}

func allowedResolutions(c *call, p *Project) []any {
	var out []any
	for _, name := range p.Resolutions {
		out = append(out, renderResolution(c, p, name))
	}
	return out
}

func allowedOptions(c *call, f desktest.Field) []any {
	var out []any
	for n, option := range f.Options {
		id := optionID(n)
		out = append(out, map[string]any{"self": c.base + c.api() + "/customFieldOption/" + id, "id": id, "value": option})
	}
	return out
}

// removedSearch answers as the vendor does since the old search was removed from Cloud.
func (s *Server) removedSearch(*call) (*answer, error) {
	return nil, refuse(http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."+
		" A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046")
}
