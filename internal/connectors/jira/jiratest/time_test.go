package jiratest_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
)

func TestJQL_zone(t *testing.T) {
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	d := newDesk(t, func(c *jiratest.Config) {
		c.Accounts = append(c.Accounts, jiratest.Account{ID: "acc-yui", Email: "yui@example.test", Token: "yui", Zone: tokyo})
	})
	key := d.create(nil) // at 12:30:15 UTC
	for _, caller := range []struct {
		email, token, zone string
		found              map[string][]string
	}{
		{jiratest.DefaultEmail, jiratest.DefaultToken, jiratest.DefaultZone, map[string][]string{
			`updated >= "2026/03/04 07:30"`: {key}, `updated >= "2026/03/04 07:31"`: {}, `updated >= "2026/03/04 05:30"`: {key},
			`updated >= "2026/03/04 12:30"`: {},
		}},
		{"yui@example.test", "yui", "Asia/Tokyo", map[string][]string{
			`updated >= "2026/03/04 21:30"`: {key}, `updated >= "2026/03/04 21:31"`: {},
		}},
	} {
		d.email, d.token = caller.email, caller.token
		for jql, want := range caller.found {
			require.Equal(t, want, d.keys(jql+" ORDER BY updated ASC"), "%s %s", caller.email, jql)
		}
		require.Equal(t, caller.zone, d.call(http.MethodGet, "/rest/api/3/myself", nil).json["timeZone"].(string))
	}
}

func TestJQL_number_is_milliseconds(t *testing.T) {
	for _, edition := range []jiratest.Edition{jiratest.Cloud, jiratest.DataCenter} {
		d := newDesk(t, func(c *jiratest.Config) { c.Edition, c.Accounts[0].Password = edition, jiratest.DefaultToken })
		if edition == jiratest.DataCenter {
			d.email = jiratest.DefaultAccountID
		}
		key := d.create(nil)
		at := d.clock.now().Truncate(time.Second).UnixMilli()
		path := map[jiratest.Edition]string{jiratest.Cloud: "/rest/api/3/search/jql", jiratest.DataCenter: "/rest/api/2/search"}[edition]
		for value, want := range map[string][]string{
			strconv.FormatInt(at, 10): {key}, strconv.FormatInt(at+1, 10): {}, strconv.FormatInt(at+1000, 10): {},
		} {
			r := d.want(http.StatusOK, http.MethodPost, path, object{"jql": "updated >= " + value, "fields": []string{"key"}})
			require.Equal(t, want, keysOf(t, r.json["issues"]), "the index keeps whole seconds")
		}
		d.want(http.StatusBadRequest, http.MethodPost, path, object{"jql": `updated >= "` + strconv.FormatInt(at, 10) + `"`})
		d.want(http.StatusBadRequest, http.MethodPost, path, object{"jql": "updated >= 20260304"})
	}
}

func TestProfile_default_zone(t *testing.T) {
	d := newDesk(t, nil)
	me := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil)
	require.Equal(t, jiratest.DefaultZone, me.json["timeZone"])
	info := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/serverInfo", nil)
	require.Equal(t, "Etc/GMT+7", info.json["serverTimeZone"])
}

func TestDateHeader(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{ClockSkewSeconds: 3600}})
	key := d.create(nil)
	r := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key, nil)
	require.Equal(t, "Wed, 04 Mar 2026 13:30:15 GMT", r.header.Get("Date"))
	require.Equal(t, "2026-03-04T06:30:15.123-0700", at(t, r.json, "fields", "updated"))
	require.Equal(t, []string{key}, d.keys(`updated >= "2026/03/04 08:30"`))
	missing := d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/NO-1", nil)
	require.Equal(t, "Wed, 04 Mar 2026 13:30:15 GMT", missing.header.Get("Date"))
	d.spoils(fakewire.Rule{Times: 1, Of: []fakewire.Fault{{Kind: fakewire.RateLimit}}})
	limited := d.want(http.StatusTooManyRequests, http.MethodGet, "/rest/api/3/myself", nil)
	require.Equal(t, "Wed, 04 Mar 2026 12:30:15 GMT", limited.header.Get("Date"))
}
