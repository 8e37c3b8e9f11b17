package scimtest

import (
	"iter"
	"slices"
	"strings"
	"unicode"
)

// roster holds values in the order in which they came, each under an id. What it does costs the same however many it
// holds; only drop moves up the pointers that stand behind.
type roster[T any] struct {
	order []*entry[T]
	byID  map[string]*entry[T]
	// keys are the attributes by which find finds, in lower case, each with what gives a value's one.
	keys  map[string]func(T) string
	filed map[key][]*entry[T]
	turns int
}

// entry is a place in a roster. Its turn is higher than that of all before it.
type entry[T any] struct {
	id    string
	turn  int
	value T
	keys  []key
}

type key struct{ attribute, folded string }

func newRoster[T any](keys map[string]func(T) string) *roster[T] {
	return &roster[T]{byID: map[string]*entry[T]{}, keys: keys, filed: map[key][]*entry[T]{}}
}

func (r *roster[T]) has(id string) bool { return r.byID[id] != nil }

func (r *roster[T]) get(id string) (value T, found bool) {
	if e := r.byID[id]; e != nil {
		return e.value, true
	}
	return value, false
}

// put adds a value at the end, or replaces the one with its id where that stands. A value whose keys have changed is
// put again.
func (r *roster[T]) put(id string, value T) {
	e := r.byID[id]
	if e == nil {
		r.turns++
		e = &entry[T]{id: id, turn: r.turns}
		r.byID[id], r.order = e, append(r.order, e)
	}
	r.unfile(e)
	e.value = value
	for attribute, of := range r.keys {
		if v := of(value); v != "" {
			k := key{attribute, fold(v)}
			e.keys, r.filed[k] = append(e.keys, k), append(r.filed[k], e)
		}
	}
}

// drop removes a value; one that is not there stays so.
func (r *roster[T]) drop(id string) {
	e := r.byID[id]
	if e == nil {
		return
	}
	r.unfile(e)
	delete(r.byID, id)
	at, _ := slices.BinarySearchFunc(r.order, e.turn, func(e *entry[T], turn int) int { return e.turn - turn })
	r.order = slices.Delete(r.order, at, at+1)
}

func (r *roster[T]) unfile(e *entry[T]) {
	for _, k := range e.keys {
		r.filed[k] = slices.DeleteFunc(r.filed[k], func(other *entry[T]) bool { return other == e })
		if len(r.filed[k]) == 0 {
			delete(r.filed, k)
		}
	}
	e.keys = nil
}

// find returns those whose attribute has the value, without regard to case, in their order; false when it cannot tell.
func (r *roster[T]) find(attribute, value string) (found []*entry[T], told bool) {
	if attribute == "id" {
		if e := r.byID[value]; e != nil {
			found = append(found, e)
		}
		return found, true
	}
	if r.keys[attribute] == nil || value == "" {
		return nil, false
	}
	found = slices.Clone(r.filed[key{attribute, fold(value)}])
	slices.SortFunc(found, func(a, b *entry[T]) int { return a.turn - b.turn })
	return found, true
}

func (r *roster[T]) values() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, e := range r.order {
			if !yield(e.value) {
				return
			}
		}
	}
}

// ids are those of all values, in their order; nil for none.
func (r *roster[T]) ids() []string {
	var ids []string
	for _, e := range r.order {
		ids = append(ids, e.id)
	}
	return ids
}

func (r *roster[T]) clone() *roster[T] {
	c := newRoster(r.keys)
	for _, e := range r.order {
		c.put(e.id, e.value)
	}
	return c
}

// fold makes texts equal that strings.EqualFold calls equal.
func fold(text string) string {
	return strings.Map(func(c rune) rune {
		least := c
		for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, text)
}
