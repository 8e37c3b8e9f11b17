package jiratest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"

	"usher/internal/connectors/desktest"
)

// streamUsers is a page of all users, those who are switched off too, by a cursor that nobody but the site reads. It tells its end, and no
// total.
func (s *Server) streamUsers(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	start, errStart := intParam(c.query("cursor"), 0)
	size, errSize := intParam(c.query("maxResults"), 2000)
	if errStart != nil || errSize != nil || start < 0 || size < 1 {
		return nil, refuse(http.StatusBadRequest, "The parameters cursor and maxResults must be numbers.")
	}
	all, size := s.users(), s.cap(size)
	values := []any{}
	for _, a := range slice(all, start, size) {
		values = append(values, s.renderAccount(c, a.ID))
	}
	page := map[string]any{
		"self": c.base + c.api() + "/user/list?cursor=" + strconv.Itoa(start), "maxResults": size, "values": values,
		"isLast": start+len(values) >= len(all),
	}
	if next := start + len(values); next < len(all) {
		page["nextCursor"] = strconv.Itoa(next)
		page["nextPage"] = c.base + c.api() + "/user/list?cursor=" + strconv.Itoa(next)
	}
	return ok(page)
}

// userInput is what writes a user; what is missing stays as it is.
type userInput struct {
	Name         *string `json:"name"`
	EmailAddress *string `json:"emailAddress"`
	DisplayName  *string `json:"displayName"`
	Active       *bool   `json:"active"`
}

// fill writes the input to an account, and returns what is wrong with it by the fields as Jira's forms call them.
func (s *Server) fill(in userInput, a *Account) map[string]string {
	const limit = 255
	wrong := map[string]string{}
	for _, one := range []struct {
		key  string
		from *string
		into *string
	}{{"username", in.Name, &a.Name}, {"email", in.EmailAddress, &a.Email}, {"displayName", in.DisplayName, &a.DisplayName}} {
		switch {
		case one.from == nil:
			continue
		case strings.TrimSpace(*one.from) == "":
			wrong[one.key] = "You must specify a value."
		case len(utf16.Encode([]rune(*one.from))) > limit:
			wrong[one.key] = "The value must not exceed 255 characters in length."
		}
		*one.into = *one.from
	}
	if other := s.store.AccountBy(desktest.ByName, a.Name); other != nil && other.ID != a.ID && !s.gone[other.ID] {
		wrong["username"] = "A user with that username already exists."
	}
	if in.Active != nil {
		a.Inactive = !*in.Active
	}
	return wrong
}

// writesUser refuses who may not write users, and everybody where the site has its users from elsewhere.
func (s *Server) writesUser(c *call) error {
	if err := s.needAdmin(c); err != nil {
		return err
	}
	if s.faults.ReadOnlyDirectory {
		return refuse(http.StatusForbidden, "Cannot edit user, the user's directory is read-only.")
	}
	return nil
}

func (s *Server) createUser(c *call) (*answer, error) {
	if err := s.writesUser(c); err != nil {
		return nil, err
	}
	in := userInput{Name: new(string), EmailAddress: new(string), DisplayName: new(string)}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	a := Account{ID: "acc-" + s.store.ID(s.store.NextSeq())}
	if wrong := s.fill(in, &a); len(wrong) > 0 {
		return nil, refuseFields(wrong)
	}
	if !s.faults.IgnoreUserWrites {
		s.store.AddAccount(a)
		a = *s.store.Account(a.ID)
	}
	return created(renderWritten(c, &a))
}

func (s *Server) editUser(c *call) (*answer, error) {
	if err := s.writesUser(c); err != nil {
		return nil, err
	}
	found := s.store.AccountBy(desktest.ByKey, c.query("key"))
	if name := c.query("username"); name != "" {
		found = s.store.AccountBy(desktest.ByName, name)
	}
	if found == nil || s.gone[found.ID] {
		return nil, refuse(http.StatusNotFound, noSuchUser)
	}
	var in userInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	a := *found
	if wrong := s.fill(in, &a); len(wrong) > 0 {
		return nil, refuseFields(wrong)
	}
	if !s.faults.IgnoreUserWrites {
		s.store.AddAccount(a)
	}
	return ok(renderWritten(c, &a))
}

// renderWritten is a user as the answer to a write shows it.
func renderWritten(c *call, a *Account) map[string]any {
	return map[string]any{
		"self": c.base + c.api() + "/user?username=" + url.QueryEscape(a.Name), "key": a.Key, "name": a.Name,
		"emailAddress": a.Email, "displayName": a.DisplayName, "active": !a.Inactive,
	}
}
