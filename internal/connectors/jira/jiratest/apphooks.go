package jiratest

import (
	"net/http"
	"slices"
	"strings"
)

// byApp is for apps, which come through the gateway with a bearer token; everybody else is refused.
func (s *Server) byApp(run operation) operation {
	return func(c *call) (*answer, error) {
		if c.account == nil || !throughGateway(c.r) || !strings.HasPrefix(c.r.Header.Get("Authorization"), "Bearer ") {
			return nil, refuse(http.StatusForbidden, "Only Connect and OAuth 2.0 apps can use this operation.")
		}
		return run(c)
	}
}

// createAppHooks registers webhooks of an app: with one URL for all, without a secret, for 30 days.
func (s *Server) createAppHooks(c *call) (*answer, error) {
	var in struct {
		URL      string `json:"url"`
		Webhooks []struct {
			Events         []string `json:"events"`
			JQLFilter      string   `json:"jqlFilter"`
			FieldIDsFilter []string `json:"fieldIdsFilter"`
			PropertyKeys   []string `json:"issuePropertyKeysFilter"`
		} `json:"webhooks"`
	}
	if err := c.decodeClosed(&in); err != nil {
		return nil, err
	}
	others := slices.ContainsFunc(s.registered, func(r registration) bool { return r.app && r.by == c.account.ID && r.hook.URL != in.URL })
	if in.URL == "" || len(in.Webhooks) == 0 || others {
		return nil, refuse(http.StatusBadRequest, "The webhooks of an app must all have one URL.")
	}
	results := []any{}
	for _, w := range in.Webhooks {
		if problem := filterProblem(w.JQLFilter); problem != "" {
			results = append(results, map[string]any{"errors": []string{problem}})
			continue
		}
		r := s.register(registration{
			events: w.Events, filter: w.JQLFilter, by: c.account.ID, app: true, expires: s.now().Add(appHookLife), hook: Webhook{URL: in.URL},
		})
		results = append(results, map[string]any{"createdWebhookId": r.id})
	}
	return ok(map[string]any{"webhookRegistrationResult": results})
}

// filterProblem returns what is wrong with an app's filter: only a few fields can be compared, and only for being the same.
func filterProblem(filter string) string {
	q, err := parseJQL(filter)
	if err != nil {
		return err.Error()
	}
	fields := []string{"issuekey", "key", "project", "issuetype", "status", "assignee", "reporter", "priority"}
	if q.where == nil || !q.where.all(func(c clause) bool {
		return slices.Contains(fields, c.field) && slices.Contains([]string{"=", "!=", "in", "not in"}, c.op)
	}) {
		return "The clause is not supported in the filter of a webhook."
	}
	return ""
}

// all reports whether every clause of a condition passes.
func (n *node) all(test func(clause) bool) bool {
	if n.op == "" {
		return test(n.clause)
	}
	return !slices.ContainsFunc(n.children, func(child *node) bool { return !child.all(test) })
}

func (s *Server) listAppHooks(c *call) (*answer, error) {
	start, size, err := c.page(s, 100, 100)
	if err != nil {
		return nil, err
	}
	all := []any{}
	for _, r := range s.registered {
		if r.app && r.by == c.account.ID {
			all = append(all, map[string]any{
				"id": r.id, "events": r.events, "jqlFilter": r.filter, "url": r.hook.URL, "expirationDate": r.expires.UnixMilli(),
			})
		}
	}
	page := slice(all, start, size)
	return ok(map[string]any{
		"startAt": start, "maxResults": size, "total": len(all), "isLast": start+len(page) >= len(all), "values": page,
	})
}

func (c *call) webhookIDs() ([]int64, error) {
	var in struct {
		WebhookIDs []int64 `json:"webhookIds"`
	}
	err := c.decodeClosed(&in)
	return in.WebhookIDs, err
}

func (s *Server) deleteAppHooks(c *call) (*answer, error) {
	ids, err := c.webhookIDs()
	if err != nil {
		return nil, err
	}
	s.unregister(func(r registration) bool { return r.app && r.by == c.account.ID && slices.Contains(ids, r.id) })
	return &answer{Status: http.StatusAccepted}, nil
}

func (s *Server) refreshAppHooks(c *call) (*answer, error) {
	ids, err := c.webhookIDs()
	if err != nil {
		return nil, err
	}
	expires := s.now().Add(appHookLife)
	for n, r := range s.registered {
		if r.app && r.by == c.account.ID && slices.Contains(ids, r.id) {
			s.registered[n].expires = expires
		}
	}
	return ok(map[string]any{"expirationDate": expires.UnixMilli()})
}
