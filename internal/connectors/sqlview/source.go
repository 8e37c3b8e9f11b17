package sqlview

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

const (
	// maxConnections is the most connections of one source, and maxConnectionAge lets them move to another server after a failover.
	maxConnections   = 4
	maxConnectionAge = 30 * time.Minute
	// maxRows and maxBytes are how much of a view is read into memory.
	maxRows  = 1_000_000
	maxBytes = 512 << 20
	// checkedRows is how many rows a check reads.
	checkedRows = 100
)

// Source is an access.IdentitySource over a view. Safe for concurrent use.
type Source struct {
	pool     *sql.DB
	password string
	// view is quoted.
	view    string
	fields  people.Fields
	reader  *people.Reader
	timeout time.Duration
}

var (
	_ access.IdentitySource = (*Source)(nil)
	_ access.PeopleLister   = (*Source)(nil)
	_ access.PeopleFinder   = (*Source)(nil)
)

// NewSource checks the configuration and makes no connection. The error names the keys.
func NewSource(c Config) (*Source, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	server, err := c.server()
	if err != nil {
		return nil, err
	}
	reader, err := people.NewReader(c.Fields)
	if err != nil {
		return nil, err
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = access.Duration(DefaultRequestTimeout)
	}
	pool := stdlib.OpenDB(*server)
	pool.SetMaxOpenConns(maxConnections)
	pool.SetMaxIdleConns(maxConnections)
	pool.SetConnMaxLifetime(maxConnectionAge)
	return &Source{
		pool: pool, password: server.Password, view: c.quotedView(), fields: c.Fields, reader: reader, timeout: c.RequestTimeout.Std(),
	}, nil
}

// Lookup implements access.IdentitySource. Invalid: there is a row with the id, and nobody can be read from it, or there are several.
func (s *Source) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	const op = "look up a person"
	var found access.Person
	err := s.read(ctx, op, func(ctx context.Context, v *view) error {
		var err error
		found, err = v.person(ctx, id)
		return err
	})
	return found, err
}

// person returns the person of an id.
//
// An index can be used only where the column itself is compared, and not its text. So the id becomes a value of the column's type, and because
// several texts can be one such value ("007" and 7, two spellings of a UUID, two cases of a citext), the table then looks for the row whose
// text is the id.
func (v *view) person(ctx context.Context, id access.PersonID) (access.Person, error) {
	// By itself, so that a row on which the view fails is not taken for an id that cannot be one.
	if _, err := v.tx.ExecContext(ctx, "select $1::text::"+v.idType, string(id)); refusesValue(err) {
		return access.Person{}, access.Errorf(access.NotFound, v.op, "no person %q: no row can have this id", id)
	} else if err != nil {
		return access.Person{}, err
	}
	table, err := v.table(ctx, v.byID(), string(id))
	if err != nil {
		return access.Person{}, err
	}
	return table.Person(v.op, id)
}

// byID asks for the rows of an id.
func (v *view) byID() string { return "where " + v.id() + " = $1::text::" + v.idType }

// FindPerson implements access.IdentitySource. Invalid: the configuration names no column for e-mail addresses, or nobody can be read from
// the only row.
func (s *Source) FindPerson(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	const op = "find a person"
	field, value, err := s.reader.Asked(op, q)
	if err != nil {
		return access.Person{}, err
	}
	var found access.Person
	err = s.read(ctx, op, func(ctx context.Context, v *view) error {
		const enough = 2
		ids, err := v.idsBy(ctx, field, value, enough)
		if err != nil {
			return err
		}
		if len(ids) != 1 {
			return access.Errorf(access.NotFound, op, "%s rows have this %s, expected one", several(len(ids)), field)
		}
		found, err = v.person(ctx, ids[0])
		return err
	})
	return found, err
}

func several(n int) string {
	if n > 1 {
		return "several"
	}
	return "no"
}

// idsBy returns the ids of rows with a value, without regard to case; "" of a row that has none. No more than limit.
func (v *view) idsBy(ctx context.Context, field, value string, limit int) ([]access.PersonID, error) {
	statement := fmt.Sprintf("select %s::text from %s where %s limit %d", v.id(), v.source.view, v.has(field), limit)
	rows, err := v.tx.QueryContext(ctx, statement, value)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []access.PersonID
	for rows.Next() {
		var id sql.NullString
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, access.PersonID(id.String))
	}
	return ids, rows.Err()
}

// has is the condition for rows that have the value $1 in a field, without regard to case. Of an array one has to be the value.
func (v *view) has(field string) string {
	column := v.columns[field]
	if v.arrays[field] {
		return "exists (select 1 from unnest(" + column + ") item where lower(item::text) = lower($1))"
	}
	return "lower(" + column + "::text) = lower($1)"
}

