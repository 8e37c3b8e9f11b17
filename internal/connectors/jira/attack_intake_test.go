package jira_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// TestAttackIntake_field_changed: what is asked for stands in a field. Who asked changes it after the binding: an approver reads
// something else than what was asked for, so it is a change of the text as any other.
func TestAttackIntake_field_changed(t *testing.T) {
	for _, edition := range []jiratest.Edition{jiratest.Cloud, jiratest.DataCenter} {
		t.Run(string(edition), func(t *testing.T) {
			const field = "customfield_10047"
			site := newSite(t, jiratest.Config{Edition: edition})
			ada := site.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
			id := site.askAs(t, ada, "Wiki", "please")
			require.NoError(t, site.Edit(string(ada), string(id), map[string]any{field: "wiki/admin"}))
			d := site.desk(t, func(c *jira.Config) {
				c.Fields = nil
				c.Intake = &desk.Intake{Kind: "Access request", Fields: map[string]access.AskedField{field: access.AskedAccess}}
			})
			asked, err := d.ReadAsked(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "wiki/admin", asked.Values[access.AskedAccess])
			bound, err := d.BindTicket(t.Context(), id, ada, "usher-jira.1:0123456789abcdef")
			require.NoError(t, err)
			require.NoError(t, site.Edit(string(ada), string(id), map[string]any{field: "wiki/reader"}))
			now, err := d.ReadTicket(t.Context(), id)
			require.NoError(t, err)
			require.NotEqual(t, bound.TextChange, now.TextChange, "the field that says what is asked for is no text")
		})
	}
}

// TestAttackIntake_moved_before_binding: between the look and the binding the ticket is moved to a project that is not usher's, or
// becomes of another kind: it asks for nothing any more.
func TestAttackIntake_moved_before_binding(t *testing.T) {
	site := newSite(t, jiratest.Config{Edition: jiratest.Cloud, Projects: projectsFor(accesstest.ServiceDeskSetup{})})
	ada := site.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
	id := site.askAs(t, ada, "Wiki", "Access: wiki/editor")
	d := site.desk(t, nil)
	_, err := d.ReadAsked(t.Context(), id)
	require.NoError(t, err)
	_, err = site.MoveToProject(string(id), "OTHER")
	require.NoError(t, err)
	_, err = d.ReadAsked(t.Context(), id)
	require.ErrorContains(t, err, "another kind")
	_, err = d.BindTicket(t.Context(), id, ada, "usher-jira.1:0123456789abcdef")
	require.Error(t, err, "bound in a project whose changes no search of usher's shows")
}

// TestAttackIntake_unreadable_field: a mapped field that holds something that usher cannot read is not an empty field: the access would
// be another person's, or last for ever.
func TestAttackIntake_unreadable_field(t *testing.T) {
	const field = "customfield_10047"
	for name, row := range map[string]struct {
		value any
		of    access.AskedField
		want  string
	}{
		"a person":              {value: map[string]any{"accountId": "557058:1-ben", "displayName": "Ben", "active": true}, of: access.AskedSubject},
		"a number":              {value: 30, of: access.AskedDuration, want: "30"},
		"a choice in two steps": {value: map[string]any{"value": "wiki", "child": map[string]any{"value": "editor"}}, of: access.AskedAccess, want: "wiki/editor"},
	} {
		t.Run(name, func(t *testing.T) {
			site := newSite(t, jiratest.Config{Edition: jiratest.Cloud})
			ada := site.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
			id := site.askAs(t, ada, "Wiki", "Access: wiki/editor")
			d := site.desk(t, func(c *jira.Config) {
				c.Fields = nil
				c.Intake = &desk.Intake{Kind: "Access request", Fields: map[string]access.AskedField{field: row.of}}
			})
			site.rewritten(t, "GET", "/issue/"+string(id), func(answer map[string]any) {
				answer["fields"].(map[string]any)[field] = row.value
			})
			asked, err := d.ReadAsked(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, row.want, asked.Values[row.of])
			require.Equal(t, row.want == "", len(asked.Unreadable) == 1, "not read as if nobody had filled it in")
		})
	}
}

// rewritten changes the answers of one call.
func (s *site) rewritten(t *testing.T, method, path string, change func(map[string]any)) {
	t.Helper()
	s.tap.AnswerInstead(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		kept := httptest.NewRecorder()
		s.guarded.ServeHTTP(kept, r)
		var answer map[string]any
		if err := json.Unmarshal(kept.Body.Bytes(), &answer); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		change(answer)
		text, err := json.Marshal(answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for key, values := range kept.Header() {
			if key != "Content-Length" {
				w.Header()[key] = values
			}
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(text)
	})
}

// TestAttackIntake_unreadable_channel: a way that cannot be read proves nobody.
func TestAttackIntake_unreadable_channel(t *testing.T) {
	for name, value := range map[string]any{"a text": "email", "a list": map[string]any{"value": []string{"email"}}, "nothing in it": map[string]any{"channel": "email"}} {
		t.Run(name, func(t *testing.T) {
			site := newSite(t, jiratest.Config{Edition: jiratest.Cloud})
			ada := site.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
			id := site.askAs(t, ada, "Wiki", "Access: wiki/editor")
			site.setProperty(t, id, "request.channel.type", value)
			_, err := site.desk(t, nil).ReadAsked(t.Context(), id)
			require.Error(t, err, "the property is there, and what it says is not known")
		})
	}
}
