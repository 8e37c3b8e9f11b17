package memory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"usher/internal/access"
)

// listing is what a Source keeps for ListPeople.
type listing struct {
	// more is what the records have besides the persons.
	more map[access.PersonID]access.PersonRecord
	// changed is at which count of changes somebody changed last, came or went.
	changed map[access.PersonID]int
	changes int
	// cut and repeat are of the next listing; hide is of all.
	cut, repeat, hide bool
	spoiled           []access.PersonProblem
}

func newListing() listing {
	return listing{more: map[access.PersonID]access.PersonRecord{}, changed: map[access.PersonID]int{}}
}

func (l *listing) touch(id access.PersonID) {
	l.changes++
	l.changed[id] = l.changes
}

// PutRecords adds people with what a listing has of them; one whose id is known is replaced.
func (s *Source) PutRecords(records ...access.PersonRecord) {
	for _, r := range records {
		s.Put(r.Person)
		s.mu.Lock()
		s.listing.more[r.ID] = r
		s.mu.Unlock()
	}
}

// CutNextListing makes the next listing end before its last record.
func (s *Source) CutNextListing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listing.cut = true
}

// RepeatInNextListing makes the next listing give its first record twice.
func (s *Source) RepeatInNextListing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listing.repeat = true
}

// HideThird makes every third person invisible for listings, though they are counted; until it is called with false.
func (s *Source) HideThird(hide bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listing.hide = hide
}

// Spoil makes a person's record unreadable.
func (s *Source) Spoil(problem access.PersonProblem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listing.spoiled = append(s.listing.spoiled, problem)
	s.listing.touch(problem.ID)
}

// ListPeople implements access.PeopleLister. A watermark is the number of changes so far.
func (s *Source) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	return scripted(ctx, &s.Faults, OpListPeople, func() (access.Listing, error) {
		entries, end, err := s.entries(since)
		if err != nil {
			return access.Listing{}, err
		}
		for page := range slices.Chunk(entries, access.MaxPeoplePage) {
			if err := take(pageOf(page)); err != nil {
				return access.Listing{}, err
			}
		}
		if end.err != nil {
			return access.Listing{}, access.Errorf(access.Transient, "list people", "%w", end.err)
		}
		return end.listing, nil
	})
}

// entry is one record of a listing: a person, a problem, or somebody who is gone.
type entry struct {
	person  *access.PersonRecord
	problem *access.PersonProblem
	gone    access.PersonID
}

// ending is how a listing ends.
type ending struct {
	listing access.Listing
	err     error
}

// entries returns the records of a listing in the order of their ids, and how it shall end.
func (s *Source) entries(since string) ([]entry, ending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.listing
	after, err := l.after(since)
	if err != nil {
		return nil, ending{}, err
	}
	end := ending{listing: access.Listing{Changes: since != "", Proof: access.ProofCount, Watermark: strconv.Itoa(l.changes)}}
	ids := slices.Sorted(maps.Keys(l.changed))
	var out []entry
	for i, id := range ids {
		switch e := s.entryOf(id); {
		case since != "" && l.changed[id] <= after, since == "" && e.gone != "":
		case l.hide && i%3 == 0:
			end.err = errors.New("fewer people came than the source counts")
		default:
			out = append(out, e)
		}
	}
	for _, e := range out {
		if e.person != nil {
			end.listing.People++
		}
		if e.problem != nil {
			end.listing.Problems++
		}
	}
	if len(out) == 0 {
		return nil, end, nil
	}
	return l.broken(out, &end), end, nil
}

// after returns the count of changes at a watermark; 0 for none.
func (l *listing) after(since string) (int, error) {
	if since == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(since)
	if err != nil || n < 0 || n > l.changes {
		return 0, access.Errorf(access.Invalid, "list people", "the watermark is not known")
	}
	return n, nil
}

// broken returns the records that are left where the listing is to break, and has it end so.
func (l *listing) broken(all []entry, end *ending) []entry {
	if l.cut {
		all, l.cut = all[:len(all)-1], false
		end.err = errors.New("the connection was lost")
	}
	if l.repeat {
		l.repeat = false
		end.err = errors.New("somebody is there twice")
	}
	return all
}

func (s *Source) entryOf(id access.PersonID) entry {
	for i := range s.listing.spoiled {
		if s.listing.spoiled[i].ID == id {
			return entry{problem: &s.listing.spoiled[i]}
		}
	}
	p, known := s.persons[id]
	if !known {
		return entry{gone: id}
	}
	record := s.listing.more[id]
	record.Person = p
	return entry{person: &record}
}

func pageOf(entries []entry) access.PeoplePage {
	var page access.PeoplePage
	for _, e := range entries {
		switch {
		case e.person != nil:
			page.People = append(page.People, *e.person)
		case e.problem != nil:
			page.Problems = append(page.Problems, *e.problem)
		default:
			page.Gone = append(page.Gone, e.gone)
		}
	}
	return page
}
