package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"usher/internal/access"
	"usher/internal/connectors/people"
	"usher/internal/rest"
)

const (
	opList = "list people"
	// listCount is how many users a page is asked for. Okta gives no more at once, and others give what they like.
	listCount = 200
	// maxListPages is how many pages are read of directories that give 20 at once, for 200,000 people.
	maxListPages = 10_000
)

var _ access.PeopleLister = (*Source)(nil)

// ListPeople implements access.PeopleLister: of all users, page by page until one is empty. The directory's totalResults must be the same
// on all pages, and as many must have come; a directory that gives the size of the page there is believed at the empty page.
// Invalid: SCIM has no way to ask for changes that also shows who is gone.
func (s *Source) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	if since != "" {
		return access.Listing{}, access.Errorf(access.Invalid, opList, "a SCIM directory cannot be asked for changes; expected no watermark")
	}
	pages := people.NewPages(opList, take)
	var count countOf
	call := rest.Call{Op: opList, Path: "Users", Query: url.Values{"count": {strconv.Itoa(listCount)}}}
	for range maxListPages {
		text, err := s.client.page(ctx, call, pages.Records())
		if err != nil {
			return access.Listing{}, err
		}
		var list listResponse[rawUser]
		if err := json.Unmarshal(text, &list); err != nil || !list.real() {
			return access.Listing{}, &access.Error{Kind: access.Transient, Op: opList, Err: errNotSCIM}
		}
		if len(list.Resources) == 0 || (count.complete(pages.Records()) && s.repeated(pages, list.Resources)) {
			proof, err := count.proof(list.TotalResults, pages.Records())
			if err != nil {
				return access.Listing{}, err
			}
			return pages.End(ctx, proof)
		}
		count.page(list.TotalResults, len(list.Resources))
		for _, u := range list.Resources {
			if err := s.add(ctx, pages, u); err != nil {
				return access.Listing{}, err
			}
		}
	}
	return access.Listing{}, access.Errorf(access.Invalid, opList, "the directory has more than %d pages of people", maxListPages)
}

// repeated reports whether all users of a page have been listed: scimmy 1.3.5 answers with its only page whatever is asked for. Users whose id cannot
// be kept are believed to be the same ones.
func (s *Source) repeated(pages *people.Pages, users []rawUser) bool {
	return !slices.ContainsFunc(users, func(u rawUser) bool {
		id := s.idOf(u)
		return id != "" && !pages.Has(id)
	})
}

// idOf returns the id of a user; "" where there is none that can be kept.
func (s *Source) idOf(u rawUser) access.PersonID {
	return s.reader.ID(people.Record{Values: map[string][]string{fieldID: {u.recordID()}}})
}

// add adds a user to a listing.
func (s *Source) add(ctx context.Context, pages *people.Pages, raw rawUser) error {
	record, problem := s.record(raw, fmt.Sprintf("user %d", pages.Records()+1))
	if problem != nil {
		return pages.Problem(ctx, *problem)
	}
	return pages.Read(ctx, s.reader, record)
}

// record returns the record of a user, or why there is none.
func (s *Source) record(raw rawUser, row string) (people.Record, *access.PersonProblem) {
	problem := func(says string) (people.Record, *access.PersonProblem) {
		return people.Record{}, &access.PersonProblem{Row: row, ID: s.idOf(raw), Problem: says}
	}
	var u user
	if err := json.Unmarshal(raw, &u); err != nil {
		return problem("expected a user of SCIM")
	}
	p := u.person()
	record := people.Record{Row: row, Values: map[string][]string{
		fieldID: {string(p.ID)}, fieldUserName: {p.UserName}, fieldDisplayName: {p.DisplayName},
		fieldEmail: {p.Email}, fieldManager: {string(p.Manager)}, fieldActive: {strconv.FormatBool(p.Active)},
	}}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return problem("expected a JSON object")
	}
	for _, path := range s.paths {
		record.Values[path] = valuesAt(object, path)
	}
	return record, nil
}

// countOf is what the pages of one listing say of how many records there are.
type countOf struct {
	total, pages int
	known        bool
	// differs is true when the pages do not agree, sizes is true while every page gave its own size.
	differs, sizes bool
}

func (c *countOf) page(total *int, received int) {
	c.pages++
	if total == nil {
		return
	}
	if !c.known {
		c.total, c.known, c.sizes = *total, true, true
	}
	c.sizes = c.sizes && *total == received
	c.differs = c.differs || *total != c.total
}

// complete reports whether as many records have come as every page counted.
func (c *countOf) complete(records int) bool { return c.known && !c.differs && c.total == records }

// proof returns what proves a listing of so many records at its empty page. last is what that page gave.
func (c *countOf) proof(last *int, records int) (access.ListingProof, error) {
	changed := last != nil && *last != 0 && c.known && *last != c.total
	switch {
	case c.complete(records) && !changed:
		return access.ProofCount, nil
	case !c.known && last != nil && *last == records:
		return access.ProofCount, nil
	case !c.known, c.sizes:
		// The directory counts its pages, or nothing: the empty page is the only end that it has.
		if last == nil || *last == 0 || *last == records {
			return access.ProofEnd, nil
		}
	}
	counted := c.total
	if !c.known && last != nil {
		counted = *last
	}
	return "", access.Errorf(access.Transient, opList, "the directory counts %d people and listed %d: it changed while it was read, or hides some", counted, records)
}
