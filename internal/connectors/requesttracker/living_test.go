package requesttracker_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// living is the small RT with tickets that can be changed: usher's, one by which a person asks, and an approval once it is opened.
type living struct {
	small

	mu       sync.Mutex
	tickets  map[string]map[string]any
	comments []map[string]any
}

func newLiving(t *testing.T) *living {
	t.Helper()
	l := &living{small: small{table: answers(), tag: `"39"`}, tickets: map[string]map[string]any{}, comments: []map[string]any{}}
	l.table["GET /user/ada"] = `{"id":40,"Name":"ada"}`
	for id, text := range map[string]string{"7": ticketBody, "8": askedBody} {
		var ticket map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &ticket))
		l.tickets[id] = ticket
	}
	return l
}

// ServeHTTP implements http.Handler.
func (l *living) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/REST/2.0")
	ticket, there := l.tickets[strings.TrimPrefix(path, "/ticket/")]
	var sent map[string]any
	_ = json.NewDecoder(r.Body).Decode(&sent) // What reads has no body.
	var answer any
	switch {
	case there && r.Method == http.MethodPut:
		change(ticket, sent)
		answer = []string{"changed"}
	case there:
		answer = ticket
	case path == "/tickets":
		answer = map[string]any{"items": l.found(r.URL.Query().Get("query")), "pages": 1}
	case path == "/ticket/7/attachments":
		answer = map[string]any{"items": l.comments}
	case path == "/ticket/7/comment":
		l.comments = append(l.comments, map[string]any{"id": 60 + len(l.comments), "Creator": map[string]string{"id": "usher"}, "Content": sent["Content"]})
		answer = []string{"Comments added"}
	case r.Method == http.MethodPost && sent["Type"] == "approval":
		l.tickets["9"] = map[string]any{
			"id": 9, "Type": "approval", "Status": "open", "Owner": map[string]any{"id": sent["Owner"]}, "Subject": sent["Subject"],
			"Creator": map[string]any{"id": "usher"}, "_hyperlinks": []any{map[string]any{"ref": "refers-to", "type": "ticket", "id": "7"}},
		}
		answer = map[string]string{"id": "9"}
	default:
		l.tabled(w, r)
		return
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	w.Header().Set("ETag", l.tag)
	_, _ = w.Write(text)
}

// found are the tickets of a query: approvals, those of people, or usher's.
func (l *living) found(query string) []any {
	switch {
	case strings.Contains(query, "'approval'"):
		return []any{}
	case strings.Contains(query, "'Help'"):
		return []any{l.tickets["8"]}
	}
	return []any{l.tickets["7"]}
}

// change changes a ticket.
func change(ticket, to map[string]any) {
	for name, value := range to {
		switch name {
		case "Owner":
			ticket[name] = map[string]any{"id": value}
		case "CustomFields":
			fields, _ := value.(map[string]any)
			var all []any
			for field, text := range fields {
				all = append(all, map[string]any{"name": field, "values": []any{text}})
			}
			ticket[name] = all
		default:
			ticket[name] = value
		}
	}
}
