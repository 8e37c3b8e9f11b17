package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

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
	// spoiled are the records that are no person, with what can be read of them: whoever else has such a name is not the only one.
	spoiled []spoiled
}

// spoiled is a record that is no person.
type spoiled struct {
	read    access.PersonRecord
	problem access.PersonProblem
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
	t.spoiled = append(t.spoiled, spoiled{t.reader.readable(record), *problem})
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
	for _, one := range []entry{*all, e} {
		if one.person.UserName != "" {
			t.spoiled = append(t.spoiled, spoiled{one.person, access.PersonProblem{
				Row: one.row, ID: id, Problem: t.reader.fields.ID + ": found several rows with this id, expected one",
			}})
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
		if has(s.read.UserName, s.read.Email) {
			count++
		}
	}
	if count != 1 || found.ID == "" {
		return access.Person{}, access.Errorf(access.NotFound, op, "%d rows have this %s, expected one", count, key)
	}
	return found, nil
}

// FindPeople does what access.PeopleFinder promises.
func (t *Table) FindPeople(op, field, value string) (access.FoundPeople, error) {
	if _, err := t.reader.fields.Searched(op, field); err != nil {
		return access.FoundPeople{}, err
	}
	var found access.FoundPeople
	same := sameAs(value)
	has := func(p access.PersonRecord) bool {
		return slices.ContainsFunc(p.FieldValues(field), same) && len(found.People)+len(found.Problems) <= access.MaxFoundPeople
	}
	for _, e := range t.entries {
		switch {
		case !has(e.person):
		case e.problem == "":
			found.People = append(found.People, e.person)
		case field == access.FieldID:
			// What is known of an entry that is no person is its id.
			found.Problems = append(found.Problems, e.asProblem())
		}
	}
	for _, s := range t.spoiled {
		if field != access.FieldID && has(s.read) {
			found.Problems = append(found.Problems, s.problem)
		}
	}
	return limited(found), nil
}

// limited cuts what was found to as much as FoundPeople may have.
func limited(found access.FoundPeople) access.FoundPeople {
	if len(found.People)+len(found.Problems) <= access.MaxFoundPeople {
		return found
	}
	found.More = true
	found.People = found.People[:min(len(found.People), access.MaxFoundPeople)]
	found.Problems = found.Problems[:min(len(found.Problems), access.MaxFoundPeople-len(found.People))]
	return found
}

// sameAs returns a function that reports whether a value is one, as access.FoldKey compares them.
func sameAs(value string) func(string) bool {
	value = strings.TrimSpace(value)
	key, plain := access.FoldKey(value), ascii(value)
	return func(other string) bool {
		switch {
		case key == "":
			return false
		case plain && ascii(other):
			// A key costs much more than a comparison, and a table has many values.
			return strings.EqualFold(value, other)
		}
		return access.FoldKey(other) == key
	}
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
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
