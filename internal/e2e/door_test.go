package e2e_test

import (
	"context"
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
	server  *http.Server
	served  sync.WaitGroup
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{address: "127.0.0.1:0"}
	require.NoError(t, d.open())
	t.Cleanup(func() { require.NoError(t, d.refuse()) })
	return d
}

func (d *door) url() string { return "http://" + d.address + scimtest.BasePath }

func (d *door) leadsTo(site string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to, _ = url.Parse(site)
}

// open listens, on the same address as before, and lets calls through.
func (d *door) open() error {
	listener, err := net.Listen("tcp", d.address) //nolint:noctx // It ends with the door.
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.address, d.failing = listener.Addr().String(), false
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
	d.mu.Unlock()
	if failing || to == nil {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}
	proxy.ServeHTTP(w, r)
}

func (d *door) answer503() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = true
}

// refuse closes every connection and refuses new ones, until open.
func (d *door) refuse() error {
	d.mu.Lock()
	server := d.server
	d.mu.Unlock()
	err := server.Close()
	d.served.Wait()
	return err
}

// refused waits until somebody who calls is refused.
func (d *door) refused() func(context.Context) error {
	return func(ctx context.Context) error {
		return stack.Poll(ctx, func(context.Context) error {
			conn, err := net.DialTimeout("tcp", d.address, time.Second)
			if err != nil {
				return nil
			}
			return fmt.Errorf("somebody listens at %s: %v", d.address, conn.Close())
		})
	}
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

// admit gives somebody an account in the plant.
func (p *plant) admit(who access.PersonID) error {
	_, err := p.Put(scimtest.User{ID: string(who), UserName: string(who) + "@example.test"})
	return err
}

// shows says whether somebody may use the presses.
func (p *plant) shows(who access.PersonID) error {
	if members := p.Members("presses"); !slices.Contains(members, string(who)) {
		return fmt.Errorf("%s is not in the plant's group presses: %v", who, members)
	}
	return nil
}
