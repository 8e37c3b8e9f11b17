package servicenow_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// openMany opens tickets for the requests r0, r1, ...
func openMany(t *testing.T, d *servicenow.Desk, n int) []access.TicketID {
	t.Helper()
	var ids []access.TicketID
	for i := range n {
		one := ticket()
		one.Marker = access.Marker(fmt.Sprintf("usher-r%d", i))
		ref, err := d.CreateTicket(t.Context(), one)
		require.NoError(t, err)
		ids = append(ids, ref.ID)
	}
	return ids
}

// changed are the tickets that a walk over the feed tells.
func changed(t *testing.T, d *servicenow.Desk, limit int) map[access.TicketID]bool {
	t.Helper()
	told := map[access.TicketID]bool{}
	for q := (access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: limit}); ; {
		page, err := d.ChangedTickets(t.Context(), q)
		require.NoError(t, err)
		for _, one := range page.Tickets {
			told[one.Ref.ID] = true
		}
		if page.Next == "" {
			return told
		}
		q.Page = page.Next
	}
}

// TestPage_rows_hidden hides rows of each kind of list, so that pages are short or empty before the last one.
func TestPage_rows_hidden(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		for name, count := range map[string]bool{"counted": false, "not counted": true} {
			t.Run(name, func(t *testing.T) {
				s := newSite(t, kind, servicenowtest.Config{PageLimit: 3})
				d := s.desk(t, nil)
				ids := openMany(t, d, 20)
				var hidden []string
				for n, id := range ids {
					// Without a count an empty page is the end, so one row stays in sight there.
					if (n > 2 && n < 12 && !count) || n%3 == 1 {
						hidden = append(hidden, string(id))
					}
				}
				s.faults(func(f *servicenowtest.Faults) { f.HiddenIssues, f.NoTotalCount = hidden, count })
				told := changed(t, d, 3)
				read, err := d.ReadTickets(t.Context(), ids)
				require.NoError(t, err)
				if !count {
					require.Len(t, told, len(ids)-len(hidden))
					require.Len(t, read.Tickets, len(ids)-len(hidden))
				}
				for _, id := range hidden {
					require.NotContains(t, told, access.TicketID(id))
				}
			})
		}
	})
}

// TestMarker_behind_hidden_rows has one marker on many tickets of which the first ones cannot be seen.
func TestMarker_behind_hidden_rows(t *testing.T) {
	s := newSite(t, incidents, servicenowtest.Config{PageLimit: 2})
	d := s.desk(t, nil)
	var all []access.TicketRef
	for range 9 {
		all = append(all, open(t, d))
	}
	for n := range all {
		s.faults(func(f *servicenowtest.Faults) {
			f.HiddenIssues = nil
			for m, ref := range all {
				if m != n {
					f.HiddenIssues = append(f.HiddenIssues, string(ref.ID))
				}
			}
		})
		found, err := d.FindTicket(t.Context(), "usher-r1")
		require.NoError(t, err)
		require.Equal(t, all[n], found)
	}
}

