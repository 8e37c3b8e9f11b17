package joined_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/csvfeed"
	"usher/internal/connectors/joined"
	"usher/internal/connectors/people"
	"usher/internal/connectors/sqlview"
)

// columns are the columns of both kinds of store.
func columns() people.Fields {
	return people.Fields{
		ID: "emp_id", UserName: "login", DisplayName: "full_name", Email: "mail", Manager: "boss", Active: "enabled", Starts: "from_day", Ends: "to_day",
		Attributes: map[string]string{
			access.AttributeDepartment: "dept", access.AttributeCostCenter: "cost", access.AttributeTitle: "title", access.AttributeNumber: "number",
		},
	}
}

// values are those of a record in the order of the columns.
func values(p access.PersonRecord) []string {
	attribute := func(name string) string { return strings.Join(p.Attributes[name], "") }
	return []string{
		string(p.ID), p.UserName, p.DisplayName, p.Email, string(p.Manager), strconv.FormatBool(p.Active), string(p.Starts), string(p.Ends),
		attribute(access.AttributeDepartment), attribute(access.AttributeCostCenter), attribute(access.AttributeTitle), attribute(access.AttributeNumber),
	}
}

const header = "emp_id,login,full_name,mail,boss,enabled,from_day,to_day,dept,cost,title,number"

// file is a store that is a CSV file on a web server.
type file struct {
	*csvfeed.Source

	mu      sync.Mutex
	people  []access.PersonRecord
	missing int
	torn    bool
	denied  bool
}

const token = "s3cret-token"

func newFile(t *testing.T) *file {
	t.Helper()
	f := &file{}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	var err error
	f.Source, err = csvfeed.NewSource(csvfeed.Config{URL: server.URL + "/people.csv", Token: token, Fields: columns(), Whole: csvfeed.Whole{Trailer: "TRAILER"}})
	require.NoError(t, err)
	return f
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied || r.Header.Get("Authorization") != "Bearer "+token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var b bytes.Buffer
	b.WriteString(header + "\n")
	rows := csv.NewWriter(&b)
	for _, p := range f.people {
		_ = rows.Write(values(p))
	}
	rows.Flush()
	if !f.torn {
		fmt.Fprintf(&b, "TRAILER,%d\n", len(f.people)+f.missing)
	}
	etag := fmt.Sprintf("%q", strconv.Itoa(len(b.String()))+strconv.Itoa(int(sum(b.Bytes()))))
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "text/csv")
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(b.Bytes())
}

func sum(text []byte) (n uint32) {
	for _, b := range text {
		n = n*31 + uint32(b)
	}
	return n
}

// change changes what is served.
func (f *file) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *file) known() joined.Known { return joined.Known{Fields: columns()} }

func (f *file) put(p access.PersonRecord) {
	f.remove(p.ID)
	f.change(func() { f.people = append(f.people, p) })
}

func (f *file) remove(id access.PersonID) {
	f.change(func() {
		f.people = slices.DeleteFunc(f.people, func(p access.PersonRecord) bool { return p.ID == id })
	})
}
func (f *file) refuse() { f.change(func() { f.denied = true }) }
func (f *file) cut()    { f.change(func() { f.torn = true }) }
func (f *file) mend()   { f.change(func() { f.torn = false }) }
func (f *file) hide()   { f.change(func() { f.missing = 2 }) }

func (f *file) spoil(id access.PersonID) {
	f.change(func() {
		for i := range f.people {
			if f.people[i].ID == id {
				f.people[i].UserName = ""
			}
		}
	})
}

// database is a server with a schema for each view.
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

// view is a store that is a view of PostgreSQL.
type view struct {
	*sqlview.Source
	database
	t    *testing.T
	name string
}

const password = "s3cret"

func newView(t *testing.T, d database) *view {
	t.Helper()
	v := &view{database: d, t: t, name: fmt.Sprintf("case_%d", d.made.Add(1))}
	v.run(`create schema S`)
	v.run(`create table S.staff (emp_id text primary key, login text, full_name text, mail text, boss text, enabled boolean, from_day date, to_day date,
		dept text, cost text, title text, number text)`)
	v.mend()
	v.run(`create role S login password '` + password + `'`)
	v.run(`grant usage on schema S to S`)
	v.run(`grant select on S.people to S`)
	u := *d.url
	u.User = url.UserPassword(v.name, password)
	var err error
	v.Source, err = sqlview.NewSource(sqlview.Config{DSN: u.String(), View: v.name + ".people", Fields: columns()})
	require.NoError(t, err)
	return v
}

// run runs a statement in which S is the name of the schema and of the role.
func (v *view) run(statement string, args ...any) {
	v.t.Helper()
	text := strings.NewReplacer(" S.", " "+v.name+".", " S ", " "+v.name+" ").Replace(" " + statement + " ")
	_, err := v.pool.ExecContext(context.WithoutCancel(v.t.Context()), text, args...)
	require.NoError(v.t, err, text)
}

func (v *view) known() joined.Known { return joined.Known{Fields: columns()} }

func (v *view) put(p access.PersonRecord) {
	v.remove(p.ID)
	all := values(p)
	args := make([]any, len(all))
	for i, value := range all {
		args[i] = value
	}
	v.run(`insert into S.staff select $1, $2, nullif($3, ''), nullif($4, ''), nullif($5, ''), $6::text::boolean, nullif($7, '')::date, nullif($8, '')::date,
		nullif($9, ''), nullif($10, ''), nullif($11, ''), nullif($12, '')`, args...)
}

func (v *view) remove(id access.PersonID) { v.run(`delete from S.staff where emp_id = $1`, string(id)) }
func (v *view) refuse()                   { v.run(`alter role S password 'another'`) }

// cut makes the view fail in the middle of its rows.
func (v *view) cut() {
	v.run(`create or replace view S.people as select emp_id, login, full_name, mail, boss, enabled, from_day, to_day, dept, cost, title, number from S.staff
		where emp_id not like '%nils' or position('count(' in current_query()) > 0`)
}

func (v *view) mend() { v.run(`create or replace view S.people as select * from S.staff`) }

func (v *view) hide() {
	v.run(`create or replace view S.people as select * from S.staff where emp_id not like '%bob' or position('count(' in current_query()) > 0`)
}

func (v *view) spoil(id access.PersonID) {
	v.run(`update S.staff set login = ' ' where emp_id = $1`, string(id))
}
