package activities

import (
	"context"

	"usher/internal/access"
)

// takerSteps is how many managers are asked for, one above the other.
const takerSteps = 10

// ownedTaker is who gets what a leaver owns.
type ownedTaker struct {
	person access.PersonID
	user   access.DeskUser
}

// taker returns who gets what a leaver owns: the first of the managers above them who is present with an active user, else the fallback; nil for
// nobody.
func (h *handing) taker(ctx context.Context, leaver access.KnownPerson) (*ownedTaker, error) {
	seen := map[access.PersonID]bool{leaver.Record.ID: true}
	next := leaver.Record.Manager
	for range takerSteps {
		if next == "" || seen[next] {
			break
		}
		seen[next] = true
		person, found, err := h.takes(ctx, next)
		if err != nil || found != nil {
			return found, err
		}
		next = person.Record.Manager
	}
	if h.Settings.HandOver.Fallback == "" {
		return nil, nil
	}
	_, found, err := h.takes(ctx, h.Settings.HandOver.Fallback)
	return found, err
}

// takes returns a person with the user who can take something; nil where the person cannot: who is not present, has no user, or one who is switched
// off, is protected, such as one of a program, or is another person's by the desk.
func (h *handing) takes(ctx context.Context, id access.PersonID) (access.KnownPerson, *ownedTaker, error) {
	person, err := h.Ledger.KnownPerson(ctx, h.run.Source, id)
	switch {
	case access.IsKind(err, access.NotFound):
		return person, nil, nil
	case err != nil || person.State != access.PersonPresent:
		return person, nil, err
	}
	links, err := h.Ledger.DeskLinks(ctx, h.run.Desk, []access.PersonID{id})
	if err != nil || len(links) == 0 {
		return person, nil, err
	}
	user, err := h.Port.ReadUser(ctx, links[0].User)
	switch {
	case access.IsKind(err, access.NotFound):
		return person, nil, nil
	case err != nil:
		return person, nil, h.asked(ctx, err)
	case !user.Active || h.Settings.Guard.Protects(user) != "", user.Person != "" && user.Person != id:
		return person, nil, nil
	}
	return person, &ownedTaker{id, user}, nil
}
