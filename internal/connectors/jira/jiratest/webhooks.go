package jiratest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
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

// announce hands an event to every webhook, unless a fault loses it. The caller holds the lock.
func (s *Server) announce(e event) {
	if len(s.cfg.Webhooks) == 0 || take(&s.faults.LoseWebhooks) {
		return
	}
	body, err := json.Marshal(s.payload(e))
	if err != nil {
		s.cfg.Log.Error("webhook not encoded", "error", err)
		return
	}
	s.deliveries++
	d := delivery{id: fmt.Sprintf("%s-%d", s.site, s.deliveries), body: body, forged: s.faults.ForgeWebhooks}
	batch := []delivery{d}
	if s.faults.DoubleWebhooks {
		batch = append(batch, d)
	}
	switch {
	case s.faults.ReorderWebhooks && s.held == nil:
		s.held = batch
		return
	case s.held != nil:
		batch, s.held = append(batch, s.held...), nil
	}
	s.hooks.add(batch)
}

// releaseHeld delivers the event that waits for a later one to overtake it. The caller holds the lock.
func (s *Server) releaseHeld() {
	if s.held != nil && !s.faults.ReorderWebhooks {
		s.hooks.add(s.held)
		s.held = nil
	}
}

// payload is the body of a delivery. Users come without their e-mail addresses.
func (s *Server) payload(e event) map[string]any {
	c := &call{version: 2, base: s.lastBase, private: true}
	out := map[string]any{
		"timestamp": s.cfg.Now().UnixMilli(), "webhookEvent": e.name, "user": s.renderAccount(c, e.actor.ID),
	}
	if e.kind != "" {
		out["issue_event_type_name"] = e.kind
	}
	fields := []string{"*all"}
	if e.comment != nil {
		fields = []string{"summary", "issuetype", "project", "assignee", "priority", "status"}
		out["comment"] = s.renderComment(c, e.issue, *e.comment)
	}
	out["issue"] = s.render(c, e.issue, selection{fields: fields})
	if e.history != nil {
		out["changelog"] = map[string]any{"id": strconv.FormatInt(e.history.ID, 10), "items": webhookItems(e.history.Items)}
	}
	return out
}

// webhookItems are the changes with explicit nulls, as webhooks carry them.
func webhookItems(items []change) []any {
	var out []any
	for _, i := range items {
		out = append(out, map[string]any{
			"field": i.Field, "fieldtype": i.FieldType, "fieldId": i.FieldID,
			"from": i.From, "fromString": i.FromString, "to": i.To, "toString": i.ToString,
		})
	}
	return out
}
