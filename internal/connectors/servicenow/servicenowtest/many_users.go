package servicenowtest

import (
	"slices"
	"strings"

	"usher/internal/connectors/desktest"
)

// usersOf returns the places of the users whom a query of a caller finds, in its order. There may be a hundred thousand, so no more is made of an
// account than the columns that the query names.
func (s *Server) usersOf(c *call, q encoded) []int {
	all := s.store.Accounts()
	found, exact := s.narrowed(q)
	if !exact || c.account.NoAdmin {
		r, names := record{}, append(q.fields(), "active")
		found = slices.DeleteFunc(slices.Clone(found), func(n int) bool {
			s.fill(r, &all[n], names)
			return !s.matches(c, q, r)
		})
	}
	if slices.ContainsFunc(q.order, func(field string) bool { return field != "sys_id" }) {
		found = slices.Clone(found)
		slices.SortStableFunc(found, func(a, b int) int {
			for _, field := range q.order {
				if c := strings.Compare(s.userValue(&all[a], field), s.userValue(&all[b], field)); c != 0 {
					return c
				}
			}
			return 0
		})
	}
	return found
}

// fill puts columns of an account into a record; those that do not exist are left out.
func (s *Server) fill(r record, a *desktest.Account, names []string) {
	for _, name := range names {
		if _, known := userColumns[name]; known || name == "sys_id" || name == "sys_updated_on" {
			r[name] = s.userValue(a, name)
		}
	}
}

// narrowed returns the accounts, by their ids, that have the sys_id that a query asks for; exact is true where it asks for nothing else.
func (s *Server) narrowed(q encoded) (some []int, exact bool) {
	some = s.accountsByID()
	if len(q.groups) != 1 {
		return some, false
	}
	exact = true
	for _, alternatives := range q.groups[0] {
		c := alternatives[0]
		if len(alternatives) > 1 || c.field != "sys_id" || slices.Contains(s.faults.IgnoredConditions, c.field) {
			exact = false
			continue
		}
		at, there := slices.BinarySearchFunc(some, strings.ToLower(c.value), s.compareID)
		switch {
		case c.op == ">" && there:
			some = some[at+1:]
		case c.op == ">":
			some = some[at:]
		case c.op == "=" && there:
			some = some[at : at+1]
		case c.op == "=":
			some = nil
		default:
			exact = false
		}
	}
	return some, exact
}

// accountsByID are the places of all accounts in the order of their ids. An account keeps its id and its place, and none is ever removed.
func (s *Server) accountsByID() []int {
	all := s.store.Accounts()
	for n := len(s.byID); n < len(all); n++ {
		at, _ := slices.BinarySearchFunc(s.byID, all[n].ID, s.compareID)
		s.byID = slices.Insert(s.byID, at, n)
	}
	return s.byID
}

// compareID compares the id of the account at a place.
func (s *Server) compareID(place int, id string) int {
	return strings.Compare(s.store.Accounts()[place].ID, id)
}
