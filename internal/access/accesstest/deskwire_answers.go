package accesstest

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// refuse answers with a status, in the desk's own words, which show all that the desk was sent.
func (w *deskWire) refuse(status int, header ...string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		for n := 0; n < len(header); n += 2 {
			rw.Header().Set(header[n], header[n+1])
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, w.h.Refusal(w.leak(r)))
	}
}

// wireStatuses is every status from 300 to 599, one connector for all of them.
func wireStatuses(t *testing.T, w *deskWire) {
	d := w.desk(5 * time.Second)
	for status := 300; status <= 599; status++ {
		_, err := w.spoilt(t, d, w.refuse(status, "Location", "https://x.test/y?z="+inQuery, "WWW-Authenticate", "Bearer realm="+w.h.Secrets[0]))
		w.requireKind(t, err, w.kindOf(t, status))
		require.Zero(t, access.RetryAfterOf(err), status)
	}
}

// wirePatience is a desk that asks to come back later. A create that may have been done is not one to come back with.
func wirePatience(t *testing.T, w *deskWire) {
	soon := time.Now().Add(time.Minute)
	for _, row := range []struct {
		after    string
		from, to time.Duration
	}{{"7", 7 * time.Second, 7 * time.Second}, {soon.UTC().Format(http.TimeFormat), 30 * time.Second, time.Minute}, {"", 0, 0}, {"soon", 0, 0}} {
		_, err := w.spoilt(t, w.desk(5*time.Second), w.refuse(http.StatusTooManyRequests, "Retry-After", row.after))
		w.requireKind(t, err, w.kindOf(t, http.StatusTooManyRequests))
		if w.call.Mode != DeskCreated {
			require.GreaterOrEqual(t, access.RetryAfterOf(err), row.from)
			require.LessOrEqual(t, access.RetryAfterOf(err), row.to)
		}
	}
	_, err := w.spoilt(t, w.desk(5*time.Second), w.refuse(http.StatusServiceUnavailable, "Retry-After", "9"))
	if w.call.Mode.unclear() == access.Unknown {
		w.requireKind(t, err, access.Unknown)
		return
	}
	w.requireKind(t, err, access.RateLimited)
	require.Equal(t, 9*time.Second, access.RetryAfterOf(err))
}

// wireOwn is what only this desk answers.
func wireOwn(t *testing.T, w *deskWire) {
	for _, row := range w.h.Answers {
		_, err := w.spoilt(t, w.desk(5*time.Second), row.Answer)
		kind := cmp.Or(row.Kind, w.call.Mode.unclear())
		if w.call.Mode == DeskCreated {
			kind = access.Unknown
		}
		w.requireKind(t, err, kind)
	}
}

// body answers with 200 and a body of that type.
func body(contentType, text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(rw, text)
	}
}

// hollow names an answer of the right shape that says nothing.
const hollow = "lists of nothing"

// wireUnreadable is an answer with 200 that is none. Where a desk answers with no body, only a page shows that somebody else
// answered.
func wireUnreadable(t *testing.T, w *deskWire) {
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		whole  bool
	}{
		"a page":                     {body("text/html; charset=utf-8", "<html>log in</html>"), false},
		"nothing":                    {body("application/json", ""), true},
		"spaces":                     {body("application/json", " \n"), true},
		"half of the JSON":           {body("application/json", `{"id":"1`), true},
		"a text":                     {body("text/plain", "OK"), true},
		"JSON that is a text":        {body("application/json", `"x"`), true},
		"JSON that is a number":      {body("application/json", `7`), true},
		"JSON that is a refusal":     {func(rw http.ResponseWriter, r *http.Request) { w.refuse(http.StatusOK)(rw, r) }, true},
		"JSON of somebody else":      {body("application/json", `{"ok":true}`), true},
		"null":                       {body("application/json", `null`), true},
		hollow:                       {body("application/json", w.h.Hollow), true},
		"a body that is cut":         {cut, false},
		"a body of twenty mebibytes": {body("application/json", strings.Repeat(" ", 20<<20)), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.spoilt(t, w.desk(5*time.Second), row.answer)
			switch {
			case row.whole && w.call.NoAnswer && err == nil:
			case name == hollow && w.call.Mode.unclear() != access.Unknown:
				w.requireKind(t, err, access.Transient, access.Forbidden) // Some desks leave out what the account may not read.
			case name == "a body of twenty mebibytes" && w.call.Mode.unclear() != access.Unknown:
				w.requireKind(t, err, access.Transient, access.Invalid, w.kindOf(t, http.StatusBadRequest))
			default:
				w.requireKind(t, err, w.call.Mode.unclear())
			}
		})
	}
}

// cut announces more than it sends.
func cut(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(rw, `{"id":"1"`)
}

// wireRefusals is a refusal whose body is not the desk's: the status counts.
func wireRefusals(t *testing.T, w *deskWire) {
	for name, row := range map[string]struct{ contentType, text string }{
		"a page":           {"text/html", "<html>no</html>"},
		"nothing":          {"application/json", ""},
		"half of the JSON": {"application/json", `{"id":"1`},
		"another shape":    {"application/json", `[[7]]`},
		"a number":         {"application/json", `7`},
		"no content type":  {"", "no"},
		"a bad one":        {"text/html; token=" + w.h.Secrets[0] + "; x", "no " + w.h.Secrets[0]},
		"a huge one":       {"application/json", `{"x":"` + strings.Repeat("x", 9<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			d := w.desk(5 * time.Second)
			for _, status := range []int{http.StatusBadRequest, http.StatusServiceUnavailable} {
				_, err := w.spoilt(t, d, func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header()["Content-Type"] = []string{row.contentType}
					rw.WriteHeader(status)
					_, _ = io.WriteString(rw, row.text)
				})
				w.requireKind(t, err, w.kindOf(t, status))
				require.Less(t, len(err.Error()), 2000)
			}
		})
	}
}
