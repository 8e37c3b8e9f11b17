package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestRequirementApprovers(t *testing.T) {
	stage := func(ids ...access.PersonID) access.Stage {
		s := access.Stage{Name: access.StageOwner}
		for _, id := range ids {
			s.Approvers = append(s.Approvers, access.Person{ID: id})
		}
		return s
	}
	need := access.Requirement{Items: []access.ItemRequirement{
		{Stages: []access.Stage{stage("mia"), stage("omar", "ada")}},
		{Stages: []access.Stage{stage("mia"), stage("zoe", "ada")}},
	}}
	require.Equal(t, []access.PersonID{"ada", "mia", "omar", "zoe"}, need.Approvers(), "each once, sorted")
	require.Empty(t, access.Requirement{}.Approvers())
}
