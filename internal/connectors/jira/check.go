package jira

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// Check implements desk.Driver: the reporter, and the intake and the webhook if they are configured.
func (d *driver) Check(ctx context.Context, op string, s *desk.Schema) ([]access.Finding, error) {
	var findings []access.Finding
	if _, there := s.Fields["reporter"]; !there && d.config.Reporter {
		findings = append(findings, d.finding("reporter", "the reporter is not on the create screen, so tickets are"+
			" reported by usher's own account")...)
	}
	byIntake, err := d.checkIntake(ctx, op)
	if err != nil {
		return nil, err
	}
	byWebhook, err := d.checkWebhook(ctx, op)
	return slices.Concat(findings, byIntake, byWebhook), err
}

// checkIntake wants the issue type by which people ask in the project: Jira refuses to search for one that it does not know, and finds
// none of a type that is of other projects.
func (d *driver) checkIntake(ctx context.Context, op string) ([]access.Finding, error) {
	if d.config.Intake == nil {
		return nil, nil
	}
	var project struct {
		IssueTypes []named `json:"issueTypes"`
	}
	if err := d.get(ctx, op, "project/"+url.PathEscape(d.config.Project), &project); err != nil {
		return nil, err
	}
	kind := d.config.Intake.Kind
	if slices.ContainsFunc(project.IssueTypes, func(t named) bool { return strings.EqualFold(t.Name, kind) }) {
		return nil, nil
	}
	return d.finding("intake.kind", "project %s has no issue type %q; there are: %s",
		d.config.Project, kind, listOf(project.IssueTypes)), nil
}
