package usersync

import "usher/internal/access"

// Listed returns a user of a listing with the keys that the user is found by. What is too long for a key finds nobody, and an id of a person that
// no source can have is left out: one odd user must not stop the others.
func Listed(u access.DeskUser) access.ListedUser {
	key := func(text string) string {
		if folded := access.FoldKey(text); access.Limits().ID.Fits(folded) {
			return folded
		}
		return ""
	}
	if !access.Limits().Person.Fits(string(u.Person)) {
		u.Person = ""
	}
	return access.ListedUser{User: u, NameKey: key(u.Values[access.UserFieldName]), EmailKey: key(u.Values[access.UserFieldEmail])}
}
