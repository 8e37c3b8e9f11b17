package jira

import (
	"encoding/json"
	"strings"

	"usher/internal/connectors/desk"
)

// What Jira takes, in characters. Java counts UTF-16 units, so a character outside the basic plane counts twice.
const (
	summaryLimit = 255
	textLimit    = 32767
	// commentRoom leaves room for an edition's frame around the text.
	commentRoom = textLimit - 64
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

// plain is what the node says, as plain text: what stands in one line on the page stands in one line, and blocks are parted by empty
// lines.
func (n node) plain() string {
	switch n.Type {
	case "text":
		return n.Text
	case "hardBreak":
		return "\n"
	}
	var b strings.Builder
	inline := true
	for _, child := range n.Content {
		b.WriteString(child.plain())
		inline = inline && (child.Type == "text" || child.Type == "hardBreak" || child.Content == nil)
	}
	if inline && len(n.Content) > 0 {
		b.WriteString("\n\n")
	}
	return b.String()
}

// lines are the document's text nodes.
func (n node) lines() []string {
	var all []string
	if n.Type == "text" {
		all = append(all, n.Text)
	}
	for _, child := range n.Content {
		all = append(all, child.lines()...)
	}
	return all
}

// fitted is a text with a tail that is never cut, in at most limit characters.
func fitted(text, tail string, limit int) string {
	return desk.Unit(desk.UTF16).WithTail(text, tail, limit)
}
