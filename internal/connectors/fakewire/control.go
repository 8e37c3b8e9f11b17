package fakewire

import (
	"encoding/json"
	"io"
	"net/http"
)

// Control serves the holds, the counters and the page of a redirect.
func (w *Wire) Control(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/requests", func(rw http.ResponseWriter, _ *http.Request) { WriteJSON(rw, w.Calls().ByOperation) })
	mux.HandleFunc("GET /_sim/calls", func(rw http.ResponseWriter, _ *http.Request) { WriteJSON(rw, w.Calls()) })
	mux.HandleFunc("DELETE /_sim/calls", func(rw http.ResponseWriter, _ *http.Request) {
		w.ResetRequests()
		WriteJSON(rw, w.Calls())
	})
	mux.HandleFunc("GET /_sim/holds", func(rw http.ResponseWriter, _ *http.Request) { WriteJSON(rw, w.Holds()) })
	mux.HandleFunc("POST /_sim/holds", w.postHold)
	mux.HandleFunc("DELETE /_sim/holds", func(rw http.ResponseWriter, _ *http.Request) {
		w.ReleaseHolds()
		WriteJSON(rw, w.Holds())
	})
	mux.HandleFunc("GET "+loginPath, func(rw http.ResponseWriter, _ *http.Request) { w.Send(rw, Page(http.StatusOK, loginPage)) })
}

// checked are the faults of a fake: they embed Faults.
type checked interface{ Check() error }

// ControlFaults serves GET and PUT of /_sim/faults, with the fake's own faults. What ParseFaults refuses changes nothing.
func ControlFaults[F checked](mux *http.ServeMux, get func() F, set func(F)) {
	mux.HandleFunc("GET /_sim/faults", func(rw http.ResponseWriter, _ *http.Request) { WriteJSON(rw, get()) })
	mux.HandleFunc("PUT /_sim/faults", func(rw http.ResponseWriter, r *http.Request) {
		f, err := ParseFaults[F](http.MaxBytesReader(rw, r.Body, BodyLimit))
		if err != nil {
			http.Error(rw, "faults: expected a JSON object with the keys of GET /_sim/faults: "+err.Error(), http.StatusBadRequest)
			return
		}
		set(f)
		WriteJSON(rw, get())
	})
}

// ParseFaults reads the JSON that PUT /_sim/faults takes. Unknown keys and rules that cannot be are errors, so that a
// typing error is not a fault that never comes.
func ParseFaults[F checked](r io.Reader) (F, error) {
	var f F
	if err := Strict(r, &f); err != nil {
		return f, err
	}
	return f, f.Check()
}

// Strict reads one JSON value; members that into does not have are an error.
func Strict(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// ReadControl reads a body strictly, and reports whether it could. What is no such body is answered with the text that
// names what was expected.
func ReadControl(rw http.ResponseWriter, r *http.Request, into any, expected string) bool {
	if err := Strict(http.MaxBytesReader(rw, r.Body, BodyLimit), into); err != nil {
		http.Error(rw, expected+": "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// WriteJSON answers 200 and a value, with line breaks for people.
func WriteJSON(rw http.ResponseWriter, v any) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	// A client that went away is told nothing.
	_, _ = rw.Write(append(raw, '\n'))
}
