package ldaptest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// Request is a request as it came over a wire.
type Request struct {
	// ID is the number of the message, and Op the request's tag, as goldap.ApplicationSearchRequest.
	ID int64
	Op ber.Tag
	// BaseDN, Filter and Attributes are those of a search, Cookie is where its page begins, and Paged is whether it asks for pages.
	BaseDN, Filter, Cookie string
	Attributes             []string
	Paged                  bool
}

// ErrCut ends a connection.
var ErrCut = errors.New("the connection is cut")

// Script answers the requests of a server that is none. An error ends the connection, after the answers.
type Script func(Request) (answers []*ber.Packet, err error)

// Change changes an answer of a real server: it returns what is sent in its place. An error ends the connection, after that.
type Change func(Request, *ber.Packet) (answers []*ber.Packet, err error)

// Wire is where a connector speaks to a server that misbehaves. It has no TLS.
type Wire struct {
	// URL is for the connector.
	URL string

	mu     sync.Mutex
	script Script
	change Change
	server *Server
	wait   sync.WaitGroup
	conns  map[net.Conn]bool
	opened int
}

// NewScript returns a wire at whose end there is a script.
func NewScript(t testing.TB, script Script) *Wire {
	t.Helper()
	return newWire(t, &Wire{script: script})
}

// NewWire returns a wire to a real server.
func NewWire(t testing.TB, server *Server) *Wire {
	t.Helper()
	return newWire(t, &Wire{server: server})
}

func newWire(t testing.TB, w *Wire) *Wire {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", localhost+":0")
	if err != nil {
		t.Fatal(err)
	}
	w.URL, w.conns = "ldap://"+listener.Addr().String(), map[net.Conn]bool{}
	w.wait.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			w.hold(c)
			w.wait.Go(func() { w.serve(t.Context(), c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		w.mu.Lock()
		for c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.wait.Wait()
	})
	return w
}

// Set changes the answers from now on; nil leaves them as they are.
func (w *Wire) Set(change Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change = change
}

// Open is how many connections are open, and Opened how many there have been.
func (w *Wire) Open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

// Opened is how many connections there have been.
func (w *Wire) Opened() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened
}

func (w *Wire) hold(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = true
	w.opened++
}

func (w *Wire) release(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	_ = c.Close()
}

func (w *Wire) serve(ctx context.Context, c net.Conn) {
	defer w.release(c)
	if w.server == nil {
		w.play(c)
		return
	}
	config, err := w.server.TLS()
	if err != nil {
		return
	}
	up, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", withPort(w.server.TLSURL))
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	asked := &requests{all: map[int64]Request{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = c.Close() }()
		w.answer(c, up, asked)
	}()
	from := bufio.NewReader(c)
	for {
		p, err := ber.ReadPacket(from)
		if err != nil {
			break
		}
		asked.put(parse(p))
		if _, err := up.Write(p.Bytes()); err != nil {
			break
		}
	}
	_ = up.Close()
	<-done
}

// withPort returns the address of a URL of ldaps.
func withPort(url string) string {
	address := strings.TrimPrefix(url, "ldaps://")
	if _, _, err := net.SplitHostPort(address); err != nil {
		return net.JoinHostPort(address, "636")
	}
	return address
}

// answer carries the server's answers back.
func (w *Wire) answer(c, up net.Conn, asked *requests) {
	from := bufio.NewReader(up)
	for {
		p, err := ber.ReadPacket(from)
		if err != nil {
			return
		}
		answers := []*ber.Packet{p}
		w.mu.Lock()
		change := w.change
		w.mu.Unlock()
		if change != nil {
			answers, err = change(asked.get(numberOf(p)), p)
		}
		if send(c, answers) != nil || err != nil {
			return
		}
	}
}

// play answers by the script.
func (w *Wire) play(c net.Conn) {
	from := bufio.NewReader(c)
	for {
		p, err := ber.ReadPacket(from)
		if err != nil {
			return
		}
		r := parse(p)
		if r.Op == goldap.ApplicationUnbindRequest {
			return
		}
		answers, err := w.script(r)
		if send(c, answers) != nil || err != nil {
			return
		}
	}
}

func send(c net.Conn, answers []*ber.Packet) error {
	for _, a := range answers {
		if _, err := c.Write(a.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// requests are what was asked, by numbers.
type requests struct {
	mu  sync.Mutex
	all map[int64]Request
}

func (r *requests) put(one Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[one.ID] = one
}

func (r *requests) get(id int64) Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[id]
}
