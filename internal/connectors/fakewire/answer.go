package fakewire

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Answer is what an operation answers: a value as JSON, or raw bytes of a content type, or no body.
type Answer struct {
	Status int
	// Body is encoded as JSON; nil is no body. Raw goes before it.
	Body any
	Raw  []byte
	// ContentType is that of Raw, "" for none.
	ContentType string
	Header      http.Header
}

// Page returns an answer of HTML.
func Page(status int, page string) *Answer {
	return &Answer{Status: status, Raw: []byte(page), ContentType: "text/html;charset=UTF-8"}
}

// Set sets a header of the answer.
func (a *Answer) Set(name, value string) {
	if a.Header == nil {
		a.Header = http.Header{}
	}
	a.Header.Set(name, value)
}

func (a *Answer) succeeded() bool { return a.Status < http.StatusMultipleChoices }

// Send sends an answer as it is.
func (w *Wire) Send(rw http.ResponseWriter, a *Answer) {
	raw := w.head(rw, a)
	rw.WriteHeader(a.Status)
	// The reader has gone when this errs; there is nobody left to be told.
	_, _ = rw.Write(raw)
}

// head writes the headers of an answer and returns its body. What cannot be encoded becomes the answer's own error.
func (w *Wire) head(rw http.ResponseWriter, a *Answer) []byte {
	raw, contentType := a.Raw, a.ContentType
	if raw == nil && a.Body != nil {
		encoded, err := json.Marshal(a.Body)
		if err != nil {
			*a = Answer{Status: http.StatusInternalServerError}
			encoded = []byte(strconv.Quote(err.Error()))
		}
		raw, contentType = encoded, w.cfg.JSON
	}
	if w.cfg.Date != nil {
		rw.Header().Set("Date", w.cfg.Date().UTC().Format(http.TimeFormat))
	}
	for name, values := range a.Header {
		rw.Header()[name] = values
	}
	if contentType != "" {
		rw.Header().Set("Content-Type", contentType)
	}
	return raw
}

// slowPieces is in how many pieces a slow body comes.
const slowPieces = 10

// sendSpoilt sends half of a body as if it were all, half of what was announced, or a body that comes slowly.
func (w *Wire) sendSpoilt(rw http.ResponseWriter, c *Call, a *Answer, f Fault) {
	raw := w.head(rw, a)
	if f.Kind == Cut && len(raw) > 0 {
		rw.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	}
	rw.WriteHeader(a.Status)
	if f.Kind != SlowBody {
		_, _ = rw.Write(raw[:len(raw)/2])
		return
	}
	size := len(raw)/slowPieces + 1
	for len(raw) > 0 {
		piece := raw[:min(size, len(raw))]
		if _, err := rw.Write(piece); err != nil {
			return
		}
		// A writer that cannot flush sends everything at the end, which is slow as well.
		_ = http.NewResponseController(rw).Flush()
		if raw = raw[len(piece):]; !w.pause(c.Request, f.delay()/slowPieces) {
			return
		}
	}
}

// WholeSeconds is a time as the header Retry-After has it: in seconds, rounded up.
func WholeSeconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
