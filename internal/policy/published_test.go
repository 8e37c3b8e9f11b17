package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestPublished(t *testing.T) {
	text := strings.Replace(catalogText, "name: Desk", "name: Desk\n    desk: rt\n    owners: [zoe]\n    fallback: [fred]", 1)
	p := parse(t, text).Published("jira")
	require.Equal(t, []access.PublishedApplication{
		{ID: "desk", Name: "Desk", Owners: []access.PersonID{"zoe"}},
		{ID: "wiki", Name: "Wiki", Owners: []access.PersonID{"olga", "otto"}},
	}, p.Applications)
	require.Equal(t, []access.PublishedEntitlement{
		{
			ID: "desk/agent", Application: "desk", ApplicationName: "Desk", Title: "Desk agent", Fulfilment: access.FulfilmentManual,
			Stages: []string{"owner"}, Owners: []access.PersonID{"anna"}, Desk: "rt",
		},
		{
			ID: "wiki/editor", Application: "wiki", ApplicationName: "Wiki", Title: "Wiki editor", Fulfilment: access.FulfilmentSCIM,
			MaxDuration: access.Duration(30 * 24 * 3600e9), Stages: []string{"manager", "owner"}, Owners: []access.PersonID{"olga", "otto"}, Desk: "jira",
		},
		{
			ID: "wiki/reader", Application: "wiki", ApplicationName: "Wiki", Title: "Wiki reader", Fulfilment: access.FulfilmentManual,
			Stages: []string{"manager"}, Owners: []access.PersonID{"olga", "otto"}, Desk: "jira",
		},
	}, p.Entitlements)
	published, err := json.Marshal(p)
	require.NoError(t, err)
	for _, hidden := range []string{"directory", "editors", "agents", "fred"} {
		require.NotContains(t, string(published), `"`+hidden+`"`)
	}
}

func TestPublishedHash(t *testing.T) {
	hash := func(text string, usual access.DeskName) string { return parse(t, text).Published(usual).Hash }
	first := hash(catalogText, "jira")
	require.Regexp(t, `^[0-9a-f]{64}$`, first)
	require.Equal(t, first, hash("# reviewed\n"+catalogText, "jira"))
	require.Equal(t, first, hash(reordered(), "jira"), "the order does not matter")
	require.NotEqual(t, first, hash(catalogText, "rt"))
	for from, to := range map[string]string{
		"target_role: editors": "target_role: writers", "30d": "31d", "otto": "oleg",
		// Owners whom no stage asks are published as well.
		"name: Desk": "name: Desk\n    owners: [zoe]",
	} {
		require.NotEqual(t, first, hash(strings.Replace(catalogText, from, to, 1), "jira"), from)
	}
	changed := parse(t, catalogText)
	changed.Published("jira").Applications[1].Owners[0] = "x"
	require.Equal(t, access.PersonID("olga"), changed.Published("jira").Applications[1].Owners[0], "a caller cannot change the catalog")
}
