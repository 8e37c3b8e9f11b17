package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/config"
)

type settings struct {
	HTTP struct {
		Address string          `yaml:"address"`
		Port    int16           `yaml:"port"`
		Grace   access.Duration `yaml:"grace"`
		Idle    time.Duration   `yaml:"idle"`
		Debug   bool            `yaml:"debug"`
		Share   float64         `yaml:"share"`
		Bytes   uint8           `yaml:"bytes"`
	} `yaml:"http"`
	Desks   map[access.DeskName]desk `yaml:"desks"`
	Hosts   []string                 `yaml:"hosts"`
	Backup  *desk                    `yaml:"backup"`
	Extra   yaml.Node                `yaml:"extra"`
	Any     any                      `yaml:"any"`
	Shared  shared                   `yaml:",inline"`
	Ignored string                   `yaml:"-"`
	Bad     chan int                 `yaml:"bad"`

	problems error
}

type shared struct {
	DesksJira struct {
		URL string `yaml:"url"`
	} `yaml:"desks_jira"`
	Name string `json:"name"`
}

type desk struct {
	URL     string            `yaml:"url"`
	Token   string            `yaml:"token" secret:"true"`
	Headers map[string]string `yaml:"headers" secret:"true"`
	Pin     access.Duration   `yaml:"pin" secret:"true"`
}

func (s *settings) Validate() error { return s.problems }

func defaults() *settings {
	s := &settings{Hosts: []string{"default"}, Desks: map[access.DeskName]desk{"hr-desk": {URL: "http://default"}}}
	s.HTTP.Address = "127.0.0.1:8080"
	return s
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLoad_values(t *testing.T) {
	path := write(t, `
http: {address: ":9", port: 0x10, grace: 1d12h, idle: 90s, debug: true, share: 2, bytes: 255}
hosts: [a, "b ${ZONE}", "$${ZONE}"]
backup: &b {url: "http://${HOST}:${PORT}", token: "${TOKEN}"}
desks:
  jira: *b
  hr-desk: {token: "${file:token.txt}", headers: {Authorization: "${TOKEN}"}}
extra: {deep: ["${ZONE}"]}
any: {n: 1, zone: "${ZONE}"}
name: usher
`)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "token.txt"), []byte("from file\n"), 0o600))
	s := defaults()
	environ := []string{"HOST=first", "HOST=desk", "PORT=81", "TOKEN=t0p", "ZONE=eu: [west", "UNUSED"}
	require.NoError(t, config.Load(path, environ, s))

	require.Equal(t, ":9", s.HTTP.Address)
	require.Equal(t, int16(16), s.HTTP.Port)
	require.Equal(t, access.Duration(36*time.Hour), s.HTTP.Grace)
	require.Equal(t, 90*time.Second, s.HTTP.Idle)
	require.True(t, s.HTTP.Debug)
	require.InDelta(t, 2.0, s.HTTP.Share, 0)
	require.Equal(t, uint8(255), s.HTTP.Bytes)
	require.Equal(t, []string{"a", "b eu: [west", "${ZONE}"}, s.Hosts)
	require.Equal(t, desk{URL: "http://desk:81", Token: "t0p"}, *s.Backup)
	require.Equal(t, desk{URL: "http://desk:81", Token: "t0p"}, s.Desks["jira"])
	require.Equal(t, desk{URL: "http://default", Token: "from file", Headers: map[string]string{"Authorization": "t0p"}}, s.Desks["hr-desk"])
	require.Equal(t, map[string]any{"n": 1, "zone": "eu: [west"}, s.Any)
	require.Equal(t, "usher", s.Shared.Name)
	var extra struct{ Deep []string }
	require.NoError(t, s.Extra.Decode(&extra))
	require.Equal(t, []string{"eu: [west"}, extra.Deep)
}

func TestLoad_defaults(t *testing.T) {
	rows := map[string]string{
		"an empty file":                ``,
		"only a comment":               `# nothing yet`,
		"a section without keys":       "http:\ndesks:\nhosts:\n",
		"a key without a value":        "http:\n  address:\n",
		"an empty section of own keys": "desks: {}",
	}
	for name, text := range rows {
		t.Run(name, func(t *testing.T) {
			s := defaults()
			require.NoError(t, config.Load(write(t, text), nil, s))
			require.Equal(t, defaults(), s)
		})
	}
	t.Run("no file at all", func(t *testing.T) {
		s := defaults()
		require.NoError(t, config.Load("", []string{"USHER_HTTP_PORT=7"}, s))
		require.Equal(t, int16(7), s.HTTP.Port)
		require.Equal(t, []string{"default"}, s.Hosts)
	})
}

