package jiratest

import (
	"net/http"
	"net/url"
	"strings"

	"usher/internal/connectors/desktest"
)

const (
	noSuchUser      = "Specified user does not exist or you do not have required permissions"
	usernameRefused = "The query parameter 'username' is not supported in GDPR strict mode."
	onlyAccountID   = "'accountId' must be the only user identifying query parameter in GDPR strict mode."
)

func (s *Server) myself(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	return ok(s.renderAccount(c, c.account.ID))
}

// getUser goes by accountId on Cloud, by username or key on Data Center.
func (s *Server) getUser(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	q := c.r.URL.Query()
	var a *Account
	switch {
	case c.edition == Cloud && (q.Has("username") || q.Has("key")):
		return nil, refuse(http.StatusBadRequest, usernameRefused)
	case c.edition == Cloud:
		a = s.store.AccountBy(desktest.ByID, q.Get("accountId"))
	case q.Get("username") == "" && q.Get("key") == "":
		return nil, refuse(http.StatusBadRequest, "Either the 'username' or the 'key' query parameters need to be provided")
	default:
		a = s.store.AccountBy(desktest.ByKey, q.Get("key"))
		if name := q.Get("username"); name != "" {
			a = s.store.AccountBy(desktest.ByName, name)
		}
	}
	if a == nil || s.gone[a.ID] {
		return nil, refuse(http.StatusNotFound, noSuchUser)
	}
	return ok(s.renderAccount(c, a.ID))
}

func (s *Server) findUsers(c *call) (*answer, error) {
	q := c.r.URL.Query()
	if c.edition != Cloud {
		if err := s.needUsername(c, q); err != nil {
			return nil, err
		}
		return s.userPage(c, func(a *Account) bool { return !s.store.Inactive(a) || q.Get("includeInactive") == "true" })
	}
	switch {
	case q.Has("username"):
		return nil, refuse(http.StatusBadRequest, usernameRefused)
	case q.Get("query") == "" && q.Get("accountId") == "" && q.Get("property") == "":
		return nil, refuse(http.StatusBadRequest, "Either 'query', 'accountId' or 'property' must be specified.")
	case q.Get("query") != "" && q.Get("accountId") != "":
		return nil, refuse(http.StatusBadRequest, onlyAccountID)
	}
	return s.userPage(c, func(a *Account) bool { return !s.store.Inactive(a) })
}

func (s *Server) needUsername(c *call, q url.Values) error {
	if err := s.needAccount(c); err != nil {
		return err
	}
	if q.Get("username") == "" {
		return refuse(http.StatusBadRequest, "The username query parameter was not provided")
	}
	return nil
}

func (s *Server) findAssignable(c *call) (*answer, error) {
	q := c.r.URL.Query()
	if c.edition != Cloud {
		if err := s.needAccount(c); err != nil {
			return nil, err
		}
	}
	switch {
	case c.edition == Cloud && q.Has("username"):
		return nil, refuse(http.StatusBadRequest, usernameRefused)
	case q.Get("project") == "" && q.Get("issueKey") == "" && q.Get("issueId") == "":
		return nil, refuse(http.StatusBadRequest, "Either 'project', 'issueKey' or 'issueId' must be specified.")
	}
	if key := q.Get("project"); key != "" {
		if p, known := s.store.Project(key); !known || s.store.HidesProject(p) || c.account == nil {
			return nil, refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
		}
	}
	return s.userPage(c, s.store.Assignable)
}

// userPage is the bare array of the accounts that match the query, by the start of a word of the name or of the e-mail
// address, whether or not the address is shown. On Data Center the parameter is called username, and the user name
// matches as well.
func (s *Server) userPage(c *call, admit func(*Account) bool) (*answer, error) {
	start, size, err := c.page(s, 50, 1000)
	if err != nil {
		return nil, err
	}
	if c.edition != Cloud && s.cfg.major() >= 10 {
		// JRASERVER-78660.
		size = max(0, min(size, 100-start))
	}
	query, id := c.query("query"), c.query("accountId")
	if c.edition != Cloud {
		query, id = c.query("username"), ""
	}
	found := []any{}
	for n := range s.store.Accounts() {
		a := &s.store.Accounts()[n]
		byName := c.edition != Cloud && strings.HasPrefix(strings.ToLower(a.Name), strings.ToLower(query))
		if c.account != nil && !s.gone[a.ID] && admit(a) && (id == "" || id == a.ID) && (byName || matches(a, query)) {
			found = append(found, s.renderAccount(c, a.ID))
		}
	}
	return ok(slice(found, start, size))
}

func matches(a *Account, query string) bool {
	query = strings.ToLower(query)
	if strings.HasPrefix(strings.ToLower(a.Email), query) || strings.HasPrefix(strings.ToLower(a.DisplayName), query) {
		return true
	}
	for _, word := range strings.Fields(strings.ToLower(a.DisplayName)) {
		if strings.HasPrefix(word, query) {
			return true
		}
	}
	return false
}
