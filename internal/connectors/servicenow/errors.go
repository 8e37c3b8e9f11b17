package servicenow

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// envelope is how every answer comes. One with status 200 that took too long has an error beside what was found until then.
type envelope struct {
	Result json.RawMessage `json:"result"`
	Error  *refusal        `json:"error"`
}

// refusal is what ServiceNow says of an error.
type refusal struct{ Message, Detail string }

func (r *refusal) String() string { return strings.Trim(r.Message+"; "+r.Detail, "; ") }

// kindOf is what ServiceNow means by an answer where HTTP alone would mislead.
func kindOf(a rest.Response) access.Kind {
	said := errorText(a)
	switch {
	case a.Status < http.StatusMultipleChoices && said != "":
		// Nothing was done, or not everything that was asked for was found.
		return access.Transient
	case a.Status == http.StatusForbidden && (strings.Contains(said, byPolicy) || strings.Contains(said, byRule)):
		return access.Invalid
	}
	return ""
}

// What ServiceNow says where a mandatory field has no value, and where a business rule of the customer's refuses a write. Both
// come as 403, as missing rights do, and only the sentence tells them apart.
const (
	byPolicy = "Data Policy Exception"
	byRule   = "aborted by Business Rule"
)

// errorText is what ServiceNow said of an error; "" when it said nothing in its own shape. The API writes no HTML.
func errorText(a rest.Response) string {
	if kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type")); err == nil && kind == "text/html" {
		return "an HTML page instead of JSON, such as that of a hibernating instance or of a log-in"
	}
	var said envelope
	if json.Unmarshal(a.Body, &said) != nil || said.Error == nil {
		return ""
	}
	return said.Error.String()
}