func TestLoad_default_map(t *testing.T) {
	given := map[access.DeskName]desk{"hr-desk": {URL: "http://default"}}
	s := &settings{Desks: given}
	require.NoError(t, config.Load(write(t, `desks: {hr-desk: {url: other}}`), nil, s))
	require.Equal(t, "other", s.Desks["hr-desk"].URL)
	require.Equal(t, "http://default", given["hr-desk"].URL)
}

func TestLoadTellsProblems(t *testing.T) {
	environ := []string{"WORD=sesame", "EMPTY=", "ZERO=0"}
	rows := map[string]struct{ text, want string }{
		"an unknown key, nearest first": {
			"http:\n  addrss: x", `usher.yaml:2: http.addrss: unknown key; allowed here: address, `,
		},
		"an unknown key in a named section": {"desks: {jira: {tokn: x}}", `usher.yaml:1: desks.jira.tokn: unknown key; allowed here: token, pin, url, headers`},
		"a field that is no key":            {"ignored: x", `usher.yaml:1: ignored: unknown key; allowed here: `},
		"text for a number":                 {"http:\n\n  port: abc", `usher.yaml:3: http.port: found the text "abc", expected a whole number from -32768 to 32767`},
		"a quoted number":                   {`http: {port: "8080"}`, `http.port: found the text "8080", expected a whole number`},
		"a number that is too large":        {`http: {port: 80800}`, `http.port: found the number 80800, expected a whole number from -32768 to 32767`},
		"a fraction for a whole number":     {`http: {port: 1.5}`, `http.port: found the number 1.5, expected a whole number`},
		"a negative number of bytes":        {`http: {bytes: -1}`, `http.bytes: found the number -1, expected a whole number from 0 to 255`},
		"text for a number with fraction":   {`http: {share: half}`, `http.share: found the text "half", expected a number`},
		"text for a switch":                 {`http: {debug: yes}`, `http.debug: found the text "yes", expected true or false`},
		"a list for text":                   {`http: {address: [a]}`, `http.address: found a list, expected text`},
		"text for a section":                {`http: abc`, `http: found the text "abc", expected keys and values`},
		"text for a list":                   {`hosts: abc`, `hosts: found the text "abc", expected a list`},
		"a section for a list's item":       {`hosts: [a, {b: c}]`, `hosts[1]: found keys and values, expected text`},
		"no duration":                       {`http: {grace: soon}`, `http.grace: "soon": expected a duration such as "45s"`},
		"no duration of Go's own type":      {`http: {idle: soon}`, `http.idle: found the text "soon", expected a duration such as "45s"`},
		"a list for a duration":             {`http: {grace: []}`, `http.grace: found a list, expected one value`},
		"a key that stands twice":           {"hosts: []\nhttp: {}\nhosts: [a]", `usher.yaml:3: hosts: the key stands twice; it was first set in line 1`},
		"a name that stands twice":          {"desks:\n  jira: {}\n  jira: {}", `usher.yaml:3: desks.jira: the key stands twice; it was first set in line 2`},
		"a merge":                           {"http: &h {}\nbackup: {<<: *h}", `usher.yaml:2: backup: found a merge (<<) as a key, expected a plain name`},
		"a list as a key":                   {"? [a]\n: b", `usher.yaml:1: found a list as a key, expected a plain name`},
		"a field without a form":            {"bad: 1", `bad: cannot be set: values of type chan int have no form in the file`},
		"a second document":                 {"hosts: []\n---\nhosts: []", `a second document begins here, expected one`},
		"a list at the top":                 {"[a]", `usher.yaml:1: found a list, expected keys and values`},
		"no YAML":                           {"a: [", `not YAML: line`},
		"no YAML in the second document":    {"a: b\n---\na: [", `not YAML: line`},
		"an alias that contains itself":     {"any: &a [*a]", `found more than 50 levels`},
		"a literal secret":                  {"desks: {jira: {token: t0p}}", `desks.jira.token: a secret must not stand in the file: use ${NAME} or ${file:PATH}`},
		"a secret that is partly literal":   {"desks: {jira: {token: 'x${WORD}'}}", `desks.jira.token: a secret must not stand in the file`},
		"a secret that is an escape":        {"desks: {jira: {token: '$${WORD}'}}", `desks.jira.token: a secret must not stand in the file`},
		"a secret that is empty":            {"desks: {jira: {token: '${EMPTY}'}}", `desks.jira.token: ${EMPTY} is empty, and this is a secret`},
		"a literal in a secret section":     {"desks: {jira: {headers: {a: b}}}", `desks.jira.headers.a: a secret must not stand in the file`},
		"a number that is a literal secret": {"desks: {jira: {token: 12}}", `desks.jira.token: a secret must not stand in the file`},
		"a missing variable":                {"http: {address: '${NOPE}'}", `http.address: the environment variable NOPE is not set`},
		"a missing variable in a free part": {"extra: {a: ['${NOPE}']}", `extra.a[0]: the environment variable NOPE is not set`},
		"a missing file":                    {"http: {address: '${file:/nope/x}'}", `http.address: cannot read the file /nope/x: no such file or directory`},
		"a bad reference":                   {"http: {address: '${A B}'}", `http.address: found a reference that is neither ${NAME} nor ${file:PATH}; a plain ${ is written $${`},
		"an open reference":                 {"http: {address: '${WORD'}", `http.address: found a reference that is neither ${NAME} nor ${file:PATH}`},
		"a variable that is no number":      {"http: {port: '${WORD}'}", `http.port: found a value that comes from outside the file, expected a whole number`},
		"a variable that is no duration":    {"http: {grace: '${WORD}'}", `http.grace: a value that comes from outside the file was refused (it is not shown)`},
		"a variable that is a bad secret":   {"backup: {pin: '${WORD}'}", `backup.pin: a value that comes from outside the file was refused (it is not shown)`},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			err := config.Load(write(t, row.text), environ, defaults())
			require.ErrorContains(t, err, row.want)
			require.Equal(t, access.Invalid, access.KindOf(err))
			require.NotContains(t, err.Error(), "sesame")
			require.NotContains(t, err.Error(), "t0p")
		})
	}
}

