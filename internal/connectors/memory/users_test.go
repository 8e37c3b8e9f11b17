package memory_test

import (
	"testing"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/memory"
)

func TestUsersSuite(t *testing.T) {
	accesstest.RunUserDirectory(t, func(*testing.T) accesstest.UserDirectoryHarness {
		users := memory.NewUsers()
		return accesstest.UserDirectoryHarness{
			Directory: users, Put: users.Put, Remove: users.Remove,
			RefuseCredentials: func() { users.RefuseCredentials(true) },
			CutShort:          users.CutNextListing,
			NoHiding:          "nothing shows it in memory",
			LoseAnswer:        func() { users.DropAnswerNext(memory.OpCreateUser) },
			IgnoreWrites:      func() { users.IgnoreWrites(true) },
			New: map[string]string{
				access.UserFieldName: "new", access.UserFieldEmail: "new@example.com", access.UserFieldDisplayName: "Somebody New", "department": "Research",
			},
			Own: "department", Pages: 501 + 600,
		}
	})
}

func TestUserGroupsSuite(t *testing.T) {
	accesstest.RunUserGroups(t, func(*testing.T) accesstest.UserGroupsHarness {
		users := memory.NewUsers()
		return accesstest.UserGroupsHarness{
			Groups: users, RemoveUser: users.Remove, PutGroup: users.PutGroup,
			PutUser:           func(u access.DeskUser) access.UserID { return users.Put(u).ID },
			RefuseCredentials: func() { users.RefuseCredentials(true) },
			CutShort:          users.CutNextListing,
			LoseAnswer: func(adds bool) {
				op := memory.OpRemoveGroupMember
				if adds {
					op = memory.OpAddGroupMember
				}
				users.DropAnswerNext(op)
			},
			IgnoreWrites: func() { users.IgnoreWrites(true) },
			Pages:        600,
		}
	})
}
