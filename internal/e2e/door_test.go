package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim/scimtest"
	"usher/internal/devstack/stack"
)

// door leads to the directory's SCIM API, and can be shut in two ways.
type door struct {
	address string
	mu      sync.Mutex
	to      *url.URL
	failing bool
	// failed counts the calls that were answered with 503.
	failed int
	server *http.Server
	served sync.WaitGroup
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{address: "127.0.0.1:0"}
	require.NoError(t, d.listen())
	t.Cleanup(func() { require.NoError(t, d.refuse()) })
	return d
}

func (d *door) url() string { return "http://" + d.address + scimtest.BasePath }

func (d *door) leadsTo(site string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to, _ = url.Parse(site)
}

// listen takes calls, on the same address as before.
func (d *door) listen() error {
	listener, err := net.Listen("tcp", d.address)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.address = listener.Addr().String()
	server := &http.Server{Handler: d, ReadHeaderTimeout: callsWithin}
	d.server = server
	d.served.Go(func() { _ = server.Serve(listener) })
	return nil
}

const callsWithin = 10 * time.Second

// ServeHTTP implements http.Handler.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	to, failing := d.to, d.failing
	if failing {
		d.failed++
	}
	d.mu.Unlock()
	if failing || to == nil {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}
	proxy.ServeHTTP(w, r)
}

// refuse closes every connection and refuses new ones, until listen.
func (d *door) refuse() error {
	d.mu.Lock()
	server := d.server
	d.mu.Unlock()
	err := server.Close()
	d.served.Wait()
	return err
}

// fails answers 503 from now on, or no more.
func (d *door) fails(failing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = failing
}

// failedOnce waits until somebody was answered with 503.
func (d *door) failedOnce(ctx context.Context) error {
	return stack.Poll(ctx, func(context.Context) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.failed == 0 {
			return errors.New("nobody has called")
		}
		return nil
	})
}

// plantCatalog is what can be asked for in the plant.
const plantCatalog = `  - id: plant
    name: The plant
    owners: [omar]
    entitlements:
      - {role: press, title: Press, fulfilment: scim, target: plant, target_role: presses, stages: [manager]}
`

// plant is another system where access is granted.
type plant struct {
	*scimtest.Server
	url string
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	p := &plant{Server: scimtest.New(scimtest.Config{
		Token: simulatorToken, Groups: []scimtest.Group{{ID: "presses", DisplayName: "presses"}},
	})}
	server := httptest.NewServer(p.Server)
	t.Cleanup(server.Close)
	p.url = server.URL + scimtest.BasePath
	return p
}

// admit returns somebody an account in the plant.
func (p *plant) admit(who access.PersonID) error {
	_, err := p.Put(scimtest.User{ID: string(who), UserName: string(who) + "@example.test"})
	return err
}

// shows reports whether somebody may use the presses.
func (p *plant) shows(who access.PersonID) error {
	if members := p.Members("presses"); !slices.Contains(members, string(who)) {
		return fmt.Errorf("%s is not in the plant's group presses: %v", who, members)
	}
	return nil
}
