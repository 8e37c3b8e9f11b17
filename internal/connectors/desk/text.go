package desk

import (
	"strings"
	"unicode"
)

// Unit is how long a desk counts a character.
type Unit func(rune) int

// UTF16 counts as Java does: a character outside the basic plane is two.
func UTF16(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// Len returns how long a text is.
func (u Unit) Len(text string) int {
	n := 0
	for _, r := range text {
		n += u(r)
	}
	return n
}

// cutNote ends a text that was cut.
const cutNote = " [cut]"

// Tidy returns a text made valid: Unix line ends, no control characters, no broken UTF-8.
func Tidy(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, text)
}

// OneLine returns a tidy text without line breaks and without runs of spaces.
func OneLine(text string) string { return strings.Join(strings.Fields(Tidy(text)), " ") }

// WithTail returns a text with a last paragraph, "" for none, in at most limit units; only the text before it is cut.
func (u Unit) WithTail(text, tail string, limit int) string {
	if tail == "" {
		return u.Shorten(text, limit)
	}
	return u.Shorten(text, limit-u.Len(tail)-2) + "\n\n" + tail
}

// Shorten returns a text cut to a number of units, between characters, with a note that it was cut.
func (u Unit) Shorten(text string, limit int) string {
	if u.Len(text) <= limit {
		return text
	}
	runes := []rune(text)
	kept, room := 0, limit-u.Len(cutNote)
	for kept < len(runes) && u(runes[kept]) <= room {
		room -= u(runes[kept])
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
