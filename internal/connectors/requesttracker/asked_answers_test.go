package requesttracker_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// What the driver makes of answers about tickets of people that a real server gives seldom.

// TestAsked_query looks for what the search must ask for, and has RT find what is too old.
func TestAsked_query(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	since := time.Now().Add(-30 * time.Minute).Truncate(time.Second)
	at := func(id string, when time.Time) string {
		return strings.NewReplacer("2026-11-27T18:02:17Z", when.UTC().Format(time.RFC3339), `"id":8`, `"id":`+id).Replace(askedBody)
	}
	var asked url.Values
	s.answer("GET /tickets", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		_, _ = io.WriteString(w, `{"items":[`+at("8", since.Add(-time.Second))+`,`+at("9", since)+`],"pages":1}`)
	})
	page, err := d.AskedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
	require.Equal(t, access.TicketKey("Help #9"), page.Tickets[0].Ref.Key)
	require.Regexp(t, `^Type = 'ticket' AND Queue = 'Help' AND Creator != 31 AND CF.{External Id} IS NULL AND LastUpdated >= '15[01] minutes ago'$`, asked.Get("query"))
	require.Equal(t, "LastUpdated,Queue", asked.Get("fields"), "no more than is needed")
}

// TestAsked_query_ignored has RT leave the queue out of the search: every ticket of the desk would be looked into.
func TestAsked_query_ignored(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	for _, queue := range []string{`{"Name":"Other"}`, `{}`} {
		s.says("GET /tickets", http.StatusOK, `{"items":[`+strings.Replace(askedBody, `{"id":"4","Name":"Help"}`, queue, 1)+`],"pages":1}`)
		_, err := d.AskedTickets(t.Context(), access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "desks.rt.intake.kind")
	}
}

func TestAskedTicket_read(t *testing.T) {
	s := newSmall(t)
	got, err := s.desk(t, 5*time.Second).ReadAsked(t.Context(), "8")
	require.NoError(t, err)
	require.Equal(t, access.AskedTicket{
		Ref:     access.TicketRef{Desk: "rt", ID: "8", Key: "Help #8", URL: s.url + "/Ticket/Display.html?id=8"},
		Creator: access.DeskAccount{ID: "eve", Name: "Eve", UserName: "eve"},
		Summary: "Wiki", Text: "Duration: 30d", Values: map[access.AskedField]string{access.AskedAccess: "wiki/editor"},
	}, got)
}

// TestAskedTicket_way: what does not say by which way it came proves nobody, and neither does another one's creation.
func TestAskedTicket_way(t *testing.T) {
	const call = "GET /transaction/50/attachments"
	for name, row := range map[string]struct{ call, answer, says string }{
		"no message":          {call, `{"items":[],"pages":null}`, "an unknown way"},
		"no headers":          {call, `{"items":[{"id":"60","ContentType":"text/plain","Headers":""}]}`, "an unknown way"},
		"a command line":      {call, `{"items":[{"id":"60","Headers":"X-RT-Interface: CLI\n"}]}`, "an unknown way"},
		"a mail":              {call, `{"items":[{"id":"60","Headers":"X-RT-Interface: Email\n"}]}`, "email"},
		"a mail that forges":  {call, `{"items":[{"id":"60","Headers":"X-RT-Interface: Email\nX-RT-Interface: Web\n"}]}`, "email"},
		"two ways":            {call, `{"items":[{"id":"60","Headers":"X-RT-Interface: Web\nX-RT-Interface: Web\n"}]}`, "an unknown way"},
		"a folded way":        {call, `{"items":[{"id":"60","Headers":"X-RT-Interface:\n Web\n"}]}`, "an unknown way"},
		"only a part says so": {call, `{"items":[{"id":"60","Headers":"Subject: x\n"},{"id":"61","Headers":"X-RT-Interface: Web\n"}]}`, "an unknown way"},
		"another creator": {
			"GET /ticket/8/history", `{"items":[{"id":"50","Type":"Create","ObjectId":"8","Creator":{"id":"ben"}}]}`, "an unknown way",
		},
		"a reminder": {"GET /ticket/8", strings.Replace(askedBody, `"Type":"ticket"`, `"Type":"reminder"`, 1), "another kind"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t)
			d := s.desk(t, 5*time.Second)
			s.says(row.call, http.StatusOK, row.answer)
			_, err := d.ReadAsked(t.Context(), "8")
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, row.says)
		})
	}
}

