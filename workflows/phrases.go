package workflows

import (
	"strings"
	"time"
)

const clockLayout2 = "2006-01-02 15:04 MST"

// Clock returns a time as people read it, in UTC.
func Clock(t time.Time) string { return t.UTC().Format(clockLayout2) }

// Sentence joins a statement and its reason; a reason of "" is none.
func Sentence(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// Inline makes a text harmless in one line of Markdown: people write reasons and names, and the page is an operator's.
func Inline(s string) string { return markdownEscapes.Replace(s) }

var markdownEscapes = strings.NewReplacer("\r", " ", "\n", " ", "\\", "\\\\", "|", "\\|", "[", "\\[", "]", "\\]", "<", "\\<", ">", "\\>",
	"&", "\\&", "`", "\\`", "*", "\\*", "_", "\\_", "!", "\\!", "~", "\\~", "$", "\\$", "://", "\\://")

// DetailsEnd is an empty paragraph: the UI gives a run's details a little less room than they need, and hides the end.
const DetailsEnd = "\n\u00a0"

// Details returns a run's page for operators: a sentence, and what is counted or wrong as a list below it. The UI leaves too little room for
// paragraphs, and hides the last of them.
func Details(first string, rest []string) string {
	text := first
	for i, line := range rest {
		if i == 0 {
			text += "\n"
		}
		text += "\n- " + line
	}
	if len(rest) > 0 {
		// Else the empty paragraph is a part of the last item.
		text += "\n"
	}
	return text + DetailsEnd
}
