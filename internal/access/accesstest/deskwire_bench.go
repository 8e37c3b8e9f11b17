package accesstest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
)

// deskWire is one call of a connector, and a server that can answer it in the desk's place.
type deskWire struct {
	h    DeskWireHarness
	call DeskWireCall
	tap  *fakewire.Tap
	url  string
	rows *atomic.Int64
}

// inQuery stands in the query of an address that answers show.
const inQuery = "in-the-query"

func newDeskWire(t *testing.T, h DeskWireHarness, call DeskWireCall, rows *atomic.Int64) *deskWire {
	t.Helper()
	w := &deskWire{h: h, call: call, tap: fakewire.NewTap(h.Desk), rows: rows}
	server := httptest.NewServer(w.tap)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *deskWire) desk(timeout time.Duration) access.ServiceDesk { return w.h.New(w.url, timeout) }

func (w *deskWire) run(ctx context.Context, d access.ServiceDesk) (any, error) {
	return deskMethods()[w.call.Method].run(ctx, d, w.h)
}

// spoilt runs the method with the call answered by that, and returns what the method returns.
func (w *deskWire) spoilt(t *testing.T, d access.ServiceDesk, answer http.HandlerFunc) (any, error) {
	t.Helper()
	w.tap.Forget()
	w.tap.AnswerInstead(w.call.Wire, answer)
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	got, err := w.run(ctx, d)
	require.NoError(t, ctx.Err(), "the call has no end")
	w.requireNoSecret(t, got, err)
	require.NotEmpty(t, w.tap.Calls(w.call.Wire))
	w.requireOnce(t)
	w.rows.Add(1)
	return got, err
}

// requireKind wants an error of one of the kinds that names the operation.
func (w *deskWire) requireKind(t *testing.T, err error, kinds ...access.Kind) {
	t.Helper()
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.Contains(t, kinds, e.Kind, "%v", err)
	require.Equal(t, deskMethods()[w.call.Method].op, e.Op)
	require.True(t, strings.HasPrefix(err.Error(), e.Op+": "), "%v", err)
}

// requireOnce wants neither what was spoilt nor a change to have been sent twice. Only the question who we are may be asked again,
// to learn what a refusal is about.
func (w *deskWire) requireOnce(t *testing.T) {
	t.Helper()
	sent := map[string]int{}
	for _, one := range w.tap.Calls("") {
		most := 1
		if one.Method == http.MethodGet {
			most = 2
		}
		if one.Method == http.MethodGet && !one.Is(w.call.Wire) {
			continue
		}
		call := one.Method + " " + one.URI + " " + one.Body
		sent[call]++
		require.LessOrEqual(t, sent[call], most, "a call was repeated: %s", call)
	}
}

// requireNoSecret wants neither a secret nor the query of an address in what a method returns.
func (w *deskWire) requireNoSecret(t *testing.T, got any, err error) {
	t.Helper()
	texts := []string{fmt.Sprintf("%+v", got)}
	if err == nil {
		texts = nil // What the desk says of a ticket is shown as it is.
		if w.call.Method == "Check" || w.call.Method == "Inspect" {
			texts = []string{fmt.Sprintf("%+v", got)}
		}
	}
	for ; err != nil; err = errors.Unwrap(err) {
		texts = append(texts, err.Error(), fmt.Sprintf("%+v", err))
	}
	hidden := []string{inQuery}
	for _, secret := range w.h.Secrets {
		hidden = append(hidden, secret, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret))
	}
	for _, one := range w.tap.Calls("") {
		if _, credentials, _ := strings.Cut(one.Header.Get("Authorization"), " "); credentials != "" {
			hidden = append(hidden, credentials)
		}
	}
	for _, text := range texts {
		for _, secret := range hidden {
			require.NotContains(t, text, secret)
		}
	}
}

// leak is a text that shows all that the desk was sent.
func (w *deskWire) leak(r *http.Request) string {
	text := "you sent " + r.Header.Get("Authorization")
	for _, secret := range w.h.Secrets {
		text += fmt.Sprintf(" and %s to https://u:%s@x.test/y?z=%s, which is %s and %s", secret, secret, inQuery, url.QueryEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)))
	}
	return text
}

// lonely is a server of its own, before which each call has its own connection.
type lonely struct {
	url     string
	close   func()
	dropped atomic.Bool
}

// newLonely returns such a server, and a connector that has asked all there that it asks once.
func (w *deskWire) newLonely(t *testing.T) (*lonely, access.ServiceDesk) {
	t.Helper()
	l := &lonely{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Connection", "close")
		w.tap.ServeHTTP(rw, r)
	}))
	server.Listener = &droppingListener{Listener: server.Listener, dropped: &l.dropped}
	server.Start()
	t.Cleanup(server.Close)
	l.url, l.close = server.URL, server.Close
	d := w.h.New(l.url, 5*time.Second)
	w.tap.Forget()
	w.tap.AnswerInstead(w.call.Wire, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) })
	_, err := w.run(t.Context(), d)
	require.Error(t, err)
	w.tap.Forget()
	return l, d
}

// droppingListener closes connections before anything was read from them, once it is told to.
type droppingListener struct {
	net.Listener
	dropped *atomic.Bool
}

// Accept implements net.Listener.
func (l *droppingListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !l.dropped.Load() {
			return conn, err
		}
		_ = conn.Close()
	}
}
