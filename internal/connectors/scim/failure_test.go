package scim_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
	"usher/internal/rest"
)

// answerRaw answers with any three digits, which net/http's server would not.
func answerRaw(w http.ResponseWriter, r *http.Request, status int64) {
	// What is not read is answered by a reset, and the answer may be lost.
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	// A client that went away is told nothing.
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)
	_ = conn.Close()
}

func TestClassify_read(t *testing.T) {
	var status atomic.Int64
	target := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answerRaw(w, r, status.Load()) }), nil)
	for code := 100; code <= 599; code++ {
		status.Store(int64(code))
		want := rest.Classify(rest.Read, code, nil)
		switch {
		case code < 200:
			// An interim answer, and then nothing.
			want = access.Transient
		case want == "", want == access.NotFound:
			// No body where one is expected; or everything is 404, and then nothing is believed.
			want = access.Transient
		}
		_, err := target.Verify(t.Context(), ada())
		require.Equal(t, want, access.KindOf(err), "%d: %v", code, err)
		_, err = target.Revoke(t.Context(), ada())
		require.Equal(t, want, access.KindOf(err), "%d: %v", code, err)
	}
}

func TestClassify_patch(t *testing.T) {
	var status atomic.Int64
	directory := scimtest.New(wiki(scimtest.Quirks{MemberFilter: scimtest.NoMemberFilter}))
	target := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			answerRaw(w, r, status.Load())
			return
		}
		directory.ServeHTTP(w, r)
	}), nil)
	for code := 100; code <= 599; code++ {
		status.Store(int64(code))
		want := rest.Classify(rest.Write, code, nil)
		if code < 200 || want == "" || want == access.NotFound || want == access.Conflict {
			// The read-back decides, and it shows no membership.
			want = access.Transient
		}
		_, err := target.Grant(t.Context(), ada())
		require.Equal(t, want, access.KindOf(err), "%d: %v", code, err)
	}
}

func TestPatch_conflict(t *testing.T) {
	directory := scimtest.New(wiki(scimtest.Quirks{}))
	target := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			// Somebody else was faster, and this directory minds.
			directory.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusConflict)
			return
		}
		directory.ServeHTTP(w, r)
	}), nil)
	verification, err := target.Grant(t.Context(), ada())
	require.NoError(t, err)
	require.True(t, verification.Present)
}

func TestAnswer_broken_is_transient(t *testing.T) {
	held := wiki(scimtest.Quirks{})
	held.Groups[0].Members = []string{"u-ada"}
	for name, answer := range map[string]http.HandlerFunc{
		"a login page":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>sign in</html>")) },
		"JSON that is not SCIM": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"hello":"world"}`)) },
		"JSON of another shape": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`["totalResults"]`)) },
		"no connection":         func(w http.ResponseWriter, _ *http.Request) { cut(w) },
		"half a body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "999")
			_, _ = w.Write([]byte(`{"id":`))
		},
		"not found, with a login": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusNotFound) },
	} {
		byIDs := access.Assignment{Role: "Wiki editor", RoleID: "g-edit", Account: "u-ada"}
		for _, row := range []struct {
			stage string
			asked []access.Assignment
		}{
			{"/Groups", []access.Assignment{ada()}},
			{"/Users/", []access.Assignment{ada()}},
			{"/Groups/", []access.Assignment{ada(), byIDs}},
			{"/", []access.Assignment{ada(), byIDs}},
		} {
			stage := row.stage
			t.Run(name+" at "+stage, func(t *testing.T) {
				directory := scimtest.New(held)
				target := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					path := strings.TrimPrefix(r.URL.Path, scimtest.BasePath)
					// A 404 for one record is an answer, unless the directory is not there at all.
					lost := path == "/ServiceProviderConfig"
					if path == stage || lost || (strings.HasSuffix(stage, "/") && strings.HasPrefix(path, stage)) {
						answer(w, r)
						return
					}
					directory.ServeHTTP(w, r)
				}), nil)
				for _, a := range row.asked {
					_, err := target.Revoke(t.Context(), a)
					require.Equal(t, access.Transient, access.KindOf(err), "%v", err)
					_, err = target.Verify(t.Context(), a)
					require.Equal(t, access.Transient, access.KindOf(err), "%v", err)
				}
				require.Equal(t, []string{"u-ada"}, directory.Members("g-edit"))
			})
		}
	}
}

func TestFaultsHaveTheirKinds(t *testing.T) {
	broken := []fakewire.Fault{{Kind: fakewire.Status, Status: http.StatusInternalServerError}}
	for _, row := range []struct {
		name   string
		faults fakewire.Faults
		kind   access.Kind
		after  time.Duration
	}{
		{"the directory is down", fakewire.Faults{Down: true}, access.Transient, 0},
		{"every call fails", fakewire.Rules(fakewire.Rule{Of: broken}), access.Transient, 0},
		{"the third call fails", fakewire.Rules(fakewire.Rule{Every: 3, Of: broken}), access.Transient, 0},
		{"too many requests", fakewire.Rules(fakewire.Rule{Times: 1, Of: []fakewire.Fault{{Kind: fakewire.RateLimit, RetryAfter: "7"}}}), access.RateLimited, 7 * time.Second},
		{"too many requests without a time", fakewire.Rules(fakewire.Rule{Times: 1, Of: []fakewire.Fault{{Kind: fakewire.RateLimit}}}), access.RateLimited, 0},
		{"an answer takes too long", fakewire.Rules(fakewire.Rule{Of: []fakewire.Fault{{Kind: fakewire.Slow, DelayMS: 60_000}}}), access.Transient, 0},
		{"the answer to the change is lost", fakewire.Rules(fakewire.Rule{
			Only: []fakewire.Operation{http.MethodPatch}, Times: 1, Of: []fakewire.Fault{{Kind: fakewire.Drop, Committed: true}},
		}), access.Transient, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			directory := scimtest.New(wiki(scimtest.Quirks{}))
			target := serve(t, directory, func(c *scim.Config) { c.RequestTimeout = access.Duration(100 * time.Millisecond) })
			directory.SetFaults(scimtest.Faults{Faults: row.faults})
			_, err := target.Grant(t.Context(), ada())
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.Equal(t, row.after, access.RetryAfterOf(err))
			directory.SetFaults(scimtest.Faults{})
			_, err = target.Grant(t.Context(), ada())
			require.NoError(t, err)
			require.Equal(t, []string{"u-ada"}, directory.Members("g-edit"))
			require.Len(t, directory.Changes(), 1)
		})
	}
}

func TestErrors_no_token(t *testing.T) {
	var status atomic.Int64
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.WriteHeader(int(status.Load()))
		_, _ = fmt.Fprintf(w, `{"detail":"you sent %s to https://%s%s"}`, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Host, r.URL)
	})
	target := serve(t, echo, nil)
	for _, code := range []int64{200, 302, 400, 401, 403, 404, 409, 429, 500, 503} {
		status.Store(code)
		_, err := target.Grant(t.Context(), ada())
		require.Error(t, err)
		require.NotContains(t, err.Error(), token)
		require.NotContains(t, err.Error(), "filter=")
		findings, err := target.Check(t.Context())
		require.NotContains(t, fmt.Sprint(findings, err), token)
	}
}
