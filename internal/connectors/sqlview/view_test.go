package sqlview_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/people"
	"usher/internal/connectors/sqlview"
)

type listed struct {
	people   map[access.PersonID]access.PersonRecord
	problems map[access.PersonID]access.PersonProblem
	end      access.Listing
}

func list(t *testing.T, s *sqlview.Source) (listed, error) {
	t.Helper()
	got := listed{people: map[access.PersonID]access.PersonRecord{}, problems: map[access.PersonID]access.PersonProblem{}}
	end, err := s.ListPeople(t.Context(), "", func(page access.PeoplePage) error {
		for _, p := range page.People {
			got.people[p.ID] = p
		}
		for _, p := range page.Problems {
			got.problems[p.ID] = p
		}
		return nil
	})
	got.end = end
	return got, err
}

func (d database) types(t *testing.T) {
	s := d.newSchema(t, `emp_id numeric, login name, full_name "char", day timestamptz, plain timestamp, flag boolean, words text[], numbers bigint[],
		tags jsonb, uid uuid, amount numeric(8,2), long text, nothing text, matrix text[][]`)
	s.run(`insert into S.staff values (1.50, 'ana', 'x', '2026-03-01 00:30+02', '2026-03-01 23:59', true, '{a,NULL,"b c",""}', '{1,2}',
		'{"a": [1, null]}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 7, E'two\nlines', null, '{{a,b},{c,d}}')`)
	source := s.open(func(c *sqlview.Config) {
		c.Fields = people.Fields{ID: "EMP_ID", UserName: "Login", DisplayName: "full_name", Starts: "day", Ends: "plain", Active: "flag", Attributes: map[string]string{
			"words": "words", "numbers": "numbers", "tags": "tags", "uid": "uid", "amount": "amount", "long": "long", "nothing": "nothing", "matrix": "matrix", "own": "Emp_Id",
		}}
	})
	want := access.PersonRecord{
		Person: access.Person{ID: "1.50", UserName: "ana", DisplayName: "x", Active: true},
		Starts: "2026-02-28", Ends: "2026-03-01",
		Attributes: map[string][]string{
			"words": {"a", "b c"}, "numbers": {"1", "2"}, "tags": {`{"a":[1,null]}`}, "uid": {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
			"amount": {"7.00"}, "long": {"two\nlines"}, "matrix": {"a", "b", "c", "d"}, "own": {"1.50"},
		},
	}
	got, err := list(t, source)
	require.NoError(t, err)
	require.Equal(t, map[access.PersonID]access.PersonRecord{"1.50": want}, got.people)
	p, err := source.Lookup(t.Context(), "1.50")
	require.NoError(t, err)
	require.Equal(t, want.Person, p)
	_, err = source.Lookup(t.Context(), "1.5")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

// looseIDs: several texts are one value of the column's type, and only the one that the listing shows is the person's id.
func (d database) looseIDs(t *testing.T) {
	for kind, row := range map[string]struct {
		id     string
		others []string
	}{
		"bigint":      {"7", []string{"07", "+7", " 7", "7 ", "7.0", "0x7", "99999999999999999999"}},
		"numeric":     {"7.0", []string{"7", "7.00", "NaN", "1e400000"}},
		"uuid":        {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", []string{"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"}},
		"char(8)":     {"ana", []string{"ana ", "Ana", "ana\x00", "an\xff"}},
		"varchar(3)":  {"ana", []string{"anabel", "ana ", "ANA"}},
		"name":        {"ana", []string{"ana ", "ANA"}},
		"date":        {"2026-03-01", []string{"2026-3-1", "20260301", "today"}},
		"S.loose":     {"Ana", []string{"ana", "ANA"}},
		"S.shortened": {"ana", []string{"anabel"}},
	} {
		t.Run(kind, func(t *testing.T) {
			s := d.newSchema(t, "login text")
			s.run(`create collation S.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
				create domain S.loose as text collate ` + s.name + `.any_case;
				create domain S.shortened as varchar(5) check ( length(value) < 5 );
				drop view S.people;
				alter table S.staff add emp_id ` + strings.Replace(kind, "S.", s.name+".", 1) + `;
				create view S.people as select * from S.staff; grant select on S.people to S`)
			s.run(`insert into S.staff values ('ana', '` + row.id + `')`)
			source := s.open(nil)
			got, err := list(t, source)
			require.NoError(t, err)
			require.Contains(t, got.people, access.PersonID(row.id))
			p, err := source.Lookup(t.Context(), access.PersonID(row.id))
			require.NoError(t, err)
			require.Equal(t, access.PersonID(row.id), p.ID)
			for _, other := range row.others {
				_, err := source.Lookup(t.Context(), access.PersonID(other))
				require.Equal(t, access.NotFound, access.KindOf(err), "%q: %v", other, err)
			}
		})
	}
}

func (d database) index(t *testing.T) {
	for kind, id := range map[string]access.PersonID{"text": "ana", "varchar(9)": "ana", "char(9)": "ana", "bigint": "7", "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"} {
		s := d.newSchema(t, "emp_id "+kind+" primary key, login text")
		plan, err := sqlview.Plan(t.Context(), s.open(nil), id)
		require.NoError(t, err, kind)
		require.Contains(t, plan, "Index Cond", kind)
	}
}

func (d database) rows(t *testing.T) {
	s := d.newSchema(t, "emp_id text, login text, day text")
	s.run(`insert into S.staff values ('1', 'ana', null), ('2', 'bob', null), ('2', 'bob', null), ('3', null, null), (null, 'eve', null), (' 4', 'joe', null),
		('5', 'mia', '31.01.2026'), ('6', 'zoe', null), ('6 ', 'zoe', null)`)
	source := s.open(func(c *sqlview.Config) { c.Fields.Starts = "day" })
	got, err := list(t, source)
	require.NoError(t, err)
	require.Equal(t, map[access.PersonID]access.PersonRecord{"1": {Person: access.Person{ID: "1", UserName: "ana", Active: true}}}, got.people)
	require.Equal(t, map[access.PersonID]access.PersonProblem{
		"2": {Row: `the row of "2"`, ID: "2", Problem: "emp_id: found 2 rows with this id, expected one"},
		"3": {Row: `the row of "3"`, ID: "3", Problem: "login: is empty, expected a login name"},
		"":  {Row: "a row without emp_id", Problem: "emp_id: expected one id, of at most 256 characters"},
		"4": {Row: `the row of " 4"`, ID: "4", Problem: "emp_id: found spaces around the id, expected none"},
		"5": {Row: `the row of "5"`, ID: "5", Problem: "day: expected a day as YYYY-MM-DD"},
		"6": {Row: `the row of "6", the row of "6 "`, ID: "6", Problem: "emp_id: found 2 rows with this id, expected one"},
	}, got.problems)
	require.Equal(t, access.Listing{People: 1, Problems: 6, Proof: access.ProofCount}, got.end)
	for id, says := range map[access.PersonID]string{
		"2": `the record of "2" cannot be read: the row of "2": emp_id: found 2 rows`, "3": "login: is empty", "5": "day: expected a day",
	} {
		_, err := source.Lookup(t.Context(), id)
		require.Equal(t, access.Invalid, access.KindOf(err))
		require.ErrorContains(t, err, says)
	}
	for _, id := range []access.PersonID{"4", " 4", ""} {
		_, err := source.Lookup(t.Context(), id)
		require.Equal(t, access.NotFound, access.KindOf(err))
	}
}

func (d database) find(t *testing.T) {
	s := d.newSchema(t, "emp_id text, login text, mail text")
	s.run(`insert into S.staff values ('1', 'Ana', 'a@x'), ('2', 'ANA', 'b@x'), ('3', 'bob', 'B@X'), ('3', 'rob', null), ('4', 'eve', 'e@x'), (null, 'joe', 'j@x')`)
	source := s.open(func(c *sqlview.Config) { c.Fields.Email = "mail" })
	for _, q := range []access.PersonQuery{{UserName: "ana"}, {Email: "b@x"}, {UserName: "mia"}, {UserName: "e@x"}, {UserName: "joe"}, {UserName: "e%"}, {}} {
		_, err := source.FindPerson(t.Context(), q)
		require.Equal(t, access.NotFound, access.KindOf(err), "%+v", q)
	}
	for _, q := range []access.PersonQuery{{UserName: "EVE"}, {Email: "E@x"}} {
		p, err := source.FindPerson(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, access.PersonID("4"), p.ID)
	}
	_, err := source.FindPerson(t.Context(), access.PersonQuery{UserName: "rob"})
	require.Equal(t, access.Invalid, access.KindOf(err), "two rows have the id")
	_, err = s.open(nil).FindPerson(t.Context(), access.PersonQuery{Email: "e@x"})
	require.Equal(t, access.Invalid, access.KindOf(err), "no column for addresses is configured")
}

// findPeople: rows that have a value and are nobody are problems, and one of several values in an array is a value.
func (d database) findPeople(t *testing.T) {
	s := d.newSchema(t, "emp_id text, login text, mail text, rooms text[]")
	s.run(`insert into S.staff values ('1', 'Ana', 'a@x', '{N1,N2}'), ('2', 'ANA', 'b@x', null), ('3', 'bob', 'c@x', null), ('3', 'rob', null, '{S1}'),
		(null, 'joe', 'j@x', '{S1}'), (' 5', 'kim', 'k@x', null)`)
	source := s.open(func(c *sqlview.Config) {
		c.Fields.Email = "mail"
		c.Fields.Attributes = map[string]string{"rooms": "rooms"}
	})
	for _, c := range []struct {
		field, value string
		people       []access.PersonID
		problems     []access.PersonProblem
	}{
		{access.FieldUserName, "ana", []access.PersonID{"1", "2"}, nil},
		{access.FieldUserName, " Ana ", []access.PersonID{"1", "2"}, nil},
		{access.FieldUserName, "rob", nil, []access.PersonProblem{{Row: `the row of "3"`, ID: "3", Problem: "emp_id: found 2 rows with this id, expected one"}}},
		{access.FieldID, "3", nil, []access.PersonProblem{{Row: `the row of "3"`, ID: "3", Problem: "emp_id: found 2 rows with this id, expected one"}}},
		{access.FieldEmail, "j@x", nil, []access.PersonProblem{{Row: "a row without emp_id", Problem: "emp_id: is empty, expected an id"}}},
		{access.FieldEmail, "K@X", nil, []access.PersonProblem{{Row: `the row of " 5"`, ID: "5", Problem: "emp_id: found spaces around the id, expected none"}}},
		{"attributes.rooms", "n2", []access.PersonID{"1"}, nil},
		{"attributes.rooms", "{N1,N2}", nil, nil},
		{access.FieldEmail, "%", nil, nil},
	} {
		found, err := source.FindPeople(t.Context(), c.field, c.value)
		require.NoError(t, err)
		var ids []access.PersonID
		for _, p := range found.People {
			ids = append(ids, p.ID)
		}
		require.Equal(t, c.people, ids, "%s %q", c.field, c.value)
		require.Equal(t, c.problems, found.Problems, "%s %q", c.field, c.value)
	}
}

func (d database) refused(t *testing.T) {
	const row = `insert into S.staff values ('1', 'ana', 'Löwe')`
	for name, c := range map[string]struct {
		prepare string
		change  func(*sqlview.Config)
		kind    access.Kind
		says    string
	}{
		"a wrong password":            {"", func(c *sqlview.Config) { c.DSN = strings.Replace(c.DSN, "s3cret", "s3cret-wrong", 1) }, access.Forbidden, "password authentication failed"},
		"no right on the view":        {`revoke select on S.people from S`, nil, access.Forbidden, "permission denied for view people (SQLSTATE 42501)"},
		"no right on the schema":      {`revoke usage on schema S from S`, nil, access.Forbidden, "permission denied for schema"},
		"a right on other columns":    {`revoke select on S.people from S; grant select (emp_id) on S.people to S`, nil, access.Forbidden, "permission denied for view people"},
		"no database":                 {"", func(c *sqlview.Config) { c.DSN = strings.Replace(c.DSN, "/postgres?", "/nowhere?", 1) }, access.Invalid, "dsn: the server has no such database"},
		"no view":                     {"", func(c *sqlview.Config) { c.View += "s" }, access.Invalid, "view: the database has no such view"},
		"no schema":                   {"", func(c *sqlview.Config) { c.View = "nowhere.people" }, access.Invalid, "view: the database has no such view"},
		"another case of the view":    {"", func(c *sqlview.Config) { c.View = strings.Replace(c.View, "people", "People", 1) }, access.Invalid, "view: the database has no such view"},
		"no column":                   {"", func(c *sqlview.Config) { c.Fields.Email = "mail" }, access.Invalid, `fields.email: the view has 0 columns "mail"`},
		"a column in two cases":       {`create or replace view S.people as select emp_id, login, name, 1 as "Login", 2 as "NAME" from S.staff`, func(c *sqlview.Config) { c.Fields.DisplayName = "Name" }, access.Invalid, `fields.display_name: the view has 2 columns "Name"`},
		"a view that fails":           {`create or replace view S.people as select emp_id, login, (name::int)::text as name from S.staff`, func(c *sqlview.Config) { c.Fields.DisplayName = "name" }, access.Invalid, "view: the server cannot give the rows of the view (SQLSTATE 22P02)"},
		"an injection in a field":     {"", func(c *sqlview.Config) { c.Fields.Email = `login" from pg_authid --` }, access.Invalid, "fields.email: the view has 0 columns"},
		"nobody listens at the place": {"", func(c *sqlview.Config) { c.DSN = strings.Replace(c.DSN, d.url.Host, "127.0.0.1:1", 1) }, access.Transient, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			s := d.newSchema(t, "emp_id text, login text, name text")
			s.run(row)
			if c.prepare != "" {
				s.run(c.prepare)
			}
			source := s.open(c.change)
			_, listing := list(t, source)
			_, lookup := source.Lookup(t.Context(), "1")
			_, find := source.FindPerson(t.Context(), access.PersonQuery{UserName: "ana"})
			findings, check := source.Check(t.Context())
			for _, err := range []error{listing, lookup, find} {
				require.Equal(t, c.kind, access.KindOf(err), "%v", err)
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), "s3cret")
				require.NotContains(t, err.Error(), url.QueryEscape(password))
				require.NotContains(t, err.Error(), "Löwe")
			}
			if c.kind == access.Invalid {
				require.NoError(t, check)
				require.Equal(t, c.says[:strings.Index(c.says, ":")], findings[0].Key)
				return
			}
			require.Equal(t, c.kind, access.KindOf(check))
		})
	}
}

