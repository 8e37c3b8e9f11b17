package memory_test

import (
	"strconv"
	"testing"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/memory"
)

func TestUserBelongingsSuite(t *testing.T) {
	accesstest.RunUserBelongings(t, func(*testing.T) accesstest.UserBelongingsHarness {
		users := memory.NewUsers()
		const kind = "assets"
		n := 0
		return accesstest.UserBelongingsHarness{
			Belongings: users, Kind: kind, PutUser: users.Put, Unknown: "999",
			PutOwned: func(title string, owner access.DeskUser) string {
				n++
				id := strconv.Itoa(n)
				users.PutOwned(access.Owned{Kind: kind, ID: id, Title: title}, owner.ID)
				return id
			},
			SetOwner: func(id string, owner access.DeskUser) { users.PutOwned(access.Owned{Kind: kind, ID: id}, owner.ID) },
			Owner:    func(id string) access.UserID { return users.OwnerOf(kind, id) },
			PutOther: func(owner access.DeskUser) string {
				users.PutOwned(access.Owned{Kind: kind, ID: "x"}, owner.ID)
				users.CloseOwned(kind, "x")
				return "x"
			},
			Close:             func(id string) { users.CloseOwned(kind, id) },
			Adopt:             func(id string) { users.CloseOwned(kind, id) },
			RefuseCredentials: func() { users.RefuseCredentials(true) },
			CutShort:          users.CutNextListing,
			LoseAnswer:        func() { users.DropAnswerNext(memory.OpHandOver) },
			IgnoreWrites:      func() { users.IgnoreWrites(true) },
			Writes:            users.Writes,
		}
	})
}
