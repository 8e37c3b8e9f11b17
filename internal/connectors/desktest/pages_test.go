package desktest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
)

func TestPages_show_a_desk(t *testing.T) {
	s := newSmall(t)
	_, err := s.Seed(desktest.Seed{Count: 102})
	require.NoError(t, err)
	require.NoError(t, s.Edit("ana", "P-103", map[string]any{"link": "javascript:x"}))
	board := s.ask(http.MethodGet, "/board", "")
	for _, text := range []string{
		"Project", "3 older ones are not shown.", "P-103", `data-to="[&#34;Approved&#34;,`, `data-revision="104"`,
		"<button>Approve</button>", `<option value="ana" selected>`, "&lt;b&gt;Lea (inactive)",
	} {
		require.Contains(t, board.Body.String(), text)
	}
	require.Contains(t, board.Header().Get("Content-Security-Policy"), "default-src 'self'")
	require.Empty(t, board.Header().Get("Set-Cookie"))
	require.Contains(t, s.ask(http.MethodGet, "/board?project=empty", "").Body.String(), "There are no tickets here yet.")
	require.Contains(t, s.ask(http.MethodGet, "/browse/P-1", "").Body.String(), "&lt;script&gt;")
	ticket := s.ask(http.MethodGet, "/browse/P-103", "").Body.String()
	require.Contains(t, ticket, "Link: none → javascript:x")
	require.Contains(t, ticket, `name="field_code"`)
	require.Contains(t, ticket, "<option selected>Done</option>")
	require.NotContains(t, ticket, `href="javascript:`)
	require.Equal(t, http.StatusNotFound, s.ask(http.MethodGet, "/browse/P-999", "").Code)
	require.Equal(t, "104", s.ask(http.MethodGet, "/_sim/revision", "").Body.String())
	require.Equal(t, "/board", s.ask(http.MethodGet, "/", "").Header().Get("Location"))
	require.Equal(t, http.StatusOK, s.ask(http.MethodGet, "/board/page.js", "").Code)
}

func TestPages_cookie(t *testing.T) {
	s := newSmall(t)
	cookie := s.ask(http.MethodGet, "/board?as=bot", "").Header().Get("Set-Cookie")
	require.Contains(t, cookie, "bot")
	require.Contains(t, s.ask(http.MethodGet, "/board", "", "Cookie", cookie).Body.String(), `<option value="bot" selected>`)
	authors := func() (all []string) {
		for _, c := range s.Comments("P-1") {
			all = append(all, c.Author)
		}
		return all
	}
	s.ask(http.MethodPost, "/board/comment", "key=P-1&text=hi", "Cookie", cookie)
	s.ask(http.MethodPost, "/board/comment", "key=P-1&text=hi&as=ana", "Cookie", cookie)
	require.Equal(t, []string{"bot", "ana"}, authors(), "the form goes before the cookie")
	nobody := strings.Replace(cookie, "bot", "%zz", 1)
	require.Equal(t, http.StatusBadRequest, s.ask(http.MethodPost, "/board/comment", "key=P-1&text=hi", "Cookie", nobody).Code)
	require.Len(t, authors(), 2)
}

func TestPages_form_leads_back(t *testing.T) {
	for form, want := range map[string]string{
		"/board/move?to=Approved&":             "/board?project=P",
		"/board/move?to=Approved&from=ticket&": "/browse/P-1",
		"/board/assign?to=ana&":                "/browse/P-1",
		"/board/project?to=empty&":             "/browse/empty-1",
		"/board/delete?":                       "/board?project=P",
	} {
		path, values, _ := strings.Cut(form, "?")
		w := newSmall(t).ask(http.MethodPost, path, values+"key=P-1&as=ana")
		require.Equal(t, http.StatusSeeOther, w.Code, form)
		require.Equal(t, want, w.Header().Get("Location"), form)
	}
}

func TestPages_move_with_screen(t *testing.T) {
	s := newSmall(t)
	refused := s.ask(http.MethodPost, "/board/move", "key=P-1&as=ana&to=Done&resolution=Lost")
	require.Equal(t, http.StatusBadRequest, refused.Code)
	require.Contains(t, refused.Body.String(), `There is no resolution "Lost".`)
	off := s.ask(http.MethodPost, "/board/move", "key=P-1&as=ana&to=Approved&field_code=7")
	require.Contains(t, off.Body.String(), "code: It is not on the screen.")
	require.Equal(t, http.StatusSeeOther, s.ask(http.MethodPost, "/board/move", "key=P-1&as=ana&to=Done&resolution=Solved&field_code=7").Code)
	require.Equal(t, []string{"Solved", "7"}, []string{s.ticket().Resolution, s.ticket().Fields["code"]})
}

func TestPages_form_refused(t *testing.T) {
	s := newSmall(t)
	w := s.ask(http.MethodPost, "/board/move", "key=P-1&as=ana&to=Nowhere")
	require.Equal(t, http.StatusConflict, w.Code)
	require.Contains(t, w.Body.String(), "cannot be moved")
	require.Equal(t, http.StatusBadRequest, s.ask(http.MethodPost, "/board/move", "key=%zz").Code)
	require.Equal(t, http.StatusForbidden, s.ask(http.MethodPost, "/board/move", "key=P-1&as=ana&to=Approved", "Sec-Fetch-Site", "cross-site").Code)
	require.Equal(t, desktest.StatusWaiting, s.ticket().Status)
}
