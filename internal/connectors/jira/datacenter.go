package jira

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// dataCenter is version 2 of the API of Jira Server and Data Center, from 8.4 on: wiki text, accounts by user names,
// pages by position, whole histories with every issue.
//
// An account's id is the user name and not the stable key: assigning takes names only. A renamed user is a new account.
type dataCenter struct{}

var _ dialect = dataCenter{}

func (dataCenter) api() string { return "rest/api/2/" }

func (dataCenter) person(id access.AccountID) map[string]any {
	if id == "" {
		return map[string]any{"name": nil}
	}
	return map[string]any{"name": id}
}

func (dataCenter) byText(text string) url.Values { return url.Values{"username": {text}} }

func (dataCenter) byAccount(id access.AccountID) url.Values {
	return url.Values{"username": {string(id)}}
}

// Wiki text has no complete rule to escape single characters, but nothing between these two acts as markup.
const noFormat = "{noformat}"

var noFormatInside = regexp.MustCompile(`(?i)\{(noformat)`)

func (dataCenter) text(plain, tail string) any {
	plain = desk.Tidy(plain)
	if plain == "" && tail == "" {
		return ""
	}
	// What would end the block is no such word any more with a space in it.
	plain = noFormatInside.ReplaceAllString(plain, "{ $1")
	const frame = 2 * (len(noFormat) + 1)
	return noFormat + "\n" + fitted(plain, tail, textLimit-frame) + "\n" + noFormat
}

func (dataCenter) lines(value json.RawMessage) []string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}

// stamp is a plain string: Data Center's document allows no other value of a property.
func (dataCenter) stamp(marker access.Marker) any { return marker }

func (dataCenter) showsStamps() bool { return false }

// oldSearch is the body of POST search.
type oldSearch struct {
	JQL        string   `json:"jql"`
	StartAt    int      `json:"startAt"`
	MaxResults int      `json:"maxResults"`
	Fields     []string `json:"fields"`
	Expand     []string `json:"expand,omitempty"`
	// ValidateQuery false lets a query name issues that do not exist; nil is Jira's default, which refuses it.
	ValidateQuery *bool `json:"validateQuery,omitempty"`
}

func (dataCenter) search(q query) rest.Call {
	body := oldSearch{JQL: q.jql, StartAt: position(q.page), MaxResults: q.limit, Fields: q.fields}
	if q.history {
		body.Expand = []string{"changelog"}
	}
	return rest.Call{Method: http.MethodPost, Path: "search", Body: body}
}

func (dataCenter) next(q query, got resultPage) string {
	end := position(q.page) + got.issues
	if got.issues == 0 || end >= got.total {
		return ""
	}
	return strconv.Itoa(end)
}

// position is where a page starts; only next makes pages.
func position(page string) int {
	start, err := strconv.Atoi(page)
	if err != nil {
		return 0
	}
	return start
}

// byIDs is a search, the only call that reads many issues. It does not see what is archived.
func (dataCenter) byIDs(ids []access.TicketID, start int) rest.Call {
	lenient := false
	texts := make([]string, len(ids))
	for n, id := range ids {
		texts[n] = string(id)
	}
	return rest.Call{Method: http.MethodPost, Path: "search", Body: oldSearch{
		JQL:     "id in (" + strings.Join(texts, ", ") + ") ORDER BY key ASC",
		StartAt: start, MaxResults: len(ids), Fields: ticketFields(), Expand: []string{"changelog"}, ValidateQuery: &lenient,
	}}
}

func (dataCenter) histories([]access.TicketID, []string, string) (rest.Call, bool) {
	return rest.Call{}, false
}

// webhooks moved in Jira 10.
func (dataCenter) webhooks() []string {
	return []string{"rest/jira-webhook/1.0/webhooks", "rest/webhooks/1.0/webhook"}
}
