package requesttracker_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/rest"
)

// What the driver makes of answers that a real server gives seldom.

func TestHistory_short_page(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	move := `{"id":"50","Type":"Status","Field":"Status","NewValue":"new","ObjectId":"7","Creator":{"id":"eve"},"Created":"2026-11-27T18:02:17Z"}`
	foreign := strings.ReplaceAll(strings.ReplaceAll(move, `"7"`, `"8"`), `"50"`, `"60"`)
	created := `{"id":"39","Type":"Create","ObjectId":"7"}`
	s.answer("GET /ticket/7/history", func(w http.ResponseWriter, r *http.Request) {
		items := map[string]string{"1": foreign, "2": move, "3": created}[r.URL.Query().Get("page")]
		_, _ = io.WriteString(w, `{"items":[`+items+`],"pages":null,"total":null,"count":1,"per_page":100}`)
	})
	got, err := d.ReadTicket(t.Context(), "7")
	require.NoError(t, err)
	require.Equal(t, access.AccountID("eve"), got.StatusChangedBy)
}

func TestHistory_order_of_members(t *testing.T) {
	for _, kinds := range []string{`"type":"transaction","Type":"Create"`, `"Type":"Create","type":"transaction"`} {
		s := newSmall(t)
		d := s.desk(t, 5*time.Second)
		asked := 0
		s.answer("GET /ticket/7/history", func(w http.ResponseWriter, _ *http.Request) {
			asked++
			_, _ = io.WriteString(w, `{"items":[{"id":"39",`+kinds+`,"ObjectId":"7"}],"pages":null}`)
		})
		_, err := d.ReadTicket(t.Context(), "7")
		require.NoError(t, err)
		require.Equal(t, 1, asked, "the history ends with the transaction that created the ticket")
	}
}

func TestSelf_other_account(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	for _, body := range []string{
		`{"id":32,"Name":"other"}`, `{"id":31}`, `{}`,
	} {
		s.says("GET /user/31", http.StatusOK, body)
		_, err := d.Check(t.Context())
		requireKind(t, access.Transient, err)
	}
}

// TestChange_refused_with_200 has RT say that all is well, and do nothing.
func TestChange_refused_with_200(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	err := d.TransitionTicket(t.Context(), "7", access.TicketDone)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "Ticket 7: changed")
	requireKind(t, access.Conflict, d.TransitionTicket(t.Context(), "7", access.TicketWontDo))
	requireKind(t, access.Invalid, d.AssignTicket(t.Context(), "7", "ada"))
}

// TestChange_if_match has RT behind proxies that write its ETag anew.
func TestChange_if_match(t *testing.T) {
	for _, tag := range []string{`"39"`, `W/"39"`, `"39-gzip"`} {
		s := newSmall(t)
		s.tag = tag
		d := s.desk(t, 5*time.Second)
		s.answer("PUT /ticket/7", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-Match") == `"39"` {
				w.WriteHeader(http.StatusPreconditionFailed)
			}
			_, _ = io.WriteString(w, `[]`)
		})
		for _, err := range []error{d.TransitionTicket(t.Context(), "7", access.TicketDone), d.AssignTicket(t.Context(), "7", "ada")} {
			requireKind(t, access.Transient, err)
			require.Equal(t, http.StatusPreconditionFailed, rest.StatusOf(err))
		}
	}
}

func TestCreate_marker_not_kept(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	s.says("GET /ticket/7", http.StatusOK, strings.ReplaceAll(ticketBody, "usher-r1", ""))
	_, err := d.CreateTicket(t.Context(), newTicket())
	requireKind(t, access.Forbidden, err)
	s.says("POST /ticket", http.StatusInternalServerError, "this would be one ticket more")
	_, err = d.CreateTicket(t.Context(), newTicket())
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "ticket 7 was created without its marker")
}

func TestCreate_not_seen_again(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	s.says("GET /ticket/7", http.StatusBadGateway, "")
	_, err := d.CreateTicket(t.Context(), newTicket())
	requireKind(t, access.Unknown, err)
}