// FindPeople implements access.PeopleFinder. Invalid: the configuration names no column for the field.
func (s *Source) FindPeople(ctx context.Context, field, value string) (access.FoundPeople, error) {
	const op = "find people"
	var found access.FoundPeople
	column, err := s.fields.Searched(op, field)
	if err != nil {
		return found, err
	}
	if value = strings.TrimSpace(value); value == "" || strings.ContainsRune(value, 0) {
		// PostgreSQL has no text with a NUL.
		return found, nil
	}
	err = s.read(ctx, op, func(ctx context.Context, v *view) error {
		ids, err := v.idsBy(ctx, column, value, access.MaxFoundPeople+1)
		if err != nil {
			return err
		}
		found.More = len(ids) > access.MaxFoundPeople
		ids = ids[:min(len(ids), access.MaxFoundPeople)]
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			if err := v.addFound(ctx, id, &found); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// addFound adds the person of an id, or the problem of its rows.
func (v *view) addFound(ctx context.Context, id access.PersonID, found *access.FoundPeople) error {
	if id == "" {
		found.Problems = append(found.Problems, access.PersonProblem{
			Row: "a row without " + v.source.fields.ID, Problem: v.source.fields.ID + ": is empty, expected an id",
		})
		return nil
	}
	table, err := v.table(ctx, v.byID(), string(id))
	if err != nil {
		return err
	}
	one, err := table.FindPeople(v.op, access.FieldID, string(id))
	if problem, nobody := table.Nobody(); nobody && len(one.Problems) == 0 {
		// What stands in the column is no id.
		one.Problems = append(one.Problems, problem)
	}
	found.People = append(found.People, one.People...)
	found.Problems = append(found.Problems, one.Problems...)
	return err
}

// ListPeople implements access.PeopleLister. Invalid: a view shows nobody who is gone, so it cannot be asked for changes.
func (s *Source) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	const op = "list people"
	if since != "" {
		return access.Listing{}, access.Errorf(access.Invalid, op, "a view cannot be asked for changes; expected no watermark")
	}
	var table *people.Table
	err := s.read(ctx, op, func(ctx context.Context, v *view) error {
		counted := 0
		if err := v.tx.QueryRowContext(ctx, "select count(*) from "+s.view).Scan(&counted); err != nil {
			return err
		}
		if counted > maxRows {
			return wrong(access.Invalid, op, "view", "the view has %d rows, expected at most %d", counted, maxRows)
		}
		var err error
		if table, err = v.table(ctx, "order by "+v.id()); err != nil {
			return err
		}
		if table.Records() != counted {
			return access.Errorf(access.Transient, op, "the view has %d rows and gave %d", counted, table.Records())
		}
		return nil
	})
	if err != nil {
		return access.Listing{}, err
	}
	pages := people.NewPages(op, take)
	if err := table.ListTo(ctx, pages); err != nil {
		return access.Listing{}, err
	}
	return pages.End(ctx, access.ProofCount)
}

// table returns the people of rows. rest and args are as for query.
func (v *view) table(ctx context.Context, rest string, args ...any) (*people.Table, error) {
	rows, err := v.query(ctx, rest, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	table := people.NewTable(v.source.reader)
	for rows.Next() {
		record, id, err := rows.record()
		switch {
		case err != nil:
			return nil, err
		case rows.bytes > maxBytes:
			return nil, wrong(access.Invalid, v.op, "view", "the rows of the view have more than %d bytes", maxBytes)
		case strings.TrimSpace(id) != id:
			// Nobody could be looked up by it: ids are compared exactly.
			table.AddProblem(access.PersonProblem{
				Row: record.Row, ID: v.source.reader.ID(record), Problem: v.source.fields.ID + ": found spaces around the id, expected none",
			})
		default:
			table.Add(record)
		}
	}
	return table, rows.Err()
}

// Check implements access.Checker: the server takes the credentials, usher may read the view, it has the columns, and one of its first rows is a
// person.
func (s *Source) Check(ctx context.Context) ([]access.Finding, error) {
	var table *people.Table
	err := s.read(ctx, "check the view", func(ctx context.Context, v *view) error {
		var err error
		table, err = v.table(ctx, fmt.Sprintf("limit %d", checkedRows))
		return err
	})
	if err != nil {
		return people.Findings(err)
	}
	if problem, nobody := table.Nobody(); nobody {
		return []access.Finding{{Key: "fields", Problem: "none of the first rows is a person; " + problem.Row + ": " + problem.Problem}}, nil
	}
	return nil, nil
}
