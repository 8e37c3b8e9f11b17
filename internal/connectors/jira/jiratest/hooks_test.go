package jiratest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

const adminHooks = "/rest/webhooks/1.0/webhook"

func hookFor(url string) object {
	return object{
		"name": "usher", "url": url, "events": []string{"jira:issue_updated", "comment_created"}, "secret": "hush",
		"filters": object{"issue-related-events-section": "project = ACCESS"},
	}
}

func TestWebhook_registration(t *testing.T) {
	r := newReceiver(t)
	d := newDesk(t, nil)
	made := d.want(http.StatusCreated, http.MethodPost, adminHooks, hookFor(r.URL))
	require.Equal(t, true, made.json["isSigned"])
	require.NotContains(t, made.raw, "hush")
	self := adminHooks + "/1"
	require.Equal(t, d.url+self, made.json["self"])
	require.Len(t, d.list(adminHooks), 1)

	other := d.create(object{"project": object{"key": "OTHER"}})
	require.NoError(t, d.MoveAs("acc-ana", other, "Approved"))
	key := d.create(nil)
	require.NoError(t, d.MoveAs("acc-ana", key, "Approved"))
	require.NoError(t, d.CommentAs("acc-ana", key, "hi"))
	got := r.wait(t, 2)
	require.Equal(t, []string{"jira:issue_updated", "comment_created"}, events(got), "no other project and no other event")
	require.Equal(t, jiratest.Signature("hush", got[0].raw), got[0].header.Get("X-Hub-Signature"))

	silent := hookFor(r.URL)
	silent["enabled"] = false
	require.Equal(t, false, d.want(http.StatusOK, http.MethodPut, self, silent).json["enabled"])
	require.NoError(t, d.CommentAs("acc-ana", key, "unheard"))
	d.want(http.StatusOK, http.MethodPut, self, hookFor(r.URL))
	require.NoError(t, d.CommentAs("acc-ana", key, "heard"))
	require.Equal(t, "heard", at(t, r.wait(t, 3)[2].body, "comment", "body"))
	d.want(http.StatusNoContent, http.MethodDelete, self, nil)
	d.want(http.StatusNotFound, http.MethodGet, self, nil)
}

func TestWebhook_registration_refused(t *testing.T) {
	d := newDesk(t, nil)
	for name, change := range map[string]func(object){
		"without a name":            func(o object) { delete(o, "name") },
		"with an address of no use": func(o object) { o["url"] = "here" },
		"with an unknown event":     func(o object) { o["events"] = []string{"issue_updated"} },
		"with a broken filter":      func(o object) { o["filters"] = object{"issue-related-events-section": "project ="} },
	} {
		t.Run(name, func(t *testing.T) {
			body := hookFor("https://usher.example.test/hook")
			change(body)
			require.Equal(t, http.StatusBadRequest, d.call(http.MethodPost, adminHooks, body).status)
		})
	}
	d.AddAccount(jiratest.Account{ID: "acc-plain", Email: "plain@example.test", Token: "t", NoAdmin: true})
	d.email, d.token = "plain@example.test", "t"
	d.want(http.StatusForbidden, http.MethodGet, adminHooks, nil)
	d.email = ""
	d.want(http.StatusUnauthorized, http.MethodGet, adminHooks, nil)
	d.authorization = "Bearer " + jiratest.DefaultToken
	d.want(http.StatusNotFound, http.MethodGet, throughGateway+adminHooks, nil)
}

func TestDataCenter_webhook_secret(t *testing.T) {
	r := newReceiver(t)
	d := dataCenter(t, nil)
	const path = "/rest/jira-webhook/1.0/webhooks"
	unsigned := d.want(http.StatusCreated, http.MethodPost, path, hookFor(r.URL))
	signed := hookFor(r.URL + "/signed")
	signed["configuration"] = object{"SECRET": "hush", "EXCLUDE_BODY": "false"}
	id := d.want(http.StatusCreated, http.MethodPost, path, signed).json["id"]
	require.NotEqual(t, unsigned.json["id"], id)
	key := d.create(nil)
	require.NoError(t, d.CommentAs("ana", key, "hi"))
	signatures := map[string]int{}
	names := map[string]int{}
	for _, one := range r.wait(t, 4) {
		signatures[one.header.Get("X-Hub-Signature")]++
		names[one.event]++
		require.Empty(t, one.header.Get("X-Atlassian-Webhook-Flow"))
		require.Equal(t, "ana", at(t, one.body, "user", "name"))
		require.NotContains(t, at(t, one.body, "user"), "accountId")
		if one.event == "comment_created" {
			require.NotContains(t, one.body, "issue", "a comment's own event does not say where it stands")
		} else {
			require.Equal(t, "issue_commented", one.body["issue_event_type_name"])
			require.Equal(t, key, at(t, one.body, "issue", "key"))
		}
	}
	require.Equal(t, map[string]int{"comment_created": 2, "jira:issue_updated": 2}, names)
	require.Equal(t, 2, signatures[""], "a secret that stands outside the configuration is ignored")

	require.NoError(t, d.MoveAs("ana", key, "Approved"))
	moved := r.wait(t, 6)[5]
	require.NotContains(t, at(t, moved.body, "changelog", "items", 0), "fieldId")
}

func TestDataCenter_older_path(t *testing.T) {
	d := dataCenter(t, func(c *jiratest.Config) { c.Version = "9.12.4" })
	made := d.want(http.StatusCreated, http.MethodPost, adminHooks, hookFor("https://usher.example.test/hook"))
	require.Equal(t, d.url+adminHooks+"/1", made.json["self"])
	require.NotContains(t, made.json, "isSigned")
	d.want(http.StatusNotFound, http.MethodGet, "/rest/jira-webhook/1.0/webhooks", nil)
	info := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/serverInfo", nil)
	require.Equal(t, "9.12.4", info.json["version"])
}

func TestDataCenter_no_repeated_delivery(t *testing.T) {
	r := newReceiver(t)
	r.refuse = 1
	d := dataCenter(t, func(c *jiratest.Config) { c.Webhooks = []desktest.Webhook{{URL: r.URL, RetryDelay: time.Millisecond}} })
	key := d.create(nil)
	require.NoError(t, d.MoveAs("ana", key, "Approved"))
	require.Equal(t, []string{"jira:issue_created", "jira:issue_updated"}, events(r.wait(t, 2)))
}
