package desktest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// small is a desk with two tables and no API of its own but one call.
type small struct {
	*desktest.Desk
	t *testing.T
}

func newSmall(t *testing.T) *small {
	t.Helper()
	workflow := desktest.DefaultWorkflow(desktest.ScreenField{ID: "resolution", Required: true}, desktest.ScreenField{ID: "code", Required: true})
	s := &small{t: t, Desk: desktest.NewDesk(desktest.DeskConfig{
		StoreConfig: desktest.StoreConfig{
			Dialect: desktest.Dialect{Noun: "record"},
			Projects: []desktest.Project{
				{
					ID: "1", Key: "P", Name: "Project", Workflow: workflow, Resolutions: []string{"Solved", "Done"},
					Fields: []desktest.Field{
						{ID: "summary"}, {ID: "code", Name: "Code"}, {ID: "link", Name: "Link", Type: desktest.URLField}, {ID: "labels"},
					},
				},
				{ID: "2", Key: "empty", Name: "Empty", Workflow: workflow},
			},
			Accounts: []desktest.Account{
				{ID: "bot", Token: "t", DisplayName: "Bot"},
				{ID: "ana", Email: "ana@example.test", DisplayName: "Ana"},
				{ID: "lea", DisplayName: "<b>Lea", Inactive: true},
			},
		},
		Wire:  fakewire.Config{JSON: "application/json", Refuse: func(status int, _ string) *fakewire.Answer { return &fakewire.Answer{Status: status} }},
		Hooks: desktest.HooksConfig{Headers: func(http.Header, desktest.Post) {}},
	})}
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err := s.Seed(desktest.Seed{Count: 1, Summary: "<script>", Labels: []string{"usher"}})
	require.NoError(t, err)
	return s
}

// ask makes one call. A call with a body that is no JSON posts a form.
func (s *small) ask(method, path, body string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	s.Mux.ServeHTTP(w, r)
	return w
}

func (s *small) ticket() desktest.Snapshot {
	s.t.Helper()
	t, found := s.Ticket("P-1")
	require.True(s.t, found)
	return t
}

func TestDesk_people(t *testing.T) {
	s := newSmall(t)
	require.ErrorContains(t, s.MoveAs("ana", "P-1", desktest.StatusDone), "code: Code is required.")
	require.NoError(t, s.Edit("ana", "P-1", map[string]any{"code": "7", "labels": []string{"l"}}))
	require.NoError(t, s.MoveAs("ana@example.test", "P-1", desktest.StatusDone))
	require.NoError(t, s.CommentAs("ana", "P-1", "hello"))
	require.NoError(t, s.AssignAs("ana", "P-1", "ana"))
	got := s.ticket()
	require.Equal(t, []any{desktest.StatusDone, desktest.CategoryDone, "Done", "ana", "7"},
		[]any{got.Status, got.Category, got.Resolution, got.Assignee, got.Fields["code"]})
	require.Equal(t, []string{"ana", "hello"}, []string{s.Comments("P-1")[0].Author, s.Comments("P-1")[0].Body})
	require.Equal(t, 1, s.CountLabel("l"))
	key, err := s.MoveToProject("P-1", "empty")
	require.NoError(t, err)
	require.Equal(t, "empty-1", key)
	require.Equal(t, []string{"P-1"}, s.ticket().OldKeys)
	require.NoError(t, s.Delete("P-1"))
	require.Empty(t, s.Tickets())
}

func TestDesk_refusals(t *testing.T) {
	for name, row := range map[string]struct {
		do     func(*small) error
		status int
		text   string
	}{
		"nobody":          {func(s *small) error { return s.CommentAs("who", "P-1", "x") }, 400, `There is no account "who".`},
		"inactive":        {func(s *small) error { return s.CommentAs("lea", "P-1", "x") }, 403, `The account "lea" is not active.`},
		"no ticket":       {func(s *small) error { return s.CommentAs("ana", "P-2", "x") }, 404, "Record does not exist"},
		"no text":         {func(s *small) error { return s.CommentAs("ana", "P-1", " ") }, 400, "empty"},
		"no way":          {func(s *small) error { return s.MoveAs("ana", "P-1", "Nowhere") }, 409, `P-1 is in "Waiting for approval" and cannot be moved to "Nowhere".`},
		"no field":        {func(s *small) error { return s.Edit("ana", "P-1", map[string]any{"x": 1}) }, 400, "x: There is no such field."},
		"a bad value":     {func(s *small) error { return s.Edit("ana", "P-1", map[string]any{"summary": 1}) }, 400, "summary: "},
		"not assignable":  {func(s *small) error { return s.AssignAs("ana", "P-1", "lea") }, 400, `The account "lea" cannot be assigned.`},
		"the same table":  {func(s *small) error { _, err := s.MoveToProject("P-1", "P"); return err }, 400, `cannot be moved to the project "P"`},
		"nothing to hide": {func(s *small) error { return s.Hide("P-2", true) }, 404, "Record does not exist"},
		"archived": {func(s *small) error {
			require.NoError(s.t, s.Archive("P-1", true))
			return s.CommentAs("ana", "P-1", "x")
		}, 400, "The record is archived."},
	} {
		t.Run(name, func(t *testing.T) {
			err := row.do(newSmall(t))
			require.ErrorContains(t, err, row.text)
			var refused *desktest.Refusal
			require.ErrorAs(t, err, &refused)
			require.Equal(t, row.status, refused.Status)
		})
	}
}

func TestDesk_control(t *testing.T) {
	s := newSmall(t)
	var all []desktest.Snapshot
	require.NoError(t, json.Unmarshal(s.ask(http.MethodGet, "/_sim/records", "").Body.Bytes(), &all))
	require.Equal(t, "P-1", all[0].Key)
	require.Equal(t, http.StatusOK, s.ask(http.MethodPost, "/_sim/records/P-1/archive", "").Code)
	require.True(t, s.ticket().Archived)
	require.Equal(t, http.StatusOK, s.ask(http.MethodPost, "/_sim/records/P-1/restore", "").Code)
	require.False(t, s.ticket().Archived)
	require.Equal(t, http.StatusNotFound, s.ask(http.MethodPost, "/_sim/records/P-9/archive", "").Code)
}

func TestDesk_operation(t *testing.T) {
	s := newSmall(t)
	s.Mux.HandleFunc("GET /api", s.Operation("count", func(*fakewire.Call) *fakewire.Answer {
		return &fakewire.Answer{Status: http.StatusOK, Body: s.Store.Revision()}
	}))
	require.Equal(t, "1", s.ask(http.MethodGet, "/api", "").Body.String())
	own := false
	s.SwitchFaults(fakewire.Rules(fakewire.Rule{Of: []fakewire.Fault{{Kind: fakewire.Status}}}), desktest.StoreFaults{}, desktest.HookFaults{}, func() { own = true })
	require.Equal(t, http.StatusServiceUnavailable, s.ask(http.MethodGet, "/api", "").Code)
	require.True(t, own)
	require.Equal(t, 2, s.Count("count"))
}
