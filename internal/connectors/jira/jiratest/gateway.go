package jiratest

import (
	"context"
	"net/http"
	"strings"
)

const gatewayRoot = "/ex/jira/"

// viaGateway marks the context of a request that came through the gateway.
type viaGateway struct{}

// ServeHTTP implements http.Handler. On Cloud the API is also served at the gateway's path, /ex/jira/{cloudId}, where
// scoped tokens and OAuth tokens go; a request there is handled as one of the site, but for its credentials and links.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, isGateway := strings.CutPrefix(r.URL.Path, gatewayRoot)
	if !isGateway || s.cfg.Edition != Cloud {
		s.Mux.ServeHTTP(w, r)
		return
	}
	id, path, _ := strings.Cut(rest, "/")
	if id != s.cfg.CloudID || !strings.HasPrefix(path, "rest/") {
		refused, _ := gatewayError(http.StatusNotFound, "Not Found")
		s.Send(w, refused)
		return
	}
	inner := r.Clone(context.WithValue(r.Context(), viaGateway{}, true))
	inner.URL.Path = "/" + path
	if raw, escaped := strings.CutPrefix(r.URL.RawPath, gatewayRoot+id); escaped {
		inner.URL.RawPath = raw
	}
	s.Mux.ServeHTTP(w, inner)
}

func throughGateway(r *http.Request) bool { return r.Context().Value(viaGateway{}) != nil }

// gatewayError is an error in the shape of what stands before Jira, and of Data Center's own plug-ins.
func gatewayError(status int, message string) (*answer, error) {
	return &answer{Status: status, Body: map[string]any{"code": status, "message": message}}, nil
}

// base is the address by which the API was called, for links.
func (s *Server) base(r *http.Request) string {
	base := s.cfg.BaseURL
	if base == "" {
		base = "http://" + r.Host
	}
	if throughGateway(r) {
		base = "http://" + r.Host + gatewayRoot + s.cfg.CloudID
	}
	return base
}
