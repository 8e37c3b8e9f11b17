package people

import (
	"context"
	"fmt"
	"strings"

	"usher/internal/access"
)

// maxRowsShown is how many rows of one id a problem names.
const maxRowsShown = 5

// Table is the people of a source that is read as a whole. Several records of one id are one problem, and nobody of that id is a
// person. It is filled by one goroutine, and safe for concurrent use after that.
type Table struct {
	reader  *Reader
	entries []entry
	byID    map[access.PersonID]int
	records int
	// spoiled are the names in records that are no person: whoever else has such a name is not the only one.
	spoiled []access.PersonQuery
}

// entry is all records of one id, or one record without an id.
type entry struct {
	person access.PersonRecord
	// row is where it stands: of several records, where each does. count is how many there are.
	row   string
	count int
	// problem is why it is no person; "" for a person.
	problem string
}

// NewTable returns an empty table of what the reader reads.
func NewTable(r *Reader) *Table {
	return &Table{reader: r, byID: map[access.PersonID]int{}}
}

// Add adds a record.
func (t *Table) Add(record Record) {
	person, problem := t.reader.Person(record)
	if problem == nil {
		t.add(entry{person: person, row: record.Row, count: 1})
		return
	}
	t.spoiled = append(t.spoiled, access.PersonQuery{
		UserName: first(record, t.reader.fields.UserName), Email: first(record, t.reader.fields.Email),
	})
	t.AddProblem(*problem)
}

// AddProblem adds a record that cannot be read.
func (t *Table) AddProblem(p access.PersonProblem) {
	t.add(entry{person: access.PersonRecord{Person: access.Person{ID: p.ID}}, row: p.Row, count: 1, problem: p.Problem})
}

func (t *Table) add(e entry) {
	t.records++
	id := e.person.ID
	at, known := t.byID[id]
	if id == "" || !known {
		if id != "" {
			t.byID[id] = len(t.entries)
		}
		t.entries = append(t.entries, e)
		return
	}
	all := &t.entries[at]
	for _, p := range []access.Person{all.person.Person, e.person.Person} {
		if p.UserName != "" {
			t.spoiled = append(t.spoiled, access.PersonQuery{UserName: p.UserName, Email: p.Email})
		}
	}
	all.person = access.PersonRecord{Person: access.Person{ID: id}}
	all.count++
	switch {
	case e.row == all.row:
	case all.count <= maxRowsShown:
		all.row += ", " + e.row
	case all.count == maxRowsShown+1:
		all.row += ", and more"
	}
	all.problem = fmt.Sprintf("%s: found %d rows with this id, expected one", t.reader.fields.ID, all.count)
}

// Records is how many records were added.
func (t *Table) Records() int { return t.records }

// Nobody returns the first problem of a table that has records and not one person.
func (t *Table) Nobody() (access.PersonProblem, bool) {
	for _, e := range t.entries {
		if e.problem == "" {
			return access.PersonProblem{}, false
		}
	}
	if len(t.entries) == 0 {
		return access.PersonProblem{}, false
	}
	return t.entries[0].asProblem(), true
}

func (e entry) asProblem() access.PersonProblem {
	return access.PersonProblem{Row: e.row, ID: e.person.ID, Problem: e.problem}
}

// Person returns the person of an id, in its exact spelling. NotFound: there is no record of it. Invalid: there is one that is no
// person; the text says where, and why.
func (t *Table) Person(op string, id access.PersonID) (access.Person, error) {
	at, known := t.byID[id]
	switch {
	case !known:
		return access.Person{}, access.Errorf(access.NotFound, op, "no person %q: no row has this id", id)
	case t.entries[at].problem != "":
		e := t.entries[at]
		return access.Person{}, access.Errorf(access.Invalid, op, "the record of %q cannot be read: %s: %s", id, e.row, e.problem)
	}
	return t.entries[at].person.Person, nil
}

// Find returns the only person with a user name, or with an e-mail address. NotFound: nobody, or another record has it, too. Invalid: the
// configuration names no field for it.
func (t *Table) Find(op string, q access.PersonQuery) (access.Person, error) {
	key, value, err := t.reader.Asked(op, q)
	if err != nil {
		return access.Person{}, err
	}
	has := func(userName, email string) bool {
		if q.UserName != "" {
			return strings.EqualFold(userName, value)
		}
		return strings.EqualFold(email, value)
	}
	var found access.Person
	count := 0
	for _, e := range t.entries {
		if e.problem == "" && has(e.person.UserName, e.person.Email) {
			found = e.person.Person
			count++
		}
	}
	for _, s := range t.spoiled {
		if has(s.UserName, s.Email) {
			count++
		}
	}
	if count != 1 || found.ID == "" {
		return access.Person{}, access.Errorf(access.NotFound, op, "%d rows have this %s, expected one", count, key)
	}
	return found, nil
}

// Asked returns the field that a query asks for and the value that it shall have. NotFound: the query is empty. Invalid: the
// configuration names no field for it.
func (r *Reader) Asked(op string, q access.PersonQuery) (field, value string, err error) {
	switch {
	case q.UserName != "":
		return r.fields.UserName, q.UserName, nil
	case q.Email == "":
		return "", "", access.Errorf(access.NotFound, op, "nobody is found by nothing")
	case r.fields.Email == "":
		return "", "", access.Errorf(access.Invalid, op, "fields.email: is empty, so nobody can be found by an e-mail address")
	}
	return r.fields.Email, q.Email, nil
}

// ListTo adds everything to the pages of a listing, in the order in which it was added.
func (t *Table) ListTo(ctx context.Context, pages *Pages) error {
	for _, e := range t.entries {
		var err error
		if e.problem != "" {
			err = pages.Problem(ctx, e.asProblem())
		} else {
			err = pages.Person(ctx, e.person)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
