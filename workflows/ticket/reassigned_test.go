package ticket_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows/ticket"
)

func TestReassignedText(t *testing.T) {
	mia, ben, omar := access.Person{ID: "mia", DisplayName: "Mia"}, access.Person{ID: "ben", DisplayName: "Ben"}, access.Person{ID: "omar"}
	items := []access.ItemRequirement{
		{Item: access.Item{ID: "1"}, Title: "Wiki editor"}, {Item: access.Item{ID: "2"}, Title: "Wiki admin"}, {Item: access.Item{ID: "3"}, Title: "Badge"},
	}
	text := ticket.ReassignedText([]policy.Changed{
		{Item: "1", Stage: "manager", Before: []access.Person{mia}, After: []access.Person{ben, omar}},
		{Item: "3", Stage: "owner", Before: []access.Person{mia}},
		{Item: "2", Stage: "manager", Before: []access.Person{mia}, After: []access.Person{ben, omar}},
		{Item: "9", Stage: "owner", After: []access.Person{ben}},
	}, items, "Mia has left")
	require.Equal(t, "Others approve now: Mia has left.\nWiki editor, Wiki admin, manager: Ben or omar instead of Mia.\n"+
		"Badge, owner: nobody yet instead of Mia.\n9, owner: Ben instead of nobody yet.", text)
}