func TestLoad_problems(t *testing.T) {
	s := defaults()
	s.problems = errors.Join(errors.New("hosts: found none, expected at least one"), errors.New("desks.jira.token: missing"),
		errors.New("http and desks exclude each other"))
	path := write(t, "http: {port: abc}\ndesks: {jira: {token: literal, nope: 1}}\n")
	err := config.Load(path, []string{"USHER_NOPE=1"}, s)

	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	var texts []string
	for _, problem := range problems {
		texts = append(texts, problem.String())
	}
	require.Len(t, texts, 6)
	require.Contains(t, texts[0], "USHER_NOPE: matches no key of the configuration; nearest: USHER_NAME, ")
	require.Contains(t, texts[1], path+":1: http.port: ")
	require.Contains(t, texts[2], path+":2: desks.jira.token: ")
	require.Contains(t, texts[3], path+":2: desks.jira.nope: ")
	require.Equal(t, "hosts: found none, expected at least one", texts[4])
	require.Equal(t, "http and desks exclude each other", texts[5])
	require.Contains(t, err.Error(), "6 problems:\n  USHER_NOPE: ")
}

func TestLoad_environment(t *testing.T) {
	path := write(t, "http: {port: 1}\ndesks:\n  jira: &j {url: a}\n  other: *j\nhosts: [a]\n")
	environ := []string{
		"USHER_HTTP_PORT=2", "USHER_HTTP_GRACE=8h", "USHER_NAME=${PLAIN}", "USHER_DESKS_OTHER_URL=b",
		"USHER_DESKS_HR_DESK_TOKEN=t0p", "USHER_BACKUP_URL=c", "USHER_URL=1", "USHER_TOKEN=1", "USHER_AS=1", "USHER_CONFIG=1",
		"USHER_TEST_KEEP=1", "HOME=/",
	}
	s := defaults()
	require.NoError(t, config.Load(path, environ, s, "USHER_TEST_"))
	require.Equal(t, int16(2), s.HTTP.Port)
	require.Equal(t, access.Duration(8*time.Hour), s.HTTP.Grace)
	require.Equal(t, "${PLAIN}", s.Shared.Name)
	require.Equal(t, "a", s.Desks["jira"].URL, "an override of an alias leaves the anchor alone")
	require.Equal(t, "b", s.Desks["other"].URL)
	require.Equal(t, desk{URL: "http://default", Token: "t0p"}, s.Desks["hr-desk"])
	require.Equal(t, "c", s.Backup.URL)
}

