package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira/jiratest"
)

func TestAddComments_marker_property(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	require.NoError(t, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "approved"}))
	require.Equal(t, map[string]any{
		"body": map[string]any{"type": "doc", "version": 1.0, "content": []any{map[string]any{
			"type": "paragraph", "content": []any{map[string]any{"type": "text", "text": "approved"}},
		}}},
		"properties": []any{map[string]any{"key": "usher", "value": map[string]any{"marker": "c1"}}},
	}, s.last(t, "POST /comment"))
	requireKind(t, access.Invalid, desk.AddComments(t.Context(), ref.ID, access.Comment{Text: "no marker"}))
}

func TestAddComments_read_back_once(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	for n := range 3 {
		require.NoError(t, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: access.Marker(fmt.Sprintf("c%d", n)), Text: "x"}))
	}
	require.Len(t, s.tap.Calls("GET /comment"), 4)
	require.Len(t, s.tap.Calls("POST /comment"), 3)
}

func TestAddComments_one_comment(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	all := []access.Comment{{Marker: "c1", Text: "approved"}, {Marker: "c2", Text: "granted"}, {Marker: "c3", Text: "over"}}
	require.NoError(t, desk.AddComments(t.Context(), ref.ID, all[0]))
	read := len(s.tap.Calls("GET /comment"))
	require.NoError(t, desk.AddComments(t.Context(), ref.ID, all...))
	require.Len(t, s.tap.Calls("GET /comment"), read+1, "asked once what is there")
	stamped := []any{map[string]any{"key": "usher", "value": map[string]any{"marker": "c2", "also": []any{"c3"}}}}
	require.Equal(t, stamped, s.last(t, "POST /comment")["properties"])
	comments := s.Comments(string(ref.ID))
	require.Len(t, comments, 2)
	require.Equal(t, "granted\nover", comments[1].Body)
	require.NoError(t, desk.AddComments(t.Context(), ref.ID, all[2]))
	require.Len(t, s.Comments(string(ref.ID)), 2)
}

func TestAddComments_too_long_for_one(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	var all []access.Comment
	for n, size := range []int{20000, 12000, 1000, 40000, 5} {
		all = append(all, access.Comment{Marker: access.Marker(fmt.Sprintf("c%d", n)), Text: strings.Repeat(fmt.Sprint(n), size)})
	}
	for range 2 {
		require.NoError(t, desk.AddComments(t.Context(), ref.ID, all...))
	}
	var said []int
	for _, c := range s.Comments(string(ref.ID)) {
		said = append(said, len(c.Body))
	}
	require.Equal(t, []int{20000 + len("\n") + 12000, 1000, 32767, 5}, said)
}

func TestAddComments_words_like_a_marker(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	withoutProperties(s)
	desk := s.desk(t, nil)
	ref := open(t, desk)
	reason := "approved, for\r\n(reference c2)"
	for _, c := range []access.Comment{{Marker: "c1", Text: reason}, {Marker: "c2", Text: "revoked"}} {
		require.NoError(t, desk.AddComments(t.Context(), ref.ID, c))
	}
	comments := s.Comments(string(ref.ID))
	require.Len(t, comments, 2)
	require.Contains(t, comments[1].Body, "revoked")
}

func TestAddComments_marker_of_others(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	human := s.addAccount(access.Person{ID: "h", DisplayName: "H", Email: "h@example.test"})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	require.NoError(t, s.CommentAs(string(human), string(ref.ID), "(reference c1)"))
	require.NoError(t, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "approved"}))
	require.Len(t, s.Comments(string(ref.ID)), 2)
}

// withoutProperties makes the site a Jira that shows no comment properties and that can edit comments.
func withoutProperties(s *site) {
	edited := map[string]any{}
	s.tap.Instead(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/comment/") {
			var body struct{ Body any }
			_ = json.NewDecoder(r.Body).Decode(&body)
			edited[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]] = body.Body
			_, _ = w.Write([]byte(`{}`))
			return true
		}
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/comment") {
			return false
		}
		var page map[string]any
		recorder := httptest.NewRecorder()
		s.Server.ServeHTTP(recorder, r)
		_ = json.Unmarshal(recorder.Body.Bytes(), &page)
		list, _ := page["comments"].([]any)
		for _, one := range list {
			if c, ok := one.(map[string]any); ok {
				delete(c, "properties")
				if body, there := edited[fmt.Sprint(c["id"])]; there {
					c["body"] = body
				}
			}
		}
		_ = json.NewEncoder(w).Encode(page)
		return true
	})
}

func TestAddComments_hidden_properties(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	withoutProperties(s)
	desk := s.desk(t, nil)
	ref := open(t, desk)
	for range 2 {
		for _, marker := range []access.Marker{"c1", "c11"} {
			require.NoError(t, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: marker, Text: "approved"}))
		}
		require.NoError(t, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1"}, access.Comment{Marker: "c11"}))
	}
	require.Len(t, s.tap.Calls("POST /comment"), 2, "each comment was added once")
	require.Contains(t, s.tap.Calls("POST /comment")[1].Body, "(reference c11)")
	// A process that starts anew finds them as well.
	require.NoError(t, s.desk(t, nil).AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "approved"}))
	require.Len(t, s.tap.Calls("POST /comment"), 2)
}

func TestAddComments_cut(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	require.NoError(t, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: strings.Repeat("日", 40000)}))
	body := s.Comments(string(ref.ID))[0].Body
	require.Len(t, []rune(body), 32767)
	require.True(t, strings.HasSuffix(body, "日 [cut]"))
}
