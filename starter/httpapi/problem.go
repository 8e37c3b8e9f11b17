package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
	"usher/starter/gateway"
)

const problemContentType = "application/problem+json"

// Problem is RFC 9457's problem document, with usher's members. It is every error's body.
type Problem struct {
	Type          string              `json:"type" doc:"What kind of problem it is: urn:usher:problem:<name>. The names are invalid, refused-by-policy, unauthenticated, forbidden, not-found, conflict, ended, duplicate, too-many, unavailable and internal, and for the rest that of the status, such as bad-request or unsupported-media-type." example:"urn:usher:problem:refused-by-policy"`
	Title         string              `json:"title" doc:"The kind of problem, for people." example:"Refused by policy"`
	Status        int                 `json:"status" doc:"The HTTP status." example:"422"`
	Detail        string              `json:"detail,omitempty" doc:"What is wrong this time."`
	Errors        []ProblemField      `json:"errors,omitempty" doc:"The fields that are wrong, each with what was expected."`
	Outcome       access.RequestState `json:"outcome,omitempty" doc:"How the request ended, when the call came after the end."`
	EndedAt       *time.Time          `json:"ended_at,omitempty" doc:"When the request ended."`
	Decisions     []access.Decision   `json:"decisions,omitempty" doc:"What was decided about these items, when a decision came after another one."`
	Duplicates    []ProblemDuplicate  `json:"duplicates,omitempty" doc:"What is asked for, or held, already, when a request asks for it again."`
	Instance      string              `json:"instance,omitempty" doc:"This very call: urn:usher:call:<http_request_id>."`
	HTTPRequestID string              `json:"http_request_id,omitempty" doc:"What X-Request-Id says; the log has it too."`

	headers http.Header
}

// ProblemField is one thing that is wrong.
type ProblemField struct {
	Location string `json:"location,omitempty" doc:"Where: body.<field>, query.<name>, path.<name>, header.<name>." example:"body.items[0].entitlement"`
	Pointer  string `json:"pointer,omitempty" doc:"The JSON Pointer (RFC 6901) of the field in the body; absent for the whole body, and for what is not in it." example:"/items/0/entitlement"`
	Message  string `json:"message" doc:"What was expected there."`
}

// The kinds of problem. The title never changes for a kind.
type problemKind struct {
	name   string
	title  string
	status int
}

func kindInvalid() problemKind {
	return problemKind{"invalid", "Invalid request", http.StatusUnprocessableEntity}
}

func kindRefused() problemKind {
	return problemKind{"refused-by-policy", "Refused by policy", http.StatusUnprocessableEntity}
}

func kindUnauthenticated() problemKind {
	return problemKind{"unauthenticated", "Identity needed", http.StatusUnauthorized}
}

func kindForbidden() problemKind {
	return problemKind{"forbidden", "Not allowed", http.StatusForbidden}
}

func kindNotFound() problemKind { return problemKind{"not-found", "Not found", http.StatusNotFound} }

func kindConflict() problemKind {
	return problemKind{"conflict", "Not possible now", http.StatusConflict}
}

func kindEnded() problemKind {
	return problemKind{"ended", "The request has ended", http.StatusConflict}
}

func kindDuplicate() problemKind {
	return problemKind{"duplicate", "Asked for already", http.StatusConflict}
}

func kindUnavailable() problemKind {
	return problemKind{"unavailable", "Not available now", http.StatusServiceUnavailable}
}

func kindInternal() problemKind {
	return problemKind{"internal", "Internal error", http.StatusInternalServerError}
}

// kindOf is the one table from the kinds of access.Error to problems.
func kindOf(kind access.Kind) problemKind {
	switch kind {
	case access.Invalid:
		return kindInvalid()
	case access.Forbidden:
		return kindForbidden()
	case access.NotFound:
		return kindNotFound()
	case access.Conflict:
		return kindConflict()
	case access.RateLimited:
		return problemKind{"too-many", "Too many requests", http.StatusTooManyRequests}
	case access.Transient:
		return kindUnavailable()
	case access.Unknown:
		return kindInternal()
	}
	return kindInternal()
}

// kindOfStatus names the problems that have no access.Error: those of HTTP itself.
func kindOfStatus(status int) problemKind {
	switch status {
	case http.StatusUnprocessableEntity:
		return kindInvalid()
	case http.StatusNotFound:
		return kindNotFound()
	case http.StatusInternalServerError:
		return kindInternal()
	}
	text := http.StatusText(status)
	return problemKind{strings.ToLower(strings.ReplaceAll(text, " ", "-")), text, status}
}

func newProblem(kind problemKind, detail string, fields ...ProblemField) *Problem {
	return &Problem{
		Type: "urn:usher:problem:" + kind.name, Title: kind.title, Status: kind.status, Detail: detail, Errors: fields,
	}
}

