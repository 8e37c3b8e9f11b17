package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
	"usher/workflows"
)

// UnlinkUserBody is why a link is taken away.
type UnlinkUserBody struct {
	ID     string `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; it is recorded." example:"The user is of a namesake."`
}

type unlinkUserInput struct {
	Desk           string `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	Person         string `path:"person" maxLength:"512" doc:"The person, by the source's id." example:"p-1017"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           UnlinkUserBody
}

// Resolve implements huma.Resolver.
func (in *unlinkUserInput) Resolve(huma.Context) []error {
	problems := append(fittingDesk(in.Desk), listedID("path.person", in.Person)...)
	return append(problems, repeatable(in.IdempotencyKey, in.Body.ID, in.Body.Reason)...)
}

// UnlinkedUser is the link that was taken away.
type UnlinkedUser struct {
	Person access.PersonID `json:"person" doc:"The person, by the source's id."`
	User   access.UserID   `json:"user" doc:"The user, by the desk's own id."`
}

type unlinkedOutput struct {
	Body UnlinkedUser
}

func (a *API) unlinkUser(ctx context.Context, in *unlinkUserInput) (*unlinkedOutput, error) {
	caller := callerOf(ctx)
	id, err := changeIDOf(caller.Person, in.IdempotencyKey, in.Body.ID)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	link, err := a.deps.Gateway.Unlink(ctx, id, workflows.UnlinkParams{
		Desk: access.DeskName(in.Desk), Person: access.PersonID(in.Person), By: caller.Person, Evidence: caller.Evidence, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	return &unlinkedOutput{Body: UnlinkedUser{Person: link.Person, User: link.User}}, nil
}
