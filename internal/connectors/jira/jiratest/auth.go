package jiratest

import (
	"net/http"
	"slices"
	"strings"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

const loginReason = "X-Seraph-LoginReason"

// authenticate names the calling account, nil for an anonymous caller, or refuses. A Cloud site makes callers with wrong
// credentials anonymous, with a header that says so; only operations that need an account refuse (needAccount). The
// gateway and Data Center refuse. The caller holds the lock.
func (s *Server) authenticate(c *call, op Operation, h http.Header) (*Account, *answer) {
	given := c.r.Header.Get("Authorization")
	switch {
	case op == OpTenantInfo:
		return nil, nil
	case throughGateway(c.r):
		return s.authenticateGateway(c.r, op)
	case given == "":
		return nil, nil
	case s.faults.Anonymous:
		return anonymous(h)
	case s.cfg.Edition == DataCenter:
		return s.authenticateDataCenter(c, h)
	case strings.HasPrefix(given, "Bearer "):
		return nil, &answer{Status: http.StatusForbidden, Body: map[string]string{"error": "Failed to parse Connect Session Auth Token"}}
	}
	email, token, isBasic := c.r.BasicAuth()
	if !isBasic {
		return nil, nil
	}
	if s.faults.Captcha {
		return nil, captcha(c, h)
	}
	a := s.store.AccountBy(desktest.ByEmail, email)
	if a == nil || s.store.Inactive(a) || !s.store.HoldsToken(a, token) {
		return anonymous(h)
	}
	h.Set(loginReason, "OK")
	h.Set("X-AACCOUNTID", a.ID)
	return a, nil
}

func anonymous(h http.Header) (*Account, *answer) {
	h.Set(loginReason, "AUTHENTICATED_FAILED")
	return nil, nil
}

// authenticateGateway takes a bearer token, or an e-mail address with a token, and looks at the token's scopes.
func (s *Server) authenticateGateway(r *http.Request, op Operation) (*Account, *answer) {
	refused, _ := gatewayError(http.StatusUnauthorized, "Unauthorized")
	var a *Account
	if token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); isBearer {
		a = s.store.HolderOf(token)
	} else if email, token, isBasic := r.BasicAuth(); isBasic {
		if a = s.store.AccountBy(desktest.ByEmail, email); a != nil && !s.store.HoldsToken(a, token) {
			a = nil
		}
	}
	if a == nil || s.store.Inactive(a) || s.faults.Anonymous {
		return nil, refused
	}
	if a.Scopes != nil && !slices.Contains(a.Scopes, scopeOf(op)) {
		refused, _ = gatewayError(http.StatusUnauthorized, "Unauthorized; scope does not match")
		return nil, refused
	}
	return a, nil
}

// authenticateDataCenter takes a personal access token, or a user name with a password. Too many wrong passwords of one
// user close basic authentication to that user, whatever the password is then.
func (s *Server) authenticateDataCenter(c *call, h http.Header) (*Account, *answer) {
	if token, isBearer := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer "); isBearer {
		a := s.store.HolderOf(token)
		if a == nil || s.store.Inactive(a) {
			h.Set(loginReason, "AUTHENTICATED_FAILED")
			refused, _ := gatewayError(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
			return nil, refused
		}
		return welcome(a, h)
	}
	name, password, isBasic := c.r.BasicAuth()
	if !isBasic {
		return nil, nil
	}
	if s.faults.BasicOff {
		refused, _ := gatewayError(http.StatusForbidden, "Basic Authentication has been disabled on this instance.")
		return nil, refused
	}
	a := s.store.AccountBy(desktest.ByName, name)
	if a == nil || s.store.Inactive(a) {
		return nil, failedLogin(h)
	}
	if s.faults.Captcha || (s.faults.CaptchaAfter > 0 && s.failedLogins[a.ID] >= s.faults.CaptchaAfter) {
		return nil, captcha(c, h)
	}
	if a.Password == "" || a.Password != password {
		s.failedLogins[a.ID]++
		return nil, failedLogin(h)
	}
	delete(s.failedLogins, a.ID)
	return welcome(a, h)
}

func welcome(a *Account, h http.Header) (*Account, *answer) {
	h.Set(loginReason, "OK")
	h.Set("X-AUSERNAME", a.Name)
	return a, nil
}

func failedLogin(h http.Header) *answer {
	h.Set(loginReason, "AUTHENTICATED_FAILED")
	h.Set("WWW-Authenticate", `OAuth realm="fake"`)
	return fakewire.Page(http.StatusUnauthorized,
		"<html><head><title>Unauthorized (401)</title></head><body>Encountered a \"401 - Unauthorized\" error</body></html>")
}

func captcha(c *call, h http.Header) *answer {
	h.Set(loginReason, "AUTHENTICATION_DENIED")
	h.Set("X-Authentication-Denied-Reason", "CAPTCHA_CHALLENGE; login-url="+c.base+"/login.jsp")
	return fakewire.Page(http.StatusForbidden,
		"<html><head><title>Forbidden (403)</title></head><body>Basic Authentication Failure - Reason : AUTHENTICATION_DENIED</body></html>")
}

// needAccount refuses an anonymous caller.
func (s *Server) needAccount(c *call) error {
	if c.account == nil {
		return refuse(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
	}
	return nil
}

// needAdmin refuses everybody who is no administrator.
func (s *Server) needAdmin(c *call) error {
	if err := s.needAccount(c); err != nil {
		return err
	}
	if c.account.NoAdmin {
		return refuse(http.StatusForbidden, "Only Jira administrators can use this operation.")
	}
	return nil
}
