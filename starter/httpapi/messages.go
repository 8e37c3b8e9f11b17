package httpapi

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"usher/internal/access"
	"usher/workflows"
)

// DecisionBody is one person's decision.
type DecisionBody struct {
	ID      string   `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The decision's id, chosen by the client; the caller's same id is the same decision. Idempotency-Key does the same."`
	Verdict string   `json:"verdict" enum:"approve,deny" doc:"What the caller decides."`
	Items   []string `json:"items,omitempty" maxItems:"20" nullable:"false" doc:"The items decided, by id. Absent: every item that the caller may decide now." example:"[\"1\"]"`
	Reason  string   `json:"reason,omitempty" maxLength:"2000" doc:"Why; people read it in the ticket and in the audit trail."`
}

type decideInput struct {
	RequestID      string `path:"id" maxLength:"64" doc:"The request's id."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same decision."`
	Body           DecisionBody
}

// Resolve implements huma.Resolver.
func (in *decideInput) Resolve(huma.Context) []error {
	problems := repeatable(in.IdempotencyKey, in.Body.ID, in.Body.Reason)
	for i, item := range in.Body.Items {
		problems = append(problems, fittingID(fmt.Sprintf("body.items[%d]", i), item, access.Limits().Item)...)
	}
	return problems
}

func repeatable(key, id, reason string) []error {
	var problems []error
	if key != "" && id != "" {
		problems = append(problems, fieldError("header.Idempotency-Key", "expected either Idempotency-Key or id, not both"))
	}
	problems = append(problems, chosenID(id)...)
	problems = append(problems, plainText("header.Idempotency-Key", key)...)
	return append(problems, plainText("body.reason", reason)...)
}

// messageID is the id of a decision or a withdrawal. It begins with the person, so that nobody can take the id of
// somebody else's message and have his own counted as its repetition.
func messageID(person access.PersonID, key, id string) (string, error) {
	if key == "" && id == "" {
		fresh, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("choose an id: %w", err)
		}
		id = fresh.String()
	}
	if key != "" {
		id = keyedID("message", person, key)
	}
	return string(person) + ":" + id, nil
}

type seenOutput struct {
	Body access.RequestView
}

func (a *API) decide(ctx context.Context, in *decideInput) (*seenOutput, error) {
	caller, id := callerOf(ctx), access.RequestID(in.RequestID)
	known, err := a.request(ctx, id)
	switch {
	case err != nil && known.State == access.StateEvaluating:
		return nil, unanswered()
	case err != nil:
		return nil, err
	}
	messageID, err := messageID(caller.Person, in.IdempotencyKey, in.Body.ID)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	decision := access.Decision{
		ID: messageID, By: caller.Person, Verdict: access.Verdict(in.Body.Verdict), Reason: in.Body.Reason,
		Channel: access.ChannelAPI, Evidence: caller.Evidence, At: a.deps.Now().UTC(),
	}
	for _, item := range in.Body.Items {
		decision.Items = append(decision.Items, access.ItemID(item))
	}
	view, err := a.deps.Gateway.Decide(ctx, id, decision)
	if err != nil {
		return a.notTaken(ctx, known, decision, err)
	}
	return &seenOutput{Body: view}, nil
}

// WithdrawBody is why a request is taken back.
type WithdrawBody struct {
	ID     string `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The withdrawal's id, chosen by the client; Idempotency-Key does the same."`
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"Why; people read it in the ticket and in the audit trail."`
}

type withdrawInput struct {
	RequestID      string `path:"id" maxLength:"64" doc:"The request's id."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same withdrawal."`
	Body           *WithdrawBody
}

// Resolve implements huma.Resolver.
func (in *withdrawInput) Resolve(huma.Context) []error {
	said := in.said()
	return repeatable(in.IdempotencyKey, said.ID, said.Reason)
}

func (in *withdrawInput) said() WithdrawBody {
	if in.Body == nil {
		return WithdrawBody{}
	}
	return *in.Body
}

func (a *API) withdraw(ctx context.Context, in *withdrawInput) (*seenOutput, error) {
	caller, id, said := callerOf(ctx), access.RequestID(in.RequestID), in.said()
	known, err := a.request(ctx, id)
	if err != nil {
		return nil, err
	}
	messageID, err := messageID(caller.Person, in.IdempotencyKey, said.ID)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	view, err := a.deps.Gateway.Withdraw(ctx, id, workflows.WithdrawInput{
		ID: messageID, By: caller.Person, Reason: said.Reason, Evidence: caller.Evidence,
	})
	if err != nil {
		return a.notTaken(ctx, known, access.Decision{}, err)
	}
	return &seenOutput{Body: view}, nil
}
