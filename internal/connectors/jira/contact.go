package jira

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// screen is what tickets are created on: the issue type and the fields of its create screen by id.
type screen struct {
	issueType string
	fields    map[string]field
}

// Schema implements desk.Driver: the project, the issue type, its create screen, and the statuses of its workflow where the
// configuration lists some.
func (d *driver) Schema(ctx context.Context, op string) (*desk.Schema, []access.Finding, error) {
	project := url.PathEscape(d.config.Project)
	var seen struct{ Key string }
	err := d.get(ctx, op, "project/"+project, &seen)
	if access.IsKind(err, access.NotFound) {
		return nil, d.finding("project", "project %q does not exist, or usher's account may not see it", d.config.Project), err
	}
	if err != nil {
		return nil, nil, err
	}
	types, err := d.issueTypes(ctx, op, project)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(types, func(t named) bool { return strings.EqualFold(t.Name, d.config.IssueType) })
	if at < 0 {
		return nil, d.finding("issue_type", "usher's account can create no %q in project %s; there are: %s",
			d.config.IssueType, d.config.Project, listOf(types)), nil
	}
	s, err := d.createScreen(ctx, op, project, types[at].ID)
	if err != nil {
		return nil, nil, err
	}
	out := &desk.Schema{Fields: map[string]desk.Field{}, Native: s}
	for id, f := range s.fields {
		out.Fields[id] = desk.Field{
			ID: id, Name: f.Name, Type: f.Schema.Type, TakesText: f.takesText(),
			Required: f.Required && !f.HasDefaultValue, Provided: d.provides(id),
		}
	}
	out.Statuses, err = d.statuses(ctx, op, project, types[at].ID)
	return out, d.compareMarker(out), err
}

// compareMarker wants the fields that carry the marker on the create screen.
func (d *driver) compareMarker(s *desk.Schema) []access.Finding {
	var findings []access.Finding
	if _, there := s.Fields["labels"]; !there && d.config.useLabel() {
		findings = append(findings, d.finding("labels", "labels are not on the create screen, and the marker needs them;"+
			" expected them there, or %s", d.key("marker_field"))...)
	}
	if f, there := s.Fields[d.config.MarkerField]; d.config.MarkerField != "" && (!there || f.Type != "string") {
		findings = append(findings, d.finding("marker_field", "%q is no text field on the create screen; there are: %s",
			d.config.MarkerField, s.Labels())...)
	}
	return findings
}

// provides reports whether Create gives the field a value without a mapping. Jira fills in a reporter itself.
func (d *driver) provides(id string) bool {
	return id == d.config.MarkerField || (id == "labels" && d.config.useLabel()) || (id != "labels" && slices.Contains(ownFields(), id))
}

// statuses are those of the issue type's workflow.
func (d *driver) statuses(ctx context.Context, op, project, issueType string) ([]desk.Status, error) {
	var byType []struct {
		ID       string   `json:"id"`
		Statuses []status `json:"statuses"`
	}
	if err := d.get(ctx, op, "project/"+project+"/statuses", &byType); err != nil {
		return nil, err
	}
	var there []desk.Status
	for _, t := range byType {
		if t.ID == issueType {
			there = nil
			for _, s := range t.Statuses {
				there = append(there, s.of())
			}
		}
	}
	return there, nil
}

// metaPage is a page of create metadata. Cloud calls the list issueTypes or fields; other editions call it values.
type metaPage[T any] struct {
	IssueTypes []T  `json:"issueTypes"`
	Fields     []T  `json:"fields"`
	Values     []T  `json:"values"`
	Total      int  `json:"total"`
	IsLast     bool `json:"isLast"`
}

func (d *driver) issueTypes(ctx context.Context, op, project string) ([]named, error) {
	return metaPages[named](ctx, d, op, "issue/createmeta/"+project+"/issuetypes")
}

func (d *driver) createScreen(ctx context.Context, op, project, issueType string) (screen, error) {
	fields, err := metaPages[field](ctx, d, op, "issue/createmeta/"+project+"/issuetypes/"+url.PathEscape(issueType))
	if err != nil {
		return screen{}, err
	}
	s := screen{issueType: issueType, fields: map[string]field{}}
	for _, f := range fields {
		s.fields[f.ID] = f
	}
	return s, nil
}

func metaPages[T any](ctx context.Context, d *driver, op, path string) ([]T, error) {
	var all []T
	for range desk.MaxPages {
		var page metaPage[T]
		if err := d.get(ctx, op, fmt.Sprintf("%s?startAt=%d&maxResults=100", path, len(all)), &page); err != nil {
			return nil, err
		}
		batch := slices.Concat(page.IssueTypes, page.Fields, page.Values)
		all = append(all, batch...)
		if len(batch) == 0 || page.IsLast || len(all) >= page.Total {
			break
		}
	}
	return all, nil
}

func listOf(list []named) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = fmt.Sprintf("%q", n.Name)
	}
	return strings.Join(texts, ", ")
}
