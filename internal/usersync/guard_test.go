package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/usersync"
)

func TestGuard_patterns(t *testing.T) {
	for _, c := range []struct {
		pattern  string
		user     access.DeskUser
		protects bool
	}{
		{"svc-*", access.DeskUser{Values: map[string]string{"user_name": "SVC-Backup"}}, true},
		{"svc-*", access.DeskUser{Values: map[string]string{"user_name": "ana.svc-1"}}, false},
		{"*@bots.example.com", access.DeskUser{Values: map[string]string{"email": "a@bots.example.com"}}, true},
		{"u-17", access.DeskUser{ID: "U-17"}, true},
		{"root", access.DeskUser{Account: "root"}, true},
		{`corp\svc*`, access.DeskUser{Account: `CORP\svc-x`}, true},
		{"a/b*", access.DeskUser{Account: "a/b/c"}, true},
		{"*", access.DeskUser{}, false},
		{"jose\u0301*", access.DeskUser{Account: "jos\u00e9.silva"}, true},
	} {
		g, err := usersync.NewGuard([]string{c.pattern}, "")
		require.NoError(t, err)
		require.Equal(t, c.protects, g.Protects(c.user) != "", "%s %+v", c.pattern, c.user)
	}
}

func TestGuard_when(t *testing.T) {
	g, err := usersync.NewGuard(nil, `"source" in values && values["source"] == "" || person == "" && account.startsWith("bot") || values["must"] == "x"`)
	require.NoError(t, err)
	require.Contains(t, g.Protects(access.DeskUser{Account: "bot7"}), "protected_when")
	require.Empty(t, g.Protects(access.DeskUser{Account: "ana", Values: map[string]string{"must": "y"}}))
	// A question that has no answer for a user protects the user.
	require.Contains(t, g.Protects(access.DeskUser{Account: "ana"}), "cannot be answered")
}

func TestGuard_names_what_is_wrong(t *testing.T) {
	_, err := usersync.NewGuard([]string{"[a]", ""}, `"text"`)
	for _, part := range []string{`protected: found "[a]"`, `protected: found ""`, "protected_when: found an expression"} {
		require.ErrorContains(t, err, part)
	}
	_, err = usersync.NewGuard(nil, "nobody ==")
	require.ErrorContains(t, err, "protected_when")
}

func TestBrakes_validate(t *testing.T) {
	require.Empty(t, usersync.Brakes{}.Validate())
	wrong := usersync.Brakes{DeactivationsCount: -1, DeactivationsShare: 2, FieldShare: -1, MissingShare: 1.5, Floor: -3}.Validate()
	require.Len(t, wrong, 5)
}
