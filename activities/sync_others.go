package activities

import (
	"context"

	"usher/internal/access"
)

// applyOthers applies a row to the person's other users, each of them whatever becomes of those before, and returns the first error.
func (a *applying) applyOthers(ctx context.Context, row access.SyncRow) error {
	var first error
	for _, other := range row.Others {
		if err := a.applyOther(ctx, row, other); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// applyOther applies a row to another user of the person. One who does not fit any more stays as it is: the next plan finds it as it is by then.
func (a *applying) applyOther(ctx context.Context, row access.SyncRow, other access.OtherUser) error {
	user, err := a.Port.ReadUser(ctx, other.User)
	switch {
	case access.IsKind(err, access.NotFound):
		return nil
	case err != nil:
		return err
	case user.Person != row.Person || a.Settings.Guard.Protects(user) != "":
		return nil
	}
	out := map[string]string{}
	for field := range other.Values {
		if user.Values[field] != "" {
			out[field] = ""
		}
	}
	if len(out) > 0 {
		err = a.update(ctx, user.ID, access.UserChange{Values: out})
	}
	if row.Operation == access.UserDeactivate && user.Active && a.run.Schema.Cannot[access.UserDeactivate] == "" {
		if off := a.setActive(ctx, user.ID, false); err == nil {
			err = off
		}
	}
	return err
}
