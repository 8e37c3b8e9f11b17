package scim_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

// TestPatch_no_query: scimmy 1.3.5 takes what excludedAttributes leaves out of an answer out of the group, so a
// grant that asks for a short answer would take the role from everybody else.
func TestPatch_no_query(t *testing.T) {
	directory := scimtest.New(crowded(500, scimtest.Quirks{}))
	target := serve(t, directory, rolesByID)
	_, err := target.Grant(t.Context(), editor("u-ada"))
	require.NoError(t, err)
	_, err = target.Revoke(t.Context(), editor("u-ada"))
	require.NoError(t, err)
	patches := 0
	for _, call := range directory.Requests() {
		if call.Method == http.MethodPatch {
			require.Empty(t, call.Query)
			patches++
		}
	}
	require.Equal(t, 2, patches)
}

func TestPatch_long_answer(t *testing.T) {
	for _, row := range []struct {
		name string
		done bool
		kind access.Kind
	}{
		{"the change is done", true, ""},
		{"the change is not done", false, access.Transient},
	} {
		t.Run(row.name, func(t *testing.T) {
			wires := &rewired{directory: scimtest.New(crowded(500, scimtest.Quirks{}))}
			wires.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
				if r.Method != http.MethodPatch {
					directory.ServeHTTP(w, r)
					return
				}
				if row.done {
					directory.ServeHTTP(httptest.NewRecorder(), r)
				}
				_, _ = io.Copy(io.Discard, r.Body)
				for err := error(nil); err == nil; {
					_, err = w.Write(bytes.Repeat([]byte(" "), 1<<16))
				}
			})
			verification, err := serve(t, wires, rolesByID).Grant(t.Context(), editor("u-ada"))
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.Equal(t, row.done, verification.Present)
		})
	}
}

// TestConnections_are_kept: cutting the answers to PATCHes takes a transport of its own.
func TestConnections_are_kept(t *testing.T) {
	const together = 20
	var opened atomic.Int64
	var arriving sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		// Nobody is answered before everybody has asked.
		arriving.Done()
		arriving.Wait()
		_, _ = io.WriteString(w, `{"id":"p"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	source, err := scim.NewSource(scim.Config{BaseURL: server.URL, Token: token})
	require.NoError(t, err)
	for range 3 {
		arriving.Add(together)
		var calls sync.WaitGroup
		errs := make([]error, together)
		for i := range together {
			calls.Go(func() { _, errs[i] = source.Lookup(t.Context(), "p") })
		}
		calls.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	require.EqualValues(t, together, opened.Load())
}
