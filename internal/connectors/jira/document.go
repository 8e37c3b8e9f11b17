package jira

import (
	"encoding/json"
	"strings"
	"unicode"
)

// What Jira takes, in characters. Java counts UTF-16 units, so a character outside the basic plane counts twice.
const (
	summaryLimit = 255
	textLimit    = 32767
	cutNote      = " [cut]"
)

// node is a node of an Atlassian document. The documents made here know paragraphs, line breaks and text without marks,
// so that nothing in a text can act as markup, as a mention or as a link.
type node struct {
	Type    string `json:"type"`
	Version int    `json:"version,omitempty"`
	Text    string `json:"text,omitempty"`
	Content []node `json:"content,omitempty"`
}

// MarshalJSON writes a document without content as one with an empty list, which Jira demands.
func (n node) MarshalJSON() ([]byte, error) {
	type plainNode node
	if n.Type == "doc" && n.Content == nil {
		return []byte(`{"type":"doc","version":1,"content":[]}`), nil
	}
	return json.Marshal(plainNode(n))
}

// document is a plain text as an Atlassian document: an empty line ends a paragraph, a line break is a line break.
func document(text string) node {
	doc := node{Type: "doc", Version: 1}
	if text == "" {
		return doc
	}
	for block := range strings.SplitSeq(text, "\n\n") {
		paragraph := node{Type: "paragraph"}
		for i, line := range strings.Split(block, "\n") {
			if i > 0 {
				paragraph.Content = append(paragraph.Content, node{Type: "hardBreak"})
			}
			if line != "" {
				paragraph.Content = append(paragraph.Content, node{Type: "text", Text: line})
			}
		}
		doc.Content = append(doc.Content, paragraph)
	}
	return doc
}

// holds reports whether one of the document's text nodes is exactly that text.
func (n node) holds(text string) bool {
	if n.Type == "text" && n.Text == text {
		return true
	}
	for _, child := range n.Content {
		if child.holds(text) {
			return true
		}
	}
	return false
}

// tidy makes a text valid: Unix line ends, no control characters, no broken UTF-8.
func tidy(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, text)
}

// oneLine is a text without line breaks and without runs of spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(tidy(text)), " ") }

// withTail is a text with a last paragraph, "" for none, in at most limit units; only the text before it is cut.
func withTail(text, tail string, limit int) string {
	if tail == "" {
		return shorten(text, limit)
	}
	return shorten(text, limit-units(tail)-2) + "\n\n" + tail
}

// shorten cuts a text to a number of UTF-16 units, between characters, and says that it cut.
func shorten(text string, limit int) string {
	if units(text) <= limit {
		return text
	}
	runes := []rune(text)
	kept, room := 0, limit-units(cutNote)
	for kept < len(runes) && unitsOf(runes[kept]) <= room {
		room -= unitsOf(runes[kept])
		kept++
	}
	end := kept
	for end > 0 && end < len(runes) && joins(runes[end-1], runes[end]) {
		end--
	}
	if end == 0 {
		// One endless cluster: better a split one than an empty text.
		end = kept
	}
	return strings.TrimRight(string(runes[:end]), " \n\t") + cutNote
}

// joins reports whether two runes are parts of one visible character: a mark, a modifier or a joiner between them.
func joins(before, after rune) bool {
	const joiner = '\u200D'
	modifier := after >= 0x1F3FB && after <= 0x1F3FF
	return before == joiner || after == joiner || modifier || unicode.Is(unicode.M, after)
}

func units(text string) int {
	n := 0
	for _, r := range text {
		n += unitsOf(r)
	}
	return n
}

func unitsOf(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}
