package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/usersync"
)

// Links are by desk and person, not by source, and the digest of the mapping has fields and tables only. A desk that gets another source (whose ids of people are others: "1017" is
// somebody else) takes the links of the old one for its own, and no brake `mapping` holds it.
// A user loses: users are written with, and switched off for, whoever has the same number in the new source, up to the shares of the other brakes.
func TestAttackUsers_another_source_is_no_changed_mapping(t *testing.T) {
	c := syncConfig{Source: "hr", Fields: map[string]usersync.Field{access.UserFieldName: {Value: "user_name"}}}
	before, err := c.settings("hr")
	require.NoError(t, err)
	c.Source = "payroll"
	after, err := c.settings("hr")
	require.NoError(t, err)
	require.NotEqual(t, before.Source, after.Source)
	require.NotEqual(t, before.Digest, after.Digest)
}
