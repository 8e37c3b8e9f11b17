package activities

import (
	"context"

	"usher/internal/access"
)

// UnlinkedUser is what came of an Unlink; without a link it was refused.
type UnlinkedUser struct {
	Link     *access.DeskLink `json:"link,omitempty"`
	Kind     access.Kind      `json:"kind,omitempty"`
	Refusals []access.Refusal `json:"refusals,omitempty"`
}

// UnlinkUser takes the link of a person on a desk away, unless a run over the users of the desk goes on, whose plan may rest on the link. A run whose
// workflow does not run any more is ended. Safe to repeat.
func (a *UserSync) UnlinkUser(ctx context.Context, u access.Unlink) (UnlinkedUser, error) {
	var link access.DeskLink
	err := beginning{
		running: a.Running,
		begin: func(ctx context.Context) (err error) {
			link, err = a.Ledger.RemoveDeskLink(ctx, u)
			return err
		},
		open: a.open(u.Desk),
	}.do(ctx)
	refused := func(problem string) (UnlinkedUser, error) {
		return UnlinkedUser{Kind: access.KindOf(err), Refusals: []access.Refusal{{Field: "person", Problem: problem}}}, nil
	}
	switch {
	case err == nil:
		return UnlinkedUser{Link: &link}, nil
	case access.IsKind(err, access.NotFound):
		return refused("the person is linked to no user of the desk")
	case access.IsKind(err, access.Conflict):
		return refused("a run over the users of the desk goes on, and may rest on the link; try again when it has ended")
	}
	return UnlinkedUser{}, translate(err)
}