// TestQuery_ignored lets ServiceNow leave each condition out of a query, as it does for a field by which nobody may search.
func TestQuery_ignored(t *testing.T) {
	for _, row := range []struct {
		kind  kindOfTicket
		field string
		text  string
		run   func(*testing.T, *servicenow.Desk, access.TicketID) error
	}{
		{incidents, "correlation_id", "correlation_id", func(t *testing.T, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.FindTicket(t.Context(), "usher-other")
			return err
		}},
		{items, "sc_item_option.value", "sc_item_option.value", func(t *testing.T, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.FindTicket(t.Context(), "usher-other")
			return err
		}},
		{incidents, "correlation_id", "correlation_id", func(t *testing.T, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.Check(t.Context())
			return err
		}},
		{incidents, "sys_created_by", "sys_created_by", func(t *testing.T, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
			return err
		}},
		{incidents, "sys_updated_on", "sys_updated_on", func(t *testing.T, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: time.Now().Add(time.Hour), Limit: 10})
			return err
		}},
		{incidents, "sys_id", "credentials", func(t *testing.T, d *servicenow.Desk, id access.TicketID) error {
			_, err := d.ReadTickets(t.Context(), []access.TicketID{id})
			return err
		}},
		{incidents, "email", "email", func(t *testing.T, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.FindAccount(t.Context(), access.Person{ID: "p", Email: "x@example.test"})
			return err
		}},
		{items, "request", "request", func(t *testing.T, d *servicenow.Desk, _ access.TicketID) error {
			_, err := d.CreateTicket(t.Context(), ticket())
			require.Equal(t, access.Unknown, access.KindOf(err))
			return access.Errorf(access.Forbidden, "create ticket", "%w", err)
		}},
	} {
		t.Run(string(row.kind)+" by "+row.field, func(t *testing.T) {
			s := newSite(t, row.kind, servicenowtest.Config{})
			somebody := s.person(access.Person{ID: "eve", Email: "eve@example.test"})
			h := harnessOf(t, s)
			h.OpenAs(somebody)
			d := s.desk(t, func(c *servicenow.Config) { c.Reporter = false })
			ref := open(t, d)
			s.faults(func(f *servicenowtest.Faults) { f.IgnoredConditions = []string{row.field} })
			err := row.run(t, d, ref.ID)
			requireKind(t, access.Forbidden, err)
			require.ErrorContains(t, err, row.text)
		})
	}
}

func TestQuery_hidden_field(t *testing.T) {
	s, d, _ := newOperated(t)
	s.faults(func(f *servicenowtest.Faults) { f.HiddenFields = []string{"correlation_id"} })
	_, err := d.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.Forbidden, err)
	findings, err := s.desk(t, nil).Check(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "desks.now.table", findings[0].Key)
	require.Contains(t, findings[0].Problem, "correlation_id")
}

// TestQuery_injection asks for what would be a program or another condition.
func TestQuery_injection(t *testing.T) {
	s, d, _ := newOperated(t)
	before := len(s.tap.Calls("GET /incident"))
	for _, marker := range []access.Marker{"x^ORsys_idISNOTEMPTY", "javascript:gs.getUserID()", " JavaScript:x", "a,b", "a\nb"} {
		_, err := d.FindTicket(t.Context(), marker)
		requireKind(t, access.NotFound, err)
	}
	require.Len(t, s.tap.Calls("GET /incident"), before, "nobody was asked")
}

func TestURL_length(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s := newSite(t, kind, servicenowtest.Config{})
		d := s.desk(t, nil)
		ids := openMany(t, d, 100)
		before := len(s.tap.Calls("GET /" + map[kindOfTicket]string{incidents: "incident", items: "sc_req_item"}[kind]))
		read, err := d.ReadTickets(t.Context(), ids)
		require.NoError(t, err)
		require.Len(t, read.Tickets, 100)
		longest := 0
		for _, c := range s.tap.Calls("GET ") {
			longest = max(longest, len(s.url+c.URI))
		}
		require.LessOrEqual(t, longest, servicenow.MaxURL)
		require.Greater(t, longest, servicenow.MaxURL*3/4, "as many ids as there is room for")
		after := len(s.tap.Calls("GET /" + map[kindOfTicket]string{incidents: "incident", items: "sc_req_item"}[kind]))
		require.LessOrEqual(t, after-before, 3, "calls for a hundred tickets")
	})
}

// TestValue_reference answers references as objects, as instances do that ignore sysparm_exclude_reference_link.
func TestValue_reference(t *testing.T) {
	s, d, id := newOperated(t)
	require.NoError(t, d.AssignTicket(t.Context(), id, servicenowtest.DefaultUser))
	want, err := d.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	s.tap.AnswerInstead("GET /"+string(id), func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("sysparm_exclude_reference_link")
		r.URL.RawQuery = q.Encode()
		s.Server.ServeHTTP(w, r)
	})
	got, err := d.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, access.AccountID(servicenowtest.DefaultUser), got.Assignee)
}

