package sqlview_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/people"
	"usher/internal/connectors/sqlview"
	"usher/internal/ledger/ledgertest"
)

// TestServer is everything that needs a real server, over one.
func TestServer(t *testing.T) {
	d := openDatabase(t, ledgertest.StartPostgres(t))
	t.Run("people", func(t *testing.T) {
		accesstest.RunPeopleLister(t, func(t *testing.T) accesstest.PeopleListerHarness { return d.lister(t) })
	})
	t.Run("found people", func(t *testing.T) {
		accesstest.RunPeopleFinder(t, func(t *testing.T) accesstest.PeopleListerHarness { return d.lister(t) })
	})
	for kind, ids := range map[string][4]string{
		"text":        {"Ada", "bob", "eve", "nobody"},
		"varchar(20)": {"Ada", "bob", "eve", "nobody"},
		"char(12)":    {"Ada", "bob", "eve", "nobody"},
		"bigint":      {"7", "8", "-9", "10"},
		"uuid": {
			"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13", "nobody",
		},
	} {
		t.Run("ids of "+kind, func(t *testing.T) {
			accesstest.RunIdentitySource(t, func(t *testing.T) accesstest.IdentitySourceHarness { return d.source(t, kind, ids) })
		})
	}
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run("without prepared statements, "+mode, func(t *testing.T) {
			d := d
			d.url = d.url.JoinPath()
			d.url.RawQuery += "&default_query_exec_mode=" + mode
			accesstest.RunIdentitySource(t, func(t *testing.T) accesstest.IdentitySourceHarness {
				return d.source(t, "bigint", [4]string{"7", "8", "-9", "10"})
			})
		})
	}
	t.Run("types", d.types)
	t.Run("text forms", d.looseIDs)
	t.Run("index", d.index)
	t.Run("rows", d.rows)
	t.Run("find", d.find)
	t.Run("find people", d.findPeople)
	t.Run("refused", d.refused)
	t.Run("row security", d.rowSecurity)
	t.Run("check", d.check)
	t.Run("time-out", d.timeOut)
}

// database is a database with a schema for each case.
type database struct {
	url  *url.URL
	pool *sql.DB
	made *atomic.Int64
}

func openDatabase(t *testing.T, server string) database {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	pool, err := sql.Open("pgx", server)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return database{url: u, pool: pool, made: &atomic.Int64{}}
}

func (d database) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := d.pool.ExecContext(context.WithoutCancel(t.Context()), statement, args...)
	require.NoError(t, err, statement)
}

const password = "s3cret pass"

// schema is a schema of one case, and a role that may read the view "people" in it.
type schema struct {
	database
	t    *testing.T
	name string
}

// newSchema creates a schema with a table "staff" of these columns, and a view of it.
func (d database) newSchema(t *testing.T, columns string) schema {
	t.Helper()
	s := schema{database: d, t: t, name: fmt.Sprintf("case_%d", d.made.Add(1))}
	s.run(`create schema S; create table S.staff (` + columns + `); create view S.people as select * from S.staff;
		create role S login password '` + password + `'; grant usage on schema S to S; grant select on S.people to S`)
	return s
}

// run runs statements in which S is the name of the schema and of the role.
func (s schema) run(statements string, args ...any) {
	s.t.Helper()
	words := strings.NewReplacer(" S.", " "+s.name+".", " S ", " "+s.name+" ", " S;", " "+s.name+";")
	text := strings.TrimSpace(words.Replace(" " + statements + " "))
	if len(args) > 0 {
		s.exec(s.t, text, args...)
		return
	}
	for statement := range strings.SplitSeq(text, ";") {
		s.exec(s.t, statement)
	}
}

func (s schema) config() sqlview.Config {
	u := *s.url
	u.User = url.UserPassword(s.name, password)
	return sqlview.Config{DSN: u.String(), View: s.name + ".people", Fields: people.Fields{ID: "emp_id", UserName: "login"}}
}

// open opens a source over the view, with a change of its configuration.
func (s schema) open(change func(*sqlview.Config)) *sqlview.Source {
	s.t.Helper()
	c := s.config()
	if change != nil {
		change(&c)
	}
	source, err := sqlview.NewSource(c)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, sqlview.Close(source)) })
	return source
}

func fields() people.Fields {
	return people.Fields{
		ID: "emp_id", UserName: "login", DisplayName: "full_name", Email: "mail", Manager: "boss", Active: "enabled", Starts: "from_day", Ends: "to_day",
		Attributes: map[string]string{access.AttributeDepartment: "dept", access.AttributeCostCenter: "cost", access.AttributeTitle: "Job Title"},
	}
}

// columns are the columns of a table that has everything, with ids of a type.
func columns(ids string) string {
	return `emp_id ` + ids + ` primary key, login text, full_name varchar(80), mail text, boss ` + ids + `, enabled boolean, from_day date, to_day date,
		dept text[], cost integer, "Job Title" char(20)`
}

