package scimtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

var userAttributes = attributeSet{"id": true, "username": false, "externalid": true, "active": false}

func (u User) resource() resource {
	r := resource{
		"schemas": []string{schemaUser, schemaEnterprise}, "id": u.ID, "userName": u.UserName, "active": !u.Inactive,
		"meta": map[string]any{"resourceType": "User", "location": BasePath + "/Users/" + u.ID},
		indexKey: map[string][]string{
			"id": {u.ID}, "username": {u.UserName}, "externalid": {u.ExternalID}, "active": {strconv.FormatBool(!u.Inactive)},
		},
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
	if u.Manager != "" {
		r[schemaEnterprise] = map[string]any{"manager": map[string]any{"value": u.Manager}}
	}
	return r
}

func (s *Server) listUsers(r *http.Request, _ []byte) answer {
	all := make([]resource, 0, len(s.state.Users))
	for _, u := range s.state.Users {
		all = append(all, u.resource())
	}
	return s.list(r.URL.Query(), userAttributes, all)
}

func (s *Server) getUser(r *http.Request, _ []byte) answer {
	u := s.state.user(r.PathValue("id"))
	if u == nil {
		return refuse(http.StatusNotFound, "", "no such user")
	}
	return answer{http.StatusOK, u.resource().project(r.URL.Query())}
}

// newUser is what a create may carry; anything else in it is ignored.
type newUser struct {
	UserName    string `json:"userName"`
	ExternalID  string `json:"externalId"`
	DisplayName string `json:"displayName"`
	Active      *bool  `json:"active"`
	Emails      []struct {
		Value string `json:"value"`
	} `json:"emails"`
	Enterprise struct {
		Manager struct {
			Value string `json:"value"`
		} `json:"manager"`
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

func (s *Server) createUser(r *http.Request, body []byte) answer {
	var sent newUser
	if err := json.Unmarshal(body, &sent); err != nil || sent.UserName == "" {
		return refuse(http.StatusBadRequest, "invalidValue", "expected a user with a userName")
	}
	for _, u := range s.state.Users {
		if strings.EqualFold(u.UserName, sent.UserName) {
			return refuse(http.StatusConflict, "uniqueness", "the userName is taken")
		}
	}
	u := User{
		UserName: sent.UserName, ExternalID: sent.ExternalID, DisplayName: sent.DisplayName,
		Manager: sent.Enterprise.Manager.Value, Inactive: sent.Active != nil && !*sent.Active,
	}
	if len(sent.Emails) > 0 {
		u.Email = sent.Emails[0].Value
	}
	u = s.state.putUser(u)
	return s.saved(answer{http.StatusCreated, u.resource().project(r.URL.Query())})
}

// patchUser knows one change: active, as a boolean.
func (s *Server) patchUser(r *http.Request, body []byte) answer {
	u := s.state.user(r.PathValue("id"))
	if u == nil {
		return refuse(http.StatusNotFound, "", "no such user")
	}
	operations, bad := parsePatch(body)
	if bad != nil {
		return *bad
	}
	changed := *u
	for _, o := range operations {
		value := o.Value
		if o.Path == "" {
			var attributes map[string]json.RawMessage
			if err := json.Unmarshal(o.Value, &attributes); err != nil || len(attributes) != 1 || attributes["active"] == nil {
				return refuse(http.StatusBadRequest, "invalidPath", "only active can be changed")
			}
			value = attributes["active"]
		} else if !strings.EqualFold(o.Path, "active") {
			return refuse(http.StatusBadRequest, "invalidPath", "only active can be changed")
		}
		var active bool
		if err := json.Unmarshal(value, &active); err != nil || o.Op == opRemove {
			return refuse(http.StatusBadRequest, "invalidValue", "active: expected a boolean")
		}
		changed.Inactive = !active
	}
	*u = changed
	return s.saved(answer{http.StatusOK, u.resource().project(r.URL.Query())})
}

func (s *Server) deleteUser(r *http.Request, _ []byte) answer {
	id := r.PathValue("id")
	if s.state.user(id) == nil {
		return refuse(http.StatusNotFound, "", "no such user")
	}
	s.state.dropUser(id, s.clock())
	return s.saved(answer{status: http.StatusNoContent})
}

// saved keeps the state before it lets the answer go.
func (s *Server) saved(a answer) answer {
	if err := s.save(); err != nil {
		return refuse(http.StatusInternalServerError, "", err.Error())
	}
	return a
}
