package desk

import (
	"context"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
)

// Check implements access.Checker: the account, what tickets are opened with, the statuses, and what the driver looks at
// besides. A finding's key is a configuration key in full ("desks.jira.fields.customfield_10041").
func (d *Desk) Check(ctx context.Context) ([]access.Finding, error) {
	const op = "check desk"
	if _, err := d.checkCredentials(ctx, op); err != nil {
		return nil, err
	}
	s, findings, err := d.compare(ctx, op)
	if err != nil || s == nil || len(findings) > 0 {
		return findings, err
	}
	return d.driver.Check(ctx, op, s)
}

// loadSchema returns what tickets are opened with. The first call, and each call until one found nothing wrong, compares the
// configuration with the desk; wrong keys are Invalid. Two first calls at a time both ask, which does no harm.
func (d *Desk) loadSchema(ctx context.Context, op string) (*Schema, error) {
	if known := d.schema.Load(); known != nil {
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
		return nil, access.Errorf(access.Invalid, op, "the configuration does not fit the %s: %s", d.traits.Place, strings.Join(texts, "; "))
	}
	d.schema.Store(s)
	return s, nil
}

// compare reads the desk and finds what of the configuration does not fit it. The schema is nil where there is none.
func (d *Desk) compare(ctx context.Context, op string) (*Schema, []access.Finding, error) {
	s, own, err := d.driver.Schema(ctx, op)
	if len(own) > 0 && access.IsKind(err, access.NotFound) {
		if _, bad := d.checkCredentials(ctx, op); bad != nil {
			return nil, nil, bad
		}
		return nil, own, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, own, nil
	}
	return s, slices.Concat(d.compareMapped(s), own, d.compareRequired(s), d.compareStatuses(s)), nil
}

// compareMapped wants every configured field on a new ticket.
func (d *Desk) compareMapped(s *Schema) []access.Finding {
	var findings []access.Finding
	for _, id := range slices.Sorted(maps.Keys(d.config.Fields)) {
		f, there := s.Fields[id]
		switch {
		case !there:
			findings = append(findings, Finding(d.name, "fields."+id, "the field is not on the create screen; there are: %s", s.Labels()))
		case !f.TakesText:
			findings = append(findings, Finding(d.name, "fields."+id, "the field is of type %q, which takes no text", f.Type))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.config.OpeningFields)) {
		if _, there := s.Fields[id]; !there {
			findings = append(findings, Finding(d.name, "opening_fields."+id, "the field is not on the create screen; there are: %s", s.Labels()))
		}
	}
	return findings
}

// compareRequired wants a value for every field that a new ticket must have.
func (d *Desk) compareRequired(s *Schema) []access.Finding {
	var findings []access.Finding
	for _, id := range slices.Sorted(maps.Keys(s.Fields)) {
		f := s.Fields[id]
		_, mapped := d.config.Fields[id]
		_, fixed := d.config.OpeningFields[id]
		if f.Required && !f.Provided && !mapped && !fixed {
			findings = append(findings, Finding(d.name, "fields."+id,
				"%s is required to create a ticket, and nothing is mapped to it; opening_fields may have a value for it", f.Label()))
		}
	}
	return findings
}

// compareStatuses wants every configured status among those of the desk, where it lists them.
func (d *Desk) compareStatuses(s *Schema) []access.Finding {
	if s.Statuses == nil {
		return nil
	}
	quoted := make([]string, len(s.Statuses))
	var known []string
	for n, status := range s.Statuses {
		quoted[n], known = status.label(), append(known, status.Name, status.ID)
	}
	var findings []access.Finding
	for _, phase := range phases() {
		for _, name := range d.config.Statuses[phase] {
			if !contains(known, name) {
				findings = append(findings, Finding(d.name, "statuses."+string(phase),
					"the workflow has no status %q; there are: %s", name, strings.Join(quoted, ", ")))
			}
		}
	}
	return findings
}

// Labels returns the fields as people name them, in the order of their ids.
func (s *Schema) Labels() string {
	var texts []string
	for _, id := range slices.Sorted(maps.Keys(s.Fields)) {
		texts = append(texts, s.Fields[id].Label())
	}
	return strings.Join(texts, ", ")
}
