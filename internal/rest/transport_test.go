package rest_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/rest"
)

func TestConnections_are_kept(t *testing.T) {
	const together = 20
	var opened atomic.Int64
	var all sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		// Nobody is answered before everybody has asked.
		all.Done()
		all.Wait()
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client, err := rest.NewClient(rest.Config{BaseURL: server.URL, Timeout: 30 * time.Second})
	require.NoError(t, err)
	for range 3 {
		all.Add(together)
		var calls sync.WaitGroup
		errs := make([]error, together)
		for i := range together {
			calls.Go(func() {
				_, errs[i] = client.Do(t.Context(), rest.Call{Op: "do it", Method: http.MethodGet})
			})
		}
		calls.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	require.EqualValues(t, together, opened.Load())
}
