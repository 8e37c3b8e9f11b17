package apispec

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// exchange is a request and its answer as they went over the wire.
type exchange struct {
	request *http.Request
	// sent and answered are the bodies.
	sent, answered []byte
	status         int
	header         http.Header
	// fault is what spoiled the answer on purpose; "" for an answer that counts.
	fault string
}

// Side is who broke the contract.
type Side string

// The sides.
const (
	// SideRequest is the client's: usher's connector, or a test in its place.
	SideRequest Side = "request"
	// SideResponse is the fake's.
	SideResponse Side = "response"
)

// finding is one thing that the documents do not allow.
type finding struct {
	side Side
	what string
}

// validate compares an exchange with its operation. An answer that a fault spoiled is not looked at.
func validate(at route, x exchange) []finding {
	var found []finding
	for _, what := range judgeRequest(at, x) {
		found = append(found, finding{SideRequest, what})
	}
	if x.fault == "" {
		for _, what := range judgeResponse(at, x) {
			found = append(found, finding{SideResponse, what})
		}
	}
	return found
}

func judgeRequest(at route, x exchange) []string {
	var wrong []string
	params := slices.Concat(at.found.PathItem.Parameters, at.found.Operation.Parameters)
	query, err := url.ParseQuery(x.request.URL.RawQuery)
	if err != nil {
		wrong = append(wrong, "query: it is no valid query")
	}
	input := &openapi3filter.RequestValidationInput{
		Request: at.request, PathParams: at.params, QueryParams: query, Route: at.found,
		Options: &openapi3filter.Options{MultiError: true, SkipSettingDefaults: true},
	}
	for _, p := range params {
		if err := openapi3filter.ValidateParameter(at.request.Context(), input, p.Value); err != nil {
			wrong = append(wrong, paramTexts(p.Value, err)...)
		}
	}
	for name := range query {
		if params.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			wrong = append(wrong, fmt.Sprintf("query: the operation has no parameter %q", name))
		}
	}
	slices.Sort(wrong)
	return append(wrong, judgeRequestBody(at.found.Operation.RequestBody, x)...)
}

func judgeRequestBody(declared *openapi3.RequestBodyRef, x exchange) []string {
	switch {
	case declared == nil && len(x.sent) > 0:
		return []string{"body: the operation takes none"}
	case declared == nil:
		return nil
	case len(x.sent) == 0 && declared.Value.Required:
		return []string{"body: it is required"}
	case len(x.sent) == 0:
		return nil
	}
	return judgeBody(declared.Value.Content, x.request.Header, x.sent, openapi3.VisitAsRequest())
}

func judgeResponse(at route, x exchange) []string {
	declared := at.found.Operation.Responses.Status(x.status)
	if declared == nil {
		declared = at.found.Operation.Responses.Default()
	}
	switch {
	case declared == nil && undeclared(x.status):
		return nil
	case declared == nil:
		return []string{fmt.Sprintf("status %d: the operation does not declare it", x.status)}
	case x.status == http.StatusNoContent && len(x.answered) > 0:
		return []string{"body: there is none at status 204"}
	case len(declared.Value.Content) == 0 || fromGateway(x):
		return nil
	}
	var wrong []string
	for _, what := range judgeBody(declared.Value.Content, x.header, x.answered, openapi3.VisitAsResponse()) {
		wrong = append(wrong, fmt.Sprintf("status %d: %s", x.status, what))
	}
	return wrong
}

// fromGateway reports whether what stands before Jira Cloud at api.atlassian.com has refused a call in its own shape: a code
// and a message. The documents describe Jira's errors only.
func fromGateway(x exchange) bool {
	if x.status < http.StatusBadRequest || !strings.Contains(x.request.URL.Path, "/ex/jira/") {
		return false
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(x.answered, &members)
	return err == nil && len(members) == 2 && members["code"] != nil && members["message"] != nil
}

// judgeBody compares a body with what is declared for its content type.
func judgeBody(content openapi3.Content, header http.Header, raw []byte, as openapi3.SchemaValidationOption) []string {
	contentType := header.Get("Content-Type")
	declared := content.Get(contentType)
	if declared == nil {
		return []string{fmt.Sprintf("body: content type %q is not declared", contentType)}
	}
	if declared.Schema == nil || !isJSON(contentType) {
		return nil
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return []string{"body: it is not JSON"}
	}
	return schemaTexts("body", declared.Schema.Value.VisitJSON(value, as, openapi3.MultiErrors()))
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// paramTexts returns what is wrong with a parameter, without its value.
func paramTexts(p *openapi3.Parameter, err error) []string {
	where := fmt.Sprintf("%s: parameter %q", p.In, p.Name)
	var request *openapi3filter.RequestError
	var parse *openapi3filter.ParseError
	switch {
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		return []string{where + " is required"}
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		return []string{where + " is empty"}
	case errors.As(err, &parse):
		return []string{fmt.Sprintf("%s is not of type %s", where, typeOf(p.Schema))}
	case errors.As(err, &request):
		return schemaTexts(where, request.Err)
	}
	return []string{where + " is not allowed"}
}

func typeOf(s *openapi3.SchemaRef) string {
	if s == nil || s.Value == nil || s.Value.Type == nil {
		return "any"
	}
	name := strings.Join(s.Value.Type.Slice(), " or ")
	if s.Value.Items != nil {
		name += " of " + typeOf(s.Value.Items)
	}
	return name
}

// schemaTexts returns what of a value its schema does not allow, and where, without the value. Numbers in a path are written
// as "*", so that every element of a list says the same.
func schemaTexts(where string, err error) []string {
	all := schemaLines(where, err)
	slices.Sort(all)
	return slices.Compact(all)
}

func schemaLines(where string, err error) []string {
	//nolint:errorlint // the validator nests its errors as they are, and what is wrapped has a path below the outer one's
	switch err := err.(type) {
	case nil:
		return nil
	case openapi3.MultiError:
		var all []string
		for _, one := range err {
			all = append(all, schemaLines(where, one)...)
		}
		return all
	case *openapi3.SchemaError:
		where += pointer(err.JSONPointer())
		switch {
		case err.SchemaField == "oneOf" || err.SchemaField == "anyOf":
			return []string{where + ": it fits none of the alternatives, or more than one"}
		case err.Origin != nil:
			return schemaLines(where, err.Origin)
		}
		return []string{where + ": " + err.Reason}
	}
	if inner := errors.Unwrap(err); inner != nil {
		return schemaLines(where, inner)
	}
	return []string{where + ": " + err.Error()}
}

func pointer(path []string) string {
	var b strings.Builder
	for _, part := range path {
		if _, err := strconv.ParseUint(part, 10, 64); err == nil {
			part = "*"
		}
		b.WriteString("/" + part)
	}
	return b.String()
}

// undeclared are the statuses that Jira sends although most operations do not declare them.
func undeclared(status int) bool {
	return slices.Contains([]int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusGone,
		http.StatusRequestEntityTooLarge, http.StatusTooManyRequests,
	}, status) || status >= http.StatusInternalServerError
}

// apiPath is an escaped path from "/rest/" on; what stands before is where the site is ("/jira", "/ex/jira/<cloud id>").
// A path without "/rest/" stays as it is. Version "latest" is version 2.
func apiPath(escaped string) string {
	if at := strings.Index(escaped, "/rest/"); at > 0 {
		escaped = escaped[at:]
	}
	if below, latest := strings.CutPrefix(escaped, "/rest/api/latest/"); latest {
		return "/rest/api/2/" + below
	}
	return escaped
}
