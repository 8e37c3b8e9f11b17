package jiratest

import (
	"net/http"
	"slices"
	"strings"
)

// jql is a parsed query: a condition, nil for none, and an order.
type jql struct {
	where *node
	order []sorting
}

// node is "and", "or", "not" with its children, or a clause.
type node struct {
	op       string
	children []*node
	clause   clause
}

// clause compares a field: = != < <= > >= ~, in, not in, is, is not. "is" has the value "empty".
type clause struct {
	field, op string
	values    []token
	at        int
}

type sorting struct {
	field      string
	descending bool
}

type parser struct {
	tokens []token
	n      int
}

func (p *parser) peek() token { return p.tokens[p.n] }

func (p *parser) next() token {
	t := p.tokens[p.n]
	if t.kind != endToken {
		p.n++
	}
	return t
}

func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.n++
		return true
	}
	return false
}

// parseJQL reads the part of JQL that the fake knows: comparisons joined by AND, OR, NOT and brackets, and ORDER BY.
func parseJQL(text string) (jql, error) {
	tokens, err := lex(text)
	if err != nil {
		return jql{}, err
	}
	p := &parser{tokens: tokens}
	var q jql
	if t := p.peek(); t.kind != endToken && !t.is("order") {
		if q.where, err = p.either(); err != nil {
			return jql{}, err
		}
	}
	if q.order, err = p.orderBy(); err != nil {
		return jql{}, err
	}
	if t := p.peek(); t.kind != endToken {
		return jql{}, jqlError(t.at, "Expecting either 'OR' or 'AND' but got '%s'.", t.text)
	}
	return q, nil
}

func (p *parser) either() (*node, error) { return p.join("or", p.both) }

func (p *parser) both() (*node, error) { return p.join("and", p.one) }

func (p *parser) join(word string, part func() (*node, error)) (*node, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	n := &node{op: word, children: []*node{first}}
	for p.accept(word) {
		child, err := part()
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	if len(n.children) == 1 {
		return first, nil
	}
	return n, nil
}

func (p *parser) one() (*node, error) {
	if p.accept("not") {
		child, err := p.one()
		return &node{op: "not", children: []*node{child}}, err
	}
	if p.accept("(") {
		child, err := p.either()
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, jqlError(p.peek().at, "Expecting ')' before the end of the query.")
		}
		return child, nil
	}
	c, err := p.comparison()
	return &node{clause: c}, err
}

func (p *parser) comparison() (clause, error) {
	field := p.next()
	if field.kind != wordToken && field.kind != textToken {
		return clause{}, jqlError(field.at, "Expecting a field name but got '%s'.", field.text)
	}
	if field.kind == wordToken && reservedWord(field.text) {
		return clause{}, jqlError(field.at, "'%s' is a reserved JQL word. You must surround it in quotation marks to use it in a query.", field.text)
	}
	c := clause{field: strings.ToLower(field.text), at: field.at}
	op := p.next()
	c.op = strings.ToLower(op.text)
	switch {
	case op.kind == signToken && strings.Contains(" = != < <= > >= ~ !~ ", " "+op.text+" "):
		return p.single(c)
	case op.is("in"):
		return p.list(c)
	case op.is("not") && p.accept("in"):
		c.op = "not in"
		return p.list(c)
	case op.is("is"):
		if p.accept("not") {
			c.op = "is not"
		}
		return p.single(c)
	}
	return clause{}, jqlError(op.at, "Expecting operator but got '%s'. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~',"+
		" 'IN', 'NOT IN', 'IS' and 'IS NOT'.", op.text)
}

func (p *parser) single(c clause) (clause, error) {
	v, err := p.value()
	c.values = []token{v}
	return c, err
}

func (p *parser) list(c clause) (clause, error) {
	if !p.accept("(") {
		return c, jqlError(p.peek().at, "Expecting '(' but got '%s'.", p.peek().text)
	}
	for {
		v, err := p.value()
		if err != nil {
			return c, err
		}
		c.values = append(c.values, v)
		if p.accept(")") {
			return c, nil
		}
		if !p.accept(",") {
			return c, jqlError(p.peek().at, "Expecting either ',' or ')' but got '%s'.", p.peek().text)
		}
	}
}

func (p *parser) value() (token, error) {
	t := p.next()
	switch {
	case t.kind != wordToken && t.kind != textToken:
		return t, jqlError(t.at, "Expecting either a value, list or function but got '%s'. You must surround '%s' in quotation marks"+
			" to use it as a value.", t.text, t.text)
	case t.kind == wordToken && reservedWord(t.text) && !t.is("empty") && !t.is("null"):
		return t, jqlError(t.at, "'%s' is a reserved JQL word. You must surround it in quotation marks to use it in a query.", t.text)
	case t.is("currentUser") && p.accept("(") && p.accept(")"):
		t.text = "currentUser()"
	}
	return t, nil
}

func (p *parser) orderBy() ([]sorting, error) {
	if !p.accept("order") {
		return nil, nil
	}
	if !p.accept("by") {
		return nil, jqlError(p.peek().at, "Expecting 'by' but got '%s'.", p.peek().text)
	}
	var out []sorting
	for {
		t := p.next()
		field := strings.ToLower(t.text)
		if !slices.Contains(sortable, field) {
			return nil, refuse(http.StatusBadRequest, "Field '"+t.text+"' does not exist or you do not have permission to view it.")
		}
		o := sorting{field: field, descending: field == "created" || field == "updated"}
		switch {
		case p.accept("asc"):
			o.descending = false
		case p.accept("desc"):
			o.descending = true
		}
		if out = append(out, o); len(out) > 7 {
			return nil, refuse(http.StatusBadRequest, "The maximum number of fields in ORDER BY is 7.")
		}
		if !p.accept(",") {
			return out, nil
		}
	}
}

// reservedWords are the unquoted words that are no names and no values; the vendor's list is longer.
const reservedWords = " and or not in is empty null order by asc desc was changed select from where having join on abort after" +
	" all alter any as before begin between boolean by case commit count create cursor date day delete distinct double drop else end" +
	" exists false float for function group if index input insert int integer into long max min minus mode modify number of option" +
	" outer power previous prior public raise returning right row size start string subquery sum table then to trans true union" +
	" unique update user using values view when with "

func reservedWord(word string) bool {
	return strings.Contains(reservedWords, " "+strings.ToLower(word)+" ")
}
