package jira

import (
	"context"

	"usher/internal/access"
)

// Check implements access.Checker: the account, the project, the issue type, the create screen, the workflow's statuses,
// the webhook if one is configured.
// A finding's key is a configuration key in full ("desks.jira.fields.customfield_10041").
func (d *Desk) Check(ctx context.Context) ([]access.Finding, error) {
	const op = "check desk"
	if _, err := d.checkCredentials(ctx, op); err != nil {
		return nil, err
	}
	s, findings, err := d.compare(ctx, op)
	if err != nil || s == nil {
		return findings, err
	}
	if _, there := s.fields["reporter"]; !there && d.config.Reporter {
		findings = append(findings, d.finding("reporter", "the reporter is not on the create screen, so tickets are"+
			" reported by usher's own account")...)
	}
	byWebhook, err := d.checkWebhook(ctx, op)
	return append(findings, byWebhook...), err
}
