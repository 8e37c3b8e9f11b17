package jiratest

import (
	"container/list"
	"maps"
	"slices"
	"strings"
	"time"
)

// entry is an issue and what the search index knows of it.
type entry struct {
	now     *issue
	indexed []version
	// newest is the latest time of change that any state of the issue has had; place is where it stands in index.recent.
	newest time.Time
	place  *list.Element
}

// version is a state of an issue and the moment from which the search sees it.
type version struct {
	issue     *issue
	visibleAt time.Time
}

func (e *entry) visibleBy(latest time.Time) {
	for n := range e.indexed {
		if e.indexed[n].visibleAt.After(latest) {
			e.indexed[n].visibleAt = latest
		}
	}
}

// seen is the issue as the search index has it, nil when it has nothing.
func (e *entry) seen(now time.Time) *issue {
	for _, v := range slices.Backward(e.indexed) {
		if !v.visibleAt.After(now) {
			return v.issue
		}
	}
	return nil
}

// add adds a state and drops those that no search can see again.
func (e *entry) add(v version, now time.Time) {
	e.indexed = append(e.indexed, v)
	for len(e.indexed) > 1 && !e.indexed[1].visibleAt.After(now) {
		e.indexed = e.indexed[1:]
	}
}

// index finds the issues that a query may match without looking at all of them. It may give too many, never too few: the
// query itself is tried on what it gives.
type index struct {
	// labels lead, in lower case, to the issues that carry them or did.
	labels map[string]map[int64]*entry
	// recent holds every entry, the one that changed last at the back.
	recent *list.List
}

func newIndex() index { return index{labels: map[string]map[int64]*entry{}, recent: list.New()} }

func (x *index) put(e *entry) {
	for _, label := range e.now.Labels {
		label = strings.ToLower(label)
		if x.labels[label] == nil {
			x.labels[label] = map[int64]*entry{}
		}
		x.labels[label][e.now.ID] = e
	}
	if e.place != nil && !e.now.Updated.After(e.newest) {
		return
	}
	e.newest = e.now.Updated
	if e.place == nil {
		e.place = x.recent.PushBack(e)
	} else {
		x.recent.MoveToBack(e.place)
	}
	for before := e.place.Prev(); before != nil && before.Value.(*entry).newest.After(e.newest); before = e.place.Prev() {
		x.recent.MoveBefore(e.place, before)
	}
}

// since returns the entries that changed at that time or later.
func (x *index) since(at time.Time) []*entry {
	var out []*entry
	for p := x.recent.Back(); p != nil; p = p.Prev() {
		e := p.Value.(*entry)
		if e.newest.Before(at) {
			break
		}
		out = append(out, e)
	}
	return out
}

// narrowing is a way to the entries that a part of a condition may match: how many they are at most, and they.
type narrowing struct {
	size int
	get  func() []*entry
}

// candidates are the entries that the query may match: the fewest that one part of its condition leaves over. Where that
// is not much less than all, all of them come, in an order that is near the one that is wanted.
func (s *Server) candidates(m matcher, q jql) []*entry {
	if q.where != nil {
		if best, can := s.narrow(m, q.where); can && best.size*4 < len(s.order) {
			return best.get()
		}
	}
	all := make([]*entry, 0, len(s.order))
	if len(q.order) > 0 && q.order[0].field == "updated" {
		for p := s.index.recent.Front(); p != nil; p = p.Next() {
			all = append(all, p.Value.(*entry))
		}
		return all
	}
	for _, id := range slices.Backward(s.order) {
		all = append(all, s.entries[id])
	}
	return all
}

func (s *Server) narrow(m matcher, n *node) (narrowing, bool) {
	switch n.op {
	case "":
		return s.narrowClause(m, n.clause)
	case "and":
		var best narrowing
		narrowed := false
		for _, child := range n.children {
			if one, can := s.narrow(m, child); can && (!narrowed || one.size < best.size) {
				best, narrowed = one, true
			}
		}
		return best, narrowed
	}
	return narrowing{}, false
}

func (s *Server) narrowClause(m matcher, c clause) (narrowing, bool) {
	switch {
	case c.field == "labels" && (c.op == "=" || c.op == "in"):
		return s.labelled(c.values)
	case strings.HasPrefix(c.field, "updated") && (c.op == ">=" || c.op == ">"):
		at, valid := m.moment(c.values[0])
		if !valid {
			return narrowing{}, false
		}
		found := s.index.since(at)
		return narrowing{size: len(found), get: func() []*entry { return found }}, true
	case (c.field == "key" || c.field == "issuekey" || c.field == "id" || c.field == "issue") && (c.op == "=" || c.op == "in"):
		return narrowing{size: len(c.values), get: func() []*entry { return s.named(c.values) }}, true
	}
	return narrowing{}, false
}

func (s *Server) labelled(values []token) (narrowing, bool) {
	size := 0
	for _, v := range values {
		if v.is("empty") || v.is("null") {
			return narrowing{}, false
		}
		size += len(s.index.labels[strings.ToLower(v.text)])
	}
	return narrowing{size: size, get: func() []*entry {
		found := map[int64]*entry{}
		for _, v := range values {
			maps.Copy(found, s.index.labels[strings.ToLower(v.text)])
		}
		return slices.Collect(maps.Values(found))
	}}, true
}

func (s *Server) named(values []token) []*entry {
	var out []*entry
	for _, v := range values {
		if i, exists := s.find(v.text); exists && !slices.Contains(out, s.entries[i.ID]) {
			out = append(out, s.entries[i.ID])
		}
	}
	return out
}

// lag is how long the search does not see a change.
func (s *Server) lag() time.Duration { return seconds(s.faults.IndexLagSeconds) }

// shortenLag applies the present lag to what the search does not see yet.
func (s *Server) shortenLag() {
	latest := s.cfg.Now().Add(s.lag())
	for _, e := range s.entries {
		e.visibleBy(latest)
	}
}
