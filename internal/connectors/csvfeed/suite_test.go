package csvfeed_test

import (
	"context"
	"testing"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/csvfeed"
)

// proofs are every way in which a file can show that it is whole.
var proofs = map[string]csvfeed.Whole{
	"trailer": {Trailer: "TRAILER"}, "marker": {EndMarker: "#END"}, "digest": {Digest: "people.csv.sha256"},
}

// opened is a source and the feed that it reads.
type opened struct {
	source *csvfeed.Source
	feed   *feed
	refuse func()
}

// openers open a source of each kind of place.
var openers = map[string]func(*testing.T, csvfeed.Whole) opened{
	"path": func(t *testing.T, whole csvfeed.Whole) opened {
		source, put := onDisk(t, csvfeed.Config{Fields: fields(), Whole: whole})
		return opened{source, &feed{t: t, whole: whole, put: put}, func() { csvfeed.RefuseFile(source) }}
	},
	"url": func(t *testing.T, whole csvfeed.Whole) opened {
		source, web := onSite(t, csvfeed.Config{Fields: fields(), Whole: whole})
		return opened{source, &feed{t: t, whole: whole, put: web.put}, func() { web.set(func(s *site) { s.refuse = true }) }}
	},
}

// mending mends the file after the next listing.
type mending struct {
	access.PeopleLister
	after func()
}

func (m *mending) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	end, err := m.PeopleLister.ListPeople(ctx, since, take)
	if m.after != nil {
		m.after()
		m.after = nil
	}
	return end, err
}

func TestPeopleLister(t *testing.T) {
	for where, open := range openers {
		for proof, whole := range proofs {
			t.Run(where+" "+proof, func(t *testing.T) {
				t.Parallel()
				accesstest.RunPeopleLister(t, func(t *testing.T) accesstest.PeopleListerHarness {
					o := open(t, whole)
					return listerHarness(o)
				})
				accesstest.RunPeopleFinder(t, func(t *testing.T) accesstest.PeopleListerHarness { return listerHarness(open(t, whole)) })
			})
		}
	}
}

func listerHarness(o opened) accesstest.PeopleListerHarness {
	f := o.feed
	f.people = accesstest.SomePeople()
	f.people[0].Starts, f.people[0].Ends = "2020-02-29", "2031-12-31"
	f.write()
	lister := &mending{PeopleLister: o.source}
	h := accesstest.PeopleListerHarness{
		Lister: lister, Finder: o.source, People: f.people,
		Put: f.set, Remove: f.remove, RefuseCredentials: o.refuse,
		CutShort: func() { f.cut(); lister.after = f.write },
		HideSome: f.hide,
		NoRepeat: "two rows of one id are a problem of that id",
		Spoil: func() access.PersonID {
			f.spoiled = "bob"
			f.write()
			return "bob"
		},
		Empty:     func() { f.people = nil; f.write() },
		NoChanges: "a file has no history",
	}
	if f.whole.EndMarker != "" {
		h.HideSome, h.NoHiding = nil, "an end marker counts nothing"
	}
	return h
}

func TestIdentitySource(t *testing.T) {
	for where, open := range openers {
		t.Run(where, func(t *testing.T) {
			accesstest.RunIdentitySource(t, func(t *testing.T) accesstest.IdentitySourceHarness {
				o := open(t, csvfeed.Whole{Trailer: "TRAILER"})
				f := o.feed
				f.people = accesstest.SomePeople()
				f.write()
				return accesstest.IdentitySourceHarness{
					Source: o.source, Known: f.people[0].Person, Bare: f.people[1].Person, Inactive: f.people[2].Person, Unknown: "nobody",
					Deactivate: func(p access.Person) {
						record := f.people[0]
						record.Active = false
						f.set(record)
					},
					RefuseCredentials: o.refuse,
				}
			})
		})
	}
}
