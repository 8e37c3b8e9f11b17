package access

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FoldKey returns a user name or an address as they are compared: without regard to case, and to how letters with accents are composed. Letters that
// only look alike stay different: a text with a sign that Unicode takes for another one alone, as the Kelvin sign for a K, is equal to itself only.
func FoldKey(text string) string {
	text = strings.TrimSpace(text)
	for _, r := range text {
		if one := string(r); r != utf8.RuneError && utf8.RuneCountInString(norm.NFC.String(one)) == 1 && norm.NFC.String(one) != one {
			return "\x01" + text
		}
	}
	return norm.NFC.String(strings.ToLower(text))
}
