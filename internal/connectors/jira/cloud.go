package jira

import (
	"encoding/json"
	"net/http"
	"net/url"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// cloud is version 3 of Jira Cloud's platform API: documents instead of wiki text, accounts by opaque ids, page tokens,
// calls that read many issues at once.
type cloud struct{}

var _ dialect = cloud{}

func (cloud) api() string { return "rest/api/3/" }

func (cloud) person(id access.AccountID) map[string]any {
	if id == "" {
		return map[string]any{"accountId": nil}
	}
	return map[string]any{"accountId": id}
}

func (cloud) byText(text string) url.Values { return url.Values{"query": {text}} }

func (cloud) byAccount(id access.AccountID) url.Values { return url.Values{"accountId": {string(id)}} }

func (cloud) text(plain, tail string) any { return document(fitted(desk.Tidy(plain), tail, textLimit)) }

func (cloud) lines(value json.RawMessage) []string {
	var n node
	if json.Unmarshal(value, &n) != nil {
		return nil
	}
	return n.lines()
}

func (cloud) stamp(marker access.Marker) any { return stamp{Marker: marker} }

func (cloud) showsStamps() bool { return true }

// cloudSearch is the body of POST search/jql, which is closed.
type cloudSearch struct {
	JQL           string   `json:"jql"`
	Fields        []string `json:"fields"`
	MaxResults    int      `json:"maxResults"`
	NextPageToken string   `json:"nextPageToken,omitempty"`
	Properties    []string `json:"properties,omitempty"`
}

// search is Cloud's only one since the old one answers 410 (Atlassian CHANGE-2046).
func (cloud) search(q query) rest.Call {
	body := cloudSearch{JQL: q.jql, Fields: q.fields, MaxResults: q.limit, NextPageToken: q.page}
	if q.stamps {
		body.Properties = []string{stampKey}
	}
	return rest.Call{Method: http.MethodPost, Path: "search/jql", Body: body}
}

func (cloud) next(_ query, got resultPage) string { return got.token }

// byIDs is strongly consistent, unlike the search, and follows issues that were moved; up to 100 at once.
func (cloud) byIDs(ids []access.TicketID, _ int) rest.Call {
	return rest.Call{Method: http.MethodPost, Path: "issue/bulkfetch", Body: map[string]any{
		"issueIdsOrKeys": ids, "fields": ticketFields(),
	}}
}

// historyPage is how many changes come at once; Jira's own default, with 10,000 as the limit.
const historyPage = 1000

// maxHistoryFields is how many fields one bulk call can be limited to.
const maxHistoryFields = 10

func (cloud) histories(ids []access.TicketID, fields []string, page string) (rest.Call, bool) {
	body := map[string]any{"issueIdsOrKeys": ids, "maxResults": historyPage}
	if len(fields) <= maxHistoryFields {
		body["fieldIds"] = fields
	}
	if page != "" {
		body["nextPageToken"] = page
	}
	return rest.Call{Method: http.MethodPost, Path: "changelog/bulkfetch", Body: body}, true
}

func (cloud) webhooks() []string { return []string{"rest/webhooks/1.0/webhook"} }
