package sqlview_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/connectors/people"
	"usher/internal/connectors/sqlview"
)

func good() sqlview.Config {
	return sqlview.Config{
		DSN: "postgres://usher:s3cret@db.example.com/hr?sslmode=verify-full", View: "hr.people", Fields: people.Fields{ID: "emp_id", UserName: "login"},
	}
}

func TestConfig_YAML(t *testing.T) {
	var c sqlview.Config
	require.NoError(t, yaml.Unmarshal([]byte(`
dsn: postgres://usher:s3cret@db.example.com/hr?sslmode=verify-full
view: hr.people
fields: {id: emp_id, user_name: login}
request_timeout: 30s
`), &c))
	want := good()
	want.RequestTimeout = access.Duration(30 * time.Second)
	require.Equal(t, want, c)
	require.NoError(t, c.Validate())
}

func TestConfig_refused(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*sqlview.Config)
		says   string
	}{
		"no DSN":                     {func(c *sqlview.Config) { c.DSN = "" }, `dsn: expected "postgres://user:password@host:5432/database"`},
		"a DSN of words":             {func(c *sqlview.Config) { c.DSN = "host=db password=s3cret" }, "dsn: expected"},
		"a DSN of another kind":      {func(c *sqlview.Config) { c.DSN = "mysql://a:s3cret@db" }, "dsn: expected"},
		"a raw password":             {func(c *sqlview.Config) { c.DSN = "postgres://usher:s3cret/@db/hr" }, "dsn: found an @ that does not stand before the host"},
		"two @":                      {func(c *sqlview.Config) { c.DSN = "postgres://usher:s3@cret@db/hr" }, "dsn: found an @"},
		"a parameter that is none":   {func(c *sqlview.Config) { c.DSN = "postgres://usher:s3cret@db/hr?sslmode=s3cret" }, "dsn: cannot be used"},
		"a certificate that is none": {func(c *sqlview.Config) { c.DSN += "&sslrootcert=/nowhere/s3cret.pem" }, "dsn: a certificate, key or password file that it names does not exist"},
		"no view":                    {func(c *sqlview.Config) { c.View = "" }, "view: expected a schema and a name"},
		"a view without a schema":    {func(c *sqlview.Config) { c.View = "people" }, "view: expected a schema and a name"},
		"a view with quotes":         {func(c *sqlview.Config) { c.View = `hr."people"` }, "view: expected a schema and a name"},
		"a view with a statement":    {func(c *sqlview.Config) { c.View = "hr.people; drop table x" }, "view: expected a schema and a name"},
		"a view in another database": {func(c *sqlview.Config) { c.View = "db.hr.people" }, "view: expected a schema and a name"},
		"no user name":               {func(c *sqlview.Config) { c.Fields.UserName = "" }, "fields.user_name: is empty"},
		"a negative time-out":        {func(c *sqlview.Config) { c.RequestTimeout = -1 }, "request_timeout: expected"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			row.change(&c)
			_, err := sqlview.NewSource(c)
			require.ErrorContains(t, err, row.says)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}
