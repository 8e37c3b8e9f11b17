package jiratest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

func TestLimits_burst(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.Faults.Limits = &jiratest.Limits{BurstPerSecond: 2} })
	for range 2 {
		d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil)
	}
	r := d.want(http.StatusTooManyRequests, http.MethodGet, "/rest/api/3/myself", nil)
	require.Equal(t, jiratest.ReasonBurst, r.header.Get("RateLimit-Reason"))
	require.Equal(t, "1", r.header.Get("Retry-After"))
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/serverInfo", nil)
	d.clock.move(500 * time.Millisecond)
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil)
	d.want(http.StatusTooManyRequests, http.MethodGet, "/rest/api/3/myself", nil)
}

func TestLimits_one_issue(t *testing.T) {
	d := newDesk(t, nil)
	one, other := d.create(nil), d.create(nil)
	d.SetFaults(jiratest.Faults{Limits: &jiratest.Limits{IssueWritesPer2s: 2, IssueWritesPer30s: 3}})
	comment := func(key string) reply {
		return d.call(http.MethodPost, "/rest/api/2/issue/"+key+"/comment", object{"body": "x"})
	}
	for range 2 {
		require.Equal(t, http.StatusCreated, comment(one).status)
	}
	r := comment(one)
	require.Equal(t, http.StatusTooManyRequests, r.status)
	require.Equal(t, jiratest.ReasonIssueWrites, r.header.Get("RateLimit-Reason"))
	require.Len(t, d.Comments(one), 2)
	require.Equal(t, http.StatusCreated, comment(other).status)
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+one, nil)
	d.clock.move(2 * time.Second)
	require.Equal(t, http.StatusCreated, comment(one).status)
	r = comment(one)
	require.Equal(t, "28", r.header.Get("Retry-After"), "three in thirty seconds")
	d.clock.move(28 * time.Second)
	require.Equal(t, http.StatusCreated, comment(one).status)
}

func TestLimits_quota(t *testing.T) {
	d := newDesk(t, nil)
	_, err := d.Seed(desktest.Seed{Count: 8})
	require.NoError(t, err)
	d.SetFaults(jiratest.Faults{Limits: &jiratest.Limits{QuotaPerHour: 10}})
	search := func(root string) reply {
		return d.call(http.MethodPost, root+"/rest/api/3/search/jql", object{"jql": "labels = usher"})
	}
	for range 3 {
		require.Equal(t, http.StatusOK, search("").status, "API tokens cost nothing at the site")
	}
	d.authorization = "Bearer " + jiratest.DefaultToken
	require.Empty(t, search(throughGateway).header.Get("X-RateLimit-NearLimit"))
	near := d.want(http.StatusOK, http.MethodGet, throughGateway+"/rest/api/3/myself", nil)
	require.Equal(t, "true", near.header.Get("X-RateLimit-NearLimit"))
	r := search(throughGateway)
	require.Equal(t, http.StatusTooManyRequests, r.status)
	require.Equal(t, jiratest.ReasonTenantQuota, r.header.Get("RateLimit-Reason"))
	require.Equal(t, "1785", r.header.Get("Retry-After"), "from half past twelve and 15.1 s to one")
	d.clock.move(30 * time.Minute)
	require.Equal(t, http.StatusOK, search(throughGateway).status)
}
