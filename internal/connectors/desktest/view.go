package desktest

import (
	"container/list"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// View holds the tickets of a desk, as they are and as its search sees them: each change some time after it was made. T is
// a ticket, which is never changed once it is in the view: a change puts another. It finds what a query may match without a
// look at all of them. It is not safe for concurrent use.
type View[T any] struct {
	entries map[int64]*Entry[T]
	// order is the ids, the lowest first.
	order []int64
	// labels lead, in lower case, to the tickets that carry them or did.
	labels map[string]map[int64]*Entry[T]
	// recent holds every entry, the one that changed last at the back.
	recent *list.List
}

// NewView makes a view without tickets.
func NewView[T any]() *View[T] {
	return &View[T]{entries: map[int64]*Entry[T]{}, labels: map[string]map[int64]*Entry[T]{}, recent: list.New()}
}

// Entry is one ticket of a view.
type Entry[T any] struct {
	// Now is the ticket as it is.
	Now     T
	indexed []version[T]
	// newest is the latest time of change that any state of the ticket has had; place is where it stands in View.recent.
	newest time.Time
	place  *list.Element
}

// version is a state of a ticket and the moment from which the search sees it.
type version[T any] struct {
	ticket    T
	visibleAt time.Time
}

// Seen returns the ticket as the search sees it; false when it sees none.
func (e *Entry[T]) Seen(now time.Time) (T, bool) {
	for _, v := range slices.Backward(e.indexed) {
		if !v.visibleAt.After(now) {
			return v.ticket, true
		}
	}
	var none T
	return none, false
}

// add adds a state and drops those that no search can see again.
func (e *Entry[T]) add(v version[T], now time.Time) {
	e.indexed = append(e.indexed, v)
	for len(e.indexed) > 1 && !e.indexed[1].visibleAt.After(now) {
		e.indexed = e.indexed[1:]
	}
}

// State is a ticket as it is from now on.
type State[T any] struct {
	ID     int64
	Ticket T
	// Labels are those by which it is found. Updated is its own time of change.
	Labels  []string
	Updated time.Time
	// VisibleAt is when the search sees it; Now is what the clock shows.
	VisibleAt, Now time.Time
}

// Put adds a ticket, or another state of one.
func (v *View[T]) Put(s State[T]) {
	e := v.entries[s.ID]
	if e == nil {
		e = &Entry[T]{}
		v.entries[s.ID] = e
		at, _ := slices.BinarySearch(v.order, s.ID)
		v.order = slices.Insert(v.order, at, s.ID)
	}
	e.Now = s.Ticket
	e.add(version[T]{ticket: s.Ticket, visibleAt: s.VisibleAt}, s.Now)
	for _, label := range s.Labels {
		label = strings.ToLower(label)
		if v.labels[label] == nil {
			v.labels[label] = map[int64]*Entry[T]{}
		}
		v.labels[label][s.ID] = e
	}
	v.place(e, s.Updated)
}

// place moves an entry to where its time of change belongs.
func (v *View[T]) place(e *Entry[T], updated time.Time) {
	if e.place != nil && !updated.After(e.newest) {
		return
	}
	e.newest = updated
	if e.place == nil {
		e.place = v.recent.PushBack(e)
	} else {
		v.recent.MoveToBack(e.place)
	}
	for before := e.place.Prev(); before != nil && before.Value.(*Entry[T]).newest.After(e.newest); before = e.place.Prev() {
		v.recent.MoveBefore(e.place, before)
	}
}

// Len returns how many tickets there are.
func (v *View[T]) Len() int { return len(v.order) }

// Entry returns the ticket of an id; nil when there is none.
func (v *View[T]) Entry(id int64) *Entry[T] { return v.entries[id] }

// Oldest returns all tickets, the lowest id first.
func (v *View[T]) Oldest() iter.Seq[*Entry[T]] {
	return func(yield func(*Entry[T]) bool) {
		for _, id := range v.order {
			if !yield(v.entries[id]) {
				return
			}
		}
	}
}

// Newest returns all tickets, the highest id first.
func (v *View[T]) Newest() iter.Seq[*Entry[T]] {
	return func(yield func(*Entry[T]) bool) {
		for _, id := range slices.Backward(v.order) {
			if !yield(v.entries[id]) {
				return
			}
		}
	}
}

// Recent returns all tickets, the one that changed last at the end. Tickets that are put in this order are put fast.
func (v *View[T]) Recent() iter.Seq[*Entry[T]] {
	return func(yield func(*Entry[T]) bool) {
		for p := v.recent.Front(); p != nil; p = p.Next() {
			if !yield(p.Value.(*Entry[T])) {
				return
			}
		}
	}
}

// Since returns the tickets that changed at that time or later: never too few.
func (v *View[T]) Since(at time.Time) []*Entry[T] {
	var out []*Entry[T]
	for p := v.recent.Back(); p != nil; p = p.Prev() {
		e := p.Value.(*Entry[T])
		if e.newest.Before(at) {
			break
		}
		out = append(out, e)
	}
	return out
}

// Labelled returns the tickets that carry one of the labels in any case of letters, or did: never too few.
func (v *View[T]) Labelled(labels ...string) []*Entry[T] {
	if len(labels) == 1 {
		return slices.Collect(maps.Values(v.labels[strings.ToLower(labels[0])]))
	}
	found := map[int64]*Entry[T]{}
	for _, label := range labels {
		maps.Copy(found, v.labels[strings.ToLower(label)])
	}
	return slices.Collect(maps.Values(found))
}

// CountLabelled returns how many Labelled returns at most. It is cheap.
func (v *View[T]) CountLabelled(labels ...string) int {
	n := 0
	for _, label := range labels {
		n += len(v.labels[strings.ToLower(label)])
	}
	return n
}

// ShowBy lets the search see every present change at that time at the latest.
func (v *View[T]) ShowBy(latest time.Time) {
	for _, e := range v.entries {
		for n := range e.indexed {
			if e.indexed[n].visibleAt.After(latest) {
				e.indexed[n].visibleAt = latest
			}
		}
	}
}
