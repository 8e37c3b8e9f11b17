package requesttracker_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// TestIntake_by_web: a person logs in and asks in RT's own pages, whose editor writes HTML.
func TestIntake_by_web(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d, account := one.desk(t, one.takesIn), one.addAccount(t, eve())
	for _, page := range []string{"/Ticket/Create.html", "/SelfService/Display.html", "/m/ticket/create"} {
		id := one.askByWeb(t, account, page, "<p><strong>Access:</strong> wiki/editor<br>Reason: I &amp; others</p><p>write&nbsp;it.</p><style>p {}</style>")
		asked, err := d.ReadAsked(t.Context(), id)
		require.NoError(t, err, page)
		require.Equal(t, account, asked.Creator.ID)
		require.Equal(t, "Access: wiki/editor\nReason: I & others\n\nwrite it.", asked.Text)
	}
}

// askByWeb opens a ticket in one of RT's pages, as a person does who has logged in.
func (s *site) askByWeb(t *testing.T, by access.AccountID, page, content string) access.TicketID {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	send := func(path string, form url.Values) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", s.URL+"/")
		response, err := browser.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	before := s.newest(t)
	send("/NoAuth/Login.html", url.Values{"user": {string(by)}, "pass": {password(string(by))}})
	send(page, url.Values{
		"id": {"new"}, "Queue": {s.number(t)}, "Subject": {"Wiki"}, "Content": {content}, "ContentType": {"text/html"}, "SubmitTicket": {"Create"},
		"Create": {"Create"}, "Requestors": {""}, "Status": {"new"},
	})
	id := s.newest(t)
	require.NotEqual(t, before, id, "%s opened no ticket", page)
	return id
}

// number is that of the queue in which people ask.
func (s *site) number(t *testing.T) string {
	t.Helper()
	var queue struct{ ID int64 }
	s.do(t, "root", http.MethodGet, "queue/"+url.PathEscape(s.asking), nil, &queue)
	return strconv.FormatInt(queue.ID, 10)
}

// newest is the newest ticket of the queue in which people ask; "" for none.
func (s *site) newest(t *testing.T) access.TicketID {
	t.Helper()
	var newest access.TicketID
	for _, one := range s.search(t, "Queue = '"+s.asking+"'") {
		if len(one.ID) > len(newest) || len(one.ID) == len(newest) && one.ID > string(newest) {
			newest = access.TicketID(one.ID)
		}
	}
	return newest
}

// TestIntake_check: a queue or a field that is not there is a finding, so that nobody waits for tickets that nothing finds.
func TestIntake_check(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	for name, row := range map[string]struct {
		intake    desk.Intake
		key, says string
	}{
		"no queue":    {desk.Intake{Kind: "No such/queue?"}, "desks.rt.intake.kind", "SeeQueue"},
		"a number":    {desk.Intake{Kind: one.number(t)}, "desks.rt.intake.kind", "expected a queue's name"},
		"no field":    {desk.Intake{Kind: one.asking, Fields: map[string]access.AskedField{"Rolle": access.AskedAccess}}, "desks.rt.intake.fields.Rolle", "Role"},
		"all is well": {desk.Intake{Kind: one.asking, Fields: map[string]access.AskedField{"Role": access.AskedAccess}}, "", ""},
	} {
		findings, err := one.desk(t, func(c *requesttracker.Config) { c.Intake = &row.intake }).Check(t.Context())
		require.NoError(t, err, name)
		if row.key == "" {
			require.Empty(t, findings, name)
			continue
		}
		require.Len(t, findings, 1, name)
		require.Equal(t, row.key, findings[0].Key, name)
		require.Contains(t, findings[0].Problem, row.says, name)
	}
}

// TestIntake_marker_not_kept: RT says 200 and drops the marker of an account that may not set the field.
func TestIntake_marker_not_kept(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	human := one.addAccount(t, eve())
	d := one.desk(t, func(c *requesttracker.Config) {
		one.takesIn(c)
		c.Token, c.Reporter = s.Tokens["dumb"], false
	})
	id := one.askAs(t, human, map[string]any{"Content": "Access: wiki/editor"})
	_, err := d.BindTicket(t.Context(), id, human, "usher-rt.1:0123456789abcdef")
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "ModifyCustomField")
}

// TestIntake_files: the text is what the person wrote, not what is attached to it.
func TestIntake_files(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d, human := one.desk(t, one.takesIn), one.addAccount(t, eve())
	file := func(name, kind, text string) []map[string]string {
		return []map[string]string{{"FileName": name, "FileType": kind, "FileContent": text}}
	}
	const other = "QWNjZXNzOiB3aWtpL2FkbWlu" // "Access: wiki/admin"
	for content, want := range map[string]string{"Access: wiki/editor": "Access: wiki/editor", "": ""} {
		id := one.askAs(t, human, map[string]any{"Content": content, "Attachments": file("notes.txt", "text/plain", other)})
		asked, err := d.ReadAsked(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, strings.TrimSpace(asked.Text))
	}
	id := one.askAs(t, human, map[string]any{"Content": "Access: wiki/editor\n" + strings.Repeat("x", 300<<10)})
	asked, err := d.ReadAsked(t.Context(), id)
	require.NoError(t, err)
	require.Empty(t, asked.Text, "nobody asks at such length")
}

// TestIntake_moved: a ticket that became a request is among the changes in another queue too.
func TestIntake_moved(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, one.takesIn), one.addAccount(t, eve())
	id := one.askAs(t, human, map[string]any{"Content": "Access: wiki/editor"})
	_, err := d.BindTicket(t.Context(), id, human, access.NewMarker(access.AskedRequestID("rt", id), "run-1"))
	require.NoError(t, err)
	s.put(t, "root", path(id), map[string]any{"Queue": one.other})
	changed := read(t, d, id)
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: changed.UpdatedAt, Limit: 100})
	require.NoError(t, err)
	require.Contains(t, page.Tickets, changed)
	_, err = d.ReadAsked(t.Context(), id)
	require.ErrorContains(t, err, "another kind")
}
