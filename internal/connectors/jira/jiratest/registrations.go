package jiratest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"usher/internal/connectors/desktest"
)

// registration is a webhook that was registered through the API. They are not kept in the state file.
type registration struct {
	id          int64
	name        string
	events      []string
	filter      string
	off         bool
	excludeBody bool
	by          string
	changed     time.Time
	hook        desktest.Webhook
	queue       *desktest.Queue
}

// filterSection is where the JQL stands among an admin webhook's filters.
const filterSection = "issue-related-events-section"

// KnownEvents are the names of the events that a webhook can be told.
func KnownEvents() []string {
	return []string{
		"jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_updated", "comment_deleted",
		"issue_property_set", "issue_property_deleted", "user_created", "user_updated", "user_deleted",
	}
}

// receivers are the webhooks that want an event.
func (s *Server) receivers(name string, i *issue) []*desktest.Queue {
	out := s.Hooks.Receivers(name)
	for _, r := range s.registered {
		if !r.off && slices.Contains(r.events, name) && s.passes(r.filter, i) {
			out = append(out, r.queue)
		}
	}
	return out
}

func (s *Server) passes(filter string, i *issue) bool {
	q, err := parseJQL(filter)
	if err != nil || q.where == nil {
		return err == nil
	}
	warnings := []string{}
	test, err := matcher{s: s, now: s.store.Now(), caller: &s.store.Accounts()[0], lenient: true, warnings: &warnings}.compile(q.where)
	return err == nil && test(i)
}

func (s *Server) register(r registration) registration {
	s.lastHook++
	r.id, r.changed = s.lastHook, s.store.Now()
	r.queue = s.Hooks.Open(r.hook)
	s.registered = append(s.registered, r)
	return r
}

// routeHooks serves the registration of webhooks by administrators, where the edition and its version have it.
func (s *Server) routeHooks() {
	root := "/rest/webhooks/1.0/webhook"
	if s.cfg.Edition == DataCenter && s.cfg.major() >= 10 {
		root = "/rest/jira-webhook/1.0/webhooks"
	}
	handle := s.handler(root, 2)
	for _, end := range []string{"", "/{$}"} {
		handle("GET "+end, OpWebhooks, s.byAdmin(s.listHooks))
		handle("POST "+end, OpWebhooks, s.byAdmin(s.createHook))
	}
	handle("GET /{id}", OpWebhooks, s.byAdmin(s.getHook))
	handle("PUT /{id}", OpWebhooks, s.byAdmin(s.replaceHook))
	handle("DELETE /{id}", OpWebhooks, s.byAdmin(s.deleteHook))
}

// byAdmin is for administrators. The gateway does not lead to admin webhooks.
func (s *Server) byAdmin(run operation) operation {
	return func(c *call) (*answer, error) {
		if throughGateway(c.r) {
			return gatewayError(http.StatusNotFound, "Not Found")
		}
		if err := s.needAdmin(c); err != nil {
			return nil, err
		}
		return run(c)
	}
}

// hookInput is what registers an admin webhook. Cloud takes the secret as it is, Data Center within the configuration
// only: one that stands outside is ignored without a word.
type hookInput struct {
	Name          string            `json:"name"`
	URL           string            `json:"url"`
	Events        []string          `json:"events"`
	Filters       map[string]string `json:"filters"`
	ExcludeBody   bool              `json:"excludeBody"`
	Secret        string            `json:"secret"`
	Enabled       *bool             `json:"enabled"`
	Active        *bool             `json:"active"`
	Configuration map[string]string `json:"configuration"`
}

