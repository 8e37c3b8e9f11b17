package jiratest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/jira/jiratest"
)

// newGroups is a site with a group within a group.
func newGroups(t *testing.T, edition jiratest.Edition) *desk {
	t.Helper()
	d := newDesk(t, func(c *jiratest.Config) {
		c.Edition = edition
		for n := range c.Accounts {
			c.Accounts[n].Name = c.Accounts[n].ID
		}
		c.Groups = []jiratest.Group{
			{ID: "g-1", Name: "Wiki", Members: []string{"acc-ana", "acc-lea"}, Within: []string{"g-2"}},
			{ID: "g-2", Name: "Inner", Members: []string{"acc-mia", "acc-ana"}},
		}
	})
	if edition == jiratest.DataCenter {
		d.authorization = "Bearer " + jiratest.DefaultToken
	}
	return d
}

func TestGroups_cloud(t *testing.T) {
	const group = "/rest/api/3/group/"
	d := newGroups(t, jiratest.Cloud)
	require.Equal(t, json.Number("1"), d.want(http.StatusOK, http.MethodGet, group+"bulk?groupName=wiki", nil).json["total"])
	require.Equal(t, json.Number("2"), d.want(http.StatusOK, http.MethodGet, group+"bulk", nil).json["total"])
	require.Equal(t, json.Number("1"), d.want(http.StatusOK, http.MethodGet, group+"member?groupId=g-1", nil).json["total"])
	all := group + "member?groupId=g-1&includeInactiveUsers=true"
	d.want(http.StatusCreated, http.MethodPost, group+"user?groupId=g-1", object{"accountId": "acc-mia"})
	d.want(http.StatusBadRequest, http.MethodPost, group+"user?groupId=g-1", object{"accountId": "acc-mia"})
	require.Equal(t, json.Number("3"), d.want(http.StatusOK, http.MethodGet, all, nil).json["total"])
	d.want(http.StatusOK, http.MethodDelete, group+"user?groupId=g-1&accountId=acc-mia", nil)
	d.want(http.StatusBadRequest, http.MethodDelete, group+"user?groupId=g-1&accountId=acc-mia", nil)
	d.want(http.StatusNotFound, http.MethodDelete, group+"user?groupId=g-1&accountId=nobody", nil)
	d.want(http.StatusNotFound, http.MethodDelete, group+"user?groupId=g-3&accountId=acc-ana", nil)
	d.SetFaults(jiratest.Faults{HideMembers: []string{"acc-ana"}, HideGroups: true})
	r := d.want(http.StatusOK, http.MethodGet, all, nil)
	require.Equal(t, json.Number("2"), r.json["total"])
	require.Len(t, r.json["values"], 1)
	d.want(http.StatusForbidden, http.MethodGet, group+"bulk", nil)
}

func TestGroups_data_center(t *testing.T) {
	const group = "/rest/api/2/group/"
	d := newGroups(t, jiratest.DataCenter)
	all := d.want(http.StatusOK, http.MethodGet, group+"member?groupname=wiki&includeInactiveUsers=true", nil)
	require.Equal(t, json.Number("3"), all.json["total"], "with those of the inner group")
	d.want(http.StatusBadRequest, http.MethodGet, group+"member?groupname=", nil)
	d.want(http.StatusNotFound, http.MethodGet, group+"member?groupname=Wik", nil)
	d.want(http.StatusBadRequest, http.MethodDelete, group+"user?groupname=Wiki&username=acc-mia", nil)
	d.want(http.StatusCreated, http.MethodPost, group+"user?groupname=Wiki", object{"name": "acc-mia"})
	d.SetFaults(jiratest.Faults{ReadOnlyDirectory: true})
	d.want(http.StatusForbidden, http.MethodDelete, group+"user?groupname=Wiki&username=acc-mia", nil)
	d.RemoveGroup("g-1")
	d.want(http.StatusNotFound, http.MethodGet, group+"member?groupname=Wiki", nil)
}

func TestGroups_picker(t *testing.T) {
	const picker = "/rest/api/2/groups/picker?query=TEAM&maxResults=100"
	d := newGroups(t, jiratest.DataCenter)
	for n := range 30 {
		d.PutGroup(jiratest.Group{Name: fmt.Sprintf("team %02d", n)})
	}
	r := d.want(http.StatusOK, http.MethodGet, picker, nil)
	require.Equal(t, json.Number("30"), r.json["total"])
	require.Len(t, r.json["groups"], 20)
	r = d.want(http.StatusOK, http.MethodGet, picker+"&exclude=team%2000&exclude=team%2029", nil)
	require.Equal(t, json.Number("28"), r.json["total"])
	d.SetFaults(jiratest.Faults{HideGroups: true})
	require.Empty(t, d.want(http.StatusOK, http.MethodGet, picker, nil).json["groups"])
}