// Error returns the title and the detail.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemContentType }

func (p *Problem) with(header, value string) *Problem {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(header, value)
	return p
}

// problemOf turns any error of the gateway, the ledger or an authenticator into a problem. Texts of errors that nobody
// classified are not shown.
func problemOf(err error) *Problem {
	var problem *Problem
	if errors.As(err, &problem) {
		return problem
	}
	var nobody *UnauthenticatedError
	if errors.As(err, &nobody) {
		return unauthenticated(nobody)
	}
	var refused *gateway.RefusedError
	if errors.As(err, &refused) {
		return newProblem(kindOf(refused.Kind), refused.Message, fieldsOf(refused.Refusals)...)
	}
	var known *access.Error
	if !errors.As(err, &known) {
		return newProblem(kindInternal(), "Internal error. See the server log under this http_request_id")
	}
	problem = newProblem(kindOf(known.Kind), known.Err.Error())
	if problem.Status >= http.StatusInternalServerError || known.Kind == access.RateLimited {
		problem.Detail = outageDetail(known)
	}
	if known.Kind == access.Transient || known.Kind == access.RateLimited {
		seconds := max(1, int(known.RetryAfter.Round(time.Second)/time.Second))
		return problem.with("Retry-After", strconv.Itoa(seconds))
	}
	return problem
}

// forCallers is an error whose text was written for callers. What vendors and databases say names hosts and users.
type forCallers interface {
	error
	ForCallers() string
}

// outageDetail returns what callers may hear of a failure of ours.
func outageDetail(known *access.Error) string {
	said, ok := errors.AsType[forCallers](known.Err)
	switch {
	case ok && known.Kind != access.Unknown:
		return said.ForCallers()
	case known.Kind == access.RateLimited:
		return "A service that usher needs takes no more calls now; try again"
	case known.Kind == access.Transient:
		return "A service that usher needs is unavailable; try again. See the server log under this http_request_id"
	}
	return "Internal error. See the server log under this http_request_id"
}

func unauthenticated(e *UnauthenticatedError) *Problem {
	challenge := `Bearer realm="usher"`
	if e.Offered {
		challenge += `, error="invalid_token"`
	}
	return newProblem(kindUnauthenticated(), e.Reason).with("WWW-Authenticate", challenge)
}

// fieldsOf spells refusals as locations of the body, where they name a field of it.
func fieldsOf(refusals []access.Refusal) []ProblemField {
	fields := make([]ProblemField, len(refusals))
	for i, refusal := range refusals {
		fields[i] = ProblemField{Location: locationOf(refusal.Field), Message: refusal.Problem}
	}
	return fields
}

func locationOf(field string) string {
	head, _, _ := strings.Cut(field, "[")
	switch head {
	case "items", "subject", "reason", "id", "verdict", "test_ticket",
		"reference", "reference_url", "application", "desk", "assignee", "summary", "description", "email", "groups":
		return "body." + field
	case "user", "person":
		return "path." + field
	case "Idempotency-Key":
		return "header." + field
	}
	return field
}

// humaProblem translates what huma says about the input. The offered values are left out: they may be anything.
func humaProblem(model *huma.ErrorModel) *Problem {
	problem := newProblem(kindOfStatus(model.Status), model.Detail)
	for _, detail := range model.Errors {
		if detail != nil {
			problem.Errors = append(problem.Errors, ProblemField{Location: detail.Location, Message: detail.Message})
		}
	}
	switch model.Status {
	case http.StatusBadRequest:
		problem.Detail = "expected a body that is one JSON value"
		problem.Errors = []ProblemField{{Location: "body", Message: "expected one JSON value"}}
	case http.StatusUnprocessableEntity:
		problem.Detail = "some fields are not as expected"
	}
	return problem
}

// shapeErrors is the huma transformer that gives every error its one form.
func shapeErrors(ctx huma.Context, _ string, value any) (any, error) {
	var problem Problem
	switch said := value.(type) {
	case *huma.ErrorModel:
		problem = *humaProblem(said)
	case *Problem:
		problem = *said
	default:
		return value, nil
	}
	return problem.completed(ctx.Context()), nil
}

// completed returns the problem with what every problem of a call says.
func (p *Problem) completed(ctx context.Context) *Problem {
	said := *p
	said.HTTPRequestID = traceOf(ctx).id
	said.Instance = "urn:usher:call:" + said.HTTPRequestID
	said.Errors = slices.Clone(p.Errors)
	for i, field := range said.Errors {
		if field.Pointer == "" {
			said.Errors[i].Pointer = pointerOf(field.Location)
		}
	}
	return &said
}

// write answers a call that never reached huma.
func (p *Problem) write(w http.ResponseWriter, r *http.Request) {
	said := p.completed(r.Context())
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemContentType)
	w.WriteHeader(said.Status)
	// The client may be gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(said)
}
