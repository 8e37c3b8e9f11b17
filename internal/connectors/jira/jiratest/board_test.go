package jiratest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

func TestBoard_cards(t *testing.T) {
	d := newDesk(t, nil)
	d.create(object{"assignee": object{"accountId": "acc-mia"}})
	page := d.want(http.StatusOK, http.MethodGet, "/board?as=acc-ana", nil)
	require.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
	for _, text := range []string{"ACCESS-1", "Wiki for Ana", "Mia Moreau", "<button>Approve</button>", `<option value="acc-ana" selected>`, "Won&#39;t do"} {
		require.Contains(t, page.raw, text)
	}
	require.Contains(t, page.header.Get("Set-Cookie"), "acc-ana")
	require.NotContains(t, page.raw, jiratest.DefaultToken)
	other := d.want(http.StatusOK, http.MethodGet, "/board?project=OTHER", nil)
	require.Contains(t, other.raw, "There are no tickets here yet.")
	require.Equal(t, "/board", d.want(http.StatusSeeOther, http.MethodGet, "/", nil).header.Get("Location"))
	require.Contains(t, d.want(http.StatusOK, http.MethodGet, "/board/style.css", nil).header.Get("Content-Type"), "text/css")
	require.Contains(t, d.want(http.StatusOK, http.MethodGet, "/board/page.js", nil).header.Get("Content-Type"), "javascript")
}

func TestPages_move(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	form := url.Values{"key": {key}, "to": {"Approved"}, "as": {"mia@example.test"}}
	moved := d.form("/board/move", form)
	require.Equal(t, http.StatusSeeOther, moved.status, moved.raw)
	require.Equal(t, "/board?project=ACCESS", moved.header.Get("Location"))
	i, _ := d.Ticket(key)
	require.Equal(t, desktest.StatusApproved, i.Status)

	again := d.form("/board/move", form)
	require.Equal(t, http.StatusConflict, again.status)
	require.Contains(t, again.raw, `cannot be moved to "Approved". Possible: "In progress", "Done", "Won't do", "Waiting for approval".`)
	page := d.want(http.StatusOK, http.MethodGet, "/browse/"+key, nil)
	require.Contains(t, page.raw, "<strong>Mia Moreau</strong>")
	require.Contains(t, page.raw, "status: Waiting for approval → Approved")

	for want, wrong := range map[int]url.Values{
		http.StatusBadRequest: {"key": {key}, "to": {"Done"}},
		http.StatusForbidden:  {"key": {key}, "to": {"Done"}, "as": {"acc-lea"}},
		http.StatusNotFound:   {"key": {"ACCESS-9"}, "to": {"Done"}, "as": {"acc-ana"}},
	} {
		require.Equal(t, want, d.form("/board/move", wrong).status)
	}
}

func TestTransition_screen_fields(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) {
		c.Projects = jiratest.DefaultProjects()
		c.Projects[0].Transitions[3].Screen = []desktest.ScreenField{{ID: "resolution", Required: true}, {ID: "customfield_10049", Required: true}}
	})
	key := d.create(nil)
	page := d.want(http.StatusOK, http.MethodGet, "/browse/"+key, nil)
	require.Contains(t, page.raw, `name="field_customfield_10049"`)
	form := url.Values{"key": {key}, "to": {"Done"}, "as": {"acc-ana"}, "resolution": {"Duplicate"}, "from": {"ticket"}}
	refused := d.form("/board/move", form)
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.raw, "Cost centre is required.")
	form.Set("field_customfield_10049", "C-1")
	moved := d.form("/board/move", form)
	require.Equal(t, http.StatusSeeOther, moved.status, moved.raw)
	require.Equal(t, "/browse/"+key, moved.header.Get("Location"))
	i, _ := d.Ticket(key)
	require.Equal(t, "Duplicate", i.Resolution)
	require.Equal(t, "C-1", i.Fields["customfield_10049"])
}

func TestPatch_other_forms(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	ok := func(path string, form url.Values) string {
		form.Set("key", key)
		form.Set("as", "acc-ana")
		r := d.form(path, form)
		require.Equal(t, http.StatusSeeOther, r.status, r.raw)
		return r.header.Get("Location")
	}
	ok("/board/comment", url.Values{"text": {"One\r\ntwo"}})
	require.Equal(t, "One\ntwo", d.Comments(key)[0].Body)
	ok("/board/assign", url.Values{"to": {"mia@example.test"}})
	i, _ := d.Ticket(key)
	require.Equal(t, "acc-mia", i.Assignee)
	ok("/board/assign", url.Values{"to": {""}})
	ok("/board/project", url.Values{"to": {"OTHER"}})
	i, _ = d.Ticket(key)
	require.Equal(t, "OTHER-1", i.Key)
	require.Empty(t, i.Assignee)
	require.Contains(t, ok("/board/delete", url.Values{}), "/board?project=")
	require.Empty(t, d.Tickets())
	d.want(http.StatusNotFound, http.MethodGet, "/browse/"+key, nil)
}

func TestPages_no_markup(t *testing.T) {
	evil := `<script>alert("1")</script>'"><img src=x onerror=alert(1)>`
	d := newDesk(t, nil)
	d.AddAccount(jiratest.Account{ID: "evil", Email: "evil@example.test", DisplayName: evil})
	key := d.create(object{
		"summary": evil, "description": evil, "labels": []string{"<script>"}, "customfield_10041": evil,
		"customfield_10042": `https://x.example.test/"><script>`, "assignee": object{"accountId": "evil"},
	})
	require.NoError(t, d.CommentAs("evil", key, evil))
	for _, path := range []string{"/board?as=evil", "/browse/" + key} {
		page := d.want(http.StatusOK, http.MethodGet, path, nil)
		require.Contains(t, page.raw, "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;")
		require.NotContains(t, page.raw, "<script>alert")
		require.NotContains(t, page.raw, "<img")
		require.NotContains(t, page.raw, `href="javascript:`)
		require.Equal(t, 1, strings.Count(page.raw, "<script"))
		require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'self'")
	}
}

func TestPages_form_of_another_site(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	form := url.Values{"key": {key}, "to": {"Approved"}, "as": {"acc-ana"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/board/move", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	out, err := d.roundTrip(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, out.status)
}
