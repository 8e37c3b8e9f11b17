package jiratest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// routeControl serves what outsiders look at and switch with a plain HTTP client. Nothing here is Jira's.
func (s *Server) routeControl() {
	s.mux.HandleFunc("GET /_sim/issues", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, s.Issues()) })
	s.mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, s.allCounts()) })
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

func (s *Server) allCounts() map[Operation]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[Operation]int{}
	for op, n := range s.counts {
		out[op] = n
	}
	return out
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
