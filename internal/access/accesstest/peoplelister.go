package accesstest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// PeopleListerHarness is a fresh source behind the connector under test, with what the port cannot do. Its funcs fail the test
// themselves when they cannot do what they are asked for.
type PeopleListerHarness struct {
	Lister access.PeopleLister
	// Finder is the same source, for RunPeopleFinder.
	Finder access.PeopleFinder
	// People are all people of the source, as the listing shall give them: somebody with every field and with attributes, somebody
	// who was given an id and a user name only, and somebody who is inactive. The first is the first of SomePeople.
	People []access.PersonRecord

	// Put adds a person to the source, or replaces the one of that id, and returns the person as the listing shall give it: some sources
	// give ids themselves.
	Put func(access.PersonRecord) access.PersonRecord
	// Remove takes a person out of the source.
	Remove func(access.PersonID)
	// RefuseCredentials makes the source treat the connector's credentials as wrong; nil where it has none.
	RefuseCredentials func()
	// CutShort makes the next listing end before its last record, as a lost connection, a limit of the server's or a torn file does,
	// and the listing after it whole.
	CutShort func()
	// HideSome makes the source hide about a third of its people from listings while it goes on as if all were well; nil where
	// nothing in the source could show that, and NoHiding says why.
	HideSome func()
	NoHiding string
	// Repeat makes the source give the same page, or the same record, again; nil where it cannot, and NoRepeat says why.
	Repeat   func()
	NoRepeat string
	// Spoil puts a record into the source that cannot be a person, and returns whose it is; "" for nobody's.
	Spoil func() access.PersonID
	// Empty makes the source answer with success and without people.
	Empty func()
	// NoEmails is why nobody can be found by an e-mail address; "" where that can be.
	NoEmails string
	// NoAttributeKeys is why nobody can be found by an attribute; "" where that can be.
	NoAttributeKeys string
	// ExactIDs is true where ids are found in their own spelling only.
	ExactIDs bool
	// NoChanges is why the source cannot be asked for changes; "" where it can.
	NoChanges string
}

// SomePeople are people as a harness needs them: the ids are of letters, the first has every field and attribute, the second an id and a
// user name only, and the third is inactive.
func SomePeople() []access.PersonRecord {
	all := []access.PersonRecord{
		{
			Person: access.Person{
				ID: "ada", UserName: "ada@example.com", DisplayName: "Ada Löwe", Email: "ada.loewe@example.com", Manager: "mia", Active: true,
			},
			Attributes: map[string][]string{
				access.AttributeDepartment: {"Research"}, access.AttributeCostCenter: {"4711"}, access.AttributeTitle: {"Engineer"},
			},
		},
		{Person: access.Person{ID: "bob", UserName: "bob", Active: true}},
		{Person: access.Person{ID: "eve", UserName: "eve", DisplayName: "Eve"}},
	}
	for _, id := range []string{"mia", "nils", "olga", "paul"} {
		all = append(all, access.PersonRecord{Person: access.Person{ID: access.PersonID(id), UserName: id, DisplayName: "The person " + id, Active: true}})
	}
	return all
}

// listingCase is one promise of access.PeopleLister.
type listingCase struct {
	name string
	run  func(*testing.T, PeopleListerHarness)
}