func TestLoad_environment_problems(t *testing.T) {
	rows := map[string]struct{ text, variable, want string }{
		"a name that matches no key":   {"", "USHER_HTTP_ADDRSS=x", "USHER_HTTP_ADDRSS: matches no key of the configuration; nearest: USHER_HTTP_ADDRESS, "},
		"a list cannot be overridden":  {"", "USHER_HOSTS=x", "USHER_HOSTS: matches no key"},
		"a section's name alone":       {"", "USHER_HTTP=x", "USHER_HTTP: matches no key"},
		"a name that no map has":       {"", "USHER_DESKS_NOPE_URL=x", "USHER_DESKS_NOPE_URL: matches no key"},
		"two keys of the same name":    {"desks: {jira: {}}", "USHER_DESKS_JIRA_URL=x", "USHER_DESKS_JIRA_URL: matches more than one key: desks.jira.url, desks_jira.url"},
		"a value of the wrong type":    {"", "USHER_HTTP_PORT=sesame", "USHER_HTTP_PORT: http.port: found a value that comes from outside the file, expected a whole number"},
		"a value that is no duration":  {"", "USHER_HTTP_GRACE=sesame", "USHER_HTTP_GRACE: http.grace: a value that comes from outside the file was refused"},
		"a section that is no section": {"http: 1", "USHER_HTTP_PORT=1", "usher.yaml:1: http: found the number 1, expected keys and values"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			err := config.Load(write(t, row.text), []string{row.variable}, defaults())
			require.ErrorContains(t, err, row.want)
			require.NotContains(t, err.Error(), "sesame")
		})
	}
}

func TestLoadNamesAMissingFile(t *testing.T) {
	err := config.Load("/nope/usher.yaml", nil, defaults())
	require.ErrorContains(t, err, "there is no file /nope/usher.yaml")
	require.Equal(t, access.NotFound, access.KindOf(err))
	err = config.Load(t.TempDir(), nil, defaults())
	require.Equal(t, access.Invalid, access.KindOf(err))
}

func TestLoad_pointer(t *testing.T) {
	for _, into := range []any{nil, settings{}, (*settings)(nil), &[]string{}} {
		require.ErrorContains(t, config.Load("", nil, into), "expected a pointer to a struct")
	}
}

func TestUnderGivesFullKeys(t *testing.T) {
	require.NoError(t, config.Under("log", nil))
	two := errors.Join(errors.New("level: bad"), errors.Join(errors.New("format: bad")))
	require.EqualError(t, config.Under("a.log", two), "a.log.level: bad\na.log.format: bad")

	s := defaults()
	s.problems = errors.Join(config.Under("backup", errors.New("url: bad")), config.Under("desks.jira", two))
	err := config.Load("", nil, s)
	require.ErrorContains(t, err, "3 problems:\n  backup.url: bad\n  desks.jira.level: bad\n  desks.jira.format: bad\n")
}

// FuzzLoad holds that Load ends, never panics, and never shows what a variable holds.
func FuzzLoad(f *testing.F) {
	f.Add("http: {port: '${SECRET}'}", "USHER_HTTP_PORT")
	f.Add("any: &a [*a]\nextra: *a", "USHER_NAME")
	f.Add("desks: {? {a: b} : c, jira: {token: x, headers: ['${SECRET}']}}", "USHER_DESKS_JIRA_URL")
	f.Add("backup: !!binary '${SECRET}'\nhosts: !x [1]", "USHER_BACKUP_PIN")
	f.Fuzz(func(t *testing.T, text, variable string) {
		const secret = "8f14e45fceea167a"
		path := filepath.Join(t.TempDir(), "usher.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		err := config.Load(path, []string{"SECRET=" + secret, variable + "=" + secret}, defaults())
		if err != nil {
			require.NotContains(t, err.Error(), secret)
		}
	})
}

// shelf is a section whose field is not zero where the file says nothing.
type shelf struct {
	Boards int    `yaml:"boards"`
	Colour string `yaml:"colour"`
}

func (s *shelf) SetDefaults() { s.Boards = 5 }

func TestLoad_default_of_a_free_key(t *testing.T) {
	var room struct {
		Shelves map[string]shelf `yaml:"shelves"`
	}
	text := "shelves:\n  left: {colour: red}\n  right: {boards: 0}\n  top:\n"
	require.NoError(t, config.Load(write(t, text), []string{"USHER_SHELVES_LEFT_COLOUR=blue"}, &room))
	require.Equal(t, map[string]shelf{"left": {Boards: 5, Colour: "blue"}, "right": {}, "top": {Boards: 5}}, room.Shelves)
}
