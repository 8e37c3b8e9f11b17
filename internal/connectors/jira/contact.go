package jira

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"usher/internal/access"
)

// screen is what tickets are created on: the issue type and the fields of its create screen by id.
type screen struct {
	issueType string
	fields    map[string]field
}

// loadCreateScreen returns the create screen. The first call, and each call until one found nothing wrong, compares the
// configuration with the project; wrong keys are Invalid. Two first calls at a time both ask, which does no harm.
func (d *Desk) loadCreateScreen(ctx context.Context, op string) (*screen, error) {
	if known := d.contact.Load(); known != nil {
		return known, nil
	}
	s, findings, err := d.compare(ctx, op)
	if err != nil {
		return nil, err
	}
	if len(findings) > 0 {
		texts := make([]string, len(findings))
		for i, f := range findings {
			texts[i] = f.Key + ": " + f.Problem
		}
		return nil, access.Errorf(access.Invalid, op, "the configuration does not fit the Jira project: %s", strings.Join(texts, "; "))
	}
	d.contact.Store(s)
	return s, nil
}

// compare reads the project and tells what of the configuration does not fit it. The screen is nil if there are findings.
func (d *Desk) compare(ctx context.Context, op string) (*screen, []access.Finding, error) {
	project := url.PathEscape(d.config.Project)
	var seen struct{ Key string }
	err := d.get(ctx, op, "project/"+project, &seen)
	if access.IsKind(err, access.NotFound) {
		if _, proof := d.checkCredentials(ctx, op); proof != nil {
			return nil, nil, proof
		}
		return nil, d.finding("project", "project %q does not exist, or usher's account may not see it", d.config.Project), nil
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
	findings := d.compareFields(s)
	byStatus, err := d.compareStatuses(ctx, op, project, types[at].ID)
	if err != nil {
		return nil, nil, err
	}
	if findings = append(findings, byStatus...); len(findings) > 0 {
		return nil, findings, nil
	}
	return s, nil, nil
}

// compareFields wants every configured field on the create screen, and a value for every field that the screen demands.
func (d *Desk) compareFields(s *screen) []access.Finding {
	var findings []access.Finding
	onScreen := listOfFields(s)
	for _, id := range slices.Sorted(maps.Keys(d.config.Fields)) {
		f, there := s.fields[id]
		switch {
		case !there:
			findings = append(findings, d.finding("fields."+id, "the field is not on the create screen; there are: %s", onScreen)...)
		case !f.takesText():
			findings = append(findings, d.finding("fields."+id, "the field is of type %q, which takes no text", f.Schema.Type)...)
		}
	}
	if _, there := s.fields["labels"]; !there && d.config.useLabel() {
		findings = append(findings, d.finding("labels", "labels are not on the create screen, and the marker needs them;"+
			" expected them there, or %s", d.key("marker_field"))...)
	}
	if f, there := s.fields[d.config.MarkerField]; d.config.MarkerField != "" && (!there || f.Schema.Type != "string") {
		findings = append(findings, d.finding("marker_field", "%q is no text field on the create screen; there are: %s",
			d.config.MarkerField, onScreen)...)
	}
	for _, id := range slices.Sorted(maps.Keys(s.fields)) {
		f := s.fields[id]
		if f.Required && !f.HasDefaultValue && !d.provides(id) {
			findings = append(findings, d.finding("fields."+id, "%s is required to create a ticket, and nothing is mapped to it", f.label())...)
		}
	}
	return findings
}

// provides reports whether CreateTicket gives the field a value. Jira fills in a reporter itself.
func (d *Desk) provides(id string) bool {
	_, mapped := d.config.Fields[id]
	return mapped || id == d.config.MarkerField || (id == "labels" && d.config.useLabel()) ||
		(id != "labels" && slices.Contains(ownFields(), id))
}

// compareStatuses wants every configured status in the workflow of the issue type.
func (d *Desk) compareStatuses(ctx context.Context, op, project, issueType string) ([]access.Finding, error) {
	if len(d.config.Statuses) == 0 {
		return nil, nil
	}
	var byType []struct {
		ID       string  `json:"id"`
		Statuses []named `json:"statuses"`
	}
	if err := d.get(ctx, op, "project/"+project+"/statuses", &byType); err != nil {
		return nil, err
	}
	var there []named
	for _, t := range byType {
		if t.ID == issueType {
			there = t.Statuses
		}
	}
	var findings []access.Finding
	for _, phase := range phases() {
		for _, name := range d.config.Statuses[phase] {
			if !slices.ContainsFunc(there, func(s named) bool { return strings.EqualFold(s.Name, name) }) {
				findings = append(findings, d.finding("statuses."+string(phase),
					"the workflow has no status %q; there are: %s", name, listOf(there))...)
			}
		}
	}
	return findings, nil
}

func (d *Desk) finding(key, format string, args ...any) []access.Finding {
	return []access.Finding{{Key: d.key(key), Problem: fmt.Sprintf(format, args...)}}
}

// metaPage is a page of create metadata. Cloud calls the list issueTypes or fields; other editions call it values.
type metaPage[T any] struct {
	IssueTypes []T  `json:"issueTypes"`
	Fields     []T  `json:"fields"`
	Values     []T  `json:"values"`
	Total      int  `json:"total"`
	IsLast     bool `json:"isLast"`
}

func (d *Desk) issueTypes(ctx context.Context, op, project string) ([]named, error) {
	return metaPages[named](ctx, d, op, "issue/createmeta/"+project+"/issuetypes")
}

func (d *Desk) createScreen(ctx context.Context, op, project, issueType string) (*screen, error) {
	fields, err := metaPages[field](ctx, d, op, "issue/createmeta/"+project+"/issuetypes/"+url.PathEscape(issueType))
	if err != nil {
		return nil, err
	}
	s := &screen{issueType: issueType, fields: map[string]field{}}
	for _, f := range fields {
		s.fields[f.ID] = f
	}
	return s, nil
}

func metaPages[T any](ctx context.Context, d *Desk, op, path string) ([]T, error) {
	var all []T
	for range maxPages {
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

func listOfFields(s *screen) string {
	var texts []string
	for _, id := range slices.Sorted(maps.Keys(s.fields)) {
		texts = append(texts, s.fields[id].label())
	}
	return strings.Join(texts, ", ")
}
