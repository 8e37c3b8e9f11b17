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
