package apispec

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
)

// FaultHeader is how a fake marks an answer that it spoiled on purpose; its value names the fault. The header is taken
// out before the answer goes over the wire, and the answer is not held against the documents: its request is.
const FaultHeader = "X-Sim-Fault"

// bodyLimit is how much of a body is kept to be judged, in bytes. Larger ones pass, and count as spoiled.
const bodyLimit = 8 << 20

// Middleware lets every exchange pass as it is and judges it when next has answered. It keeps the answer's bytes, may be
// used for several servers at a time, and does not change what next sees or what its client gets, FaultHeader excepted.
// A connection that next takes over, and an answer that never comes, count as a fault.
func (c *Contract) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.countOutside(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		x := exchange{request: r}
		var sent bytes.Buffer
		if r.Body != nil {
			// What cannot be read is the server's to refuse: it gets the same bytes and the same error.
			_, _ = io.Copy(&sent, io.LimitReader(r.Body, bodyLimit))
			r.Body = &rest{Reader: io.MultiReader(bytes.NewReader(sent.Bytes()), r.Body), Closer: r.Body}
		}
		tape := &tape{ResponseWriter: w}
		defer func() {
			x.fault = tape.fault(r)
			x.sent, x.answered, x.header, x.status = sent.Bytes(), tape.body.Bytes(), tape.header, tape.status
			c.record(x)
		}()
		next.ServeHTTP(tape, r)
		tape.ended = true
	})
}

// rest is a body of which a part has been read already.
type rest struct {
	io.Reader
	io.Closer
}

// tape is a writer that remembers what it wrote.
type tape struct {
	http.ResponseWriter
	status int
	header http.Header
	body   bytes.Buffer
	// ended is false when the handler panicked; taken says that it took the connection over; long that the body was
	// longer than bodyLimit.
	ended, taken, long bool
}

// WriteHeader implements http.ResponseWriter.
func (t *tape) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status, t.header = status, t.Header().Clone()
		t.Header().Del(FaultHeader)
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *tape) Write(p []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if t.body.Len()+len(p) > bodyLimit {
		t.long = true
	} else {
		t.body.Write(p)
	}
	return t.ResponseWriter.Write(p)
}

// Hijack implements http.Hijacker.
func (t *tape) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", err)
	}
	t.taken = true
	return conn, rw, nil
}

// Unwrap lets http.ResponseController find what the writer below can do.
func (t *tape) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// fault is why there is no answer to judge; "" where there is one. A handler that writes nothing for a caller who waits
// has answered 200.
func (t *tape) fault(r *http.Request) string {
	switch {
	case t.taken:
		return "dropped"
	case !t.ended:
		return "aborted"
	case t.long:
		return "too long to be judged"
	case t.status == 0 && r.Context().Err() != nil:
		return "the caller went away"
	case t.status == 0:
		t.status, t.header = http.StatusOK, t.Header().Clone()
	}
	return t.header.Get(FaultHeader)
}
