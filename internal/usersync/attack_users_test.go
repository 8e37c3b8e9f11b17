package usersync_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/usersync"
)

// The example of docs/connectors.md is `protected_when: values["source"] == "scim"`. Values has only fields that have a value, and only those that `fields` names (the usual ones
// besides), so the example's own `fields` never show a "source": the expression has no answer for anybody, and everybody is protected.
// A user loses: who begins with the documented example has every update, link and deactivation skipped, leavers included.
func TestAttackUsers_example_of_protected_when_protects_everybody(t *testing.T) {
	text, err := os.ReadFile("../../docs/connectors.md")
	require.NoError(t, err)
	example := regexp.MustCompile(`protected_when: (.+)`).FindSubmatch(text)
	require.NotNil(t, example)
	g, err := usersync.NewGuard(nil, string(example[1]))
	require.NoError(t, err)
	// A user as ServiceNow's connector reads one by the fields of the example.
	require.Empty(t, g.Protects(access.DeskUser{ID: "1", Account: "ada", Active: true, Values: map[string]string{
		"user_name": "ada", "email": "ada@example.com", "first_name": "Ada", "department": "5f0a", "title": "Clerk",
	}}), "by %s", example[1])
}
