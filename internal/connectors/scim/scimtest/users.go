package scimtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

var userAttributes = attributeSet{"id": true, "username": false, "externalid": true, "active": false, "emails.value": false}

func (u User) matches(c condition) bool {
	switch c.attribute {
	case "id":
		return c.equals(u.ID)
	case "username":
		return c.equals(u.UserName)
	case "externalid":
		return c.equals(u.ExternalID)
	case "emails.value":
		return u.Email != "" && c.equals(u.Email)
	case "active":
		return c.equals(strconv.FormatBool(!u.Inactive))
	}
	return false
}

func (u User) resource(p projection) resource {
	r := resource{
		"schemas": []string{schemaUser, schemaEnterprise}, "id": u.ID, "userName": u.UserName, "active": !u.Inactive,
		"meta": map[string]any{"resourceType": "User", "location": BasePath + "/Users/" + u.ID},
	}
	if u.ExternalID != "" {
		r["externalId"] = u.ExternalID
	}
	if u.DisplayName != "" {
		r["displayName"] = u.DisplayName
	}
	if u.Email != "" {
		r["emails"] = []any{map[string]any{"value": u.Email, "type": "work", "primary": true}}
	}
	if u.Title != "" {
		r["title"] = u.Title
	}
	if extension := u.extension(); len(extension) > 0 {
		r[schemaEnterprise] = extension
	}
	return p.of(r)
}

// extension is what a user has of the enterprise schema.
func (u User) extension() map[string]any {
	extension := map[string]any{}
	if u.Manager != "" {
		extension["manager"] = map[string]any{"value": u.Manager}
	}
	if u.Department != "" {
		extension["department"] = u.Department
	}
	if u.CostCenter != "" {
		extension["costCenter"] = u.CostCenter
	}
	return extension
}

func (s *Server) listUsers(r *http.Request, _ []byte) *answer {
	return answerPage(s, r.URL.Query(), listing[User]{s.state.users, userAttributes, User.matches, User.resource})
}

func (s *Server) getUser(r *http.Request, _ []byte) *answer {
	u, found := s.state.users.get(r.PathValue("id"))
	if !found {
		return refuse(http.StatusNotFound, "", "no such user")
	}
	return &answer{Status: http.StatusOK, Body: u.resource(projectionOf(r.URL.Query()))}
}

// newUser is what a create or a replacement may carry; anything else in it is ignored.
type newUser struct {
	UserName    string `json:"userName"`
	ExternalID  string `json:"externalId"`
	DisplayName string `json:"displayName"`
	Active      *bool  `json:"active"`
	Title       string `json:"title"`
	Emails      []struct {
		Value string `json:"value"`
	} `json:"emails"`
	Enterprise struct {
		Manager struct {
			Value string `json:"value"`
		} `json:"manager"`
		Department string `json:"department"`
		CostCenter string `json:"costCenter"`
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

// user is the user of that id with what was sent.
func (n newUser) user(id string) User {
	u := User{
		ID: id, UserName: n.UserName, ExternalID: n.ExternalID, DisplayName: n.DisplayName, Title: n.Title,
		Manager: n.Enterprise.Manager.Value, Department: n.Enterprise.Department, CostCenter: n.Enterprise.CostCenter,
		Inactive: n.Active != nil && !*n.Active,
	}
	if len(n.Emails) > 0 {
		u.Email = n.Emails[0].Value
	}
	return u
}

func (s *Server) createUser(r *http.Request, body []byte) *answer {
	return s.writeUser(r, body, "", http.StatusCreated)
}

func (s *Server) replaceUser(r *http.Request, body []byte) *answer {
	id := r.PathValue("id")
	if !s.state.users.has(id) {
		return refuse(http.StatusNotFound, "", "no such user")
	}
	return s.writeUser(r, body, id, http.StatusOK)
}

// writeUser writes what was sent as the user of an id, a new one for "".
func (s *Server) writeUser(r *http.Request, body []byte, id string, status int) *answer {
	var sent newUser
	if err := json.Unmarshal(body, &sent); err != nil || sent.UserName == "" {
		return refuse(http.StatusBadRequest, "invalidValue", "expected a user with a userName")
	}
	taken, _ := s.state.users.find("username", sent.UserName)
	if slices.ContainsFunc(taken, func(e *entry[User]) bool { return e.value.ID != id }) {
		return refuse(http.StatusConflict, "uniqueness", "the userName is taken")
	}
	u, err := s.putUser(sent.user(id))
	if err != nil {
		return refuseUnkept(err)
	}
	return &answer{Status: status, Body: u.resource(projectionOf(r.URL.Query()))}
}

// patchUser changes active, a boolean, and userName and externalId, texts.
func (s *Server) patchUser(r *http.Request, body []byte) *answer {
	u, found := s.state.users.get(r.PathValue("id"))
	if !found {
		return refuse(http.StatusNotFound, "", "no such user")
	}
	operations, bad := parsePatch(body)
	if bad != nil {
		return bad
	}
	for _, o := range operations {
		attributes := map[string]json.RawMessage{o.Path: o.Value}
		if o.Path == "" {
			attributes = nil
			if err := json.Unmarshal(o.Value, &attributes); err != nil {
				return refuse(http.StatusBadRequest, "invalidValue", "without a path, expected an object")
			}
		}
		if o.Op == opRemove {
			return refuse(http.StatusBadRequest, "invalidValue", "nothing of a user can be removed")
		}
		for name, value := range attributes {
			if bad := s.change(&u, name, value); bad != nil {
				return bad
			}
		}
	}
	if err := s.commit(update{User: &u}); err != nil {
		return refuseUnkept(err)
	}
	return &answer{Status: http.StatusOK, Body: u.resource(projectionOf(r.URL.Query()))}
}

// change sets one attribute of a user.
func (s *Server) change(u *User, attribute string, value json.RawMessage) *answer {
	var text string
	var active bool
	into := map[string]any{"active": &active, "username": &text, "externalid": &text}[strings.ToLower(attribute)]
	if into == nil {
		return refuse(http.StatusBadRequest, "invalidPath", "only active, userName and externalId can be changed")
	}
	if err := json.Unmarshal(value, into); err != nil {
		return refuseValue(attribute + ": expected a boolean for active, else a text")
	}
	switch strings.ToLower(attribute) {
	case "active":
		u.Inactive = !active
	case "username":
		taken, _ := s.state.users.find("username", text)
		if text == "" || slices.ContainsFunc(taken, func(e *entry[User]) bool { return e.value.ID != u.ID }) {
			return refuse(http.StatusConflict, "uniqueness", "the userName is taken, or empty")
		}
		u.UserName = text
	case "externalid":
		u.ExternalID = text
	}
	return nil
}

func (s *Server) deleteUser(r *http.Request, _ []byte) *answer {
	id := r.PathValue("id")
	if !s.state.users.has(id) {
		return refuse(http.StatusNotFound, "", "no such user")
	}
	if err := s.commit(update{DropUser: &id}); err != nil {
		return refuseUnkept(err)
	}
	return &answer{Status: http.StatusNoContent}
}

// putUser adds a user or replaces the one with its ID, which is made up for "".
func (s *Server) putUser(u User) (User, error) {
	u.ID = s.state.named(u.ID, "user-")
	return u, s.commit(update{User: &u, Made: s.state.made})
}

// refuseUnkept answers for a change that was made and is not in the file.
func refuseUnkept(err error) *answer { return refuse(http.StatusInternalServerError, "", err.Error()) }
