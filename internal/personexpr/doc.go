// Package personexpr has the expressions by which the configuration reads the records of people: CEL, over the fields of one record, each typed,
// and with a limited cost. It is pure: an expression knows the record and nothing else, not even the time.
package personexpr
