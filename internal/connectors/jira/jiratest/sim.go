package jiratest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// routeControl serves what outsiders look at and switch with a plain HTTP client. Nothing here is Jira's.
func (s *Server) routeControl() {
	s.mux.HandleFunc("GET /_sim/issues", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, s.Issues()) })
	s.mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, s.Calls().ByOperation) })
	s.mux.HandleFunc("GET /_sim/calls", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, s.Calls()) })
	s.mux.HandleFunc("DELETE /_sim/calls", func(w http.ResponseWriter, _ *http.Request) {
		s.ResetRequests()
		s.writeJSON(w, s.Calls())
	})
	s.mux.HandleFunc("POST /_sim/seed", s.postSeed)
	s.mux.HandleFunc("PUT /_sim/lag", s.putLag)
	s.mux.HandleFunc("POST /_sim/issues/{key}/archive", s.postArchive(true))
	s.mux.HandleFunc("POST /_sim/issues/{key}/restore", s.postArchive(false))
	s.mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, s.Faults()) })
	s.mux.HandleFunc("PUT /_sim/faults", s.putFaults)
	s.mux.HandleFunc("GET /_sim/holds", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, s.Holds()) })
	s.mux.HandleFunc("POST /_sim/holds", s.postHold)
	s.mux.HandleFunc("DELETE /_sim/holds", func(w http.ResponseWriter, _ *http.Request) {
		s.ReleaseHolds()
		s.writeJSON(w, s.Holds())
	})
	s.mux.HandleFunc("GET /_sim/revision", func(w http.ResponseWriter, _ *http.Request) { s.writeRevision(w) })
}

func (s *Server) writeJSON(w http.ResponseWriter, v any) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(raw, '\n'))
}

func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	f, err := decodeFaults(json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit)))
	if err != nil {
		http.Error(w, "faults: expected a JSON object with the keys of GET /_sim/faults: "+err.Error(), http.StatusBadRequest)
		return
	}
	s.SetFaults(f)
	s.writeJSON(w, s.Faults())
}

// writeRevision is a number that grows with every change, for pages that show what is new.
func (s *Server) writeRevision(w http.ResponseWriter) {
	s.mu.Lock()
	revision := s.revision
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(strconv.FormatInt(revision, 10)))
}

// putLag changes how long the search does not see an issue's changes, and nothing else: {"issue":"ACCESS-1","seconds":120},
// or without an issue for all that have no lag of their own.
func (s *Server) putLag(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Issue   string  `json:"issue"`
		Seconds float64 `json:"seconds"`
	}
	if !readControl(w, r, &in, "lag: expected a JSON object with seconds and, for a single issue, its id or key as issue") {
		return
	}
	s.SetIndexLag(in.Issue, seconds(in.Seconds))
	s.writeJSON(w, s.Faults())
}

func (s *Server) postArchive(archived bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.Archive(r.PathValue("key"), archived); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		s.writeJSON(w, struct{}{})
	}
}

// readControl reads a body strictly; what is no such body is answered with the text that says what was expected.
func readControl(w http.ResponseWriter, r *http.Request, into any, expected string) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		http.Error(w, expected+": "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}
