package jira

import (
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// kindOf is what Jira means by an answer where HTTP alone would mislead.
func kindOf(a rest.Response) access.Kind {
	switch {
	case anonymous(a), captcha(a):
		// The call ran as an anonymous one, whatever its status says.
		return access.Forbidden
	case a.Status == http.StatusConflict:
		// Another change of the same issue is running.
		return access.Transient
	case a.Status == http.StatusGone:
		// The endpoint was removed; no ticket is gone.
		return access.Invalid
	case a.Status < http.StatusMultipleChoices && page(a):
		// A log-in's page or a proxy's. Of a write that is answered with nothing, only this tells that it was not made.
		return access.Transient
	}
	return ""
}

// page reports whether somebody else answered than Jira's API, which writes no HTML.
func page(a rest.Response) bool {
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return err == nil && kind == "text/html" && len(a.Body) > 0
}

// anonymous reports whether the call ran without an account although it had credentials.
func anonymous(a rest.Response) bool {
	return strings.Contains(a.Header.Get("X-Seraph-LoginReason"), "AUTHENTICATED_FAILED") ||
		a.Header.Get("X-AUSERNAME") == "anonymous"
}

// captcha reports whether Data Center refuses the password, right or wrong, until a human has logged in by browser.
func captcha(a rest.Response) bool {
	return strings.Contains(a.Header.Get("X-Seraph-LoginReason"), "AUTHENTICATION_DENIED") ||
		strings.Contains(a.Header.Get("X-Authentication-Denied-Reason"), "CAPTCHA")
}

const captchaText = "Jira denies the log-in until a human has logged in by browser (CAPTCHA)"

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
func errorText(a rest.Response) string {
	var parts []string
	switch {
	case captcha(a):
		parts = append(parts, captchaText)
	case anonymous(a):
		parts = append(parts, "Jira does not accept the credentials and took the call for an anonymous one")
	case a.Status == http.StatusGone:
		parts = append(parts, "this Jira has no such endpoint any more; is the configured edition right?")
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
func refusalOf(a rest.Response) (refusal, bool) {
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

// archived reports whether a change was refused because the ticket is archived. Only the sentence says so, in English.
func archived(err error) bool {
	var refused *rest.StatusError
	return access.IsKind(err, access.Invalid) && errors.As(err, &refused) && strings.Contains(strings.ToLower(refused.Text), "archived")
}

// refusedField reports whether a refusal is about that field.
func refusedField(a rest.Response, field string) bool {
	r, _ := refusalOf(a)
	_, there := r.Errors[field]
	return there
}
