package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"usher/internal/access"
)

// loadJoined reads a configuration with a file, a directory and a source that is made of others.
func loadJoined(t *testing.T, file, section string) (workerConfig, error) {
	t.Helper()
	return load(t, "sources:", `sources:
  plant: {edge: true}
  hr: {kind: csv, csv: {path: "`+file+`", whole: {trailer: TRAILER}, fields: {id: No, user_name: Login, attributes: {site: Site}}}}
  ad: {kind: ldap, ldap: {directory: active_directory, url: "ldaps://dc1.example.com", bind_dn: "usher@example.com", base_dn: "dc=example,dc=com",
    password: "${SCIM_TOKEN}", fields: {attributes: {number: employeeID, phone: telephoneNumber}}}}
  narrow: {kind: csv, csv: {path: "`+file+`", whole: {trailer: TRAILER}, fields: {id: No, user_name: Login}}, people: {every: 6h, only: "id != '7'"}}
  other: {kind: joined, joined: {sources: [{source: hr, key: id}, {source: ad, key: attributes.number}]}}
  staff: {kind: joined, joined: {`+section+`}}`)
}

const hrAndAD = `sources: [{source: hr, key: id}, {source: ad, key: attributes.number}]`

func TestSourceKinds_joined(t *testing.T) {
	c, err := loadJoined(t, "/srv/hr.csv", hrAndAD+`, fields: {email: [ad], user_name: [ad, hr], attributes.phone: [ad]}`)
	require.NoError(t, err)
	opened, err := c.source("staff").open()
	require.NoError(t, err)
	require.Implements(t, (*access.PeopleLister)(nil), opened)
	require.Contains(t, c.servedSources(), access.SourceName("staff"))

	for name, row := range map[string]struct{ section, says string }{
		"nothing":                {``, "sources.staff.sources: expected at least two"},
		"an unknown source":      {`sources: [{source: hr, key: id}, {source: sap, key: id}]`, `sources.staff.sources[1].source: found "sap", expected one of sources: ad, directory, hr`},
		"itself":                 {`sources: [{source: hr, key: id}, {source: staff, key: id}]`, `sources.staff.sources[1].source: found "staff", which is this source itself`},
		"one that is joined":     {`sources: [{source: other, key: id}, {source: hr, key: id}]`, `sources.staff.sources[0].source: found "other", which is made of others itself`},
		"one with a scope":       {`sources: [{source: narrow, key: id}, {source: hr, key: id}]`, `sources.staff.sources[0].source: found "narrow", which has people.only`},
		"one at the edge":        {`sources: [{source: hr, key: id}, {source: plant, key: id}]`, `sources.staff.sources[1].source: found "plant", which another worker serves`},
		"no key":                 {`sources: [{source: hr, key: id}, {source: ad}]`, "sources.staff.sources[1].key: is empty"},
		"a key of no source":     {`sources: [{source: hr, key: email}, {source: ad, key: email}]`, `sources.staff.sources[0].key: found "email", which this source does not have`},
		"a key of SCIM":          {`sources: [{source: hr, key: id}, {source: directory, key: attributes.employee_number}]`, "sources.staff.sources[1].key: found"},
		"an unknown field":       {hrAndAD + `, fields: {phone: [ad]}`, "sources.staff.fields.phone: is no field"},
		"a field of the first":   {hrAndAD + `, fields: {manager: [ad]}`, "sources.staff.fields.manager: comes from the first of sources only"},
		"a field that is not in": {hrAndAD + `, fields: {attributes.phone: [hr]}`, `sources.staff.fields.attributes.phone: found "hr", which does not have this field`},
		"an unknown key":         {hrAndAD + `, attributes: {phone: [ad]}`, "attributes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadJoined(t, "/srv/hr.csv", row.section)
			require.ErrorContains(t, err, row.says)
		})
	}
}

// How a joined source reads people is how its sources do, and how they are joined.
func TestSourceKinds_joined_mapping(t *testing.T) {
	of := func(change func(*workerConfig)) string {
		c, err := loadJoined(t, "/srv/hr.csv", hrAndAD)
		require.NoError(t, err)
		change(&c)
		digest, err := c.source("staff").mapping()
		require.NoError(t, err)
		return digest
	}
	staff := func(change func(*sourceConfig), name access.SourceName) func(*workerConfig) {
		return func(c *workerConfig) {
			source := c.Sources[name]
			change(&source)
			c.Sources[name] = source
		}
	}
	before := of(func(*workerConfig) {})
	require.NotEmpty(t, before)
	require.Equal(t, before, of(staff(func(c *sourceConfig) { c.LDAP.URL = "ldaps://dc2.example.com" }, "ad")))
	require.NotEqual(t, before, of(staff(func(c *sourceConfig) { c.LDAP.Filter = "(uid=*)" }, "ad")))
	require.NotEqual(t, before, of(staff(func(c *sourceConfig) { c.CSV.Fields.Email = "Mail" }, "hr")))
	require.NotEqual(t, before, of(staff(func(c *sourceConfig) {
		c.Joined.Fields = map[string][]access.SourceName{"email": {"ad"}}
	}, "staff")))
}

// A worker serves a source that is made of others beside them.
func TestModule_joined(t *testing.T) {
	c, err := loadJoined(t, "/srv/hr.csv", hrAndAD)
	require.NoError(t, err)
	require.NoError(t, fx.New(module(t.Context(), &c, slog.New(slog.DiscardHandler))).Err())
}

// Two files are one source.
func TestSourceKinds_joined_reads(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	hr := write("hr.csv", "No,Login,Site\n7,hr7,North\n8,hr8,South\nTRAILER,2\n")
	tel := write("tel.csv", "Key,Name,Phone,Number\nx,tel7,+1,7\nTRAILER,1\n")
	c, err := load(t, "sources:", `sources:
  hr: {kind: csv, csv: {path: "`+hr+`", whole: {trailer: TRAILER}, fields: {id: No, user_name: Login, attributes: {site: Site}}}}
  tel: {kind: csv, csv: {path: "`+tel+`", whole: {trailer: TRAILER}, fields: {id: Key, user_name: Name, attributes: {phone: Phone, number: Number}}}}
  staff: {kind: joined, joined: {sources: [{source: hr, key: id}, {source: tel, key: attributes.number}], fields: {user_name: [tel, hr]}}}`)
	require.NoError(t, err)
	source, err := c.source("staff").open()
	require.NoError(t, err)
	var all []access.PersonRecord
	end, err := source.ListPeople(t.Context(), "", func(page access.PeoplePage) error {
		all = append(all, page.People...)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, access.Listing{People: 2, Proof: access.ProofCount}, end)
	require.Equal(t, []access.PersonRecord{
		{
			Person:     access.Person{ID: "7", UserName: "tel7", Active: true},
			Attributes: map[string][]string{"site": {"North"}, "phone": {"+1"}, "number": {"7"}},
		},
		{Person: access.Person{ID: "8", UserName: "hr8", Active: true}, Attributes: map[string][]string{"site": {"South"}}},
	}, all)
	found, err := source.FindPerson(t.Context(), access.PersonQuery{UserName: "TEL7"})
	require.NoError(t, err)
	require.Equal(t, all[0].Person, found)
}