// RunPeopleLister checks every promise of access.PeopleLister, one case each. newHarness is called once per case; what it opens it
// closes by t.Cleanup.
func RunPeopleLister(t *testing.T, newHarness func(*testing.T) PeopleListerHarness) {
	t.Helper()
	for _, c := range []listingCase{
		{"everybody is listed once, with every field, and the end proves it", listEverybody},
		{"a listing is the same whoever asks, at the same time too", listConcurrently},
		{"a page has at most so many", listPages},
		{"who comes, changes and goes shows in the next listing", listLater},
		{"a listing that is cut short is an error, and the next one is whole", listCutShort},
		{"a listing that hides people is an error", listHidden},
		{"a listing that repeats people is an error", listRepeated},
		{"what is no person is a problem that names whose it is, and the others are listed", listSpoiled},
		{"an empty source is a listing of nobody", listEmpty},
		{"bad credentials are forbidden, never an empty listing", listForbidden},
		{"an error of the caller ends the listing and is returned", listRefused},
		{"a context that has ended ends the call", listEnded},
		{"a watermark gives what changed since, and who is gone", listChanges},
		{"a watermark that nobody gave is invalid", listUnknownWatermark},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

// listed is one listing as its caller saw it.
type listed struct {
	people   map[access.PersonID]access.PersonRecord
	problems []access.PersonProblem
	gone     []access.PersonID
	end      access.Listing
}

func (h PeopleListerHarness) list(ctx context.Context, since string) (listed, error) {
	got := listed{people: map[access.PersonID]access.PersonRecord{}}
	seen := map[access.PersonID]bool{}
	take := func(page access.PeoplePage) error {
		if n := len(page.People) + len(page.Problems) + len(page.Gone); n == 0 || n > access.MaxPeoplePage {
			return fmt.Errorf("a page has %d entries, expected 1 to %d", n, access.MaxPeoplePage)
		}
		var ids []access.PersonID
		for _, p := range page.People {
			ids = append(ids, p.ID)
			got.people[p.ID] = p
		}
		for _, p := range page.Problems {
			ids = append(ids, p.ID)
		}
		for _, id := range append(ids, page.Gone...) {
			if id != "" && seen[id] {
				return fmt.Errorf("somebody is in one listing twice: %s", id)
			}
			seen[id] = true
		}
		got.problems = append(got.problems, page.Problems...)
		got.gone = append(got.gone, page.Gone...)
		return nil
	}
	var err error
	got.end, err = h.Lister.ListPeople(ctx, since, take)
	return got, err
}

// whole returns a listing that must be complete, and checks what its end says of it.
func (h PeopleListerHarness) whole(t *testing.T, since string) listed {
	t.Helper()
	got, err := h.list(t.Context(), since)
	require.NoError(t, err)
	require.Len(t, got.people, got.end.People)
	require.Len(t, got.problems, got.end.Problems)
	require.Contains(t, []access.ListingProof{access.ProofCount, access.ProofEnd}, got.end.Proof)
	require.Equal(t, since != "", got.end.Changes)
	require.Equal(t, h.NoChanges != "", got.end.Watermark == "", "a source has watermarks where it can be asked for changes")
	return got
}

func byID(people []access.PersonRecord) map[access.PersonID]access.PersonRecord {
	all := map[access.PersonID]access.PersonRecord{}
	for _, p := range people {
		all[p.ID] = p
	}
	return all
}

func listEverybody(t *testing.T, h PeopleListerHarness) {
	var full, bare, inactive bool
	for _, p := range h.People {
		full = full || (p.UserName != "" && p.DisplayName != "" && p.Email != "" && p.Manager != "" && len(p.Attributes) > 0)
		bare = bare || (p.UserName != "" && p.Manager == "" && len(p.Attributes) == 0)
		inactive = inactive || !p.Active
	}
	require.True(t, full && bare && inactive, "the harness promises such people")
	got := h.whole(t, "")
	require.Equal(t, byID(h.People), got.people)
	require.Empty(t, got.problems)
	require.Empty(t, got.gone)
}

func listConcurrently(t *testing.T, h PeopleListerHarness) {
	const calls = 4
	type result struct {
		got listed
		err error
	}
	results := make(chan result)
	for range calls {
		go func() {
			got, err := h.list(t.Context(), "")
			results <- result{got, err}
		}()
	}
	for range calls {
		r := <-results
		require.NoError(t, r.err)
		require.Equal(t, byID(h.People), r.got.people)
	}
}

func listPages(t *testing.T, h PeopleListerHarness) {
	for i := range access.MaxPeoplePage + 20 {
		h.Put(access.PersonRecord{Person: access.Person{
			ID: access.PersonID(fmt.Sprintf("extra-%d", i)), UserName: fmt.Sprintf("extra.%d", i), Active: true,
		}})
	}
	// The pages themselves are checked where they are taken.
	require.Len(t, h.whole(t, "").people, len(h.People)+access.MaxPeoplePage+20)
}

// change has somebody come, somebody change and somebody go. It returns who there is then, and who came and who went.
func (h PeopleListerHarness) change() (want map[access.PersonID]access.PersonRecord, came, gone access.PersonID) {
	want = byID(h.People)
	joiner := h.Put(access.PersonRecord{Person: access.Person{ID: "joiner", UserName: "joiner", Active: true}})
	changed := h.People[0]
	changed.DisplayName = "Another Name"
	changed = h.Put(changed)
	gone = h.People[len(h.People)-1].ID
	h.Remove(gone)
	want[joiner.ID], want[changed.ID] = joiner, changed
	delete(want, gone)
	return want, joiner.ID, gone
}

func listLater(t *testing.T, h PeopleListerHarness) {
	h.whole(t, "")
	want, _, _ := h.change()
	require.Equal(t, want, h.whole(t, "").people)
}

func listCutShort(t *testing.T, h PeopleListerHarness) {
	h.CutShort()
	_, err := h.list(t.Context(), "")
	requireFailure(t, access.Transient, err)
	require.Equal(t, byID(h.People), h.whole(t, "").people)
}

func listHidden(t *testing.T, h PeopleListerHarness) {
	if h.HideSome == nil {
		require.NotEmpty(t, h.NoHiding)
		return
	}
	h.HideSome()
	_, err := h.list(t.Context(), "")
	require.Error(t, err)
	require.Contains(t, []access.Kind{access.Transient, access.Forbidden}, access.KindOf(err))
}

func listRepeated(t *testing.T, h PeopleListerHarness) {
	if h.Repeat == nil {
		require.NotEmpty(t, h.NoRepeat)
		return
	}
	h.Repeat()
	_, err := h.list(t.Context(), "")
	requireFailure(t, access.Transient, err)
}

func listSpoiled(t *testing.T, h PeopleListerHarness) {
	id := h.Spoil()
	got := h.whole(t, "")
	require.Len(t, got.problems, 1)
	require.Equal(t, id, got.problems[0].ID)
	require.NotEmpty(t, got.problems[0].Row)
	require.NotEmpty(t, got.problems[0].Problem)
	want := byID(h.People)
	delete(want, id)
	require.Equal(t, want, got.people)
}

func listEmpty(t *testing.T, h PeopleListerHarness) {
	h.Empty()
	got := h.whole(t, "")
	require.Empty(t, got.people)
	require.Empty(t, got.problems)
}

func listForbidden(t *testing.T, h PeopleListerHarness) {
	if h.RefuseCredentials == nil {
		return
	}
	h.RefuseCredentials()
	_, err := h.list(t.Context(), "")
	requireFailure(t, access.Forbidden, err)
}

func listRefused(t *testing.T, h PeopleListerHarness) {
	full := errors.New("the caller is full")
	calls := 0
	_, err := h.Lister.ListPeople(t.Context(), "", func(access.PeoplePage) error { calls++; return full })
	require.ErrorIs(t, err, full)
	require.Equal(t, 1, calls, "nothing is handed over after an error")
}

func listEnded(t *testing.T, h PeopleListerHarness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.list(ctx, "")
	require.Error(t, err)
	require.Equal(t, access.Transient, access.KindOf(err))
}

func listChanges(t *testing.T, h PeopleListerHarness) {
	if h.NoChanges != "" {
		_, err := h.list(t.Context(), "2026-01-01T00:00:00Z")
		requireFailure(t, access.Invalid, err)
		return
	}
	mark := h.whole(t, "").end.Watermark
	none := h.whole(t, mark)
	require.Empty(t, none.gone)
	want, came, gone := h.change()
	got := h.whole(t, mark)
	require.Contains(t, got.gone, gone)
	require.Equal(t, want[came], got.people[came])
	require.Equal(t, want[h.People[0].ID], got.people[h.People[0].ID])
	again := h.whole(t, got.end.Watermark)
	require.Empty(t, again.gone)
}

func listUnknownWatermark(t *testing.T, h PeopleListerHarness) {
	_, err := h.list(t.Context(), "not a watermark")
	requireFailure(t, access.Invalid, err)
}
