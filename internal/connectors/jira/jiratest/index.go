package jiratest

import (
	"slices"
	"strings"

	"usher/internal/connectors/desktest"
)

// entry is an issue and what the search index knows of it.
type entry = desktest.Entry

// narrowing is a way to the entries that a part of a condition may match: how many they are at most, and they.
type narrowing struct {
	size int
	get  func() []*entry
}

// candidates are the entries that the query may match: the fewest that one part of its condition leaves over. Where that
// is not much less than all, all of them come, in an order that is near the one that is wanted.
func (s *Server) candidates(m matcher, q jql) []*entry {
	if q.where != nil {
		if best, can := s.narrow(m, q.where); can && best.size*4 < s.store.View().Len() {
			return best.get()
		}
	}
	all := make([]*entry, 0, s.store.View().Len())
	if len(q.order) > 0 && q.order[0].field == "updated" {
		return slices.AppendSeq(all, s.store.View().Recent())
	}
	return slices.AppendSeq(all, s.store.View().Newest())
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
		found := s.store.View().Since(at)
		return narrowing{size: len(found), get: func() []*entry { return found }}, true
	case isKey(c.field) && (c.op == "=" || c.op == "in"):
		return narrowing{size: len(c.values), get: func() []*entry { return s.named(c.values) }}, true
	}
	return narrowing{}, false
}

func (s *Server) labelled(values []token) (narrowing, bool) {
	labels := make([]string, 0, len(values))
	for _, v := range values {
		if v.is("empty") || v.is("null") {
			return narrowing{}, false
		}
		labels = append(labels, v.text)
	}
	return narrowing{size: s.store.View().CountLabelled(labels...), get: func() []*entry { return s.store.View().Labelled(labels...) }}, true
}

func (s *Server) named(values []token) []*entry {
	var out []*entry
	for _, v := range values {
		if i, exists := s.store.Find(v.text); exists && !slices.Contains(out, s.store.Entry(i.ID)) {
			out = append(out, s.store.Entry(i.ID))
		}
	}
	return out
}
