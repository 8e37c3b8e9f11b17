package accesstest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// UserBelongingsHarness is a fresh desk behind the connector under test, with what the port cannot do. Its funcs fail the test themselves when they
// cannot do what they are asked for.
type UserBelongingsHarness struct {
	Belongings access.UserBelongings
	// Kind is a configured kind.
	Kind string
	// PutUser adds a user as an administrator of the desk does, and returns the user as the desk has it.
	PutUser func(access.DeskUser) access.DeskUser
	// PutOwned adds a record of Kind that is owned by a user, and returns its id; SetOwner changes its owner as people do, and Owner is who it is now.
	PutOwned func(title string, owner access.DeskUser) string
	SetOwner func(id string, owner access.DeskUser)
	Owner    func(id string) access.UserID
	// PutOther adds a record that is owned by a user and is not of the kind, such as a ticket that usher has opened, and returns its id.
	PutOther func(owner access.DeskUser) string
	// Close makes a record one that is not of the kind any more, as people do who close a ticket.
	Close func(id string)
	// Adopt makes a record that a person has opened the ticket of a request, as usher does.
	Adopt func(id string)
	// RefuseCredentials makes the desk treat the connector's credentials as wrong.
	RefuseCredentials func()
	// CutShort makes the next page end before its last record, or fail; nil where it cannot be made to.
	CutShort func()
	// LoseAnswer makes the desk change the owner with the next write and lose the answer; nil where it cannot be made to, and NoLoss says why.
	LoseAnswer func()
	NoLoss     string
	// IgnoreWrites makes the desk answer writes with success and keep nothing.
	IgnoreWrites func()
	// Writes counts the writes of owners that reached the desk; nil where nobody counts.
	Writes func() int
	// Unknown is an id that no record has.
	Unknown string
}

// RunUserBelongings checks every promise of access.UserBelongings, one case each. newHarness is called once per case; what it opens it closes by
// t.Cleanup.
func RunUserBelongings(t *testing.T, newHarness func(*testing.T) UserBelongingsHarness) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, UserBelongingsHarness)
	}{
		{"the kinds are those of the configuration", ownedKinds},
		{"all records of a user are listed once, over several pages", ownedPages},
		{"nothing is an empty list", ownedNone},
		{"a kind that is not there is not found", ownedNoKind},
		{"a listing that is cut short is an error, and the next one is whole", ownedCutShort},
		{"bad credentials are forbidden, never an empty answer", ownedForbidden},
		{"a context that has ended ends the call", ownedEnded},
		{"a record is handed over, and repeating is success", ownedHandedOver},
		{"a record that somebody else owns by now is a conflict and stays", ownedChanged},
		{"a record that is closed between the listing and the write is a conflict and stays", ownedClosed},
		{"a record that is not of the kind is a conflict and stays", ownedOther},
		{"the ticket of a request that a person has opened is not listed, and stays", ownedAdopted},
		{"a record that is not there is not found", ownedGone},
		{"nothing is handed to a user who is switched off, or is not there", ownedToNobody},
		{"a write whose answer is lost may be repeated", ownedLost},
		{"a write that the desk does not keep is an error", ownedNotKept},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

// list is everything that a user owns, read in pages of two.
func (h UserBelongingsHarness) list(t *testing.T, owner access.DeskUser) []string {
	t.Helper()
	const limit = 2
	var ids []string
	q := access.OwnedQuery{Kind: h.Kind, Owner: owner, Limit: limit}
	for {
		page, err := h.Belongings.ListOwned(t.Context(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), limit)
		for _, o := range page {
			require.Equal(t, h.Kind, o.Kind)
			require.NotEmpty(t, o.ID)
			ids = append(ids, o.ID)
		}
		if len(page) < limit {
			return ids
		}
		q.After = page[limit-1].ID
	}
}

func (h UserBelongingsHarness) of(id string) access.Owned { return access.Owned{Kind: h.Kind, ID: id} }

// pair are two users of the desk.
func (h UserBelongingsHarness) pair() (from, to access.DeskUser) {
	return h.PutUser(person("ana")), h.PutUser(person("bob"))
}

func ownedKinds(t *testing.T, h UserBelongingsHarness) {
	h.PutOwned("first", h.PutUser(person("ana")))
	kinds, err := h.Belongings.OwnedKinds(t.Context())
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(kinds, func(k access.OwnedKind) bool { return k.Name == h.Kind && k.Text != "" }), "%+v", kinds)
}

