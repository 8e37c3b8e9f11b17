package desktest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
)

// small is a desk with one ticket, which remembers what it was told to do.
type small struct {
	done   string
	refuse error
	gone   bool
}

type refusal struct{ error }

func (refusal) HTTPStatus() int { return http.StatusConflict }

func (*small) Revision() int64 { return 7 }

func (*small) Frame() desktest.Frame {
	ana, lea := desktest.PageAccount{ID: "ana", DisplayName: "Ana"}, desktest.PageAccount{ID: "lea", DisplayName: "<b>Lea", Inactive: true}
	return desktest.Frame{
		Projects: []desktest.PageProject{{Key: "P", Name: "Project"}}, Accounts: []desktest.PageAccount{ana, lea},
		Assignable: []desktest.PageAccount{ana}, Visitor: "ana",
	}
}

func (*small) Board(project string) desktest.Board {
	b := desktest.Board{Project: desktest.PageProject{Key: "P", Name: "Project"}, Columns: []desktest.Column{{Name: "New"}}}
	if project != "empty" {
		b.Columns[0].Count = 3
		b.Columns[0].Cards = []desktest.Card{{Key: "P-1", Summary: "<script>", Moves: []desktest.Move{{Name: "Finish", To: "Done"}}}}
	}
	return b
}

func (s *small) Ticket(key string) (desktest.PageTicket, bool) {
	return desktest.PageTicket{Key: key, Summary: "<script>", Status: "New", Fields: []desktest.PageField{{Name: "Link", Value: "javascript:x", Link: true}}},
		key == "P-1" && !s.gone
}

func (*small) Account(name string) (string, bool) {
	return strings.TrimSuffix(name, "@example.test"), strings.HasPrefix(name, "ana") || name == "lea"
}

func (*small) ProjectOf(string) string { return "P" }

func (s *small) Do(a desktest.Action, as, key string, form url.Values) (string, error) {
	s.done = string(a) + " " + key + " as " + as + ": " + form.Get("to") + form.Get("text")
	s.gone = a == desktest.ActDelete
	return key, s.refuse
}

// ask makes one call to the pages of a desk.
func ask(t *testing.T, s *small, method, path, form string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	desktest.Pages(mux, s)
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func TestPages_show_a_desk(t *testing.T) {
	s := &small{}
	board := ask(t, s, http.MethodGet, "/board", "")
	for _, text := range []string{
		"Project", "2 older ones are not shown.", "P-1", "&lt;script&gt;", `data-to="[&#34;Done&#34;]"`, `data-revision="7"`,
		"<button>Finish</button>", `<option value="ana" selected>`, "&lt;b&gt;Lea (inactive)",
	} {
		require.Contains(t, board.Body.String(), text)
	}
	require.Contains(t, board.Header().Get("Content-Security-Policy"), "default-src 'self'")
	require.Empty(t, board.Header().Get("Set-Cookie"))
	require.Contains(t, ask(t, s, http.MethodGet, "/board?project=empty", "").Body.String(), "There are no tickets here yet.")
	ticket := ask(t, s, http.MethodGet, "/browse/P-1", "").Body.String()
	require.Contains(t, ticket, "&lt;script&gt;")
	require.NotContains(t, ticket, `href="javascript:`)
	require.Equal(t, http.StatusNotFound, ask(t, s, http.MethodGet, "/browse/P-2", "").Code)
	require.Equal(t, "7", ask(t, s, http.MethodGet, "/_sim/revision", "").Body.String())
	require.Equal(t, "/board", ask(t, s, http.MethodGet, "/", "").Header().Get("Location"))
	require.Equal(t, http.StatusOK, ask(t, s, http.MethodGet, "/board/page.js", "").Code)
}

func TestPages_cookie(t *testing.T) {
	s := &small{}
	cookie := ask(t, s, http.MethodGet, "/board?as=lea", "").Header().Get("Set-Cookie")
	require.Contains(t, cookie, "lea")
	require.Contains(t, ask(t, s, http.MethodGet, "/board", "", "Cookie", cookie).Body.String(), `<option value="lea" selected>`)
	ask(t, s, http.MethodPost, "/board/comment", "key=P-1&text=hi", "Cookie", cookie)
	require.Equal(t, "comment P-1 as lea: hi", s.done)
	ask(t, s, http.MethodPost, "/board/comment", "key=P-1&text=hi&as=ana", "Cookie", cookie)
	require.Equal(t, "comment P-1 as ana: hi", s.done, "the form goes before the cookie")
	nobody := strings.Replace(cookie, "lea", "%zz", 1)
	ask(t, s, http.MethodPost, "/board/comment", "key=P-1&text=hi", "Cookie", nobody)
	require.Equal(t, "comment P-1 as : hi", s.done)
}

func TestPages_form_leads_back(t *testing.T) {
	for form, want := range map[string]string{
		"/board/move?":             "/board?project=P",
		"/board/move?from=ticket&": "/browse/P-1",
		"/board/assign?":           "/browse/P-1",
		"/board/project?":          "/browse/P-1",
		"/board/delete?":           "/board?project=P",
	} {
		s := &small{}
		path, values, _ := strings.Cut(form, "?")
		w := ask(t, s, http.MethodPost, path, values+"key=P-1&as=ana&to=x")
		require.Equal(t, http.StatusSeeOther, w.Code, form)
		require.Equal(t, want, w.Header().Get("Location"), form)
		require.Equal(t, strings.TrimPrefix(path, "/board/")+" P-1 as ana: x", s.done)
	}
}

func TestPages_form_refused(t *testing.T) {
	w := ask(t, &small{refuse: refusal{errors.New("not now")}}, http.MethodPost, "/board/move", "key=P-1")
	require.Equal(t, http.StatusConflict, w.Code)
	require.Contains(t, w.Body.String(), "not now")
	require.Equal(t, http.StatusInternalServerError, ask(t, &small{refuse: errors.New("x")}, http.MethodPost, "/board/move", "key=P-1").Code)
	s := &small{}
	require.Equal(t, http.StatusBadRequest, ask(t, s, http.MethodPost, "/board/move", "key=%zz").Code)
	require.Equal(t, http.StatusForbidden, ask(t, s, http.MethodPost, "/board/move", "key=P-1", "Sec-Fetch-Site", "cross-site").Code)
	require.Empty(t, s.done)
}
