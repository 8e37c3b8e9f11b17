package desktest

import (
	"container/list"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// View holds the tickets of a desk, as they are and as its search sees them: each change some time after it was made. It finds
// what a query may match without a look at all of them. It is not safe for concurrent use.
type View struct {
	entries map[int64]*Entry
	// order is the numbers of the tickets, the lowest first.
	order []int64
	// labels lead, in lower case, to the tickets that carry them or did.
	labels map[string]map[int64]*Entry
	// recent holds every entry, the one that changed last at the back.
	recent *list.List
}

// NewView makes a view without tickets.
func NewView() *View {
	return &View{entries: map[int64]*Entry{}, labels: map[string]map[int64]*Entry{}, recent: list.New()}
}

// Entry is one ticket of a view.
type Entry struct {
	// Now is the ticket as it is.
	Now     *Ticket
	indexed []version
	// newest is the latest time of change that any state of the ticket has had; place is where it stands in View.recent.
	newest time.Time
	place  *list.Element
}

// version is a state of a ticket and the moment from which the search sees it.
type version struct {
	ticket    *Ticket
	visibleAt time.Time
}

// Seen returns the ticket as the search sees it; false when it sees none.
func (e *Entry) Seen(now time.Time) (*Ticket, bool) {
	for _, v := range slices.Backward(e.indexed) {
		if !v.visibleAt.After(now) {
			return v.ticket, true
		}
	}
	return nil, false
}

// add adds a state and drops those that no search can see again.
func (e *Entry) add(v version, now time.Time) {
	e.indexed = append(e.indexed, v)
	for len(e.indexed) > 1 && !e.indexed[1].visibleAt.After(now) {
		e.indexed = e.indexed[1:]
	}
}

// Put adds a ticket, or another state of one, which the search sees at visibleAt; now is what the clock shows.
func (v *View) Put(t *Ticket, visibleAt, now time.Time) {
	e := v.entries[t.Seq]
	if e == nil {
		e = &Entry{}
		v.entries[t.Seq] = e
		at, _ := slices.BinarySearch(v.order, t.Seq)
		v.order = slices.Insert(v.order, at, t.Seq)
	}
	e.Now = t
	e.add(version{ticket: t, visibleAt: visibleAt}, now)
	for _, label := range t.Labels {
		label = strings.ToLower(label)
		if v.labels[label] == nil {
			v.labels[label] = map[int64]*Entry{}
		}
		v.labels[label][t.Seq] = e
	}
	v.place(e, t.Updated)
}

// place moves an entry to where its time of change belongs.
func (v *View) place(e *Entry, updated time.Time) {
	if e.place != nil && !updated.After(e.newest) {
		return
	}
	e.newest = updated
	if e.place == nil {
		e.place = v.recent.PushBack(e)
	} else {
		v.recent.MoveToBack(e.place)
	}
	for before := e.place.Prev(); before != nil && before.Value.(*Entry).newest.After(e.newest); before = e.place.Prev() {
		v.recent.MoveBefore(e.place, before)
	}
}

// Len returns how many tickets there are.
func (v *View) Len() int { return len(v.order) }

// Entry returns the ticket of a number; nil when there is none.
func (v *View) Entry(seq int64) *Entry { return v.entries[seq] }

// Oldest returns all tickets, the lowest number first.
func (v *View) Oldest() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, id := range v.order {
			if !yield(v.entries[id]) {
				return
			}
		}
	}
}

// Newest returns all tickets, the highest number first.
func (v *View) Newest() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, id := range slices.Backward(v.order) {
			if !yield(v.entries[id]) {
				return
			}
		}
	}
}

// Recent returns all tickets, the one that changed last at the end. Tickets that are put in this order are put fast.
func (v *View) Recent() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for p := v.recent.Front(); p != nil; p = p.Next() {
			if !yield(p.Value.(*Entry)) {
				return
			}
		}
	}
}

// Since returns the tickets that changed at that time or later: never too few.
func (v *View) Since(at time.Time) []*Entry {
	var out []*Entry
	for p := v.recent.Back(); p != nil; p = p.Prev() {
		e := p.Value.(*Entry)
		if e.newest.Before(at) {
			break
		}
		out = append(out, e)
	}
	return out
}

// Labelled returns the tickets that carry one of the labels in any case of letters, or did: never too few.
func (v *View) Labelled(labels ...string) []*Entry {
	if len(labels) == 1 {
		return slices.Collect(maps.Values(v.labels[strings.ToLower(labels[0])]))
	}
	found := map[int64]*Entry{}
	for _, label := range labels {
		maps.Copy(found, v.labels[strings.ToLower(label)])
	}
	return slices.Collect(maps.Values(found))
}

// CountLabelled returns how many Labelled returns at most. It is cheap.
func (v *View) CountLabelled(labels ...string) int {
	n := 0
	for _, label := range labels {
		n += len(v.labels[strings.ToLower(label)])
	}
	return n
}

// ShowBy lets the search see every present change at that time at the latest.
func (v *View) ShowBy(latest time.Time) {
	for _, e := range v.entries {
		for n := range e.indexed {
			if e.indexed[n].visibleAt.After(latest) {
				e.indexed[n].visibleAt = latest
			}
		}
	}
}
