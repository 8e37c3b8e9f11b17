package e2e_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"

	"usher/internal/access"
)

// text is something that a ticket says.
type text string

const (
	summary     text = "summary"
	description text = "description"
	reason      text = "reason"
)

// deskHands are what people do with the desk's own API and their own credentials.
type deskHands interface {
	// texts are those that people can change.
	texts() []text
	edit(ctx context.Context, who access.PersonID, id string, what text, says string) error
	// open opens an ordinary ticket where usher opens its own.
	open(ctx context.Context, who access.PersonID, summary string) (id, key string, err error)
	// mark makes a ticket look like usher's.
	mark(ctx context.Context, who access.PersonID, id string, marker access.Marker) error
	// files opens a ticket by which somebody asks.
	files(ctx context.Context, f filed) (id string, err error)
}

func basic(who access.PersonID) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(string(who)+"@example.test:token-of-"+string(who)))
}

// jiraHands are those on Jira, where people log in with a token of theirs.
type jiraHands struct {
	url        string
	dataCenter bool
}

func (h jiraHands) call(ctx context.Context, who access.PersonID, method, path string, fields map[string]any, into any) error {
	credentials := basic(who)
	if h.dataCenter {
		credentials = "Bearer token-of-" + string(who)
	}
	return exchange(ctx, message{
		method: method, address: h.url + "/rest/api/2/" + path, body: map[string]any{"fields": fields}, into: into,
		header: map[string]string{"Authorization": credentials},
	})
}

func (h jiraHands) texts() []text { return []text{summary, description, reason} }

func (h jiraHands) edit(ctx context.Context, who access.PersonID, id string, what text, says string) error {
	field := map[text]string{summary: "summary", description: "description", reason: "customfield_10047"}[what]
	return h.call(ctx, who, http.MethodPut, "issue/"+id, map[string]any{field: says}, nil)
}

func (h jiraHands) open(ctx context.Context, who access.PersonID, summary string) (string, string, error) {
	var made struct{ ID, Key string }
	err := h.call(ctx, who, http.MethodPost, "issue", map[string]any{
		"project": map[string]string{"key": "ACCESS"}, "issuetype": map[string]string{"name": "Access request"}, "summary": summary,
	}, &made)
	return made.ID, made.Key, err
}

func (h jiraHands) mark(ctx context.Context, who access.PersonID, id string, marker access.Marker) error {
	return h.call(ctx, who, http.MethodPut, "issue/"+id, map[string]any{"labels": []string{"usher", string(marker)}}, nil)
}

// trackerHands are those on Request Tracker, where nobody can change the first message.
type trackerHands struct{ url string }

func (h trackerHands) call(ctx context.Context, who access.PersonID, method, path string, body, into any) error {
	return exchange(ctx, message{
		method: method, address: h.url + "/REST/2.0/" + path, body: body, into: into, header: map[string]string{"Authorization": basic(who)},
	})
}

func (h trackerHands) texts() []text { return []text{summary} }

func (h trackerHands) edit(ctx context.Context, who access.PersonID, id string, what text, says string) error {
	if !slices.Contains(h.texts(), what) {
		return fmt.Errorf("nobody can change the %s", what)
	}
	return h.call(ctx, who, http.MethodPut, "ticket/"+id, map[string]any{"Subject": says}, nil)
}

func (h trackerHands) open(ctx context.Context, who access.PersonID, summary string) (string, string, error) {
	var made struct{ ID string }
	err := h.call(ctx, who, http.MethodPost, "ticket", map[string]any{"Queue": "Access", "Subject": summary}, &made)
	return made.ID, "Access #" + made.ID, err
}

func (h trackerHands) mark(ctx context.Context, who access.PersonID, id string, marker access.Marker) error {
	return h.call(ctx, who, http.MethodPut, "ticket/"+id, map[string]any{"CustomFields": map[string]any{"External Id": marker}}, nil)
}

// serviceNowHands are those on ServiceNow.
type serviceNowHands struct{ url string }

func (h serviceNowHands) call(ctx context.Context, who access.PersonID, method, path string, body, into any) error {
	return exchange(ctx, message{
		method: method, address: h.url + "/api/now/table/incident" + path, body: body, into: into, header: map[string]string{"Authorization": basic(who)},
	})
}

func (h serviceNowHands) texts() []text { return []text{summary, description} }

func (h serviceNowHands) edit(ctx context.Context, who access.PersonID, id string, what text, says string) error {
	field := map[text]string{summary: "short_description", description: "description"}[what]
	return h.call(ctx, who, http.MethodPatch, "/"+id, map[string]any{field: says}, nil)
}

func (h serviceNowHands) open(ctx context.Context, who access.PersonID, summary string) (string, string, error) {
	var made struct {
		Result struct {
			ID  string `json:"sys_id"`
			Key string `json:"number"`
		}
	}
	err := h.call(ctx, who, http.MethodPost, "", map[string]any{"short_description": summary}, &made)
	return made.Result.ID, made.Result.Key, err
}

func (h serviceNowHands) mark(ctx context.Context, who access.PersonID, id string, marker access.Marker) error {
	return h.call(ctx, who, http.MethodPatch, "/"+id, map[string]any{"correlation_id": marker, "correlation_display": "usher"}, nil)
}
