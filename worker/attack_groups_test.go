package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// The catalog has the role wiki-editors. Directories compare names of groups without regard to case (SCIM: displayName is not caseExact; Active Directory, ServiceNow, RT), so a group that is
// written otherwise is the same group there. It needs no birthright.
func TestAttackGroups_birthright_by_another_spelling(t *testing.T) {
	for _, groups := range []string{`{Wiki-Editors: {members: "true"}}`, `{WIKI-EDITORS: {members: "true"}}`} {
		c, err := loadGroups(t, groups)
		require.NoError(t, err)
		_, err = readCatalog(&c)
		require.ErrorContains(t, err, "birthright", groups)
	}
}

// The owners of the catalog are people of the source in which people are looked up. A desk whose users follow another source ("another source calls other people by the same ids", worker/sync.go) takes them for its
// own: whoever has the id omar there comes into the group of the wiki's owners.
func TestAttackGroups_owners_of_another_source(t *testing.T) {
	c, err := loadGroups(t, `{Owners: {members: "owns.size() > 0"}}`)
	require.NoError(t, err)
	catalog, err := readCatalog(&c)
	require.NoError(t, err)
	c.Sources["contractors"] = c.Sources["directory"]
	c.Desks["jira"].Sync.Source = "contractors"
	all, err := c.syncSettings(catalog)
	if err != nil {
		return
	}
	require.Equal(t, access.SourceName("contractors"), all["jira"].Source)
	require.Empty(t, all["jira"].Owns, "the owners are people of %q", c.Source)
}
