package csvfeed_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/csvfeed"
)

const smallText = "id,login,name\n1,ana,Ana\n#END\n"

// answering is a source of a site that answers by a function.
func answering(t *testing.T, answer http.HandlerFunc) (*csvfeed.Source, *site) {
	t.Helper()
	s, web := onSite(t, small())
	web.set(func(s *site) { s.answer = answer })
	return s, web
}

func TestURL_statuses(t *testing.T) {
	kinds := map[int]access.Kind{
		301: access.Forbidden, 302: access.Forbidden, 307: access.Forbidden, 401: access.Forbidden, 403: access.Forbidden, 407: access.Forbidden,
		404: access.Transient, 410: access.Transient, 409: access.Transient, 423: access.Transient, 429: access.RateLimited,
		400: access.Invalid, 405: access.Invalid, 406: access.Invalid,
		204: access.Transient, 206: access.Transient, 304: access.Forbidden, 500: access.Transient, 502: access.Transient, 503: access.Transient,
	}
	for status, kind := range kinds {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			s, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				if status != http.StatusNoContent && status != http.StatusNotModified {
					_, _ = io.WriteString(w, smallText)
				}
			})
			_, err := list(t, s)
			require.Equal(t, kind, access.KindOf(err), "%v", err)
			_, err = s.Lookup(t.Context(), "1")
			require.Equal(t, kind, access.KindOf(err), "a status is never an unknown person: %v", err)
			require.NotContains(t, err.Error(), token)
		})
	}
}

func TestURL_every_status(t *testing.T) {
	for status := 200; status <= 599; status++ {
		s, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, err := s.Lookup(t.Context(), "1")
		require.Error(t, err, "%d", status)
		require.NotEqual(t, access.NotFound, access.KindOf(err), "%d", status)
	}
}

func TestURL_redirect(t *testing.T) {
	var calls atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, smallText)
	}))
	t.Cleanup(other.Close)
	s, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/people.csv", http.StatusFound)
	})
	_, err := list(t, s)
	require.Equal(t, access.Forbidden, access.KindOf(err))
	require.ErrorContains(t, err, "a redirect is not followed")
	require.Zero(t, calls.Load())
}

func TestURL_HTML(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"by its type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "Text/HTML; charset=utf-8")
			_, _ = io.WriteString(w, "Please log in")
		},
		"by its text": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/csv")
			_, _ = io.WriteString(w, "<html>")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := answering(t, answer)
			_, err := list(t, s)
			require.Equal(t, access.Transient, access.KindOf(err))
			require.ErrorContains(t, err, "url: found an HTML page")
			findings, err := s.Check(t.Context())
			require.NoError(t, err)
			require.Equal(t, "url", findings[0].Key)
		})
	}
}

func TestURL_cut_answer(t *testing.T) {
	s, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, smallText)
	})
	_, err := list(t, s)
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "the answer was cut")
}

func TestURL_long_answer(t *testing.T) {
	c := small()
	c.MaxBytes = 10
	s, web := onSite(t, c)
	web.put([]byte(smallText), nil)
	_, err := list(t, s)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "max_bytes: the file has more than 10 bytes")
}

func TestURL_changed(t *testing.T) {
	for _, name := range []string{"ETag", "Last-Modified"} {
		t.Run(name, func(t *testing.T) {
			n := 0
			s, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				n++
				w.Header().Set(name, strconv.Itoa(min(n, 2)))
				_, _ = io.WriteString(w, smallText)
			})
			_, err := list(t, s)
			require.Equal(t, access.Transient, access.KindOf(err))
			require.ErrorContains(t, err, "url: the file changed while it was read")
			_, err = list(t, s)
			require.NoError(t, err, "a server that knows no conditions gives the same version twice")
		})
	}
}

func TestURL_query_and_basic_authentication(t *testing.T) {
	web := newSite(t)
	c := small()
	c.URL, c.User, c.Password = web.url+"/out%2Fput/people.csv?report=a+b&key=s3cret-key", "hr", "s3cret-password"
	web.answer = func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "hr" || password != "s3cret-password" || r.URL.EscapedPath() != "/out%2Fput/people.csv" || r.URL.Query().Get("report") != "a b" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, smallText)
	}
	s, err := csvfeed.NewSource(c)
	require.NoError(t, err)
	got, err := list(t, s)
	require.NoError(t, err)
	require.Len(t, got.people, 1)
	web.set(func(s *site) {
		s.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }
	})
	_, err = list(t, s)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
}

func TestURL_nobody_there(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	c := small()
	c.URL = web.URL + "/people.csv?key=s3cret-key"
	web.Close()
	s, err := csvfeed.NewSource(c)
	require.NoError(t, err)
	_, err = s.Lookup(t.Context(), "1")
	require.Equal(t, access.Transient, access.KindOf(err))
	require.NotContains(t, err.Error(), "s3cret")
	_, err = s.Check(t.Context())
	require.Equal(t, access.Transient, access.KindOf(err))
}