// TestAskedTicket_fields: a field that holds a file is no empty field.
func TestAskedTicket_fields(t *testing.T) {
	for values, want := range map[string]access.AskedTicket{
		`["wiki/editor","wiki/reader"]`:        {Values: map[access.AskedField]string{access.AskedAccess: "wiki/editor\nwiki/reader"}},
		`[]`:                                   {Values: map[access.AskedField]string{}},
		`[{"filename":"x.png"}]`:               {Values: map[access.AskedField]string{}, Unreadable: []access.AskedField{access.AskedAccess}},
		`["wiki/editor",{"filename":"x.png"}]`: {Values: map[access.AskedField]string{}, Unreadable: []access.AskedField{access.AskedAccess}},
	} {
		s := newSmall(t)
		d := s.desk(t, 5*time.Second)
		s.says("GET /ticket/8", http.StatusOK, strings.Replace(askedBody, `["wiki/editor"]`, values, 1))
		got, err := d.ReadAsked(t.Context(), "8")
		require.NoError(t, err)
		require.Equal(t, want, access.AskedTicket{Values: got.Values, Unreadable: got.Unreadable}, values)
	}
}

// TestAskedTicket_field_changed: a field that says what is asked for is text.
func TestAskedTicket_field_changed(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	s.table["GET /customfield/3"], s.table["GET /customfield/4"] = `{"Name":"Role"}`, `{"Name":"Cost centre"}`
	for field, changed := range map[string]bool{"3": true, "4": false} {
		s.says("GET /ticket/8/history", http.StatusOK, `{"items":[{"id":"51","Type":"CustomField","Field":"`+field+`","NewValue":"1","ObjectId":"8",
			"Creator":{"id":"eve"},"Created":"2026-11-27T18:02:17Z"},{"id":"50","Type":"Create","ObjectId":"8","Creator":{"id":"eve"}}]}`)
		got, err := d.ReadAsked(t.Context(), "8")
		require.NoError(t, err)
		require.Equal(t, changed, got.TextChange != "", field)
	}
}

// TestAskedTicket_text: what is markup, and what is too long or cannot be read.
func TestAskedTicket_text(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	s.table["GET /attachment/60"] = `{"Content":"PGRpdj5BY2Nlc3M6IDxiPndpa2kvZWRpdG9yPC9iPjwvZGl2PjxkaXY+Rm9yOiBhbmE8L2Rpdj48c2NyaXB0PkZvcjogZXZlPC9zY3JpcHQ+\n"}`
	for attachment, want := range map[string]string{
		`"ContentType":"text/html","ContentLength":"90"`:                       "Access: wiki/editor\nFor: ana",
		`"ContentType":"text/html","ContentLength":"1000000"`:                  "",
		`"ContentType":"text/html","ContentLength":"many"`:                     "",
		`"ContentType":"text/html","ContentLength":"90","Filename":"page.htm"`: "",
		`"ContentType":"image/png","ContentLength":"90"`:                       "",
	} {
		s.says("GET /transaction/50/attachments", http.StatusOK, `{"items":[{"id":"60","Headers":"X-RT-Interface: Web\n",`+attachment+`}]}`)
		got, err := d.ReadAsked(t.Context(), "8")
		require.NoError(t, err)
		require.Equal(t, want, got.Text, attachment)
	}
	s.says("GET /attachment/60", http.StatusOK, `{"Content":"no base64!"}`)
	_, err := d.ReadAsked(t.Context(), "8")
	requireKind(t, access.Transient, err)
}

// TestAskedTicket_long_history: usher does not read back to the beginning, so it does not know who opened the ticket.
func TestAskedTicket_long_history(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 30*time.Second)
	comments := strings.Repeat(`{"id":"70","Type":"Comment","ObjectId":"8","Creator":{"id":"eve"}},`, 99)
	pages := 0
	s.answer("GET /ticket/8/history", func(w http.ResponseWriter, _ *http.Request) {
		pages++
		_, _ = io.WriteString(w, `{"items":[`+comments+`{"id":"70","Type":"Comment","ObjectId":"8"}],"pages":null}`)
	})
	_, err := d.ReadAsked(t.Context(), "8")
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "an unknown way")
	require.Equal(t, desk.MaxPages, pages)
}

// TestMark_refused_with_200 has RT say that all is well and keep no marker, and somebody else be faster.
func TestMark_refused_with_200(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	bind := func() error {
		_, err := d.BindTicket(t.Context(), "8", "eve", "usher-rt.8:0123456789abcdef")
		return err
	}
	s.says("PUT /ticket/8", http.StatusOK, `["External Id added"]`)
	err := bind()
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "desks.rt.marker_field")
	s.answer("PUT /ticket/8", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Match") == `"39"` {
			w.WriteHeader(http.StatusPreconditionFailed)
		}
		_, _ = io.WriteString(w, `[]`)
	})
	requireKind(t, access.Transient, bind())
}

// TestMark_other_request: another request has taken the ticket since usher looked at it.
func TestMark_other_request(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	reads := 0
	s.answer("GET /ticket/8", func(w http.ResponseWriter, _ *http.Request) {
		reads++
		values := map[bool]string{true: `"values":["usher-rt.9:0123456789abcdef"]`, false: `"values":[]`}[reads == 3]
		_, _ = io.WriteString(w, strings.Replace(askedBody, `"values":[]`, values, 1))
	})
	_, err := d.BindTicket(t.Context(), "8", "eve", "usher-rt.8:0123456789abcdef")
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "another request")
	require.Equal(t, 3, reads)
}
