package jiratest

import (
	"encoding/json"
	"strings"
)

// rich is a text with markup as it was written: a JSON string (version 2, wiki text) or an Atlassian document
// (version 3). nil is no text.
type rich json.RawMessage

// text is the text without markup: paragraphs are lines.
func (r rich) text() string {
	if len(r) == 0 {
		return ""
	}
	var plain string
	if json.Unmarshal(r, &plain) == nil {
		return plain
	}
	var doc adfNode
	if json.Unmarshal(r, &doc) != nil {
		return ""
	}
	var b strings.Builder
	doc.write(&b)
	return strings.TrimRight(b.String(), "\n")
}

// fieldText is a stored value as people read it.
func fieldText(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var option struct{ Value string }
	if raw[0] == '{' && json.Unmarshal(raw, &option) == nil && option.Value != "" {
		return option.Value
	}
	if raw[0] == '{' || raw[0] == '"' {
		return rich(raw).text()
	}
	return string(raw)
}

// in is the value as that version of the API shows it, nil for no text.
func (r rich) in(version int) any {
	switch {
	case len(r) == 0:
		return nil
	case version == 2:
		return r.text()
	case r[0] == '"':
		return document(r.text())
	default:
		return json.RawMessage(r)
	}
}

// document is plain text as an Atlassian document: an empty line ends a paragraph.
func document(text string) any {
	var paragraphs []any
	for _, block := range strings.Split(text, "\n\n") {
		var inline []any
		for n, line := range strings.Split(block, "\n") {
			if n > 0 {
				inline = append(inline, map[string]any{"type": "hardBreak"})
			}
			if line != "" {
				inline = append(inline, map[string]any{"type": "text", "text": line})
			}
		}
		paragraphs = append(paragraphs, map[string]any{"type": "paragraph", "content": append([]any{}, inline...)})
	}
	return map[string]any{"type": "doc", "version": 1, "content": paragraphs}
}

// adfNode is a node of an Atlassian document.
type adfNode struct {
	Type    string         `json:"type"`
	Version int            `json:"version"`
	Text    *string        `json:"text"`
	Attrs   map[string]any `json:"attrs"`
	Content []adfNode      `json:"content"`
}

func (n adfNode) write(b *strings.Builder) {
	switch n.Type {
	case "text":
		if n.Text != nil {
			b.WriteString(*n.Text)
		}
	case "hardBreak":
		b.WriteString("\n")
	case "mention", "emoji", "status":
		text, _ := n.Attrs["text"].(string)
		b.WriteString(text)
	case "inlineCard", "blockCard":
		url, _ := n.Attrs["url"].(string)
		b.WriteString(url)
	case "listItem":
		b.WriteString("- ")
	}
	for _, child := range n.Content {
		child.write(b)
	}
	switch n.Type {
	case "paragraph", "heading", "codeBlock", "rule", "blockCard":
		b.WriteString("\n")
	}
}

// adfBlocks may stand where paragraphs stand, adfInline within them.
const (
	adfBlocks = " paragraph heading bulletList orderedList listItem codeBlock blockquote panel rule blockCard table tableRow" +
		" tableHeader tableCell expand mediaSingle media taskList taskItem "
	adfInline = " text hardBreak mention emoji inlineCard status date "
)

// validDocument reports whether raw is an Atlassian document; it knows the common nodes.
func validDocument(raw json.RawMessage) bool {
	var doc adfNode
	if json.Unmarshal(raw, &doc) != nil || doc.Type != "doc" || doc.Version != 1 || doc.Content == nil {
		return false
	}
	for _, n := range doc.Content {
		if !strings.Contains(adfBlocks, " "+n.Type+" ") || !n.valid() {
			return false
		}
	}
	return true
}

func (n adfNode) valid() bool {
	if n.Type == "" || !strings.Contains(adfBlocks+adfInline, " "+n.Type+" ") {
		return false
	}
	if n.Type == "text" {
		return n.Text != nil && *n.Text != "" && n.Content == nil
	}
	for _, child := range n.Content {
		if !child.valid() {
			return false
		}
	}
	return true
}
