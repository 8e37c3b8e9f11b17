package jiratest

import (
	"net/http"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// routeControl serves what outsiders look at and switch with a plain HTTP client. Nothing here is Jira's.
func (s *Server) routeControl() {
	s.Control(s.mux)
	fakewire.ControlFaults(s.mux, s.Faults, s.SetFaults)
	s.mux.HandleFunc("GET /_sim/issues", func(w http.ResponseWriter, _ *http.Request) { fakewire.WriteJSON(w, s.Issues()) })
	desktest.ControlSeed(s.mux, s.Seed)
	s.mux.HandleFunc("POST /_sim/issues/{key}/archive", s.postArchive(true))
	s.mux.HandleFunc("POST /_sim/issues/{key}/restore", s.postArchive(false))
}

func (s *Server) postArchive(archived bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.Archive(r.PathValue("key"), archived); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		fakewire.WriteJSON(w, struct{}{})
	}
}
