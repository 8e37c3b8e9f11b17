package requesttracker

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// unseen are the elements whose text nobody sees.
func unseen() []atom.Atom {
	return []atom.Atom{atom.Script, atom.Style, atom.Template, atom.Title, atom.Noscript}
}

// inline are the elements that begin no line.
func inline() []atom.Atom {
	return []atom.Atom{
		atom.A, atom.Abbr, atom.B, atom.Big, atom.Code, atom.Del, atom.Em, atom.Font, atom.I, atom.Img, atom.Ins, atom.Kbd, atom.Mark,
		atom.Q, atom.S, atom.Small, atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Sup, atom.Td, atom.Th, atom.Tt, atom.U, atom.Wbr,
	}
}

// plainText returns what people read in HTML, line by line. It reads from the beginning to the end and builds no tree, so no nesting is
// too deep for it.
func plainText(markup string) string {
	var p page
	for reader := html.NewTokenizer(strings.NewReader(markup)); reader.Next() != html.ErrorToken; {
		p.add(reader.Token())
	}
	p.endLine()
	return strings.TrimSpace(strings.Join(p.lines, "\n"))
}

// page is what has been read of a text, in whole lines, and the line that is being read.
type page struct {
	lines []string
	line  strings.Builder
	// hidden is the element that is being passed over; 0 for none.
	hidden atom.Atom
}

func (p *page) endLine() {
	p.lines = append(p.lines, strings.Join(strings.Fields(p.line.String()), " "))
	p.line.Reset()
}

func (p *page) add(token html.Token) {
	switch {
	case p.hidden != 0:
		if token.Type == html.EndTagToken && token.DataAtom == p.hidden {
			p.hidden = 0
		}
	case token.Type == html.TextToken:
		p.line.WriteString(token.Data)
	case token.Type == html.StartTagToken && slices.Contains(unseen(), token.DataAtom):
		p.hidden = token.DataAtom
	case token.DataAtom != 0 && !slices.Contains(inline(), token.DataAtom):
		p.breakLine(token)
	}
}

// breakLine ends the line where people see another one begin. A paragraph ends with an empty line.
func (p *page) breakLine(token html.Token) {
	empty := strings.TrimSpace(p.line.String()) == ""
	switch {
	case token.DataAtom == atom.P && token.Type == html.EndTagToken:
		p.endLine()
		p.endLine()
	case token.DataAtom == atom.Br || !empty:
		p.endLine()
	default:
		p.line.Reset()
	}
}
