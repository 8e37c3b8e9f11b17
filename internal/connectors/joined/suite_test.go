package joined_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/joined"
	"usher/internal/connectors/memory"
	"usher/internal/ledger/ledgertest"
)

// store is a source, with what the suites have to do to it. A harness has two: what it is told of a person it writes into both, each having a part.
type store interface {
	joined.Port
	// known is what is known of the source.
	known() joined.Known
	// put adds or replaces a record, and remove takes one out that is there.
	put(access.PersonRecord)
	remove(access.PersonID)
	// refuse refuses the credentials.
	refuse()
	// cut makes the next listing end before its end, and mend makes that good.
	cut()
	mend()
	// hide hides some from listings.
	hide()
	// spoil makes a record unreadable.
	spoil(access.PersonID)
}

// pair is two stores as one source.
type pair struct {
	access.PeopleSource
	first, second store
	// after is done after the next listing.
	after func()
}

// pairConfig takes from the second store what the first one does not get.
func pairConfig(key string) joined.Config {
	return joined.Config{
		Sources: []joined.Member{{Source: "first", Key: access.FieldID}, {Source: "second", Key: key}},
		Fields: map[string][]access.SourceName{
			"user_name": {"first"}, "display_name": {"second"}, "email": {"second", "first"}, "attributes.employee_number": {"first"},
		},
	}
}

func newPair(t *testing.T, first, second store, key string) *pair {
	t.Helper()
	source, err := joined.New(pairConfig(key), map[access.SourceName]joined.Opened{
		"first": {Known: first.known(), Port: first}, "second": {Known: second.known(), Port: second},
	})
	require.NoError(t, err)
	return &pair{PeopleSource: source, first: first, second: second}
}

func (p *pair) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	end, err := p.PeopleSource.ListPeople(ctx, since, take)
	if p.after != nil {
		p.after()
		p.after = nil
	}
	return end, err
}

// put writes a person into both sources: what the second one has is name, address, cost centre and title, and everybody has a record there.
func (p *pair) put(r access.PersonRecord) access.PersonRecord {
	first, second := r, access.PersonRecord{}
	first.DisplayName, first.Email, first.Attributes = "", "", map[string][]string{}
	second.ID, second.UserName, second.Active = "x-"+r.ID, "x-"+r.UserName, true
	second.DisplayName, second.Email = r.DisplayName, r.Email
	second.Attributes = map[string][]string{access.AttributeNumber: {string(r.ID)}}
	for name, values := range r.Attributes {
		if name == access.AttributeDepartment {
			first.Attributes[name] = values
		} else {
			second.Attributes[name] = values
		}
	}
	p.first.put(first)
	p.second.put(second)
	return r
}

func (p *pair) remove(id access.PersonID) {
	p.first.remove(id)
	p.second.remove("x-" + id)
}

// people puts everybody of the suites into both sources.
func (p *pair) people() []access.PersonRecord {
	all := accesstest.SomePeople()
	all[0].Starts, all[0].Ends = "2020-02-29", "2031-12-31"
	for _, one := range all {
		p.put(one)
	}
	return all
}

// lister returns the harness in which a source of the pair is the bad one.
func (p *pair) lister(bad store) accesstest.PeopleListerHarness {
	h := accesstest.PeopleListerHarness{
		Lister: p, People: p.people(), Put: p.put, Remove: p.remove, RefuseCredentials: bad.refuse,
		CutShort: func() { bad.cut(); p.after = bad.mend },
		HideSome: bad.hide,
		NoRepeat: "the sources find that themselves",
		Spoil: func() access.PersonID {
			id := access.PersonID("bob")
			if bad == p.second {
				id = "x-bob"
			}
			bad.spoil(id)
			return "bob"
		},
		NoChanges: "sources that are joined cannot be asked for changes",
	}
	h.Empty = func() {
		for _, one := range h.People {
			p.first.remove(one.ID)
		}
	}
	return h
}

func (p *pair) source() accesstest.IdentitySourceHarness {
	all := p.people()
	return accesstest.IdentitySourceHarness{
		Source: p, Known: all[0].Person, Bare: all[1].Person, Inactive: all[2].Person, Unknown: "nobody",
		Deactivate: func(access.Person) {
			record := all[0]
			record.Active = false
			p.put(record)
		},
		RefuseCredentials: p.first.refuse,
	}
}

// suites runs both suites over pairs, with each of their sources as the bad one.
func suites(t *testing.T, open func(*testing.T) *pair) {
	for name, bad := range map[string]func(*pair) store{
		"the first is bad":  func(p *pair) store { return p.first },
		"the second is bad": func(p *pair) store { return p.second },
	} {
		t.Run(name, func(t *testing.T) {
			accesstest.RunPeopleLister(t, func(t *testing.T) accesstest.PeopleListerHarness {
				p := open(t)
				return p.lister(bad(p))
			})
		})
	}
	t.Run("as a source", func(t *testing.T) {
		accesstest.RunIdentitySource(t, func(t *testing.T) accesstest.IdentitySourceHarness { return open(t).source() })
	})
}

// inMemory is a store in memory.
type inMemory struct{ *memory.Source }

func (m inMemory) known() joined.Known       { k := known(); k.Fields = columns(); return k }
func (m inMemory) put(p access.PersonRecord) { m.PutRecords(p) }
func (m inMemory) remove(id access.PersonID) { m.Remove(id) }
func (m inMemory) refuse()                   { m.RefuseCredentials(true) }
func (m inMemory) cut()                      { m.CutNextListing() }
func (m inMemory) mend()                     {}
func (m inMemory) hide()                     { m.HideThird(true) }
func (m inMemory) spoil(id access.PersonID) {
	m.Spoil(access.PersonProblem{Row: "record", ID: id, Problem: "user_name: is empty"})
}

func TestSuites_memory(t *testing.T) {
	suites(t, func(t *testing.T) *pair {
		return newPair(t, inMemory{memory.NewSource()}, inMemory{memory.NewSource()}, access.AttributeField(access.AttributeNumber))
	})
}

// TestSuites_real joins a CSV file and a PostgreSQL view, in both orders.
func TestSuites_real(t *testing.T) {
	d := openDatabase(t, ledgertest.StartPostgres(t))
	t.Run("a view first", func(t *testing.T) {
		suites(t, func(t *testing.T) *pair {
			return newPair(t, newView(t, d), newFile(t), access.AttributeField(access.AttributeNumber))
		})
	})
	t.Run("a file first", func(t *testing.T) {
		suites(t, func(t *testing.T) *pair {
			return newPair(t, newFile(t), newView(t, d), access.AttributeField(access.AttributeNumber))
		})
	})
}
