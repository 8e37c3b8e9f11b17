package jiratest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

func move(id string, more object) object {
	body := object{"transition": object{"id": id}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func TestTransitions_by_status(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	r := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key+"/transitions?expand=transitions.fields", nil)
	names := []string{}
	for _, item := range r.json["transitions"].([]any) {
		names = append(names, at(t, item, "name").(string))
	}
	require.Equal(t, []string{"Approve", "Deny", "Start work", "Done", "Won't do"}, names)
	require.Equal(t, object{}, at(t, r.json, "transitions", 0, "fields"))
	require.Equal(t, "done", at(t, r.json, "transitions", 3, "to", "statusCategory", "key"))
	require.Equal(t, true, at(t, r.json, "transitions", 3, "fields", "resolution", "required"))
	require.Equal(t, "Done", at(t, r.json, "transitions", 3, "fields", "resolution", "allowedValues", 0, "name"))
	require.NotContains(t, at(t, d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key+"/transitions", nil).json, "transitions", 3), "fields")
	only := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key+"/transitions?transitionId=71", nil)
	require.Empty(t, only.json["transitions"])
}

func TestTransition_refusals(t *testing.T) {
	stale := "It seems that you have tried to perform a workflow operation (Reopen) that is not valid for the current state of this issue" +
		" (ACCESS-1). The likely cause is that somebody has changed the issue recently, please look at the issue history for details."
	whole := func(message string) object { return object{"errorMessages": []any{message}, "errors": object{}} }
	field := func(id, message string) object {
		return object{"errorMessages": []any{}, "errors": object{id: message}}
	}
	for name, tt := range map[string]struct {
		body object
		want object
	}{
		"no transition":                        {object{}, whole("Missing 'transition' identifier")},
		"a name in place of the id":            {object{"transition": object{"name": "Done"}}, whole("Missing 'transition' identifier")},
		"an id that is no number":              {move("Done", nil), whole("'transition' identifier must be an integer")},
		"an id that the workflow has not":      {move("99", nil), whole("Transition id '99' is not valid for this issue.")},
		"a transition from another status":     {move("71", nil), whole(stale)},
		"a resolution that is not given":       {move("41", nil), field("resolution", "Resolution is required.")},
		"a resolution in place of its object":  {move("41", object{"fields": object{"resolution": "Done"}}), field("resolution", "data was not an object")},
		"an unknown resolution":                {move("41", object{"fields": object{"resolution": object{"name": "Fixed"}}}), field("resolution", "Resolution with id '' or name 'Fixed' is not valid")},
		"a resolution that is not on a screen": {move("11", object{"fields": object{"resolution": object{"name": "Done"}}}), field("resolution", "Field 'resolution' cannot be set. It is not on the appropriate screen, or unknown.")},
		"a field that is not on the screen":    {move("11", object{"fields": object{"summary": "x"}}), field("summary", "Field 'summary' cannot be set. It is not on the appropriate screen, or unknown.")},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			key := d.create(nil)
			r := d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/issue/"+key+"/transitions", tt.body)
			require.Equal(t, tt.want, r.json)
			i, _ := d.Ticket(key)
			require.Equal(t, desktest.StatusWaiting, i.Status)
		})
	}
}

func TestResolution_set_and_cleared(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	path := "/rest/api/3/issue/" + key
	closing := move("41", object{
		"fields": object{"resolution": object{"name": "Done"}},
		"update": object{"comment": []any{object{"add": object{"body": doc("Granted.")}}}},
	})
	r := d.want(http.StatusNoContent, http.MethodPost, path+"/transitions", closing)
	require.Empty(t, r.raw)
	i, _ := d.Ticket(key)
	require.Equal(t, desktest.StatusDone, i.Status)
	require.Equal(t, "Done", i.Resolution)
	require.Equal(t, "Granted.", d.Comments(key)[0].Body)
	log := d.want(http.StatusOK, http.MethodGet, path+"/changelog", nil).json
	require.Equal(t, object{"field": "resolution", "fieldtype": "jira", "fieldId": "resolution", "to": "10000", "toString": "Done"}, at(t, log, "values", 0, "items", 0))
	require.Equal(t, object{
		"field": "status", "fieldtype": "jira", "fieldId": "status",
		"from": "10101", "fromString": "Waiting for approval", "to": "10105", "toString": "Done",
	}, at(t, log, "values", 0, "items", 1))

	require.NoError(t, d.MoveAs("ana@example.test", key, desktest.StatusWaiting))
	i, _ = d.Ticket(key)
	require.Empty(t, i.Resolution)
	log = d.want(http.StatusOK, http.MethodGet, path+"/changelog", nil).json
	require.Equal(t, "acc-ana", at(t, log, "values", 1, "author", "accountId"))
}

