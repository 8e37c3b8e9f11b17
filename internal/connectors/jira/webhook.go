package jira

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// WebhookConfig is the webhook that a Jira administrator has made for usher. It only makes usher look sooner.
type WebhookConfig struct {
	// URL is where Jira shall call: usher's API, with the path of this desk. With it, Check asks Jira whether an enabled
	// webhook calls it, as far as the account may see webhooks; that takes an administrator's rights. "" checks nothing.
	URL string `yaml:"url" secret:"true"`
}

// hook is a webhook as Jira lists it.
type hook struct {
	URL    string   `json:"url"`
	Events []string `json:"events"`
	// Enabled is what Cloud and Data Center up to 9 say, Active what Data Center says from 10 on.
	Enabled *bool `json:"enabled"`
	Active  *bool `json:"active"`
}

func (h hook) on() bool {
	return (h.Enabled == nil || *h.Enabled) && (h.Active == nil || *h.Active)
}

// hookEvents are the events that a webhook has to tell.
func hookEvents() []string { return []string{"jira:issue_updated", "jira:issue_deleted"} }

// checkWebhook looks for the configured webhook. An account that may not list webhooks gives no finding: nothing is known
// to be wrong, and few accounts should have that right.
func (d *driver) checkWebhook(ctx context.Context, op string) ([]access.Finding, error) {
	if d.config.Webhook.URL == "" {
		return nil, nil
	}
	hooks, known, err := d.listHooks(ctx, op)
	if err != nil || !known {
		return nil, err
	}
	want := strings.TrimRight(d.config.Webhook.URL, "/")
	problem := "no webhook calls this URL"
	for _, h := range hooks {
		if strings.TrimRight(h.URL, "/") != want {
			continue
		}
		var missing []string
		for _, event := range hookEvents() {
			if !slices.Contains(h.Events, event) {
				missing = append(missing, event)
			}
		}
		switch {
		case !h.on():
			problem = "the webhook that calls this URL is disabled"
		case len(missing) > 0:
			problem = "the webhook that calls this URL lacks the events " + strings.Join(missing, ", ")
		default:
			return nil, nil
		}
	}
	return d.finding("webhook.url", "%s; a Jira administrator has to set it up under System, WebHooks: enabled, this URL,"+
		" the secret that usher's API is configured with, the events %s, and the JQL filter %s. Until then usher learns of"+
		" changes only when it looks by itself", problem, strings.Join(hookEvents(), " and "), d.hookFilter()), nil
}

// hookFilter keeps other tickets' events away.
func (d *driver) hookFilter() string {
	if d.config.useLabel() {
		return "labels = " + quote(d.config.label())
	}
	return "project = " + quote(d.config.Project)
}

// listHooks is false when the account may not see the webhooks, or the site has no such list.
func (d *driver) listHooks(ctx context.Context, op string) ([]hook, bool, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, false, err
	}
	for _, path := range api.webhooks() {
		var hooks []hook
		_, err := d.call(ctx, rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: path, Into: &hooks})
		if err == nil {
			return hooks, true, nil
		}
		if access.IsKind(err, access.Transient) || access.IsKind(err, access.RateLimited) {
			return nil, false, err
		}
	}
	return nil, false, nil
}
