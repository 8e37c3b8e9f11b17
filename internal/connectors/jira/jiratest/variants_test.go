package jiratest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

func TestWorkflow_two_step_close(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{TwoStepClose: true}})
	key := d.create(nil)
	issue := "/rest/api/2/issue/" + key
	done := object{"fields": object{"resolution": object{"name": "Done"}}}
	d.want(http.StatusBadRequest, http.MethodPost, issue+"/transitions", move("41", done))
	d.want(http.StatusNoContent, http.MethodPost, issue+"/transitions", move("41", nil))
	i, _ := d.Ticket(key)
	require.Equal(t, desktest.CategoryIndeterminate, i.Category)
	list := d.want(http.StatusOK, http.MethodGet, issue+"/transitions", nil)
	require.Equal(t, "419", at(t, list.json, "transitions", 0, "id"))
	require.Len(t, list.json["transitions"], 1)
	d.want(http.StatusNoContent, http.MethodPost, issue+"/transitions", move("419", done))
	i, _ = d.Ticket(key)
	require.Equal(t, desktest.StatusDone, i.Status)
}

func TestResolution_on_no_screen(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{NoResolutionScreen: true}})
	issue := "/rest/api/2/issue/" + d.create(nil)
	r := d.want(http.StatusBadRequest, http.MethodPost, issue+"/transitions", move("41", object{"fields": object{"resolution": object{"name": "Done"}}}))
	require.Contains(t, at(t, r.json, "errors", "resolution"), "not on the appropriate screen")
	d.want(http.StatusNoContent, http.MethodPost, issue+"/transitions", move("41", nil))
	i := d.want(http.StatusOK, http.MethodGet, issue, nil)
	require.Nil(t, at(t, i.json, "fields", "resolution"), "closed, without a resolution")
	require.Equal(t, "done", at(t, i.json, "fields", "status", "statusCategory", "key"))
}

func TestFields_demanded_later(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{RequiredFields: []string{"customfield_10049"}}})
	r := d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Equal(t, "Cost centre is required.", at(t, r.json, "errors", "customfield_10049"))
	d.create(object{"customfield_10049": "42"})
	path := "/rest/api/2/issue/" + key + "/transitions"
	fields := object{"resolution": object{"name": "Done"}}
	d.want(http.StatusBadRequest, http.MethodPost, path, move("41", object{"fields": fields}))
	fields["customfield_10049"] = "42"
	d.want(http.StatusNoContent, http.MethodPost, path, move("41", object{"fields": fields}))
	d.SetFaults(jiratest.Faults{})
	d.create(nil)
}

func TestSearch_token_ends(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.PageLimit = 1 })
	d.create(nil)
	d.create(nil)
	ask := object{"jql": "project = ACCESS"}
	ask["nextPageToken"] = d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", ask).json["nextPageToken"]
	d.SetFaults(jiratest.Faults{ExpirePageTokens: true})
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/search/jql", ask)
	delete(ask, "nextPageToken")
	d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", ask)
}