func TestMoveAs_refusal(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	require.NoError(t, d.MoveAs("acc-ana", key, "won't do"))
	i, _ := d.Ticket(key)
	require.Equal(t, "Won't Do", i.Resolution)
	require.ErrorContains(t, d.MoveAs("acc-ana", key, "Approved"),
		`ACCESS-1 is in "Won't do" and cannot be moved to "Approved". Possible: "Waiting for approval".`)
	require.ErrorContains(t, d.MoveAs("nobody", key, "Done"), `There is no account "nobody".`)
	require.ErrorContains(t, d.MoveAs("acc-lea", key, "Done"), "is not active")
	require.ErrorContains(t, d.MoveAs("acc-ana", "ACCESS-9", "Done"), notThere)
}

func TestTransition_conflict(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{TransitionConflicts: 1})
	d.want(http.StatusConflict, http.MethodPost, "/rest/api/3/issue/"+key+"/transitions", move("11", nil))
	i, _ := d.Ticket(key)
	require.Equal(t, desktest.StatusWaiting, i.Status)
	d.want(http.StatusNoContent, http.MethodPost, "/rest/api/3/issue/"+key+"/transitions", move("11", nil))
}

func TestComments_pages(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	v2, v3 := "/rest/api/2/issue/"+key+"/comment", "/rest/api/3/issue/"+key+"/comment"
	r := d.want(http.StatusCreated, http.MethodPost, v3, object{"body": doc("One."), "properties": []any{object{"key": "event", "value": "e-1"}}})
	require.Equal(t, doc("One."), r.json["body"])
	d.want(http.StatusCreated, http.MethodPost, v2, object{"body": "Two.\nStill two.\n\nEnd."})
	require.NoError(t, d.CommentAs("acc-ana", key, "Three."))

	page := d.want(http.StatusOK, http.MethodGet, v2+"?startAt=1&maxResults=1&expand=properties", nil).json
	require.Equal(t, json.Number("3"), page["total"])
	require.Len(t, page["comments"], 1)
	require.Equal(t, "Two.\nStill two.\n\nEnd.", at(t, page, "comments", 0, "body"))
	all := d.want(http.StatusOK, http.MethodGet, v3+"?expand=properties", nil).json
	require.Equal(t, []any{object{"key": "event", "value": "e-1"}}, at(t, all, "comments", 0, "properties"))
	require.Len(t, at(t, all, "comments", 1, "body", "content"), 2)
	require.Equal(t, "acc-ana", at(t, all, "comments", 2, "author", "accountId"))
	require.NotContains(t, at(t, d.want(http.StatusOK, http.MethodGet, v3, nil).json, "comments", 0), "properties")
	newest := d.want(http.StatusOK, http.MethodGet, v2+"?orderBy=-created&maxResults=1", nil).json
	require.Equal(t, "Three.", at(t, newest, "comments", 0, "body"))

	for path, body := range map[string]any{v3: object{"body": "text"}, v2: object{"body": doc("x")}} {
		refused := d.want(http.StatusBadRequest, http.MethodPost, path, body)
		require.Equal(t, []any{"Comment body is not valid!"}, refused.json["errorMessages"])
	}
	empty := d.want(http.StatusBadRequest, http.MethodPost, v2, object{"body": ""})
	require.Equal(t, "Comment body can not be empty!", at(t, empty.json, "errors", "comment"))
	require.Len(t, d.Comments(key), 3)
}
