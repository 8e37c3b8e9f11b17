package jiratest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// selection is what a reader wants of an issue.
type selection struct {
	fields     []string
	properties []string
	changelog  bool
}

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

func selfOf(c *call, i *issue) string { return c.base + c.api() + "/issue/" + i.id() }

func (c *call) api() string { return "/rest/api/" + strconv.Itoa(c.version) }

// render is an issue as the API shows it.
func (s *Server) render(c *call, i *issue, sel selection) map[string]any {
	out := map[string]any{"id": i.id()}
	if slices.Equal(sel.fields, []string{"id"}) {
		return out
	}
	out["key"], out["self"] = i.key(), selfOf(c, i)
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
		newest := s.renderHistory(c, i)
		slices.Reverse(newest)
		page := slice(newest, 0, 100)
		out["changelog"] = map[string]any{"startAt": 0, "maxResults": len(page), "total": len(newest), "histories": page}
	}
	return out
}

func (s *Server) renderFields(c *call, i *issue, sel selection) map[string]any {
	p := s.projectOf(i)
	all := map[string]any{
		"summary":     i.Summary,
		"description": i.Description.in(c.version),
		"labels":      append([]string{}, i.Labels...),
		"issuetype":   renderIssueType(c, p),
		"project":     renderProject(c, p),
		"status":      renderStatus(c, p.status(i.Status)),
		"reporter":    s.renderAccount(c, i.Reporter),
		"creator":     s.renderAccount(c, i.Creator),
		"assignee":    s.renderAccount(c, i.Assignee),
		"resolution":  renderResolution(c, p, i.Resolution),
		"created":     s.stamp(i.Created),
		"updated":     s.stamp(i.Updated),
		"comment":     s.renderComments(c, i, 0, 100),
	}
	all["resolutiondate"] = nil
	if !i.Resolved.IsZero() {
		all["resolutiondate"] = s.stamp(i.Resolved)
	}
	for _, f := range p.Fields {
		if _, system := all[f.ID]; !system {
			all[f.ID] = s.renderCustom(c, f, i.Fields[f.ID])
		}
	}
	fields := map[string]any{}
	for id, value := range all {
		if sel.wants(id) {
			fields[id] = value
		}
	}
	return fields
}

func (s *Server) renderCustom(c *call, f Field, raw json.RawMessage) any {
	switch {
	case len(raw) == 0:
		return nil
	case f.Type == TextAreaField:
		return rich(raw).in(c.version)
	case f.Type == UserField:
		return s.renderAccount(c, fieldText(raw))
	case f.Type == SelectField:
		var option struct{ ID, Value string }
		if json.Unmarshal(raw, &option) != nil {
			return nil
		}
		return map[string]string{"self": c.base + c.api() + "/customFieldOption/" + option.ID, "id": option.ID, "value": option.Value}
	}
	return raw
}

func renderIssueType(c *call, p *Project) map[string]any {
	return map[string]any{
		"self": c.base + c.api() + "/issuetype/" + p.IssueType.ID, "id": p.IssueType.ID, "name": p.IssueType.Name,
		"description": "", "iconUrl": c.base + "/images/issuetype.svg", "subtask": false, "hierarchyLevel": 0,
	}
}

func renderProject(c *call, p *Project) map[string]any {
	return map[string]any{
		"self": c.base + c.api() + "/project/" + p.ID, "id": p.ID, "key": p.Key, "name": p.Name,
		"projectTypeKey": "business", "simplified": false, "avatarUrls": avatars(c),
	}
}

func avatars(c *call) map[string]string {
	out := map[string]string{}
	for _, size := range []string{"16x16", "24x24", "32x32", "48x48"} {
		out[size] = c.base + "/images/avatar-" + size + ".png"
	}
	return out
}

func renderStatus(c *call, st Status) map[string]any {
	category := map[Category]map[string]any{
		CategoryNew:           {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
		CategoryIndeterminate: {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
		CategoryDone:          {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
	}[st.Category]
	if category == nil {
		category = map[string]any{"id": 1, "key": "undefined", "colorName": "medium-gray", "name": "No Category"}
	}
	category["self"] = c.base + c.api() + "/statuscategory/" + strconv.Itoa(category["id"].(int))
	return map[string]any{
		"self": c.base + c.api() + "/status/" + st.ID, "id": st.ID, "name": st.Name, "description": "",
		"iconUrl": c.base + "/images/status.png", "statusCategory": category,
	}
}

func resolutionID(n int) string { return strconv.Itoa(10000 + n) }

func renderResolution(c *call, p *Project, name string) any {
	if name == "" {
		return nil
	}
	id := p.resolutionID(name)
	return map[string]any{"self": c.base + c.api() + "/resolution/" + id, "id": id, "name": name, "description": ""}
}

// renderAccount is an account as the API shows it, nil for nobody. An account that was never added is shown as a
// former user.
func (s *Server) renderAccount(c *call, id string) any {
	if id == "" {
		return nil
	}
	a := s.accountOf(id)
	if a == nil {
		a = &Account{ID: id, DisplayName: "Former user", Inactive: true}
	}
	out := map[string]any{
		"self": c.base + c.api() + "/user?accountId=" + a.ID, "accountId": a.ID, "accountType": a.kind(),
		"displayName": a.DisplayName, "active": !a.Inactive, "timeZone": s.cfg.Zone.String(), "avatarUrls": avatars(c),
	}
	if a.Email != "" && !a.HideEmail && !s.faults.HideEmails && !c.private {
		out["emailAddress"] = a.Email
	}
	return out
}

func (a *Account) kind() string {
	if a.AccountType == "" {
		return "atlassian"
	}
	return a.AccountType
}

// renderHistory is the whole history, oldest first.
func (s *Server) renderHistory(c *call, i *issue) []any {
	out := []any{}
	for _, h := range i.History {
		out = append(out, map[string]any{
			"id": strconv.FormatInt(h.ID, 10), "author": s.renderAccount(c, h.Author), "created": s.stamp(h.Created), "items": h.Items,
		})
	}
	return out
}