func TestCreate_marker_not_kept(t *testing.T) {
	for name, fault := range map[string]servicenowtest.Faults{
		"hidden":    {HiddenFields: []string{"correlation_id"}},
		"read-only": {ReadOnlyFields: []string{"correlation_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, d, _ := newOperated(t)
			s.SetFaults(fault)
			for range 2 {
				_, err := d.CreateTicket(t.Context(), ticket())
				requireKind(t, access.Forbidden, err)
				require.ErrorContains(t, err, "INC0000002 was created without its marker")
			}
			require.Len(t, s.Tickets(), 2, "no heap of tickets grows")
		})
	}
}

func TestComments_unreadable(t *testing.T) {
	for name, fault := range map[string]func(*servicenowtest.Faults){
		"forbidden": func(f *servicenowtest.Faults) { f.ForbiddenTables = []string{"sys_journal_field"} },
		"hidden":    func(f *servicenowtest.Faults) { f.HiddenTables = []string{"sys_journal_field"} },
		"hidden, not counted": func(f *servicenowtest.Faults) {
			f.HiddenTables, f.NoTotalCount = []string{"sys_journal_field"}, true
		},
	} {
		for _, journal := range []string{"comments", "work_notes"} {
			t.Run(name+", "+journal, func(t *testing.T) {
				s := newSite(t, incidents, servicenowtest.Config{})
				s.faults(fault)
				id := open(t, s.desk(t, nil)).ID
				for range 2 {
					// Each desk is a process that has just begun.
					d := s.desk(t, func(c *servicenow.Config) { c.Journal = journal })
					for range 2 {
						require.NoError(t, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "one\n\ntwo"}, access.Comment{Marker: "c2", Text: "three"}))
					}
				}
				require.Len(t, s.Comments(string(id)), 1, "both in one, and once")
				require.Equal(t, journal == "work_notes", s.Comments(string(id))[0].Internal)
				s.faults(func(f *servicenowtest.Faults) { f.HiddenFields = []string{journal} })
			})
		}
	}
	t.Run("nowhere", func(t *testing.T) {
		s := newSite(t, incidents, servicenowtest.Config{})
		d := s.desk(t, nil)
		id := open(t, d).ID
		s.faults(func(f *servicenowtest.Faults) {
			f.HiddenTables, f.UnreadableJournals = []string{"sys_journal_field"}, true
		})
		err := d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "one"})
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "does not see the comment that it has just made")
		requireKind(t, access.Forbidden, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "one"}))
		require.Len(t, s.Comments(string(id)), 1, "no heap of comments grows")
	})
}

// TestComment_of_others: somebody else's entry with usher's marker in it keeps nothing back.
func TestComment_of_others(t *testing.T) {
	s := newSite(t, incidents, servicenowtest.Config{})
	eve := s.person(access.Person{ID: "eve", DisplayName: "Eve", Email: "eve@example.test"})
	s.faults(func(f *servicenowtest.Faults) { f.ForbiddenTables = []string{"sys_journal_field"} })
	d := s.desk(t, nil)
	id := open(t, d).ID
	require.NoError(t, s.CommentAs(string(eve), string(id), "said\n\n(reference c1)"))
	require.NoError(t, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "said"}))
	require.Len(t, s.Comments(string(id)), 2)
}

// TestComment_markup: what is between [code] and [/code] would be shown as HTML.
func TestComment_markup(t *testing.T) {
	s, d, id := newOperated(t)
	for range 2 {
		require.NoError(t, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "[code]<b>x</b>[/CODE]"}))
	}
	require.Len(t, s.Comments(string(id)), 1)
	require.True(t, strings.HasPrefix(s.Comments(string(id))[0].Body, "[ code]<b>x</b>[ /CODE]\n"))
}

