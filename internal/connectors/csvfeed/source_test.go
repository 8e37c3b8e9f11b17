package csvfeed_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/csvfeed"
)

// clock is a clock that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock(s *csvfeed.Source) *clock {
	c := &clock{at: time.Date(2026, time.March, 1, 8, 0, 0, 0, time.UTC)}
	csvfeed.SetClock(s, c.now)
	return c
}

// torn is the beginning of a file.
const torn = "id,login,name\n1,an"

func TestLookup_remembers(t *testing.T) {
	s, put := onDisk(t, small())
	at := newClock(s)
	reads := 0
	csvfeed.OnOpen(s, func() { reads++ })
	put([]byte(smallText), nil)
	look := func(want int) {
		t.Helper()
		p, err := s.Lookup(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, "ana", p.UserName)
		require.Equal(t, want, reads)
	}
	look(1)
	look(1)
	put([]byte(smallText), nil)
	look(2)
	at.at = at.at.Add(csvfeed.Remembered - 1)
	look(2)
	at.at = at.at.Add(1)
	look(3)
	_, err := list(t, s)
	require.NoError(t, err)
	look(4)
	_, err = s.FindPerson(t.Context(), access.PersonQuery{UserName: "ANA"})
	require.NoError(t, err)
	require.Equal(t, 4, reads)
}

func TestLookup_remembers_by_ETag(t *testing.T) {
	s, web := onSite(t, small())
	at := newClock(s)
	web.put([]byte(smallText), nil)
	for range 3 {
		_, err := s.Lookup(t.Context(), "1")
		require.NoError(t, err)
	}
	require.Len(t, web.calls, 4, "twice for the first reading, and once for each of the others")
	require.NotEmpty(t, web.calls[3].Header.Get("If-None-Match"))
	at.at = at.at.Add(csvfeed.Remembered)
	_, err := s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	require.Empty(t, web.calls[4].Header.Get("If-None-Match"))
}

func TestLookup_remembers_without_ETag(t *testing.T) {
	s, web := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(smallText)) })
	at := newClock(s)
	for range 3 {
		_, err := s.Lookup(t.Context(), "1")
		require.NoError(t, err)
	}
	require.Len(t, web.calls, 1)
	at.at = at.at.Add(csvfeed.Remembered)
	_, err := s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	require.Len(t, web.calls, 2)
}

func TestLookup_last_whole_file(t *testing.T) {
	s, put := onDisk(t, small())
	at := newClock(s)
	put([]byte(torn), nil)
	_, err := s.Lookup(t.Context(), "1")
	require.Equal(t, access.Transient, access.KindOf(err), "nothing was whole yet")

	put([]byte(smallText), nil)
	_, err = s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	put([]byte(torn), nil)
	at.at = at.at.Add(csvfeed.LastWhole - 1)
	_, err = s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	_, err = s.FindPerson(t.Context(), access.PersonQuery{UserName: "ana"})
	require.NoError(t, err)
	_, err = list(t, s)
	require.Equal(t, access.Transient, access.KindOf(err), "a listing is of the file as it is")
	at.at = at.at.Add(1)
	_, err = s.Lookup(t.Context(), "1")
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "whole.end_marker")
}

func TestLookup_confirmed_file(t *testing.T) {
	s, web := onSite(t, small())
	at := newClock(s)
	web.put([]byte(smallText), nil)
	_, err := s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	at.at = at.at.Add(csvfeed.Remembered - 1)
	_, err = s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	web.put(nil, nil)
	at.at = at.at.Add(csvfeed.LastWhole - 1)
	_, err = s.Lookup(t.Context(), "1")
	require.NoError(t, err, "the hour begins when the file was last known to be the present one")
}

// A file that is whole and wrong, and a refusal, are for a human to mend: what was read before hides neither.
func TestLookup_nothing_hidden(t *testing.T) {
	s, web := onSite(t, small())
	web.put([]byte(smallText), nil)
	_, err := s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	web.put([]byte("id,name\n1,Ana\n#END"), nil)
	_, err = s.Lookup(t.Context(), "1")
	require.Equal(t, access.Invalid, access.KindOf(err))
	web.set(func(s *site) { s.refuse = true })
	_, err = s.Lookup(t.Context(), "1")
	require.Equal(t, access.Forbidden, access.KindOf(err))
}

