package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// A link is planned of what a user and a person have, hours before it is made in a first load. ApplyUsers reads both again, and does not ask whether what matched them is still so. A link is
// for good: there is no command that takes it away.
// A user loses: the user of somebody else is taken, renamed and written as the person's, and is switched off when that person leaves.
func TestAttackUsers_what_matched_is_gone_since_the_plan(t *testing.T) {
	address := "user.p0001@example.com"
	for name, c := range map[string]struct {
		user   access.DeskUser
		change func(*office, access.DeskUser)
	}{
		"HR has corrected the address: it is another person's": {
			access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "bob", access.UserFieldEmail: address}},
			func(o *office, _ access.DeskUser) {
				o.change(1, func(p *access.KnownPerson) { p.Record.Email = "right@example.com" })
				o.change(2, func(p *access.KnownPerson) { p.Record.Email = address })
				o.snapshot()
			},
		},
		"the desk's administrator has given the user another address": {
			access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "bob", access.UserFieldEmail: address}},
			func(o *office, u access.DeskUser) {
				u.Values[access.UserFieldEmail] = "bob@example.com"
				o.users.Put(u)
			},
		},
		"the desk's administrator has taken the person's id away": {
			access.DeskUser{Person: idOf(1), Active: true, Values: map[string]string{access.UserFieldName: "bob", access.UserFieldEmail: "bob@example.com"}},
			func(o *office, u access.DeskUser) {
				u.Person = ""
				o.users.Put(u)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 3)
			user := o.users.Put(c.user)
			run := o.planned("x")
			c.change(o, user)
			o.applies(run)
			links, err := o.ledger.DeskLinksOf(t.Context(), it, []access.UserID{user.ID})
			require.NoError(t, err)
			for _, l := range links {
				require.NotEqual(t, idOf(1), l.Person, "row %+v", o.rows(run)[idOf(1)])
			}
		})
	}
}

// "What only looks alike is different." The Kelvin sign (U+212A) looks like a K, is another character of another address, and becomes an ASCII k by strings.ToLower (and by NFC). On a desk on
// which people, or whoever writes a mail to it, choose their own address, somebody takes one that looks like a colleague's.
// A user loses: that account is linked to the colleague, renamed to the colleague's user name, and stands for the colleague on tickets.
func TestAttackUsers_kelvin_sign_is_taken_for_a_k(t *testing.T) {
	o := newOffice(t, 1)
	o.change(0, func(p *access.KnownPerson) { p.Record.UserName, p.Record.Email = "mike", "mike@example.com" })
	other := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "mallory", access.UserFieldEmail: "mi\u212ae@example.com"}})
	run := o.ends()
	links, err := o.ledger.DeskLinksOf(t.Context(), it, []access.UserID{other.ID})
	require.NoError(t, err)
	now, err := o.users.ReadUser(t.Context(), other.ID)
	require.NoError(t, err)
	require.Empty(t, links, "row %+v; the user now: %+v", o.rows(run)[idOf(0)], now)
}
