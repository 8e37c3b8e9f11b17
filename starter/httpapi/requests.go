package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"usher/internal/access"
	"usher/starter/gateway"
)

// SubmitBody is what is asked for.
type SubmitBody struct {
	ID         string       `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 _ - (ids with a dot are those of requests that begin in a desk)" doc:"The request's id, chosen by the client; the same id is the same request. Without id and Idempotency-Key, usher chooses one." example:"2026-06-ana-wiki"`
	Subject    string       `json:"subject,omitempty" maxLength:"256" doc:"Whose access it shall be: the identity source's id of the person. Default: the caller." example:"p-1017"`
	OnBehalfOf string       `json:"on_behalf_of,omitempty" maxLength:"256" doc:"For services alone, which must name it: the person who asks, by the identity source's id. The subject is that person where none is named." example:"p-1016"`
	Items      []SubmitItem `json:"items" minItems:"1" maxItems:"20" nullable:"false" doc:"What is asked for."`
	Reason     string       `json:"reason" minLength:"1" maxLength:"2000" doc:"Why, for those who decide." example:"I write the release notes."`
}

// SubmitItem is one entitlement that is asked for.
type SubmitItem struct {
	Entitlement string `json:"entitlement" minLength:"1" maxLength:"256" doc:"<application>/<role>, as the catalog declares it." example:"wiki/editor"`
	Duration    string `json:"duration,omitempty" doc:"How long, counted from the verified grant: 45s, 8h, 30d, 1d12h. Absent or 0s: as long as the catalog allows." example:"30d"`
}

type submitInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the same caller with the same key makes the same request."`
	Body           SubmitBody
}

// Resolve implements huma.Resolver: the rules that a schema cannot say.
func (in *submitInput) Resolve(huma.Context) []error {
	var problems []error
	if in.IdempotencyKey != "" && in.Body.ID != "" {
		problems = append(problems, fieldError("header.Idempotency-Key", "expected either Idempotency-Key or id, not both"))
	}
	for i, item := range in.Body.Items {
		if item.Duration == "" {
			continue
		}
		if _, err := access.ParseDuration(item.Duration); err != nil {
			problems = append(problems, fieldError(fmt.Sprintf("body.items[%d].duration", i), err.Error()))
		}
	}
	problems = append(problems, chosenID(in.Body.ID)...)
	problems = append(problems, plainText("header.Idempotency-Key", in.IdempotencyKey)...)
	problems = append(problems, fittingID("body.on_behalf_of", in.Body.OnBehalfOf, access.Limits().Person)...)
	problems = append(problems, fittingID("body.subject", in.Body.Subject, access.Limits().Person)...)
	for i, item := range in.Body.Items {
		at := fmt.Sprintf("body.items[%d].entitlement", i)
		problems = append(problems, fittingID(at, item.Entitlement, access.Limits().Entitlement)...)
	}
	return problems
}

func fieldError(location, message string) error {
	return &huma.ErrorDetail{Location: location, Message: message}
}

// plainText refuses control characters: tickets, terminals and databases each make something else of them.
func plainText(location, text string) []error {
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return []error{fieldError(location, "expected text without control characters")}
		}
	}
	return nil
}

// fittingID refuses an id that the ledger would refuse: what cannot be recorded must not begin. How many characters it
// may have the schema says. U+FFFD stands where somebody decoded what is no UTF-8, and would be another id.
func fittingID(location, id string, limit access.TextLimit) []error {
	if problems := plainText(location, id); problems != nil {
		return problems
	}
	limit.Runes = 0
	problem := limit.Problem(id)
	if problem == "" && strings.ContainsRune(id, utf8.RuneError) {
		problem = "expected UTF-8"
	}
	if problem != "" {
		return []error{fieldError(location, problem)}
	}
	return nil
}

type submittedOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the request is read."`
	Body     SubmittedView
}

func (a *API) registerRequests() {
	submit := a.operation(http.MethodPost, "/v1/requests", huma.Operation{
		OperationID: "submit-request", Summary: "Ask for access", Tags: []string{"requests"},
		Description:   "Starts a request, for the caller or for somebody else, and answers when policy has answered. Repeating the call with the same id or Idempotency-Key is safe and gives the same request. What an open request asks for already, or is held without an end, is joined, refused (409) or allowed, as usher is configured.",
		DefaultStatus: http.StatusCreated,
	}, http.StatusConflict, http.StatusTooManyRequests)
	a.answersToo(&submit, submittedType(), map[int]string{
		http.StatusOK:       "The same request was made before, or, where joined is true, another one that asks for the same is open; this is how it stands.",
		http.StatusAccepted: "The request is recorded; policy has not answered yet. Read it at Location.",
	})
	huma.Register(a.huma, submit, a.submit)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/requests/{id}/decisions", huma.Operation{
		OperationID: "decide-request", Summary: "Approve or deny", Tags: []string{"requests"},
		Description: "Gives the caller's decision on the items that are named, or on all that the caller may decide now. Too late is 409 with the decisions that came first, or with the outcome; while policy has not answered it is 409 with Retry-After.",
	}, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests), a.decide)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/requests/{id}/withdraw", huma.Operation{
		OperationID: "withdraw-request", Summary: "Take a request back", Tags: []string{"requests"},
		Description: "The requester or the subject ends the request; what it has granted so far is taken away again. Too late is 409 with the outcome.",
	}, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests), a.withdraw)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/requests/{id}/reassign", huma.Operation{
		OperationID: "reassign-request", Summary: "Name who approves instead", Tags: []string{"requests"},
		Description: "An administrator names the people who approve what is still to be decided. They must be active in the identity source; neither requester, nor subject, nor who filed the request, nor the caller can be among them. Who approved before decides nothing any more; what is decided already stays.",
	}, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests), a.reassign)
}