// rowSecurity: a policy that hides rows from usher makes every call fail, and not the listing shorter.
func (d database) rowSecurity(t *testing.T) {
	s := d.newSchema(t, "emp_id text, login text, company text")
	s.run(`insert into S.staff values ('1', 'ana', 'a'), ('2', 'bob', 'b'), ('3', 'eve', 'a'); drop view S.people;
		create view S.people with ( security_invoker ) as select * from S.staff; grant select on S.people to S; grant select on S.staff to S`)
	source := s.open(nil)
	got, err := list(t, source)
	require.NoError(t, err)
	require.Len(t, got.people, 3)
	s.run(`alter table S.staff enable row level security; create policy own on S.staff using ( company = 'a' )`)
	_, listing := list(t, source)
	_, lookup := source.Lookup(t.Context(), "2")
	_, check := source.Check(t.Context())
	for _, err := range []error{listing, lookup, check} {
		require.Equal(t, access.Forbidden, access.KindOf(err), "%v", err)
		require.ErrorContains(t, err, "row-level security policy")
	}
}

func (d database) check(t *testing.T) {
	s := d.newSchema(t, "emp_id text, login text")
	source := s.open(nil)
	findings, err := source.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings, "a view of nobody is in order")
	s.run(`insert into S.staff values ('1', '')`)
	findings, err = source.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []access.Finding{{Key: "fields", Problem: `none of the first rows is a person; the row of "1": login: is empty, expected a login name`}}, findings)
	s.run(`insert into S.staff values ('2', 'bob')`)
	findings, err = source.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
}

func (d database) timeOut(t *testing.T) {
	s := d.newSchema(t, "emp_id text, login text")
	s.run(`insert into S.staff values ('1', 'ana'); create or replace view S.people as select emp_id, login || coalesce(pg_sleep(60)::text, '') as login from S.staff`)
	source := s.open(func(c *sqlview.Config) { c.RequestTimeout = access.Duration(200 * time.Millisecond) })
	_, listing := list(t, source)
	_, lookup := source.Lookup(t.Context(), "1")
	for _, err := range []error{listing, lookup} {
		require.Equal(t, access.Transient, access.KindOf(err), "%v", err)
	}
}

func TestTexts(t *testing.T) {
	for text, want := range map[string][]string{
		`null`: nil, `"a"`: {"a"}, `true`: {"true"}, `12345678901234567890`: {"12345678901234567890"}, `1.10`: {"1.10"},
		`["a", null, ["b"], []]`: {"a", "b"}, `{"a": 1}`: {`{"a":1}`}, `[]`: nil,
	} {
		got, err := sqlview.Texts(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	_, err := sqlview.Texts(`"Löwe`)
	require.EqualError(t, err, "the server gave no JSON")
}
