package sqlview

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// settings are for one transaction. row_security = off makes hidden rows an error; TimeZone makes the days of timestamps the same everywhere.
const settings = `select set_config('row_security', 'off', true), set_config('TimeZone', 'UTC', true), set_config('statement_timeout', $1, true)`

// columnsOf are the columns of a view, and their types in a spelling that no search_path changes and that truncates nothing.
const columnsOf = `select a.attname, format('%I.%I', n.nspname, t.typname)
	from pg_catalog.pg_attribute a
	join pg_catalog.pg_type t on t.oid = a.atttypid
	join pg_catalog.pg_namespace n on n.oid = t.typnamespace
	where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`

// arrayType is in the name of an array's type, behind the schema: pg_catalog._text.
const arrayType = "._"

// view is the view as one transaction sees it.
type view struct {
	source *Source
	op     string
	tx     *sql.Tx
	// columns are the columns, quoted, by the names that the configuration has for them.
	columns map[string]string
	// arrays are the names whose columns are arrays.
	arrays map[string]bool
	// idType is the type of the column with the id.
	idType string
}

// read calls work in a transaction of one snapshot that changes nothing. The errors are classified.
func (s *Source) read(ctx context.Context, op string, work func(context.Context, *view) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	tx, err := s.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return s.failed(op, err)
	}
	// There is nothing to commit, and nothing to lose.
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, settings, strconv.FormatInt(max(1, s.timeout.Milliseconds()), 10)); err != nil {
		return s.failed(op, err)
	}
	v := &view{source: s, op: op, tx: tx}
	err = v.findColumns(ctx)
	if err == nil {
		err = work(ctx, v)
	}
	return s.failed(op, err)
}

// findColumns finds the columns of the fields.
func (v *view) findColumns(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, columnsOf, v.source.view)
	if err != nil {
		return err
	}
	defer rows.Close()
	types := map[string]string{}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return err
		}
		types[name] = kind
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(types) == 0 {
		return wrong(access.Invalid, v.op, "view", "the database has no such view")
	}
	v.columns, v.arrays = map[string]string{}, map[string]bool{}
	for _, key := range v.source.fields.Keys() {
		column, err := v.column(key, types)
		if err != nil {
			return err
		}
		v.columns[key.Field] = quote(column)
		v.arrays[key.Field] = strings.Contains(types[column], arrayType)
		if key.Name == "fields.id" {
			v.idType = types[column]
		}
	}
	return nil
}

// column returns the column of a field: the one that is spelt so, else the only one that is spelt so but for case.
func (v *view) column(key people.Key, types map[string]string) (string, error) {
	if _, exact := types[key.Field]; exact {
		return key.Field, nil
	}
	var found []string
	for name := range types {
		if strings.EqualFold(name, key.Field) {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		return "", wrong(access.Invalid, v.op, key.Name, "the view has %d columns %q, expected one", len(found), key.Field)
	}
	return found[0], nil
}

// id is the column with the id.
func (v *view) id() string { return v.columns[v.source.fields.ID] }

// query asks for rows. rest is what follows the view in the statement, and args are its arguments.
func (v *view) query(ctx context.Context, rest string, args ...any) (*rows, error) {
	names := v.source.fields.Names()
	list := []string{v.id() + "::text"}
	for _, name := range names {
		list = append(list, "to_jsonb("+v.columns[name]+")::text")
	}
	found, err := v.tx.QueryContext(ctx, "select "+strings.Join(list, ", ")+" from "+v.source.view+" "+rest, args...)
	if err != nil {
		return nil, err
	}
	return &rows{Rows: found, names: names, idField: v.source.fields.ID}, nil
}

// rows are rows of the view.
type rows struct {
	*sql.Rows
	names   []string
	idField string
	// bytes is how long all values were, together.
	bytes int
}

// record returns the row, and the text of its id as it is in the database.
func (r *rows) record() (record people.Record, id string, err error) {
	cells := make([]sql.NullString, len(r.names)+1)
	targets := make([]any, len(cells))
	for i := range cells {
		targets[i] = &cells[i]
	}
	if err := r.Scan(targets...); err != nil {
		return people.Record{}, "", err
	}
	id = cells[0].String
	record = people.Record{Row: fmt.Sprintf("the row of %q", id), Values: make(map[string][]string, len(r.names))}
	if id == "" {
		record.Row = "a row without " + r.idField
	}
	r.bytes += len(id)
	for i, name := range r.names {
		cell := cells[i+1]
		r.bytes += len(cell.String)
		if !cell.Valid {
			continue
		}
		if record.Values[name], err = texts(cell.String); err != nil {
			return people.Record{}, "", err
		}
	}
	// The text of an id is what it is looked up by.
	record.Values[r.idField] = []string{id}
	return record, id, nil
}

// texts returns the values in a JSON text: those of an array, one for anything else but null.
func texts(text string) ([]string, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errors.New("the server gave no JSON") // The decoder's text can quote it.
	}
	return appendTexts(nil, value), nil
}

func appendTexts(out []string, value any) []string {
	switch v := value.(type) {
	case nil:
		return out
	case string:
		return append(out, v)
	case json.Number:
		return append(out, v.String())
	case bool:
		return append(out, strconv.FormatBool(v))
	case []any:
		for _, item := range v {
			out = appendTexts(out, item)
		}
		return out
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return out
		}
		return append(out, string(text))
	}
}