func TestHistory_unreadable(t *testing.T) {
	s := newSite(t, incidents, servicenowtest.Config{})
	mia := s.person(access.Person{ID: "mia", DisplayName: "Mia", Email: "mia@example.test"})
	d := s.desk(t, nil)
	id := open(t, d).ID
	require.NoError(t, s.MoveAs(string(mia), string(id), "In Progress"))
	for name, fault := range map[string]func(*servicenowtest.Faults){
		"forbidden": func(f *servicenowtest.Faults) { f.ForbiddenTables = []string{"sys_audit"} },
		"hidden":    func(f *servicenowtest.Faults) { f.HiddenTables = []string{"sys_audit"} },
	} {
		t.Run(name, func(t *testing.T) {
			s.SetFaults(servicenowtest.Faults{})
			s.faults(fault)
			findings, err := d.Check(t.Context())
			require.NoError(t, err)
			require.Len(t, findings, 1)
			require.Equal(t, "desks.now.history", findings[0].Key)
		})
	}
	for _, fault := range []servicenowtest.Faults{{ForbiddenTables: []string{"sys_audit"}}, {HiddenTables: []string{"sys_audit"}}} {
		s.SetFaults(fault)
		_, err := d.ReadTicket(t.Context(), id)
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "desks.now.history")
	}

	last := s.desk(t, func(c *servicenow.Config) { c.History = servicenow.HistoryLastUpdater })
	findings, err := last.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
	got, err := last.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, mia, got.StatusChangedBy)
	require.False(t, got.AssignedByUsher)
	untouched := open(t, last)
	got, err = last.ReadTicket(t.Context(), untouched.ID)
	require.NoError(t, err)
	require.Empty(t, got.StatusChangedBy)
}

// TestQuery_in_zone: an account in another time zone would miss changes, or get too many.
func TestQuery_in_zone(t *testing.T) {
	for _, hours := range []int{-5, 2} {
		account := servicenowtest.DefaultAccount()
		account.Zone = time.FixedZone("there", hours*3600)
		s := newSite(t, incidents, servicenowtest.Config{Accounts: []desktest.Account{account}})
		d := s.desk(t, nil)
		open(t, d)
		require.Len(t, changed(t, d, 10), 1)
		s.faults(func(f *servicenowtest.Faults) { f.ZonedQueries = true })
		d = s.desk(t, nil)
		_, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "in the time zone of account \"usher.bot\"")
		findings, err := d.Check(t.Context())
		require.NoError(t, err)
		require.Len(t, findings, 1)
		require.Equal(t, "desks.now.user", findings[0].Key)
	}
}

func TestMove_refused(t *testing.T) {
	for name, row := range map[string]struct {
		fault func(*servicenowtest.Faults)
		kind  access.Kind
		text  string
	}{
		"undone by a rule":  {func(f *servicenowtest.Faults) { f.FrozenStates = true }, access.Conflict, `did not let the state become "In Progress"`},
		"aborted by a rule": {func(f *servicenowtest.Faults) { f.AbortedUpdates = true }, access.Conflict, "Business Rule 'Freeze"},
		"no right":          {func(f *servicenowtest.Faults) { f.ReadOnlyProjects = []string{"incident"} }, access.Forbidden, "security constraints"},
	} {
		t.Run(name, func(t *testing.T) {
			s, d, id := newOperated(t)
			s.faults(row.fault)
			err := d.TransitionTicket(t.Context(), id, access.TicketWorking)
			requireKind(t, row.kind, err)
			require.ErrorContains(t, err, row.text)
		})
	}
	t.Run("closed for good", func(t *testing.T) {
		s, d, id := newOperated(t)
		require.NoError(t, d.TransitionTicket(t.Context(), id, access.TicketDone))
		s.faults(func(f *servicenowtest.Faults) { f.ReadOnlyProjects = []string{"incident"} })
		requireKind(t, access.Conflict, d.TransitionTicket(t.Context(), id, access.TicketWaiting))
		requireKind(t, access.Conflict, d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "text"}))
	})
}

func TestMatch_user_name(t *testing.T) {
	s := newSite(t, incidents, servicenowtest.Config{})
	ada := s.person(access.Person{ID: "ada", Email: "boss@example.test"})
	d := s.desk(t, func(c *servicenow.Config) { c.Match = "" })
	boss := access.Person{ID: "boss", UserName: "the.boss", Email: "boss@example.test"}
	got, err := d.FindAccount(t.Context(), boss)
	require.NoError(t, err)
	require.Empty(t, got.ID, "an address that people may write themselves proves nothing")
	got, err = d.FindAccount(t.Context(), access.Person{ID: "p-ada", UserName: strings.ToUpper(string(ada))})
	require.NoError(t, err)
	require.Equal(t, ada, got.ID)
}
