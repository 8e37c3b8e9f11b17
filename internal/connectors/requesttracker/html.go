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
	var lines []string
	var line strings.Builder
	end := func() {
		lines = append(lines, strings.Join(strings.Fields(line.String()), " "))
		line.Reset()
	}
	hidden := atom.Atom(0)
	for reader := html.NewTokenizer(strings.NewReader(markup)); ; {
		kind := reader.Next()
		if kind == html.ErrorToken {
			end()
			return strings.TrimSpace(strings.Join(lines, "\n"))
		}
		token := reader.Token()
		switch {
		case hidden != 0:
			if kind == html.EndTagToken && token.DataAtom == hidden {
				hidden = 0
			}
		case kind == html.TextToken:
			line.WriteString(token.Data)
		case kind == html.StartTagToken && slices.Contains(unseen(), token.DataAtom):
			hidden = token.DataAtom
		case kind == html.CommentToken || kind == html.DoctypeToken || slices.Contains(inline(), token.DataAtom):
		case token.DataAtom == atom.P && kind == html.EndTagToken:
			end()
			end() // A paragraph ends with an empty line.
		case token.DataAtom == atom.Br || strings.TrimSpace(line.String()) != "":
			end()
		default:
			line.Reset()
		}
	}
}