// put puts a person into the table. What the person does not have is NULL.
func (s schema) put(p access.PersonRecord) {
	s.t.Helper()
	one := func(value string) any {
		if value == "" {
			return nil
		}
		return value
	}
	attribute := func(name string) any { return one(strings.Join(p.Attributes[name], "")) }
	s.run(`delete from S.staff where emp_id::text = $1`, string(p.ID))
	s.run(`insert into S.staff select r.* from json_populate_record(null::`+s.name+`.staff, json_build_object('emp_id', $1::text, 'login', $2::text, 'full_name', $3::text,
		'mail', $4::text, 'boss', $5::text, 'enabled', $6::bool, 'from_day', $7::text, 'to_day', $8::text, 'dept', $9::text[], 'cost', $10::text,
		'Job Title', $11::text)) r`,
		string(p.ID), one(p.UserName), one(p.DisplayName), one(p.Email), one(string(p.Manager)), p.Active, one(string(p.Starts)), one(string(p.Ends)),
		p.Attributes[access.AttributeDepartment], attribute(access.AttributeCostCenter), attribute(access.AttributeTitle))
}

func (s schema) changePassword() {
	s.run(`alter role S password 'another'`)
}

func (d database) lister(t *testing.T) accesstest.PeopleListerHarness {
	s := d.newSchema(t, columns("text"))
	between := newWire(t, d.url.Host)
	source := s.open(func(c *sqlview.Config) {
		c.Fields = fields()
		c.DSN = strings.Replace(c.DSN, d.url.Host, between.address, 1)
	})
	all := accesstest.SomePeople()
	all[0].Starts, all[0].Ends = "2020-02-29", "2031-12-31"
	all[0].Attributes[access.AttributeDepartment] = []string{"Research", "Löwen, \"2\""}
	for _, p := range all {
		s.put(p)
	}
	return accesstest.PeopleListerHarness{
		Lister: source, Finder: source, People: all,
		Put:               func(p access.PersonRecord) access.PersonRecord { s.put(p); return p },
		Remove:            func(id access.PersonID) { s.run(`delete from S.staff where emp_id = $1`, string(id)) },
		RefuseCredentials: s.changePassword,
		CutShort:          func() { between.cutBefore("nils") },
		HideSome: func() {
			s.run(`create or replace view S.people as select * from S.staff where emp_id not in ('bob', 'mia') or position('count(' in current_query()) > 0`)
		},
		NoRepeat: "two rows of one id are a problem of that id",
		Spoil: func() access.PersonID {
			s.run(`update S.staff set login = ' ' where emp_id = 'bob'`)
			return "bob"
		},
		Empty:     func() { s.run(`delete from S.staff`) },
		NoChanges: "a view shows nobody who is gone",
	}
}

func (d database) source(t *testing.T, kind string, ids [4]string) accesstest.IdentitySourceHarness {
	s := d.newSchema(t, columns(kind))
	all := accesstest.SomePeople()[:3]
	for i := range all {
		all[i].ID = access.PersonID(ids[i])
	}
	all[0].Manager = access.PersonID(ids[2])
	for _, p := range all {
		s.put(p)
	}
	return accesstest.IdentitySourceHarness{
		Source: s.open(func(c *sqlview.Config) { c.Fields = fields() }),
		Known:  all[0].Person, Bare: all[1].Person, Inactive: all[2].Person, Unknown: access.PersonID(ids[3]),
		Deactivate: func(p access.Person) {
			s.run(`update S.staff set enabled = false where emp_id::text = $1`, string(p.ID))
		},
		RefuseCredentials: s.changePassword,
	}
}

// wire is what a source and the server say to each other.
type wire struct {
	address string

	mu sync.Mutex
	// cut is the text before which the next connection that gives it is cut; "" for none.
	cut string
}

func newWire(t *testing.T, server string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{address: l.Addr().String()}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { w.carry(client, server) })
		}
	})
	// The source is closed before, because it was opened after.
	t.Cleanup(func() { require.NoError(t, l.Close()); open.Wait() })
	return w
}

func (w *wire) cutBefore(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = text
}

// carry carries one connection.
func (w *wire) carry(client net.Conn, server string) {
	defer func() { _ = client.Close() }()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer func() { _ = upstream.Close() }()
	go func() {
		_, _ = io.Copy(upstream, client)
		_ = upstream.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := upstream.Read(buffer)
		given, whole := w.until(buffer[:n])
		if _, failed := client.Write(given); failed != nil || err != nil || !whole {
			return
		}
	}
}

// until returns what is carried of a text, and whether that is all of it.
func (w *wire) until(text []byte) ([]byte, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut == "" {
		return text, true
	}
	before, _, found := strings.Cut(string(text), w.cut)
	if found {
		w.cut = ""
	}
	return []byte(before), !found
}