func ownedPages(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	const several = 5
	var ids []string
	for i := range several {
		ids = append(ids, h.PutOwned(fmt.Sprint("record ", i), ana))
	}
	other := h.PutOwned("another", bob)
	h.PutOther(ana)
	require.ElementsMatch(t, ids, h.list(t, ana))
	require.Equal(t, []string{other}, h.list(t, bob))
	page, err := h.Belongings.ListOwned(t.Context(), access.OwnedQuery{Kind: h.Kind, Owner: bob, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "another", page[0].Title)
}

func ownedNone(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	h.PutOwned("another", bob)
	require.Empty(t, h.list(t, ana))
}

func ownedNoKind(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	h.PutOwned("first", ana)
	_, err := h.Belongings.ListOwned(t.Context(), access.OwnedQuery{Kind: "nothing", Owner: ana, Limit: 1})
	requireKind(t, access.NotFound, err)
	requireKind(t, access.NotFound, h.Belongings.HandOver(t.Context(), access.Owned{Kind: "nothing", ID: "1"}, ana, bob))
}

func ownedCutShort(t *testing.T, h UserBelongingsHarness) {
	if h.CutShort == nil {
		t.Log("fallback: a page is one answer")
		return
	}
	ana := h.PutUser(person("ana"))
	ids := []string{h.PutOwned("first", ana), h.PutOwned("second", ana)}
	h.CutShort()
	_, err := h.Belongings.ListOwned(t.Context(), access.OwnedQuery{Kind: h.Kind, Owner: ana, Limit: access.MaxOwnedPage})
	requireKind(t, access.Transient, err)
	require.ElementsMatch(t, ids, h.list(t, ana))
}

func ownedForbidden(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	id := h.PutOwned("first", ana)
	h.RefuseCredentials()
	_, err := h.Belongings.OwnedKinds(t.Context())
	requireKind(t, access.Forbidden, err)
	for _, owner := range []access.DeskUser{ana, bob} {
		_, err = h.Belongings.ListOwned(t.Context(), access.OwnedQuery{Kind: h.Kind, Owner: owner, Limit: 1})
		requireKind(t, access.Forbidden, err)
	}
	requireKind(t, access.Forbidden, h.Belongings.HandOver(t.Context(), h.of(id), ana, bob))
	require.Equal(t, ana.ID, h.Owner(id))
}

func ownedEnded(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	id := h.PutOwned("first", ana)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Belongings.ListOwned(ctx, access.OwnedQuery{Kind: h.Kind, Owner: ana, Limit: 1})
	require.Error(t, err)
	require.Error(t, h.Belongings.HandOver(ctx, h.of(id), ana, bob))
	require.Equal(t, ana.ID, h.Owner(id))
}

func ownedHandedOver(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	id, stays := h.PutOwned("first", ana), h.PutOwned("second", ana)
	for range 2 {
		require.NoError(t, h.Belongings.HandOver(t.Context(), h.of(id), ana, bob))
		require.Equal(t, bob.ID, h.Owner(id))
	}
	require.Equal(t, []string{stays}, h.list(t, ana))
	require.Equal(t, []string{id}, h.list(t, bob))
	if h.Writes != nil {
		require.Equal(t, 1, h.Writes())
	}
}

func ownedChanged(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	eve := h.PutUser(person("eve"))
	id := h.PutOwned("first", ana)
	h.SetOwner(id, eve)
	requireKind(t, access.Conflict, h.Belongings.HandOver(t.Context(), h.of(id), ana, bob))
	require.Equal(t, eve.ID, h.Owner(id))
}

func ownedClosed(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	id, done := h.PutOwned("first", ana), h.PutOwned("second", ana)
	require.ElementsMatch(t, []string{id, done}, h.list(t, ana))
	require.NoError(t, h.Belongings.HandOver(t.Context(), h.of(done), ana, bob))
	for _, one := range []string{id, done} {
		h.Close(one)
	}
	require.Empty(t, h.list(t, ana))
	h.refuses(t, id, ana, bob)
	// The answer may have been lost before the new owner closed it.
	require.NoError(t, h.Belongings.HandOver(t.Context(), h.of(done), ana, bob))
}

// refuses makes sure that a record is not handed over, because it is none that is listed.
func (h UserBelongingsHarness) refuses(t *testing.T, id string, from, to access.DeskUser) {
	t.Helper()
	writes := 0
	if h.Writes != nil {
		writes = h.Writes()
	}
	requireKind(t, access.Conflict, h.Belongings.HandOver(t.Context(), h.of(id), from, to))
	require.Equal(t, from.ID, h.Owner(id))
	if h.Writes != nil {
		require.Equal(t, writes, h.Writes())
	}
}

func ownedOther(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	h.PutOwned("first", ana)
	h.refuses(t, h.PutOther(ana), ana, bob)
}

func ownedAdopted(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	id, stays := h.PutOwned("first", ana), h.PutOwned("second", ana)
	require.ElementsMatch(t, []string{id, stays}, h.list(t, ana))
	h.Adopt(id)
	require.Equal(t, []string{stays}, h.list(t, ana))
	h.refuses(t, id, ana, bob)
}

func ownedGone(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	h.PutOwned("first", ana)
	for _, id := range []string{h.Unknown, "../" + h.Unknown, "a b?c=d&e", ""} {
		requireKind(t, access.NotFound, h.Belongings.HandOver(t.Context(), h.of(id), ana, bob))
	}
}

func ownedToNobody(t *testing.T, h UserBelongingsHarness) {
	ana := h.PutUser(person("ana"))
	off := person("off")
	off.Active = false
	off = h.PutUser(off)
	id := h.PutOwned("first", ana)
	// The caller may have read the user before somebody switched the user off.
	stale, gone := off, off
	stale.Active, gone.ID, gone.Account = true, off.ID+"0", off.Account+"0"
	for _, to := range []access.DeskUser{off, stale, gone} {
		requireKind(t, access.Invalid, h.Belongings.HandOver(t.Context(), h.of(id), ana, to))
	}
	require.Equal(t, ana.ID, h.Owner(id))
	if h.Writes != nil {
		require.Zero(t, h.Writes())
	}
}

func ownedLost(t *testing.T, h UserBelongingsHarness) {
	if h.LoseAnswer == nil {
		require.NotEmpty(t, h.NoLoss)
		t.Log("fallback: " + h.NoLoss)
		return
	}
	ana, bob := h.pair()
	id := h.PutOwned("first", ana)
	h.LoseAnswer()
	requireKind(t, access.Transient, h.Belongings.HandOver(t.Context(), h.of(id), ana, bob))
	require.NoError(t, h.Belongings.HandOver(t.Context(), h.of(id), ana, bob))
	require.Equal(t, bob.ID, h.Owner(id))
}

func ownedNotKept(t *testing.T, h UserBelongingsHarness) {
	ana, bob := h.pair()
	id := h.PutOwned("first", ana)
	h.IgnoreWrites()
	requireKind(t, access.Invalid, h.Belongings.HandOver(t.Context(), h.of(id), ana, bob))
	require.Equal(t, ana.ID, h.Owner(id))
}
