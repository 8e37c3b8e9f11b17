package jiratest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/connectors/desktest"
)

// selection is what a reader wants of an issue. histories is how many entries of the history come along, the newest;
// 0 is all of them, the oldest first.
type selection struct {
	fields     []string
	properties []string
	changelog  bool
	histories  int
}

// How many entries of a history come along with an issue, on Cloud: with one issue, and with issues of a search. The
// vendor promises neither; fewer come than there are, which "total" tells.
const (
	issueHistories  = 100
	searchHistories = 40
)

func splitList(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// fieldList is what the parameter "fields" asks for; standard when it asks for nothing.
func fieldList(list, standard string) []string {
	fields := splitList(list)
	if len(fields) == 0 {
		return []string{standard}
	}
	return fields
}

// notNavigable are the fields that "*navigable" leaves out.
const notNavigable = " comment "

func (sel selection) wants(field string) bool {
	wanted := false
	for _, f := range sel.fields {
		switch {
		case f == "-"+field:
			return false
		case f == field, f == "*all":
			wanted = true
		case f == "*navigable" && !strings.Contains(notNavigable, " "+field+" "):
			wanted = true
		case strings.HasPrefix(f, "-") && len(sel.fields) == 1:
			wanted = true
		}
	}
	return wanted
}

func (sel selection) onlyID() bool {
	return !slices.ContainsFunc(sel.fields, func(f string) bool { return f != "id" && f != "key" })
}

func selfOf(c *call, i *issue) string { return c.base + c.api() + "/issue/" + i.ID }

func (c *call) api() string { return "/rest/api/" + strconv.Itoa(c.version) }

// render is an issue as the API shows it.
func (s *Server) render(c *call, i *issue, sel selection) map[string]any {
	out := map[string]any{"id": i.ID}
	if slices.Equal(sel.fields, []string{"id"}) && c.edition == Cloud {
		return out
	}
	out["key"], out["self"] = i.Key, selfOf(c, i)
	out["expand"] = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
	if !sel.onlyID() {
		out["fields"] = s.renderFields(c, i, sel)
	}
	if len(sel.properties) > 0 {
		properties := map[string]any{}
		for key, value := range i.Properties {
			if slices.Contains(sel.properties, key) || slices.Contains(sel.properties, "*all") {
				properties[key] = value
			}
		}
		out["properties"] = properties
	}
	if sel.changelog {
		out["changelog"] = s.renderChangelog(c, i, sel.histories)
	}
	return out
}

// renderChangelog is the newest entries, the newest first, on Cloud; Data Center gives all, the oldest first.
func (s *Server) renderChangelog(c *call, i *issue, histories int) map[string]any {
	shown := slices.Clone(i.History)
	if c.edition == Cloud {
		slices.Reverse(shown)
		shown = slice(shown, 0, histories)
	}
	page := []any{}
	for _, h := range shown {
		page = append(page, s.renderChange(c, h))
	}
	return map[string]any{"startAt": 0, "maxResults": len(page), "total": len(i.History), "histories": page}
}

// systemFields are the fields that every issue has.
func systemFields() []string {
	return []string{
		"summary", "description", "labels", "issuetype", "project", "status", "reporter", "creator", "assignee", "resolution",
		"resolutiondate", "created", "updated", "comment",
	}
}

// renderFields renders the fields that are wanted, and no other.
func (s *Server) renderFields(c *call, i *issue, sel selection) map[string]any {
	p := s.store.ProjectOf(i)
	fields := map[string]any{}
	for _, id := range systemFields() {
		if sel.wants(id) {
			fields[id] = s.renderSystem(c, i, id)
		}
	}
	for _, f := range p.Fields {
		if _, system := fields[f.ID]; !system && sel.wants(f.ID) {
			fields[f.ID] = renderCustom(c, f, i.Fields[f.ID])
		}
	}
	return fields
}

func (s *Server) renderSystem(c *call, i *issue, id string) any {
	p := s.store.ProjectOf(i)
	switch id {
	case "summary":
		return i.Summary
	case "description":
		return rich(i.Description).in(c.version)
	case "labels":
		return append([]string{}, i.Labels...)
	case "issuetype":
		return renderIssueType(c, p)
	case "project":
		return renderProject(c, p)
	case "status":
		return renderStatus(c, p.Status(i.Status))
	case "reporter":
		return s.renderAccount(c, i.Reporter)
	case "creator":
		return s.renderAccount(c, i.Creator)
	case "assignee":
		return s.renderAccount(c, i.Assignee)
	case "resolution":
		return renderResolution(c, p, i.Resolution)
	case "created":
		return s.stamp(i.Created)
	case "updated":
		return s.stamp(i.Updated)
	case "comment":
		return s.renderComments(c, i, 0, 100)
	}
	if i.Resolved.IsZero() {
		return nil
	}
	return s.stamp(i.Resolved)
}

func renderCustom(c *call, f desktest.Field, raw json.RawMessage) any {
	switch {
	case len(raw) == 0:
		return nil
	case f.Type == desktest.TextAreaField:
		return rich(raw).in(c.version)
	case f.Type == desktest.SelectField:
		var option struct{ ID, Value string }
		if json.Unmarshal(raw, &option) != nil {
			return nil
		}
		return map[string]string{"self": c.base + c.api() + "/customFieldOption/" + option.ID, "id": option.ID, "value": option.Value}
	}
	return raw
}

func renderIssueType(c *call, p *Project) map[string]any {
	out := map[string]any{
		"self": c.base + c.api() + "/issuetype/" + p.IssueType.ID, "id": p.IssueType.ID, "name": p.IssueType.Name,
		"description": "", "iconUrl": c.base + "/images/issuetype.svg", "subtask": false,
	}
	if c.edition == Cloud {
		out["hierarchyLevel"] = 0
	}
	return out
}

func renderProject(c *call, p *Project) map[string]any {
	out := map[string]any{
		"self": c.base + c.api() + "/project/" + p.ID, "id": p.ID, "key": p.Key, "name": p.Name,
		"projectTypeKey": "business", "avatarUrls": avatars(c),
	}
	if c.edition == Cloud {
		out["simplified"] = false
	}
	return out
}

func avatars(c *call) map[string]string {
	out := map[string]string{}
	for _, size := range []string{"16x16", "24x24", "32x32", "48x48"} {
		out[size] = c.base + "/images/avatar-" + size + ".png"
	}
	return out
}

func renderStatus(c *call, st desktest.Status) map[string]any {
	id, color, name := 1, "medium-gray", "No Category"
	key := "undefined"
	switch st.Category {
	case desktest.CategoryNew:
		id, key, color, name = 2, "new", "blue-gray", "To Do"
	case desktest.CategoryIndeterminate:
		id, key, color, name = 4, "indeterminate", "yellow", "In Progress"
	case desktest.CategoryDone:
		id, key, color, name = 3, "done", "green", "Done"
	}
	return map[string]any{
		"self": c.base + c.api() + "/status/" + st.ID, "id": st.ID, "name": st.Name, "description": "",
		"iconUrl": c.base + "/images/status.png",
		"statusCategory": map[string]any{
			"self": c.base + c.api() + "/statuscategory/" + strconv.Itoa(id), "id": id, "key": key, "colorName": color, "name": name,
		},
	}
}

func resolutionID(n int) string { return strconv.Itoa(10000 + n) }

func renderResolution(c *call, p *Project, name string) any {
	if name == "" {
		return nil
	}
	id := resolutionIDOf(p, name)
	return map[string]any{"self": c.base + c.api() + "/resolution/" + id, "id": id, "name": name, "description": ""}
}

// renderAccount is an account as the API shows it, nil for nobody: by account id on Cloud, by name and key elsewhere. An
// account that was never added is shown as a former user.
func (s *Server) renderAccount(c *call, id string) any {
	if id == "" {
		return nil
	}
	a := s.store.Account(id)
	if a == nil {
		former := withDefaults(Account{ID: id, Name: id, DisplayName: "Former user", AccountType: "atlassian", Inactive: true, Zone: s.cfg.Zone}, 0)
		a = &former
	}
	out := map[string]any{
		"displayName": a.DisplayName, "active": !s.store.Inactive(a), "timeZone": a.Zone.String(), "avatarUrls": avatars(c),
	}
	if c.edition == Cloud {
		out["self"] = c.base + c.api() + "/user?accountId=" + url.QueryEscape(a.ID)
		out["accountId"], out["accountType"] = a.ID, a.AccountType
	} else {
		out["self"] = c.base + c.api() + "/user?username=" + url.QueryEscape(a.Name)
		out["name"], out["key"] = a.Name, a.Key
	}
	if a.Email != "" && !a.HideEmail && !s.faults.HideEmails && !c.private {
		out["emailAddress"] = a.Email
	}
	return out
}

// renderChange is one entry of a history.
func (s *Server) renderChange(c *call, h desktest.Change) map[string]any {
	return map[string]any{
		"id": s.store.ID(h.Seq), "author": s.renderAccount(c, h.By), "created": s.stamp(h.At), "items": s.renderItems(c, h.Items, false),
	}
}

// renderItems are changed fields as the edition shows them: Data Center tells no field ids. Webhooks tell of what has no value
// that it is null; the API leaves it out.
func (s *Server) renderItems(c *call, items []desktest.Item, nulls bool) []map[string]any {
	out := []map[string]any{}
	for _, i := range items {
		item := map[string]any{"field": i.Name, "fieldtype": "jira"}
		if strings.HasPrefix(i.Field, "customfield_") {
			item["fieldtype"] = "custom"
		}
		if c.edition == Cloud {
			item["fieldId"] = i.Field
		}
		for member, value := range map[string]string{
			"from": s.idIn(i.Field, i.From), "fromString": i.FromText, "to": s.idIn(i.Field, i.To), "toString": i.ToText,
		} {
			if value != "" {
				item[member] = value
			} else if nulls {
				item[member] = nil
			}
		}
		out = append(out, item)
	}
	return out
}

// idIn is the id of a value of a field, as histories carry it.
func (s *Server) idIn(field, value string) string {
	switch field {
	case "reporter", "assignee":
		return s.shownID(value)
	case "resolution":
		for _, p := range s.store.Projects() {
			if id := resolutionIDOf(&p, value); id != "" {
				return id
			}
		}
	}
	return value
}

// shownID is the id of an account as histories and webhooks carry it: the account id on Cloud, the user key elsewhere.
func (s *Server) shownID(id string) string {
	a := s.store.Account(id)
	if a == nil || s.cfg.Edition == Cloud {
		return id
	}
	return a.Key
}

func resolutionIDOf(p *Project, name string) string {
	n := slices.Index(p.Resolutions, name)
	if n < 0 {
		return ""
	}
	return resolutionID(n)
}
