package requesttracker_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// What somebody can do who has an account of the real server, who can edit a ticket, or who can send mail.

// TestAttackIntake_creator: whoever may open tickets by REST2 can write another account into a new one as its creator, as an import does.
func TestAttackIntake_creator(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, thief := one.desk(t, one.takesIn), one.addAccount(t, eve())
	victim := one.addAccount(t, access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"})
	for _, name := range []string{string(victim), one.self} {
		var account struct{ ID int64 }
		s.do(t, "root", http.MethodGet, "user/"+name, nil, &account)
		id := one.askAs(t, thief, map[string]any{"Content": "Access: wiki/admin", "Creator": account.ID})
		var shown struct{ Creator struct{ ID string } }
		s.do(t, "root", http.MethodGet, path(id), nil, &shown)
		if shown.Creator.ID == string(thief) {
			t.Log("this Request Tracker lets nobody write another creator by REST2; an import may still")
			one.execute(t, `UPDATE Tickets SET Creator = ? WHERE id = ?`, account.ID, string(id))
			s.do(t, "root", http.MethodGet, path(id), nil, &shown)
		}
		require.Equal(t, name, shown.Creator.ID, "RT shows the other account as the creator")
		_, err := d.ReadAsked(t.Context(), id)
		requireKind(t, access.Invalid, err)
		_, err = d.BindTicket(t.Context(), id, thief, "usher-rt.1:0123456789abcdef")
		requireKind(t, access.Invalid, err)
	}
}

// TestAttackIntake_mail: RT believes the sender of a mail. It notes that it was a mail, whatever the mail says of itself.
func TestAttackIntake_mail(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	account := one.addAccount(t, eve())
	for name, message := range map[string]string{
		"plain":                "Subject: plain\n\nAccess: wiki/editor\n",
		"a header of its own":  "Subject: forged\nX-RT-Interface: Web\n\nAccess: wiki/editor\n",
		"two of them":          "Subject: twice\nX-RT-Interface: Web\nx-rt-interface: Web\n\nAccess: wiki/editor\n",
		"a folded one":         "Subject: folded\nX-RT-Interface:\n Web\nX-RT-Interface: REST2\n\nAccess: wiki/editor\n",
		"in the parts as well": "Subject: parts\nX-RT-Interface: Web\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\nX-RT-Interface: Web\n\nAccess: wiki/editor\n--b\nContent-Type: text/html\nX-RT-Interface: Web\n\n<p>Access: wiki/admin</p>\n--b--\n",
		"in a single part":     "Subject: single\nX-RT-Interface: Web\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nX-RT-Interface: Web\n\nAccess: wiki/editor\n--b--\n",
	} {
		t.Run(name, func(t *testing.T) {
			id := one.mail(t, "From: eve@example.test\n"+message)
			_, err := one.desk(t, one.takesIn).ReadAsked(t.Context(), id)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, "came by email")
			asked, err := one.desk(t, func(c *requesttracker.Config) {
				c.Intake = &desk.Intake{Kind: one.asking, Channels: []string{"email"}}
			}).ReadAsked(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, account, asked.Creator.ID)
			require.Equal(t, "Access: wiki/editor", strings.TrimSpace(asked.Text))
		})
	}
}

// mail sends RT a mail as its mail gateway does, and returns the ticket that it opens.
func (s *site) mail(t *testing.T, message string) access.TicketID {
	t.Helper()
	before := s.newest(t)
	response, err := http.PostForm(s.URL+"/REST/1.0/NoAuth/mail-gateway", url.Values{
		"queue": {s.asking}, "action": {"correspond"}, "message": {message},
	})
	require.NoError(t, err)
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	id := s.newest(t)
	require.NotEqual(t, before, id, "%s", said)
	return id
}

// TestAttackIntake_own_ticket: a ticket of usher's in the queue in which people ask, of which somebody has taken the marker away.
func TestAttackIntake_own_ticket(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	human := one.addAccount(t, eve())
	d := one.desk(t, func(c *requesttracker.Config) {
		one.takesIn(c)
		c.Queue = one.asking
	})
	id := open(t, d)
	one.setFieldAs(t, human, id, "External Id", "gone")
	_, err := d.ReadAsked(t.Context(), id)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "usher opened it")
}

// TestAttackIntake_marker: somebody writes a marker between usher's look at the ticket and its own marker.
func TestAttackIntake_marker(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d, human := one.desk(t, one.takesIn), one.addAccount(t, eve())
	id := one.askAs(t, human, map[string]any{"Content": "Access: wiki/editor"})
	one.before(func() { one.setFieldAs(t, human, id, "External Id", "usher-rt.9:0123456789abcdef") })
	_, err := d.BindTicket(t.Context(), id, human, "usher-rt.1:0123456789abcdef")
	requireKind(t, access.Transient, err)
	_, err = d.BindTicket(t.Context(), id, human, "usher-rt.1:0123456789abcdef")
	requireKind(t, access.Invalid, err)
	require.Equal(t, 1, one.count(t, "usher-rt.9:0123456789abcdef"), "it is as it was written")
}

// TestAttackIntake_field_changed: what is asked for stands in a field, which is changed after usher has read it.
func TestAttackIntake_field_changed(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	human := one.addAccount(t, eve())
	d := one.desk(t, func(c *requesttracker.Config) {
		c.Intake = &desk.Intake{Kind: one.asking, Fields: map[string]access.AskedField{"Role": access.AskedAccess}}
	})
	id := one.askAs(t, human, map[string]any{"Content": "please", "CustomFields": map[string]string{"Role": "wiki/admin", "Cost centre": "1"}})
	asked, err := d.ReadAsked(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, map[access.AskedField]string{access.AskedAccess: "wiki/admin"}, asked.Values)
	require.Empty(t, asked.TextChange)
	bound, err := d.BindTicket(t.Context(), id, human, "usher-rt.1:0123456789abcdef")
	require.NoError(t, err)
	one.setFieldAs(t, human, id, "Cost centre", "2")
	require.Equal(t, bound.TextChange, read(t, d, id).TextChange)
	one.setFieldAs(t, human, id, "Role", "wiki/reader")
	require.NotEqual(t, bound.TextChange, read(t, d, id).TextChange)
}

// TestAttackIntake_merged: another ticket is merged into the one that asks: what it says was not asked here.
func TestAttackIntake_merged(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, one.takesIn), one.addAccount(t, eve())
	other := one.askAs(t, one.addAccount(t, access.Person{ID: "p-ada", DisplayName: "Ada"}), map[string]any{"Content": "Access: wiki/admin"})
	id := one.askAs(t, human, map[string]any{"Content": "Access: wiki/editor"})
	s.put(t, "root", path(other), map[string]any{"MergeInto": string(id)})
	asked, err := d.ReadAsked(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, human, asked.Creator.ID)
	require.Equal(t, "Access: wiki/editor", strings.TrimSpace(asked.Text))
	_, err = d.ReadAsked(t.Context(), other)
	requireKind(t, access.NotFound, err)
	page, err := d.AskedTickets(t.Context(), access.ChangesQuery{Since: read(t, d, id).UpdatedAt, Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
}
