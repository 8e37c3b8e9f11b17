package joined_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
	"usher/internal/connectors/people"
)

func candidates() map[access.SourceName]joined.Known {
	bare := joined.Known{Fields: people.Fields{ID: "id", UserName: "login"}}
	web := known()
	web.NoAttributeKeys = true
	return map[access.SourceName]joined.Known{
		"hr": known(), "ad": known(), "tel": bare, "web": web,
		"staff": {Refused: "is joined itself"}, "plant": {Refused: "another worker serves"},
	}
}

func TestConfig_Validate(t *testing.T) {
	require.NoError(t, config().Validate(candidates()))
	every := config()
	every.Sources = append(every.Sources, joined.Member{Source: "tel", Key: "user_name"}, joined.Member{Source: "web", Key: "email"})
	every.Fields = map[string][]access.SourceName{
		"user_name": {"ad"}, "display_name": {"ad", "hr"}, "email": {"web", "ad", "hr"}, "attributes.phone": {"ad"},
	}
	require.NoError(t, every.Validate(candidates()))

	with := func(i int, source access.SourceName, key string) joined.Config {
		c := config()
		c.Sources[i] = joined.Member{Source: source, Key: key}
		return c
	}
	from := func(field string, names ...access.SourceName) joined.Config {
		c := config()
		c.Fields = map[string][]access.SourceName{field: names}
		return c
	}
	for name, row := range map[string]struct {
		config joined.Config
		says   string
	}{
		"nothing":                {joined.Config{}, "sources: expected at least two"},
		"one source":             {joined.Config{Sources: config().Sources[:1]}, "sources: expected at least two"},
		"an unknown source":      {with(1, "sap", "id"), `sources[1].source: found "sap", expected one of sources: ad, hr, tel, web`},
		"no source":              {with(0, "", "id"), `sources[0].source: found "", expected one of sources`},
		"a joined source":        {with(1, "staff", "id"), `sources[1].source: found "staff", which is joined itself`},
		"a source at the edge":   {with(0, "plant", "id"), `sources[0].source: found "plant", which another worker serves`},
		"a source twice":         {with(1, "hr", "id"), `sources[1].source: found "hr" twice`},
		"no key":                 {with(1, "ad", ""), "sources[1].key: is empty, expected id, user_name, email or attributes.<name>"},
		"a key that is no field": {with(1, "ad", "number"), `sources[1].key: found "number", expected id`},
		"a key without a name":   {with(1, "ad", "attributes."), `sources[1].key: found "attributes.", expected id`},
		"a key of no source":     {with(1, "ad", "attributes.badge"), `sources[1].key: found "attributes.badge", which this source does not have`},
		"a key of another":       {with(1, "tel", "email"), `sources[1].key: found "email", which this source does not have`},
		"a key nobody can ask":   {with(1, "web", numberKey), `sources[1].key: found "attributes.number", expected id, user_name or email`},
		"a manager":              {from("manager", "hr"), "fields.manager: comes from the first of sources only"},
		"a last day":             {from("ends", "ad"), "fields.ends: comes from the first of sources only"},
		"whether active":         {from("active", "ad"), "fields.active: comes from the first of sources only"},
		"an id":                  {from("id", "ad"), "fields.id: comes from the first of sources only"},
		"an unknown field":       {from("phone", "ad"), "fields.phone: is no field, expected user_name, display_name, email or attributes.<name>"},
		"a field of nobody":      {from("email"), "fields.email: is empty"},
		"a field of a stranger":  {from("email", "tel"), `fields.email: found "tel", expected one of those that are joined`},
		"a field of one twice":   {from("email", "ad", "ad"), `fields.email: found "ad" twice`},
		"an attribute of none":   {from("attributes.badge", "ad"), `fields.attributes.badge: found "ad", which does not have this field`},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, row.config.Validate(candidates()), row.says)
		})
	}
	_, err := joined.New(config(), nil)
	require.ErrorContains(t, err, "sources[0].source")
}

// Every key that is wrong is named, not the first alone.
func TestConfig_Validate_all(t *testing.T) {
	err := joined.Config{
		Sources: []joined.Member{{Source: "hr"}, {Source: "sap", Key: "id"}},
		Fields:  map[string][]access.SourceName{"email": {}, "manager": {"hr"}},
	}.Validate(candidates())
	for _, key := range []string{"sources[0].key", "sources[1].source", "fields.email", "fields.manager"} {
		require.ErrorContains(t, err, key)
	}
}
