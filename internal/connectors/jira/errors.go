package jira

import (
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// kindOf is what Jira means by an answer where HTTP alone would mislead.
func kindOf(a rest.Answer) access.Kind {
	reason := a.Header.Get("X-Seraph-LoginReason")
	switch {
	case strings.Contains(reason, "AUTHENTICATED_FAILED"), strings.Contains(reason, "AUTHENTICATION_DENIED"):
		// The call ran as an anonymous one, whatever its status says.
		return access.Forbidden
	case a.Status == http.StatusConflict:
		// Another change of the same issue is running.
		return access.Transient
	case a.Status == http.StatusGone:
		// The endpoint was removed; no ticket is gone.
		return access.Invalid
	}
	return ""
}

// refusal is the union of the shapes in which Atlassian's products and gateways refuse. Errors holds strings as a rule,
// but arrays and objects were seen.
type refusal struct {
	ErrorMessages []string                   `json:"errorMessages"`
	Errors        map[string]json.RawMessage `json:"errors"`
	ErrorMessage  string                     `json:"errorMessage"`
	Message       string                     `json:"message"`
	Error         json.RawMessage            `json:"error"`
}

// errorText is what Jira said, fields in the order of their ids; "" when it said nothing in its own shapes.
func errorText(a rest.Answer) string {
	var parts []string
	switch reason := a.Header.Get("X-Seraph-LoginReason"); {
	case strings.Contains(reason, "AUTHENTICATED_FAILED"):
		parts = append(parts, "Jira does not accept the e-mail address and the token")
	case strings.Contains(reason, "AUTHENTICATION_DENIED"):
		parts = append(parts, "Jira denies the log-in until a human has logged in by browser (CAPTCHA)")
	}
	r, isJSON := refusalOf(a)
	parts = append(parts, r.ErrorMessages...)
	for _, field := range slices.Sorted(maps.Keys(r.Errors)) {
		parts = append(parts, field+": "+plain(r.Errors[field]))
	}
	parts = append(parts, r.ErrorMessage, r.Message, plain(r.Error))
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if !isJSON && len(a.Body) > 0 {
		if kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type")); err == nil {
			parts = append(parts, "a body of type "+kind+" that is not Jira's")
		}
	}
	return strings.Join(parts, "; ")
}

// refusalOf reads the shapes one by one, so that an unexpected value in one does not hide the others.
func refusalOf(a rest.Answer) (refusal, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(a.Body, &members) != nil {
		return refusal{}, false
	}
	var r refusal
	for name, into := range map[string]any{
		"errorMessages": &r.ErrorMessages, "errors": &r.Errors,
		"errorMessage": &r.ErrorMessage, "message": &r.Message, "error": &r.Error,
	} {
		if raw, there := members[name]; there && json.Unmarshal(raw, into) != nil && name == "errors" {
			r.Errors = map[string]json.RawMessage{"errors": raw}
		}
	}
	return r, true
}

// plain is a JSON string's text, or the JSON itself.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// refusedField tells whether a refusal is about that field.
func refusedField(a rest.Answer, field string) bool {
	r, _ := refusalOf(a)
	_, there := r.Errors[field]
	return there
}