func (a *API) submit(ctx context.Context, in *submitInput) (*submittedOutput, error) {
	caller, part := callerOf(ctx), ""
	if in.Body.OnBehalfOf != "" {
		part = partOnBehalf
	}
	if err := a.permits(ctx, part, a.roles(caller), ProblemField{Location: "body.on_behalf_of", Message: "expected it of a service, and of nobody else"}); err != nil {
		return nil, err
	}
	if err := caller.askable(in); err != nil {
		return nil, err
	}
	request, err := a.requestOf(caller, in)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	named := in.Body.ID != "" || in.IdempotencyKey != ""
	if named {
		known, err := a.deps.Ledger.View(ctx, request.ID)
		switch {
		case err == nil && known.Request.Digest() != request.Digest():
			return nil, newProblem(kindInvalid(), "The id or Idempotency-Key was used for another request.",
				ProblemField{Location: keyLocation(in), Message: "expected a new one, or the same request word for word"})
		case err == nil:
			return answered(gateway.Submission{View: known})
		case !access.IsKind(err, access.NotFound):
			// Temporal knows what is running; the ledger only adds what Temporal has forgotten.
			a.logged(ctx, err)
		}
	}
	if joined, err := a.repeated(ctx, request, named); joined != nil || err != nil {
		return joined, err
	}
	if err := a.crowded(ctx, request.Requester); err != nil {
		return nil, err
	}
	submission, err := a.deps.Gateway.Submit(ctx, request)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	return answered(submission)
}

func keyLocation(in *submitInput) string {
	if in.IdempotencyKey != "" {
		return "header.Idempotency-Key"
	}
	return "body.id"
}

func (a *API) requestOf(caller Caller, in *submitInput) (access.Request, error) {
	id := in.Body.ID
	switch {
	case in.IdempotencyKey != "":
		id = keyedID("request", caller.key(), in.IdempotencyKey)
	case id == "":
		fresh, err := uuid.NewV7()
		if err != nil {
			return access.Request{}, fmt.Errorf("choose a request id: %w", err)
		}
		id = fresh.String()
	}
	requester, service := caller.Person, ""
	if caller.Service != nil {
		requester, service = access.PersonID(in.Body.OnBehalfOf), caller.Service.Client
	}
	subject := access.PersonID(orDefault(in.Body.Subject, string(requester)))
	items := make([]access.Item, len(in.Body.Items))
	for i, item := range in.Body.Items {
		items[i] = access.Item{ID: access.ItemID(strconv.Itoa(i + 1)), Entitlement: access.EntitlementID(item.Entitlement)}
		if item.Duration == "" {
			continue
		}
		duration, err := access.ParseDuration(item.Duration)
		if err != nil {
			return access.Request{}, access.Errorf(access.Invalid, "submit request", "items[%d].duration: %w", i, err)
		}
		items[i].Duration = duration
	}
	return access.Request{
		ID: access.RequestID(id), Requester: requester, Service: service, Subject: subject, Items: items, Reason: in.Body.Reason,
		SubmittedAt: a.deps.Now().UTC(), Evidence: caller.Evidence,
	}, nil
}

func pathOf(id access.RequestID) string { return "/v1/requests/" + string(id) }

func answered(s gateway.Submission) (*submittedOutput, error) {
	location := pathOf(s.View.Request.ID)
	if s.View.State == access.OutcomeRefused {
		problem := newProblem(kindRefused(), "Policy refuses this request, and no ticket was opened; the errors say why.", fieldsOf(s.View.Refusals)...).with("Location", location)
		problem.Outcome, problem.EndedAt = s.View.State, s.View.EndedAt
		return nil, problem
	}
	out := &submittedOutput{Status: http.StatusOK, Location: location, Body: SubmittedView{RequestView: s.View}}
	switch {
	case s.Pending:
		out.Status = http.StatusAccepted
	case s.Created:
		out.Status = http.StatusCreated
	}
	return out, nil
}
