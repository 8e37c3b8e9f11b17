package jira_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira/jiratest"
)

// commentAt is a comment of ada's as Jira shows it, with what else is in it.
func commentAt(id int, created, rest string) string {
	return fmt.Sprintf(`{"id":"%d","author":{"name":"ada","displayName":"Ada"},"body":"text %d","created":"2026-11-27T%s.000+0000"%s}`, id, id, created, rest)
}

// commentsScript is a Data Center that shows these comments.
func commentsScript(t *testing.T, comments ...string) *script {
	t.Helper()
	s := dataCenterScript(t)
	s.on("GET /rest/api/2/issue/10001/comment", okay(fmt.Sprintf(`{"total":%d,"comments":[%s]}`, len(comments), strings.Join(comments, ","))))
	return s
}

func TestReadComments_private(t *testing.T) {
	for name, row := range map[string]struct {
		rest string
		read bool
	}{
		"an ordinary comment":             {``, true},
		"no restriction":                  {`,"visibility":null`, true},
		"an empty restriction":            {`,"visibility":{}`, true},
		"a restriction to a role":         {`,"visibility":{"type":"role","value":"Developers"}`, false},
		"public in Service Management":    {`,"jsdPublic":true`, true},
		"internal in Service Management":  {`,"jsdPublic":false`, false},
		"a property that says public":     {`,"properties":[{"key":"sd.public.comment","value":{"internal":false}}]`, true},
		"a property that says internal":   {`,"properties":[{"key":"sd.public.comment","value":{"internal":true}}]`, false},
		"a property in words":             {`,"properties":[{"key":"sd.public.comment","value":{"internal":"true"}}]`, false},
		"a property that cannot be read":  {`,"properties":[{"key":"sd.public.comment","value":"x"}]`, false},
		"a property that says nothing":    {`,"properties":[{"key":"sd.public.comment","value":{}}]`, false},
		"a property of something else's":  {`,"properties":[{"key":"other","value":{"internal":true}}]`, true},
		"internal, though not restricted": {`,"visibility":null,"jsdPublic":false`, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := commentsScript(t, commentAt(1, "18:00:00", row.rest))
			got, err := s.desk(t, nil).ReadComments(t.Context(), "10001", time.Time{})
			require.NoError(t, err)
			require.Equal(t, row.read, len(got) == 1)
		})
	}
}

func TestReadComments_edited_by_another(t *testing.T) {
	edited := `,"updated":"2026-11-27T19:00:00.000+0000","updateAuthor":{"name":"eve","displayName":"Eve"}`
	s := commentsScript(t, commentAt(2, "18:30:00", ``), commentAt(1, "18:00:00", edited))
	got, err := s.desk(t, nil).ReadComments(t.Context(), "10001", time.Time{})
	require.NoError(t, err)
	require.Equal(t, []access.TicketComment{
		{ID: "2", By: "ada", ByName: "Ada", At: time.Date(2026, 11, 27, 18, 30, 0, 0, time.UTC), Text: "text 2"},
		{ID: "1", By: "eve", ByName: "Eve", At: time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC), Text: "text 1"},
	}, got, "whoever edits a comment answers for it")
}

func TestReadComments_goes_no_further_than_asked(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newSite(t, jiratest.Config{Edition: edition, PageLimit: 3})
		d, ada := s.desk(t, nil), s.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
		ref := open(t, d)
		for n := range 9 {
			s.faults(func(f *jiratest.Faults) { f.ClockSkewSeconds += 60 })
			require.NoError(t, s.CommentAs(string(ada), string(ref.ID), fmt.Sprint(n)))
		}
		all, err := d.ReadComments(t.Context(), ref.ID, time.Time{})
		require.NoError(t, err)
		require.Len(t, all, 9)
		before := len(s.tap.Calls("GET /comment"))
		got, err := d.ReadComments(t.Context(), ref.ID, all[7].At)
		require.NoError(t, err)
		require.Equal(t, all[7:], got)
		require.Len(t, s.tap.Calls("GET /comment"), before+1)
	})
}

func TestReadComments_document(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	d := s.desk(t, nil)
	ref := open(t, d)
	s.tap.AnswerInstead("GET /comment", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"total":1,"comments":[{"id":"1","author":{"accountId":"a","displayName":"Ada"},"created":"2026-11-27T18:00:00.000+0000",
			"body":{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"b","text":"@Bob"}},
			{"type":"text","text":" please look at "},{"type":"inlineCard","attrs":{"url":"https://example.test/x"}},{"type":"hardBreak"},
			{"type":"text","text":"thanks","marks":[{"type":"strong"}]},{"type":"emoji","attrs":{"shortName":":x:","text":"!"}}]},
			{"type":"rule"},{"type":"paragraph","content":[{"type":"text","text":"Ada"}]}]}}]}`))
	})
	got, err := d.ReadComments(t.Context(), ref.ID, time.Time{})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, "@Bob please look at https://example.test/x\nthanks!\n\nAda", got[0].Text)
}
