package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// loadGroups reads a configuration in which users of the desk are synced, with groups.
func loadGroups(t *testing.T, groups string) (workerConfig, error) {
	t.Helper()
	return load(t, "sources:\n  directory: {", "sources:\n  directory: {people: {every: 6h}, ",
		"desks:\n  jira: {", "desks:\n  jira: {sync: {every: 1h, fields: {user_name: {value: user_name}}, groups: "+groups+"}, ")
}

func TestGroupsConfig_names_the_key(t *testing.T) {
	for groups, says := range map[string]string{
		`{Sales: {}}`:                                 "sync.groups.Sales.members: expected an expression",
		`{Sales: {members: user_name}}`:               "sync.groups.Sales.members: found an expression that is a string, expected one that is true or false",
		`{Sales: {members: "report > 0"}}`:            "sync.groups.Sales.members: ",
		`{" Sales": {members: "true"}}`:               `sync.groups." Sales": expected the name of a group`,
		`{Sales: {members: "true", birth: true}}`:     "birth",
		`{Sales: {members: "true", birthright: yup}}`: "birthright",
	} {
		t.Run(groups, func(t *testing.T) {
			_, err := loadGroups(t, groups)
			require.ErrorContains(t, err, says)
		})
	}
}

// What people have to ask for they get by what they are only where somebody says so.
func TestGroupsConfig_birthright(t *testing.T) {
	for groups, refused := range map[string]bool{
		`{wiki-editors: {members: "true"}}`:                   true,
		`{wiki-editors: {members: "true", birthright: true}}`: false,
		`{Wiki: {members: "true"}}`:                           false,
	} {
		t.Run(groups, func(t *testing.T) {
			c, err := loadGroups(t, groups)
			require.NoError(t, err)
			_, err = readCatalog(&c)
			if !refused {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "desks.jira.sync.groups.wiki-editors: people have to ask for a group of this name, by wiki/editor of the catalog; expected birthright: true")
		})
	}
}

func TestGroupsConfig_settings(t *testing.T) {
	c, err := loadGroups(t, `{Owners: {members: "owns.size() > 0"}, Chiefs: {members: "reports > 0"}}`)
	require.NoError(t, err)
	catalog, err := readCatalog(&c)
	require.NoError(t, err)
	all, err := c.syncSettings(catalog)
	require.NoError(t, err)
	require.Equal(t, []string{"Chiefs", "Owners"}, all["jira"].Groups.Names())
	require.Equal(t, map[access.PersonID][]string{"omar": {"wiki/editor"}}, all["jira"].Owns)

	// Other rules are another configuration; without any, the digest is what it was before there were groups.
	without, err := loadGroups(t, `{}`)
	require.NoError(t, err)
	digest := func(c workerConfig) string {
		s, err := c.Desks["jira"].Sync.settings("directory")
		require.NoError(t, err)
		return s.Digest
	}
	require.NotEqual(t, digest(without), digest(c))
	other, err := loadGroups(t, `{Owners: {members: "owns.size() > 1"}, Chiefs: {members: "reports > 0"}}`)
	require.NoError(t, err)
	require.NotEqual(t, digest(other), digest(c))
}

// What people own counts for a desk whose users are people of the same source.
func TestGroupsConfig_owns_of_another_source(t *testing.T) {
	for source, refused := range map[access.SourceName]bool{"": false, "directory": false, "contractors": true} {
		t.Run(string(source), func(t *testing.T) {
			c, err := loadGroups(t, `{Owners: {members: "owns.size() > 0"}, Named: {members: 'user_name == "owns"'}}`)
			require.NoError(t, err)
			c.Sources["contractors"] = c.Sources["directory"]
			c.Desks["jira"].Sync.Source = source
			_, err = readCatalog(&c)
			if !refused {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, `desks.jira.sync.groups.Owners.members: owns is what people of the source "directory" own, by the catalog, and sync.source is "contractors"`)
			require.NotContains(t, err.Error(), "Named")
		})
	}
}

// What protects is not what people come into and go from.
func TestProtectedGroups_config(t *testing.T) {
	for groups, says := range map[string]string{
		`[""]`:    `sync.protected_groups: found "", expected the name of a group of the desk`,
		`[Sales]`: `sync.protected_groups: found "Sales", expected the name of a group of the desk that is not one of groups`,
		`[Bots]`:  "",
	} {
		t.Run(groups, func(t *testing.T) {
			c, err := loadGroups(t, `{Sales: {members: "true"}}, protected_groups: `+groups)
			if says != "" {
				require.ErrorContains(t, err, says)
				return
			}
			require.NoError(t, err)
			settings, err := c.Desks["jira"].Sync.settings("directory")
			require.NoError(t, err)
			in := access.DeskUser{ID: "u1", Values: map[string]string{access.GroupField("Bots"): access.GroupMember}}
			require.Contains(t, settings.Guard.Protects(in), `protected group "Bots"`)
			require.Empty(t, settings.Guard.Protects(access.DeskUser{ID: "u1"}))
		})
	}
}