func TestLookup_rows_that_are_no_person(t *testing.T) {
	s, put := onDisk(t, small())
	put([]byte("id,login,name\n1,ana,\n1,ana,\n2,,Bob\n3,eve,\n4\n#END"), nil)
	for id, says := range map[access.PersonID]string{
		"1": `"1" cannot be read: line 2, line 3: id: found 2 rows with this id, expected one`,
		"2": `"2" cannot be read: line 4: login: is empty`,
		"4": `"4" cannot be read: line 6: found 1 columns, expected 3`,
	} {
		_, err := s.Lookup(t.Context(), id)
		require.Equal(t, access.Invalid, access.KindOf(err), "not an unknown person, and no other reading mends it")
		require.ErrorContains(t, err, says)
	}
	p, err := s.Lookup(t.Context(), "3")
	require.NoError(t, err)
	require.Equal(t, access.Person{ID: "3", UserName: "eve", Active: true}, p)
}

func TestFindPerson_only_one(t *testing.T) {
	c := small()
	c.Fields.Email = "mail"
	s, put := onDisk(t, c)
	put([]byte(strings.Join([]string{
		"id,login,name,mail", "1,ana,,a@x", "2,Ana,,b@x", "3,bob,,c@x", "3,bob,,c@x", "4,bob,,", "5,eve,,B@X", "6,,,a@x", "7,joe,,j@x", "#END",
	}, "\n")), nil)
	for name, q := range map[string]access.PersonQuery{
		"two people":                                {UserName: "ana"},
		"a person and rows of one id":               {UserName: "bob"},
		"rows of one id":                            {Email: "c@x"},
		"two people with an address":                {Email: "b@x"},
		"a person and a row that cannot be read":    {Email: "a@x"},
		"nobody":                                    {UserName: "mia"},
		"an address where a user name is asked for": {UserName: "j@x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.FindPerson(t.Context(), q)
			require.Equal(t, access.NotFound, access.KindOf(err))
		})
	}
	for _, q := range []access.PersonQuery{{UserName: "JOE"}, {Email: "J@x"}} {
		p, err := s.FindPerson(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, access.PersonID("7"), p.ID)
	}
}

func TestFindPerson_no_addresses(t *testing.T) {
	s, put := onDisk(t, small())
	put([]byte(smallText), nil)
	_, err := s.FindPerson(t.Context(), access.PersonQuery{Email: "ana@example.com"})
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "fields.email: is empty")
}

func TestCheck(t *testing.T) {
	for name, row := range map[string]struct{ text, key, says string }{
		"in order":               {smallText, "", ""},
		"nobody":                 {"id,login,name\n#END", "", ""},
		"a row that is wrong":    {"id,login,name\n1,ana,\n2,,\n#END", "", ""},
		"no end":                 {"id,login,name\n1,ana,\n", "whole.end_marker", "found something else in the last line, expected the value alone"},
		"no column":              {"id,name\n#END", "fields.user_name", `the header has no column "login"`},
		"another encoding":       {"id,login,name\n1,L\xF6we,\n#END", "encoding", "line 2 of the file is no utf-8"},
		"no person in all rows":  {"id,login,name\n1,,\n2,,\n#END", "fields", "no row of the file is a person; line 2: login: is empty"},
		"a quote that is broken": {"id,login,name\n1,a\"na,\n#END", "path", "a quote is broken in the record that begins in line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			s, put := onDisk(t, small())
			put([]byte(row.text), nil)
			findings, err := s.Check(t.Context())
			require.NoError(t, err)
			if row.key == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Equal(t, row.key, findings[0].Key)
			require.Contains(t, findings[0].Problem, row.says)
		})
	}
}

func TestCheck_digest(t *testing.T) {
	c := small()
	c.Whole = csvfeed.Whole{Digest: "x"}
	c.Path = t.TempDir() + "/people.csv"
	c.Whole.Digest = c.Path + ".sha256"
	require.NoError(t, os.WriteFile(c.Path, []byte(smallText), 0o600))
	s, err := csvfeed.NewSource(c)
	require.NoError(t, err)
	findings, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []access.Finding{{Key: "whole.digest", Problem: "there is no such file"}}, findings)
}
