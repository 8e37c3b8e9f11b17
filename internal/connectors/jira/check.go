package jira

import (
	"context"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// Check implements desk.Driver: the reporter, and the webhook if one is configured.
func (d *driver) Check(ctx context.Context, op string, s *desk.Schema) ([]access.Finding, error) {
	var findings []access.Finding
	if _, there := s.Fields["reporter"]; !there && d.config.Reporter {
		findings = append(findings, d.finding("reporter", "the reporter is not on the create screen, so tickets are"+
			" reported by usher's own account")...)
	}
	byWebhook, err := d.checkWebhook(ctx, op)
	return append(findings, byWebhook...), err
}
