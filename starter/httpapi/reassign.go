package httpapi

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
	"usher/workflows"
)

// ReassignBody is who approves from now on.
type ReassignBody struct {
	ID     string   `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	To     []string `json:"to" minItems:"1" maxItems:"10" nullable:"false" doc:"The people who approve from now on, by their ids in the identity source. Any one of them decides." example:"[\"p-1017\"]"`
	Stage  string   `json:"stage,omitempty" enum:"manager,owner" doc:"The stage that it is about. Absent: the open stage of each item."`
	Items  []string `json:"items,omitempty" maxItems:"20" nullable:"false" doc:"The items that it is about, by id. Absent: every item that is still to be decided." example:"[\"1\"]"`
	Reason string   `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; people read it in the ticket and in the audit trail." example:"Omar is on leave until June."`
}

type reassignInput struct {
	RequestID      string `path:"id" maxLength:"64" doc:"The request's id."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           ReassignBody
}

// Resolve implements huma.Resolver.
func (in *reassignInput) Resolve(huma.Context) []error {
	problems := repeatable(in.IdempotencyKey, in.Body.ID, in.Body.Reason)
	for i, item := range in.Body.Items {
		problems = append(problems, fittingID(fmt.Sprintf("body.items[%d]", i), item, access.Limits().Item)...)
	}
	for i, person := range in.Body.To {
		problems = append(problems, fittingID(fmt.Sprintf("body.to[%d]", i), person, access.Limits().Person)...)
	}
	return problems
}

// Reassigned is whom a request waits for by now.
type Reassigned struct {
	WaitingOn  []access.Waiting `json:"waiting_on" nullable:"false" doc:"Whom the request waits for now."`
	StatusText string           `json:"status_text" doc:"What happens next, in a sentence."`
}

type reassignedOutput struct {
	Body Reassigned
}

// reassign answers whom the request waits for, and nothing else of it: an administrator need not be one who may read it.
func (a *API) reassign(ctx context.Context, in *reassignInput) (*reassignedOutput, error) {
	caller, id := callerOf(ctx), access.RequestID(in.RequestID)
	if !access.ValidRequestID(in.RequestID) {
		return nil, notFound(id)
	}
	messageID, err := messageID(caller.Person, in.IdempotencyKey, in.Body.ID)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	call := workflows.ReassignInput{
		ID: messageID, By: caller.Person, Evidence: caller.Evidence, Stage: in.Body.Stage, Reason: in.Body.Reason,
	}
	for _, item := range in.Body.Items {
		call.Items = append(call.Items, access.ItemID(item))
	}
	for _, person := range in.Body.To {
		call.To = append(call.To, access.PersonID(person))
	}
	view, err := a.deps.Gateway.Reassign(ctx, id, call)
	switch {
	case access.IsKind(err, access.NotFound):
		return nil, notFound(id)
	case err != nil:
		return nil, a.failed(ctx, err)
	}
	return &reassignedOutput{Body: Reassigned{WaitingOn: append([]access.Waiting{}, view.WaitingOn...), StatusText: view.StatusText}}, nil
}
