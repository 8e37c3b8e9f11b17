package usersync

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"usher/internal/access"
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

// Listed returns a user of a listing with the keys that the user is found by. What is too long for a key finds nobody, and an id of a person that
// no source can have is left out: one odd user must not stop the others.
func Listed(u access.DeskUser) access.ListedUser {
	key := func(text string) string {
		if folded := FoldKey(text); access.Limits().ID.Fits(folded) {
			return folded
		}
		return ""
	}
	if !access.Limits().Person.Fits(string(u.Person)) {
		u.Person = ""
	}
	return access.ListedUser{User: u, NameKey: key(u.Values[access.UserFieldName]), EmailKey: key(u.Values[access.UserFieldEmail])}
}