// TestFind_marker looks for what the search must ask for: another ticket is created where it finds nothing.
func TestFind_marker(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	var asked url.Values
	s.answer("GET /tickets", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		_, _ = io.WriteString(w, `{"items":[`+ticketBody+`],"pages":1}`)
	})
	ref, err := d.FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, access.TicketID("7"), ref.ID)
	require.Equal(t, "Creator = 31 AND Type = 'ticket' AND CF.{External Id} = 'usher-r1'", asked.Get("query"))
	require.Contains(t, strings.Split(asked.Get("fields"), ","), "CustomFields")
	require.Contains(t, strings.Split(asked.Get("fields"), ","), "Creator")
	_, err = d.FindTicket(t.Context(), `usher-r1' OR id > 0 OR Subject = '\`)
	requireKind(t, access.NotFound, err)
	require.Equal(t, `Creator = 31 AND Type = 'ticket' AND CF.{External Id} = 'usher-r1\' OR id > 0 OR Subject = \'\\'`, asked.Get("query"))
}

// TestFind_creator_written has somebody open a ticket with the marker, and write usher's account into it as its creator.
func TestFind_creator_written(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	_, err := d.FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	s.says("GET /ticket/7/history", http.StatusOK, `{"items":[{"id":"39","Type":"Create","ObjectId":"7","Creator":{"id":"eve"}}]}`)
	_, err = d.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.NotFound, err)
}

func TestUsers_search_ignored(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	everybody := strings.Repeat(`{"Name":"ada","EmailAddress":"ada@example.test"},`, 99) + `{"Name":"x"}`
	s.says("GET /users", http.StatusOK, `{"items":[`+everybody+`],"pages":3}`)
	_, err := d.FindAccount(t.Context(), access.Person{ID: "p", UserName: "x"})
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "UserSummaryExtraInfo")
}

// TestFindAccount_by_default has RT find an account with the address of an approver, who has another user name.
func TestFindAccount_by_default(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	s.says("GET /users", http.StatusOK, `{"items":[{"Name":"eve","EmailAddress":"ada@example.test"}],"pages":1}`)
	found, err := d.FindAccount(t.Context(), access.Person{ID: "p", UserName: "ada", Email: "ada@example.test"})
	require.NoError(t, err)
	require.Empty(t, found.ID)
}

// TestHistory_merged has a ticket merged into this one, which was approved.
func TestHistory_merged(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	s.says("GET /ticket/7/history", http.StatusOK, `{"items":[
		{"id":"60","Type":"Status","Field":"Status","NewValue":"new","ObjectId":"8","Creator":{"id":"eve"},"Created":"2026-11-27T18:02:17Z"},
		{"id":"39","Type":"Create","ObjectId":"7"}],"pages":null}`)
	require.Empty(t, read(t, d, "7").StatusChangedBy)
}

// TestChanges_minutes_ago wants no date in the search, which RT would read in the account's own time zone.
func TestChanges_minutes_ago(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	var asked string
	since := time.Now().Add(-30 * time.Minute).Truncate(time.Second)
	old := strings.Replace(ticketBody, "2026-11-27T18:02:17Z", since.Add(-time.Second).UTC().Format(time.RFC3339), 1)
	changed := strings.NewReplacer("2026-11-27T18:02:17Z", since.UTC().Format(time.RFC3339), `"id":7`, `"id":8`).Replace(ticketBody)
	s.answer("GET /tickets", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query().Get("query")
		_, _ = io.WriteString(w, `{"items":[`+old+`,`+changed+`],"pages":1}`)
	})
	s.table["GET /ticket/8/history"] = `{"items":[{"id":"40","Type":"Create","ObjectId":"8"}],"pages":null}`
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
	require.Equal(t, access.TicketID("8"), page.Tickets[0].Ref.ID)
	require.Regexp(t, `^\(Creator = 31 OR CF.{External Id} STARTSWITH 'usher-rt.'\) AND Type = 'ticket' AND LastUpdated >= '15[01] minutes ago'$`, asked)
	_, err = d.ChangedTickets(t.Context(), access.ChangesQuery{Since: time.Now().Add(time.Hour), Limit: 10})
	require.NoError(t, err)
	require.Contains(t, asked, "'121 minutes ago'")
}

// TestChanges_removed_owner: RT writes a text in place of an account that it does not find. One such ticket holds back no other.
func TestChanges_removed_owner(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	since := time.Now().Add(-30 * time.Minute).Truncate(time.Second)
	changed := strings.NewReplacer("2026-11-27T18:02:17Z", since.UTC().Format(time.RFC3339), `"id":7`, `"id":8`).Replace(ticketBody)
	var ticket map[string]any
	require.NoError(t, json.Unmarshal([]byte(changed), &ticket))
	ticket["Owner"] = "46"
	removed, err := json.Marshal(ticket)
	require.NoError(t, err)
	s.answer("GET /tickets", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items":[`+string(removed)+`],"pages":1}`)
	})
	s.table["GET /ticket/8/history"] = `{"items":[{"id":"40","Type":"Create","ObjectId":"8"}],"pages":null}`
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
	require.Empty(t, page.Tickets[0].Assignee)
}