func (s *Server) hookOf(c *call) (registration, error) {
	var in hookInput
	if err := c.decode(&in); err != nil {
		return registration{}, err
	}
	secret, on := in.Secret, in.Enabled
	if c.edition == DataCenter && s.cfg.major() >= 10 {
		secret, on = in.Configuration["SECRET"], in.Active
		in.ExcludeBody = in.Configuration["EXCLUDE_BODY"] == "true"
	}
	u, err := url.Parse(in.URL)
	switch {
	case in.Name == "":
		return registration{}, refuse(http.StatusBadRequest, "The name of the webhook is required.")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return registration{}, refuse(http.StatusBadRequest, "The URL of the webhook is invalid.")
	case slices.ContainsFunc(in.Events, func(name string) bool { return !slices.Contains(KnownEvents(), name) }):
		return registration{}, refuse(http.StatusBadRequest, "The webhook has an unknown event.")
	}
	if _, err := parseJQL(in.Filters[filterSection]); err != nil {
		return registration{}, err
	}
	return registration{
		name: in.Name, events: in.Events, filter: in.Filters[filterSection], excludeBody: in.ExcludeBody,
		off: on != nil && !*on, by: c.account.ID, hook: desktest.Webhook{URL: in.URL, Secret: secret},
	}, nil
}

func (s *Server) renderHook(c *call, r registration) map[string]any {
	out := map[string]any{
		"name": r.name, "url": r.hook.URL, "events": append([]string{}, r.events...), "filters": map[string]string{filterSection: r.filter},
	}
	if c.edition == DataCenter && s.cfg.major() >= 10 {
		out["id"], out["active"], out["scopeType"], out["sslVerificationRequired"] = r.id, !r.off, "global", true
		out["configuration"] = map[string]string{"EXCLUDE_BODY": strconv.FormatBool(r.excludeBody)}
		out["createdDate"], out["updatedDate"] = r.changed.UnixMilli(), r.changed.UnixMilli()
		return out
	}
	by := s.store.Account(r.by)
	out["self"] = c.base + "/rest/webhooks/1.0/webhook/" + strconv.FormatInt(r.id, 10)
	out["excludeBody"], out["enabled"], out["lastUpdated"] = r.excludeBody, !r.off, r.changed.UnixMilli()
	out["lastUpdatedUser"], out["lastUpdatedDisplayName"] = s.shownID(r.by), by.DisplayName
	if c.edition == Cloud {
		out["isSigned"] = r.hook.Secret != ""
	}
	return out
}

func (s *Server) listHooks(c *call) (*answer, error) {
	list := []any{}
	for _, r := range s.registered {
		list = append(list, s.renderHook(c, r))
	}
	return ok(list)
}

func (s *Server) createHook(c *call) (*answer, error) {
	r, err := s.hookOf(c)
	if err != nil {
		return nil, err
	}
	return created(s.renderHook(c, s.register(r)))
}

// adminHook is the place of the webhook that the path names.
func (s *Server) adminHook(c *call) (int, error) {
	n := slices.IndexFunc(s.registered, func(r registration) bool {
		return strconv.FormatInt(r.id, 10) == c.r.PathValue("id")
	})
	if n < 0 {
		return 0, refuse(http.StatusNotFound, "The webhook does not exist.")
	}
	return n, nil
}

func (s *Server) getHook(c *call) (*answer, error) {
	n, err := s.adminHook(c)
	if err != nil {
		return nil, err
	}
	return ok(s.renderHook(c, s.registered[n]))
}

func (s *Server) replaceHook(c *call) (*answer, error) {
	n, err := s.adminHook(c)
	if err != nil {
		return nil, err
	}
	r, err := s.hookOf(c)
	if err != nil {
		return nil, err
	}
	old := s.registered[n]
	old.queue.Close()
	r.id, r.changed, r.queue = old.id, s.store.Now(), s.Hooks.Open(r.hook)
	s.registered[n] = r
	return ok(s.renderHook(c, r))
}

func (s *Server) deleteHook(c *call) (*answer, error) {
	n, err := s.adminHook(c)
	if err != nil {
		return nil, err
	}
	s.registered[n].queue.Close()
	s.registered = slices.Delete(s.registered, n, n+1)
	return noContent()
}
