package joined

import (
	"context"
	"fmt"

	"usher/internal/access"
)

// index is what a member lists, by keys.
type index struct {
	member member
	rows   map[string]row
	// people is how many people there are, with a key or without.
	people int
	// nameless is how many records cannot be read and show no key, and example is where one of them stands.
	nameless int
	example  string
}

// index lists a member.
func (s *Source) index(ctx context.Context, i int) (*index, access.Listing, error) {
	x := &index{member: s.members[i], rows: map[string]row{}}
	end, err := x.member.Port.ListPeople(ctx, "", func(page access.PeoplePage) error {
		x.people += len(page.People)
		kept := make([]access.PersonRecord, len(page.People))
		for n, p := range page.People {
			kept[n] = s.kept(i, p)
			x.add(p, &kept[n])
		}
		for _, p := range page.Problems {
			x.addProblem(p)
		}
		return nil
	})
	return x, end, x.member.within(opList, err)
}

// add adds a record of which this is kept.
func (x *index) add(p access.PersonRecord, kept *access.PersonRecord) {
	keys := keysOf(p, x.member.key)
	for _, key := range keys {
		r := row{record: kept}
		if len(keys) > 1 {
			r = row{unclear: x.member.severalKeys()}
		}
		x.put(key, r)
	}
}

// addProblem adds a record that cannot be read.
func (x *index) addProblem(p access.PersonProblem) {
	keys := keysOf(access.PersonRecord{Person: access.Person{ID: p.ID}}, x.member.key)
	if len(keys) == 0 {
		x.nameless++
		x.example = p.Row
		return
	}
	x.put(keys[0], row{unclear: x.member.unreadable(p)})
}

// put makes a row that of a key, unless there is one.
func (x *index) put(key string, r row) {
	if _, there := x.rows[key]; there {
		r = row{unclear: x.member.severalRecords()}
	}
	x.rows[key] = r
}

// of returns the row of a key.
func (x *index) of(key string) row {
	r, there := x.rows[key]
	if !there && x.nameless > 0 {
		// What it has of the person may stand there: the person is not one of whom it has nothing.
		r.unclear = fmt.Sprintf("has no record that can be read, and %d that cannot and may be this person's, as %s", x.nameless, x.example)
	}
	return r
}
