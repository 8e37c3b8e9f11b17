package fakewire

import (
	"cmp"
	"io"
	"net/http"
	"sync"
	"time"
)

// BodyLimit is how many bytes of a body are read; a longer one is refused.
const BodyLimit = 1 << 20

// Operation names one call of an API, for counters, holds and faults.
type Operation string

// Config is what a product's answers are like. JSON and Refuse are required.
type Config struct {
	// JSON is the content type of a body that is a value.
	JSON string
	// Refuse returns the product's own refusal.
	Refuse func(status int, message string) *Answer
	// Limited adds to a 429 what the product's own carries beside Retry-After; nil adds nothing.
	Limited func(*Answer, Fault)
	// Now is the clock of the log; nil is time.Now.
	Now func() time.Time
	// Date is the clock in the header Date of every answer; nil leaves that header to net/http.
	Date func() time.Time
}

// Wire is the part of a fake between the network and its operations. It is safe for concurrent use; its lock is its own,
// and is never held while an operation runs.
type Wire struct {
	cfg    Config
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	down   bool
	turns  []*turn
	holds  []*hold
	log    []Request
	counts map[Operation]int
}

// New makes a Wire without faults and holds.
func New(cfg Config) *Wire {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Wire{cfg: cfg, closed: make(chan struct{}), counts: map[Operation]int{}}
}

// Close ends the wait of every call that is held, slow or hanging; these get no answer. It is safe to repeat.
func (w *Wire) Close() { w.once.Do(func() { close(w.closed) }) }

// Call is one call, as an operation sees it.
type Call struct {
	*http.Request
	Operation Operation
	// Body is the request's body, which has been read.
	Body []byte
	// Account is who calls, for the log. The operation sets it; "" is an anonymous caller.
	Account string
	// Header are headers of the answer, whatever answer is sent in the end. The operation sets them.
	Header http.Header
}

// Handler returns the way of a call of an operation through the stations that the package comment names. An operation of
// "" goes by the call's method. run does what was asked and returns the answer, never nil.
func (w *Wire) Handler(op Operation, run func(*Call) *Answer) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, BodyLimit))
		if err != nil {
			w.Send(rw, w.cfg.Refuse(http.StatusRequestEntityTooLarge, "The request body is too large, or was cut."))
			return
		}
		c := &Call{Request: r, Operation: cmp.Or(op, Operation(r.Method)), Body: body, Header: rw.Header()}
		if !w.heldUp(c, HoldBefore) {
			drop(rw)
			return
		}
		a, f := w.run(c, run)
		w.record(c, a, f)
		if f.Kind != Drop && a.succeeded() && !w.heldUp(c, HoldAfter) {
			drop(rw)
			return
		}
		w.send(rw, c, a, f)
	}
}

// run runs the operation, unless a fault keeps it from that, and returns what is to be answered.
func (w *Wire) run(c *Call, run func(*Call) *Answer) (*Answer, Fault) {
	f := w.due(c.Operation, false)
	var done *Answer
	if !f.skips() {
		if done = run(c); f.Kind == "" && done.succeeded() {
			f = w.due(c.Operation, true)
		}
	}
	switch instead := w.instead(c, f); {
	case instead != nil:
		return instead, f
	case done != nil:
		return done, f
	}
	return &Answer{Status: http.StatusOK, Body: map[string]string{"self": c.URL.Path}}, f
}

// send answers as far as the fault lets it.
func (w *Wire) send(rw http.ResponseWriter, c *Call, a *Answer, f Fault) {
	if f.Kind != SlowBody && f.DelayMS > 0 && !w.pause(c.Request, f.delay()) {
		drop(rw)
		return
	}
	if f.marks() {
		rw.Header().Set(FaultHeader, string(f.Kind))
	}
	switch f.Kind {
	case Hang:
		await[struct{}](w, c.Request, nil)
		drop(rw)
	case Drop:
		drop(rw)
	case Truncate, Cut, SlowBody:
		w.sendSpoilt(rw, c, a, f)
	default:
		w.Send(rw, a)
	}
}

// pause waits, and reports whether the caller still waits for an answer.
func (w *Wire) pause(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	return await(w, r, t.C)
}

// await waits until a channel is closed or has a value, and reports whether the caller still waits for an answer.
func await[T any](w *Wire, r *http.Request, over <-chan T) bool {
	select {
	case <-over:
		return true
	case <-r.Context().Done():
	case <-w.closed:
	}
	return false
}

// drop closes the connection without an answer. A writer whose connection cannot be taken over (a recorder, HTTP/2) gets
// a 502, which is the next best thing.
func drop(rw http.ResponseWriter) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	_ = conn.Close()
}
