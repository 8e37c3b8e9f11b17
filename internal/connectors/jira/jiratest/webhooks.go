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

// eventNames are the names of the webhooks' events, and issue_event_type_name of those that have it.
var eventNames = map[desktest.EventKind][2]string{
	desktest.EventOpened:        {"jira:issue_created", "issue_created"},
	desktest.EventEdited:        {"jira:issue_updated", "issue_updated"},
	desktest.EventMoved:         {"jira:issue_updated", "issue_generic"},
	desktest.EventAssigned:      {"jira:issue_updated", "issue_assigned"},
	desktest.EventRekeyed:       {"jira:issue_updated", "issue_moved"},
	desktest.EventDeleted:       {"jira:issue_deleted"},
	desktest.EventPropertySet:   {"issue_property_set"},
	desktest.EventCommented:     {"comment_created"},
	desktest.EventCommentEdited: {"comment_updated"},
}

// announce hands an event to every webhook that wants it. Data Center sends one of the issue that was commented as well: its
// event about the comment does not say which issue that is.
func (s *Server) announce(e desktest.Event) {
	names := [][2]string{eventNames[e.Kind]}
	if e.Kind == desktest.EventCommented && s.cfg.Edition == DataCenter {
		names = append(names, [2]string{"jira:issue_updated", "issue_commented"})
	}
	for _, one := range names {
		s.Hooks.Announce(s.receivers(one[0], e.Ticket), func() any { return s.payload(e, one[0], one[1]) })
	}
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

// payload is the body of a delivery. Users come without their e-mail addresses.
func (s *Server) payload(e desktest.Event, name, kind string) map[string]any {
	c := &call{version: 2, edition: s.cfg.Edition, base: s.lastBase, private: true}
	out := map[string]any{
		"timestamp": s.store.Now().UnixMilli(), "webhookEvent": name, "user": s.renderAccount(c, e.By.ID),
	}
	if kind != "" {
		out["issue_event_type_name"] = kind
	}
	fields := []string{"*all"}
	if e.Comment != nil {
		out["comment"] = s.renderComment(c, e.Ticket, *e.Comment)
		if s.cfg.Edition == Cloud {
			fields = []string{"summary", "issuetype", "project", "assignee", "priority", "status"}
		}
	}
	if e.Comment == nil || kind != "" || s.cfg.Edition == Cloud {
		out["issue"] = s.render(c, e.Ticket, selection{fields: fields})
	}
	if e.Change != nil {
		out["changelog"] = map[string]any{"id": s.store.ID(e.Change.Seq), "items": s.renderItems(c, e.Change.Items, true)}
	}
	return out
}
