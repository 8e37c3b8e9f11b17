package csvfeed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/connectors/csvfeed"
	"usher/internal/connectors/people"
)

func TestConfig_YAML(t *testing.T) {
	var c csvfeed.Config
	require.NoError(t, yaml.Unmarshal([]byte(`
url: https://hr.example.com/out/people.csv
user: usher
password: abc
encoding: windows-1252
delimiter: semicolon
whole: {trailer: TRAILER}
fields: {id: Employee, user_name: Login}
max_bytes: 1048576
request_timeout: 2m
`), &c))
	require.Equal(t, csvfeed.Config{
		URL: "https://hr.example.com/out/people.csv", User: "usher", Password: "abc", Encoding: csvfeed.Windows1252, Delimiter: "semicolon",
		Whole: csvfeed.Whole{Trailer: "TRAILER"}, Fields: people.Fields{ID: "Employee", UserName: "Login"},
		MaxBytes: 1 << 20, RequestTimeout: access.Duration(2 * time.Minute),
	}, c)
	require.NoError(t, c.Validate())
}

func TestConfig_refused(t *testing.T) {
	const address = "https://hr.example.com/people.csv"
	byURL := func(c *csvfeed.Config) { c.Path, c.URL = "", address }
	for name, row := range map[string]struct {
		change func(*csvfeed.Config)
		says   string
	}{
		"no place":                       {func(c *csvfeed.Config) { c.Path = "" }, "path: expected either path or url"},
		"two places":                     {func(c *csvfeed.Config) { c.URL = address }, "path: expected either path or url"},
		"a token for a path":             {func(c *csvfeed.Config) { c.Token = "abc" }, "token: expected no token"},
		"plain http":                     {func(c *csvfeed.Config) { c.Path, c.URL = "", "http://hr.example.com/" }, "url: expected an absolute https address"},
		"plain http to a name like it":   {func(c *csvfeed.Config) { c.Path, c.URL = "", "http://localhost.example.com/" }, "url: expected an absolute https address"},
		"no scheme":                      {func(c *csvfeed.Config) { c.Path, c.URL = "", "hr.example.com/people.csv" }, "url: expected an absolute https address"},
		"ftp":                            {func(c *csvfeed.Config) { c.Path, c.URL = "", "ftp://127.0.0.1/people.csv" }, "url: expected an absolute https address"},
		"a password in the address":      {func(c *csvfeed.Config) { c.Path, c.URL = "", "https://a:s3cret@hr.example.com/" }, "url: expected an address without a user"},
		"a fragment":                     {func(c *csvfeed.Config) { c.Path, c.URL = "", address+"#a" }, "url: expected an address without a fragment"},
		"a token and a password":         {func(c *csvfeed.Config) { byURL(c); c.Token, c.User, c.Password = "a", "b", "c" }, "token: expected either token, or user and password"},
		"a user without a password":      {func(c *csvfeed.Config) { byURL(c); c.User = "b" }, "user: expected user and password"},
		"a password without a user":      {func(c *csvfeed.Config) { byURL(c); c.Password = "b" }, "user: expected user and password"},
		"a user with a colon":            {func(c *csvfeed.Config) { byURL(c); c.User, c.Password = "a:b", "c" }, "user: expected a name without a colon"},
		"a token with a line break":      {func(c *csvfeed.Config) { byURL(c); c.Token = "a\nb" }, "token: expected a bearer token"},
		"an unknown encoding":            {func(c *csvfeed.Config) { c.Encoding = "latin1" }, "encoding: expected utf-8, utf-16, iso-8859-1 or windows-1252"},
		"an unknown delimiter":           {func(c *csvfeed.Config) { c.Delimiter = ";" }, "delimiter: expected one of comma, pipe, semicolon, tab"},
		"no proof":                       {func(c *csvfeed.Config) { c.Whole = csvfeed.Whole{} }, "whole: expected one of whole.trailer, whole.end_marker and whole.digest"},
		"two proofs":                     {func(c *csvfeed.Config) { c.Whole.Trailer = "END" }, "whole: expected one of whole.trailer, whole.end_marker and whole.digest"},
		"a short marker":                 {func(c *csvfeed.Config) { c.Whole.EndMarker = "ab" }, "whole.end_marker: expected at least 3 characters"},
		"a marker with a delimiter":      {func(c *csvfeed.Config) { c.Whole.EndMarker = "a,bc" }, "whole.end_marker: expected at least 3 characters, without quotes, delimiters"},
		"a trailer with spaces around":   {func(c *csvfeed.Config) { c.Whole = csvfeed.Whole{Trailer: " END"} }, "whole.trailer: expected at least 3 characters"},
		"a digest on another host":       {func(c *csvfeed.Config) { byURL(c); c.Whole = csvfeed.Whole{Digest: "https://example.com/a.sha256"} }, "whole.digest: expected an address on the host of url"},
		"a path of a digest for a url":   {func(c *csvfeed.Config) { byURL(c); c.Whole = csvfeed.Whole{Digest: "/a.sha256"} }, "whole.digest: expected an absolute https address"},
		"no id":                          {func(c *csvfeed.Config) { c.Fields.ID = "" }, "fields.id: is empty"},
		"a negative length":              {func(c *csvfeed.Config) { c.MaxBytes = -1 }, "max_bytes: expected"},
		"a negative time-out":            {func(c *csvfeed.Config) { c.RequestTimeout = -1 }, "request_timeout: expected"},
		"a digest by http where url has": {func(c *csvfeed.Config) { byURL(c); c.Whole = csvfeed.Whole{Digest: "http://hr.example.com/a"} }, "whole.digest: expected an absolute https address"},
	} {
		t.Run(name, func(t *testing.T) {
			c := small()
			c.Path = "/srv/people.csv"
			row.change(&c)
			_, err := csvfeed.NewSource(c)
			require.ErrorContains(t, err, row.says)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
	for _, address := range []string{"http://127.0.0.1:8080/a", "http://[::1]/a", "http://localhost/a?b=c", "https://hr.example.com"} {
		c := small()
		c.URL = address
		require.NoError(t, c.Validate(), address)
	}
}
