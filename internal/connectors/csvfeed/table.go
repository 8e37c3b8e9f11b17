package csvfeed

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// parse returns the people of a text, and what proves that it is whole. A digest has proved it before.
func (s *Source) parse(op string, text []byte) (*people.Table, access.ListingProof, error) {
	body, counted, err := s.end.split(op, text)
	if err != nil {
		return nil, "", err
	}
	reader := csv.NewReader(bytes.NewReader(body))
	reader.Comma, reader.FieldsPerRecord, reader.ReuseRecord = s.comma, -1, true
	header, err := reader.Read()
	if err != nil {
		return nil, "", s.broken(op, err)
	}
	if slices.ContainsFunc(header, goesOn) {
		return nil, "", wrong(access.Invalid, op, s.key, "the header goes on in another line, expected all of it in one: a quote may stand too much")
	}
	rows, err := s.newRows(op, header)
	if err != nil {
		return nil, "", err
	}
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", s.broken(op, err)
		}
		line, _ := reader.FieldPos(0)
		if _, early := s.end.is(row); early {
			return nil, "", wrong(access.Transient, op, s.end.key, "the end stands in line %d, and more follows it: two files are in one, or the file is being written", line)
		}
		rows.add(line, row)
	}
	if !s.end.counts {
		return rows.table, access.ProofEnd, nil
	}
	if found := rows.table.Records(); found != counted {
		return nil, "", wrong(access.Transient, op, s.end.key, "the trailer counts %d rows, and the file has %d: some are missing, or the file is being written", counted, found)
	}
	return rows.table, access.ProofCount, nil
}

// broken is for what encoding/csv cannot read. The end of the file is there, so that another reading will not find it better.
func (s *Source) broken(op string, err error) error {
	if errors.Is(err, io.EOF) {
		return wrong(access.Invalid, op, s.key, "the file has no header, expected one in its first line")
	}
	line := 0
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		line = parse.StartLine
	}
	return wrong(access.Invalid, op, s.key, "a quote is broken in the record that begins in line %d, expected quotes around a whole value, and two for one within it", line)
}

// rows makes people of the rows of a file.
type rows struct {
	table  *people.Table
	reader *people.Reader
	// columns are where in a row each field stands, and id is the one with the id.
	columns map[string]int
	id      string
	width   int
	// values are those of one row, kept for the next.
	values map[string][]string
}

// newRows finds the columns of the fields in the header.
func (s *Source) newRows(op string, header []string) (*rows, error) {
	r := &rows{
		table: people.NewTable(s.reader), reader: s.reader, columns: map[string]int{}, id: s.fields.ID, width: len(header),
		values: map[string][]string{},
	}
	for _, key := range s.fields.Keys() {
		count := 0
		for i, name := range header {
			if sameName(name, key.Field) {
				r.columns[key.Field] = i
				count++
			}
		}
		switch {
		case count == 0:
			return nil, wrong(access.Invalid, op, key.Name, "the header has no column %q", key.Field)
		case count > 1:
			return nil, wrong(access.Invalid, op, key.Name, "the header has the column %q %d times, expected it once", key.Field, count)
		}
		r.values[key.Field] = make([]string, 1)
	}
	return r, nil
}

func sameName(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// goesOn reports whether a value goes on in another line.
func goesOn(value string) bool { return strings.Contains(value, "\n") }

// add adds the row that begins in a line.
func (r *rows) add(line int, row []string) {
	record := people.Record{Row: fmt.Sprintf("line %d", line), Values: r.values}
	if slices.ContainsFunc(row, goesOn) {
		// The rows between two stray quotes are one value: whoever stands in them is not missing, so that this problem names nobody.
		r.table.AddProblem(access.PersonProblem{
			Row: record.Row, Problem: "a value goes on in another line, expected all of it in one: a quote may stand too much, and hide the rows that follow",
		})
		return
	}
	if len(row) != r.width {
		problem := access.PersonProblem{Row: record.Row, Problem: fmt.Sprintf("found %d columns, expected %d as in the header", len(row), r.width)}
		// A delimiter too many or too few moves what comes after it, so that only the first column is sure to be what it is called.
		if r.columns[r.id] == 0 {
			r.values[r.id][0] = row[0]
			problem.ID = r.reader.ID(record)
		}
		r.table.AddProblem(problem)
		return
	}
	for field, i := range r.columns {
		r.values[field][0] = row[i]
	}
	r.table.Add(record)
}
