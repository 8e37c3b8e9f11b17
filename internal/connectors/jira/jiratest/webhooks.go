package jiratest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"

	"usher/internal/connectors/desktest"
)

// Signature is the value of X-Hub-Signature for a delivery's raw body: "sha256=" and the HMAC in hex.
func Signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// event is a change that the webhooks are told about. kind is issue_event_type_name, "" for none.
type event struct {
	name, kind string
	issue      *issue
	actor      *Account
	history    *history
	comment    *comment
}

// announce hands an event to every webhook that wants it. The caller holds the lock.
func (s *Server) announce(e event) {
	s.hooks.Announce(s.receivers(e), func() any { return s.payload(e) })
}

// deliveryHeaders sets the headers of a delivery, its signature among them.
func (s *Server) deliveryHeaders(h http.Header, p desktest.Post) {
	h.Set("X-Atlassian-Webhook-Identifier", p.ID)
	if s.cfg.Edition == Cloud {
		h.Set("X-Atlassian-Webhook-Flow", "Primary")
	}
	if p.Attempt > 0 {
		h.Set("X-Atlassian-Webhook-Retry", strconv.Itoa(p.Attempt))
	}
	if p.Secret != "" {
		h.Set("X-Hub-Signature", Signature(p.Secret, p.Body))
	}
}

// announceComment sends the event of a comment. Data Center sends one of the issue that was commented as well: its event about the
// comment does not say which issue that is.
func (s *Server) announceComment(name string, i *issue, actor *Account, added *comment) {
	s.announce(event{name: name, issue: i, actor: actor, comment: added})
	if s.cfg.Edition == DataCenter && name == "comment_created" {
		s.announce(event{name: "jira:issue_updated", kind: "issue_commented", issue: i, actor: actor, comment: added})
	}
}

// payload is the body of a delivery. Users come without their e-mail addresses.
func (s *Server) payload(e event) map[string]any {
	c := &call{version: 2, edition: s.cfg.Edition, base: s.lastBase, private: true}
	out := map[string]any{
		"timestamp": s.now().UnixMilli(), "webhookEvent": e.name, "user": s.renderAccount(c, e.actor.ID),
	}
	if e.kind != "" {
		out["issue_event_type_name"] = e.kind
	}
	fields := []string{"*all"}
	if e.comment != nil {
		out["comment"] = s.renderComment(c, e.issue, *e.comment)
		if s.cfg.Edition == Cloud {
			fields = []string{"summary", "issuetype", "project", "assignee", "priority", "status"}
		}
	}
	if e.comment == nil || e.kind != "" || s.cfg.Edition == Cloud {
		out["issue"] = s.render(c, e.issue, selection{fields: fields})
	}
	if e.history != nil {
		out["changelog"] = map[string]any{"id": strconv.FormatInt(e.history.ID, 10), "items": webhookItems(c, e.history.Items)}
	}
	return out
}

// webhookItems are the changes with explicit nulls, as webhooks carry them.
func webhookItems(c *call, items []change) []any {
	var out []any
	for _, i := range c.items(items) {
		item := map[string]any{
			"field": i.Field, "fieldtype": i.FieldType, "from": i.From, "fromString": i.FromString, "to": i.To, "toString": i.ToString,
		}
		if i.FieldID != "" {
			item["fieldId"] = i.FieldID
		}
		out = append(out, item)
	}
	return out
}
