package jiratest

import (
	"net/http"
	"strings"
)

func (s *Server) serverInfo(c *call) (*answer, error) {
	return ok(map[string]any{
		"baseUrl": c.base, "version": "1001.0.0-SNAPSHOT", "versionNumbers": []int{1001, 0, 0}, "deploymentType": "Cloud",
		"buildNumber": 100287, "buildDate": "2026-01-05T08:00:00.000+0000", "serverTime": s.stamp(s.cfg.Now()), "scmInfo": "fake",
		"serverTitle": "Jira (fake)", "serverTimeZone": s.cfg.Zone.String(),
	})
}

func (s *Server) myself(c *call) (*answer, error) {
	if err := needAccount(c); err != nil {
		return nil, err
	}
	return ok(s.renderAccount(c, c.account.ID))
}

// visibleProject gives the project of the path to somebody who may see it.
func (s *Server) visibleProject(c *call) (*Project, error) {
	key := c.r.PathValue("key")
	p, known := s.project(key)
	if !known || c.account == nil {
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
	body["lead"] = s.renderAccount(c, s.accounts[0].ID)
	body["assigneeType"], body["style"], body["isPrivate"] = "UNASSIGNED", "classic", false
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

func (s *Server) createMetaTypes(c *call) (*answer, error) {
	p, known := s.project(c.r.PathValue("key"))
	types := []any{}
	if known && c.account != nil {
		types = append(types, renderIssueType(c, p))
	}
	return s.metaPage(c, "issueTypes", types)
}

func (s *Server) createMetaFields(c *call) (*answer, error) {
	p, known := s.project(c.r.PathValue("key"))
	fields := []any{}
	if known && c.account != nil && c.r.PathValue("type") == p.IssueType.ID {
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
	return s.metaPage(c, "fields", fields)
}

func (s *Server) metaPage(c *call, name string, all []any) (*answer, error) {
	start, size, err := c.page(s, 50, 200)
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"startAt": start, "maxResults": size, "total": len(all), name: slice(all, start, size)})
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

// schemas gives, for each type of field, the type and the custom type that the metadata tells.
var schemas = map[FieldType][2]string{
	TextField:     {"string", "textfield"},
	TextAreaField: {"string", "textarea"},
	NumberField:   {"number", "float"},
	SelectField:   {"option", "select"},
	URLField:      {"string", "url"},
	DateField:     {"date", "datepicker"},
	UserField:     {"user", "userpicker"},
	LabelsField:   {"array", "labels"},
}

func fieldMeta(c *call, p *Project, f Field) map[string]any {
	names := schemas[f.Type]
	schema := map[string]any{"type": names[0]}
	if f.Type == LabelsField {
		schema["items"] = "string"
	}
	if id, custom := strings.CutPrefix(f.ID, "customfield_"); custom {
		schema["custom"] = "com.atlassian.jira.plugin.system.customfieldtypes:" + names[1]
		if number, isID := parseID(id); isID {
			schema["customId"] = number
		}
	} else {
		schema["system"] = f.ID
	}
	operations := []string{"set"}
	if f.Type == LabelsField {
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

func allowedOptions(c *call, f Field) []any {
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

func (s *Server) getUser(c *call) (*answer, error) {
	if err := needAccount(c); err != nil {
		return nil, err
	}
	if c.r.URL.Query().Has("username") {
		return nil, refuse(http.StatusBadRequest, usernameRefused)
	}
	a := s.accountOf(c.query("accountId"))
	if a == nil || a.ID != c.query("accountId") {
		return nil, refuse(http.StatusNotFound, "Specified user does not exist or you do not have required permissions")
	}
	return ok(s.renderAccount(c, a.ID))
}

const usernameRefused = "The query parameter 'username' is not supported in GDPR strict mode."

func (s *Server) findUsers(c *call) (*answer, error) {
	q := c.r.URL.Query()
	switch {
	case q.Has("username"):
		return nil, refuse(http.StatusBadRequest, usernameRefused)
	case q.Get("query") == "" && q.Get("accountId") == "" && q.Get("property") == "":
		return nil, refuse(http.StatusBadRequest, "Either 'query', 'accountId' or 'property' must be specified.")
	case q.Get("query") != "" && q.Get("accountId") != "":
		return nil, refuse(http.StatusBadRequest, "'accountId' must be the only user identifying query parameter in GDPR strict mode.")
	}
	return s.userPage(c, func(a *Account) bool { return !a.Inactive })
}

func (s *Server) findAssignable(c *call) (*answer, error) {
	q := c.r.URL.Query()
	switch {
	case q.Has("username"):
		return nil, refuse(http.StatusBadRequest, usernameRefused)
	case q.Get("project") == "" && q.Get("issueKey") == "" && q.Get("issueId") == "":
		return nil, refuse(http.StatusBadRequest, "Either 'project', 'issueKey' or 'issueId' must be specified.")
	}
	if key := q.Get("project"); key != "" {
		if _, known := s.project(key); !known || c.account == nil {
			return nil, refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
		}
	}
	return s.userPage(c, assignable)
}

// userPage is the bare array of the accounts that match the query, by the start of a word of the name or of the e-mail
// address, whether or not the address is shown.
func (s *Server) userPage(c *call, admit func(*Account) bool) (*answer, error) {
	start, size, err := c.page(s, 50, 1000)
	if err != nil {
		return nil, err
	}
	found := []any{}
	for n := range s.accounts {
		a := &s.accounts[n]
		byID := c.query("accountId") == "" || c.query("accountId") == a.ID
		if c.account != nil && admit(a) && byID && a.matches(c.query("query")) {
			found = append(found, s.renderAccount(c, a.ID))
		}
	}
	return ok(slice(found, start, size))
}

func (a *Account) matches(query string) bool {
	query = strings.ToLower(query)
	if strings.HasPrefix(strings.ToLower(a.Email), query) || strings.HasPrefix(strings.ToLower(a.DisplayName), query) {
		return true
	}
	for _, word := range strings.Fields(strings.ToLower(a.DisplayName)) {
		if strings.HasPrefix(word, query) {
			return true
		}
	}
	return false
}
