package csvfeed_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/csvfeed"
	"usher/internal/connectors/people"
)

// small are three columns: enough for what is about the file and not about people.
func small() csvfeed.Config {
	return csvfeed.Config{
		Fields: people.Fields{ID: "id", UserName: "login", DisplayName: "name"}, Whole: csvfeed.Whole{EndMarker: "#END"},
	}
}

// listed is what a listing of a text gives, in the order of its pages.
type listed struct {
	people   []access.PersonRecord
	problems []access.PersonProblem
	end      access.Listing
}

func list(t *testing.T, s *csvfeed.Source) (listed, error) {
	t.Helper()
	var got listed
	end, err := s.ListPeople(t.Context(), "", func(p access.PeoplePage) error {
		got.people = append(got.people, p.People...)
		got.problems = append(got.problems, p.Problems...)
		return nil
	})
	got.end = end
	return got, err
}

// read lists a text with a configuration.
func read(t *testing.T, c csvfeed.Config, text string) (listed, error) {
	t.Helper()
	s, put := onDisk(t, c)
	put([]byte(text), digest([]byte(text)))
	return list(t, s)
}

func person(id, login, name string) access.PersonRecord {
	return access.PersonRecord{Person: access.Person{ID: access.PersonID(id), UserName: login, DisplayName: name, Active: true}}
}

func utf16Text(order binary.AppendByteOrder, text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\uFEFF" + text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

func TestListPeople_forms(t *testing.T) {
	const text = "id,login,name\n1,ana,Ana Löwe €\n#END\n"
	for name, row := range map[string]struct {
		change func(*csvfeed.Config)
		text   string
	}{
		"as it is":                        {nil, text},
		"no last line break":              {nil, strings.TrimSuffix(text, "\n")},
		"blank lines at the end":          {nil, text + "\n\r\n"},
		"blank lines between":             {nil, strings.ReplaceAll(text, "\n", "\n\n")},
		"a byte order mark":               {nil, "\uFEFF" + text},
		"CRLF":                            {nil, strings.ReplaceAll(text, "\n", "\r\n")},
		"quotes":                          {nil, "\"id\",\"login\",\"name\"\n\"1\",\"ana\",\"Ana Löwe €\"\n\"#END\"\n"},
		"an end as wide as the header":    {nil, strings.Replace(text, "#END", "#END,,", 1)},
		"another order, and more columns": {nil, "x,name,login,id,\n,Ana Löwe €,ana,1,\n#END\n"},
		"a header in another case":        {nil, strings.Replace(text, "id,login,name", " ID ,Login, NAME", 1)},
		"fields with spaces around":       {func(c *csvfeed.Config) { c.Fields.UserName = " Login " }, text},
		"semicolons":                      {func(c *csvfeed.Config) { c.Delimiter = "semicolon" }, strings.ReplaceAll(text, ",", ";")},
		"tabs":                            {func(c *csvfeed.Config) { c.Delimiter = "tab" }, strings.ReplaceAll(text, ",", "\t")},
		"pipes":                           {func(c *csvfeed.Config) { c.Delimiter = "pipe" }, strings.ReplaceAll(text, ",", "|")},
		"UTF-16, little end first":        {func(c *csvfeed.Config) { c.Encoding = csvfeed.UTF16 }, utf16Text(binary.LittleEndian, text)},
		"UTF-16, big end first":           {func(c *csvfeed.Config) { c.Encoding = csvfeed.UTF16 }, utf16Text(binary.BigEndian, text)},
		"Windows-1252": {
			func(c *csvfeed.Config) { c.Encoding = csvfeed.Windows1252 },
			strings.NewReplacer("ö", "\xF6", "€", "\x80").Replace(text),
		},
		"a trailer": {
			func(c *csvfeed.Config) { c.Whole = csvfeed.Whole{Trailer: "TRAILER"} }, strings.Replace(text, "#END", "TRAILER,1", 1),
		},
		"a trailer with spaces and more columns": {
			func(c *csvfeed.Config) { c.Whole = csvfeed.Whole{Trailer: "TRAILER"} }, strings.Replace(text, "#END", "TRAILER , 0001,", 1),
		},
		"a digest": {
			func(c *csvfeed.Config) { c.Whole = csvfeed.Whole{Digest: "x"} }, strings.Replace(text, "#END\n", "", 1),
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := small()
			if row.change != nil {
				row.change(&c)
			}
			got, err := read(t, c, row.text)
			require.NoError(t, err)
			require.Equal(t, []access.PersonRecord{person("1", "ana", "Ana Löwe €")}, got.people)
			require.Empty(t, got.problems)
			require.Equal(t, c.Whole.Trailer != "", got.end.Proof == access.ProofCount)
		})
	}
}

func TestListPeople_iso_8859_1(t *testing.T) {
	c := small()
	c.Encoding = csvfeed.ISO88591
	got, err := read(t, c, "id,login,name\n1,ana,Ana L\xF6we\n#END")
	require.NoError(t, err)
	require.Equal(t, []access.PersonRecord{person("1", "ana", "Ana Löwe")}, got.people)
}

func TestListPeople_UTF16_surrogates(t *testing.T) {
	c := small()
	c.Encoding = csvfeed.UTF16
	got, err := read(t, c, utf16Text(binary.LittleEndian, "id,login,name\n1,ana,Ana 𝄞\n#END"))
	require.NoError(t, err)
	require.Equal(t, []access.PersonRecord{person("1", "ana", "Ana 𝄞")}, got.people)
}

// A program writes values without quotes, and two of them have one: all rows between them become a part of the first. Somebody in them is not
// missing, in whichever column the quotes stand, and whether the record has as many columns as the header or not.
func TestListPeople_rows_between_quotes(t *testing.T) {
	for name, rows := range map[string]string{
		"a whole record":    "1,ana,\"Acting Head\n2,bob,Bob\n3,cyd,Cyd\n4,dan,Head of Sales\"\n5,eve,Eve\n",
		"a column too many": "1,ana,\"Acting Head\n2,bob,Bob\n3,cyd,Cyd\n4,\",dan\n5,eve,Eve\n",
		"two values of ids": "1,ana,Ana\n\"2\n3,cyd,Cyd\n4\",dan,Dan\n5,eve,Eve\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, small(), "id,login,name\n"+rows+"#END\n")
			require.NoError(t, err)
			require.Contains(t, got.people, person("5", "eve", "Eve"))
			require.Len(t, got.problems, 1)
			require.Empty(t, got.problems[0].ID)
			require.Contains(t, got.problems[0].Problem, "a quote may stand too much")
		})
	}
}

func TestListPeople_rows(t *testing.T) {
	const head, end = "id,login,name\r\n", "#END\r\n"
	const hides = "a value goes on in another line, expected all of it in one: a quote may stand too much, and hide the rows that follow"
	for name, row := range map[string]struct {
		rows     string
		people   []access.PersonRecord
		problems []access.PersonProblem
	}{
		"line breaks in quotes": {
			"1,ana,\"Ana\r\nof two lines\"\r\n2,,Bob\r\n",
			nil,
			[]access.PersonProblem{{Row: "line 2", Problem: hides}, {Row: "line 4", ID: "2", Problem: "login: is empty, expected a login name"}},
		},
		"a column too few": {
			"1,ana,Ana\r\n2,bob\r\n",
			[]access.PersonRecord{person("1", "ana", "Ana")},
			[]access.PersonProblem{{Row: "line 3", ID: "2", Problem: "found 2 columns, expected 3 as in the header"}},
		},
		"a column too many": {
			"\r\n1,ana,Löwe, Ana\r\n", nil,
			[]access.PersonProblem{{Row: "line 3", ID: "1", Problem: "found 4 columns, expected 3 as in the header"}},
		},
		"no id": {
			",ana,Ana\r\n ,bob,\r\n", nil,
			[]access.PersonProblem{
				{Row: "line 2", Problem: "id: expected one id, of at most 256 characters"},
				{Row: "line 3", Problem: "id: expected one id, of at most 256 characters"},
			},
		},
		"two rows of one id": {
			"1,ana,Ana\r\n2,bob,\r\n1 ,ana,Another\r\n",
			[]access.PersonRecord{person("2", "bob", "")},
			[]access.PersonProblem{{Row: "line 2, line 4", ID: "1", Problem: "id: found 2 rows with this id, expected one"}},
		},
		"two equal rows": {
			"1,ana,Ana\r\n1,ana,Ana\r\n", nil,
			[]access.PersonProblem{{Row: "line 2, line 3", ID: "1", Problem: "id: found 2 rows with this id, expected one"}},
		},
		"a row and one that cannot be read, of one id": {
			"1,ana,Ana\r\n1,\r\n", nil,
			[]access.PersonProblem{{Row: "line 2, line 3", ID: "1", Problem: "id: found 2 rows with this id, expected one"}},
		},
		"many rows of one id": {
			strings.Repeat("1,ana,Ana\r\n", 9), nil,
			[]access.PersonProblem{{
				Row: "line 2, line 3, line 4, line 5, line 6, and more", ID: "1", Problem: "id: found 9 rows with this id, expected one",
			}},
		},
		"ids in two cases are two ids": {
			"a1,ana,\r\nA1,bob,\r\n", []access.PersonRecord{person("a1", "ana", ""), person("A1", "bob", "")}, nil,
		},
		"nobody": {"", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, small(), head+row.rows+end)
			require.NoError(t, err)
			require.Equal(t, row.people, got.people)
			require.Equal(t, row.problems, got.problems)
			require.Equal(t, access.Listing{People: len(row.people), Problems: len(row.problems), Proof: access.ProofEnd}, got.end)
		})
	}
}

func TestListPeople_shifted_id(t *testing.T) {
	got, err := read(t, small(), "login,id,name\nLöwe, ana,1,Ana\nbob,2\n#END")
	require.NoError(t, err)
	require.Equal(t, []access.PersonProblem{
		{Row: "line 2", Problem: "found 4 columns, expected 3 as in the header"},
		{Row: "line 3", Problem: "found 2 columns, expected 3 as in the header"},
	}, got.problems)
}

func TestListPeople_refused(t *testing.T) {
	trailer := func(c *csvfeed.Config) { c.Whole = csvfeed.Whole{Trailer: "TRAILER"} }
	for name, row := range map[string]struct {
		change func(*csvfeed.Config)
		text   string
		kind   access.Kind
		says   string
	}{
		"an empty file":                     {nil, "", access.Transient, "path: the file is empty"},
		"a header alone":                    {nil, "id,login,name\n", access.Transient, "whole.end_marker: found something else in the last line"},
		"half of the end":                   {nil, "id,login,name\n1,ana,Ana\n#EN", access.Transient, "whole.end_marker"},
		"half of a row":                     {nil, "id,login,name\n1,an", access.Transient, "whole.end_marker"},
		"an end that is one of two":         {nil, "id,login,name\n1,ana,Ana\n#END\n2,bob,Bob\n#END\n", access.Transient, "whole.end_marker: the end stands in line 3, and more follows it"},
		"an end with a value":               {nil, "id,login,name\n#END,ana,\n", access.Transient, "whole.end_marker"},
		"half of a quote":                   {nil, "id,login,name\n1,ana,\"Ana", access.Transient, "whole.end_marker"},
		"no trailer":                        {trailer, "id,login,name\n1,ana,Ana\n", access.Transient, "whole.trailer: found something else in the last line"},
		"a trailer without number":          {trailer, "id,login,name\n1,ana,Ana\nTRAILER\n", access.Transient, "whole.trailer"},
		"a trailer with no number":          {trailer, "id,login,name\n1,ana,Ana\nTRAILER,-1\n", access.Transient, "whole.trailer"},
		"a trailer with more":               {trailer, "id,login,name\n1,ana,Ana\nTRAILER,2\n", access.Transient, "whole.trailer: the trailer counts 2 rows, and the file has 1"},
		"a trailer with fewer":              {trailer, "id,login,name\n1,ana,Ana\n2,bob,\nTRAILER,1\n", access.Transient, "the trailer counts 1 rows, and the file has 2"},
		"a trailer of nobody and no header": {trailer, "TRAILER,0\n", access.Invalid, "path: the file has no header"},
		"a broken quote":                    {nil, "id,login,name\n1,\"ana\nof two\",Ana\n2,bob,\"Bo\"b\n#END\n", access.Invalid, "path: a quote is broken in the record that begins in line 4"},
		"a header that goes on":             {nil, "id,login,name,\"note\n1,ana,Ana,\"\n2,bob,Bob,\n#END\n", access.Invalid, "path: the header goes on in another line"},
		"a bare quote":                      {nil, "id,login,name\n1,a\"na,Ana\n#END\n", access.Invalid, "path: a quote is broken in the record that begins in line 2"},
		"a quote that never ends":           {nil, "id,login,name\n1,ana,\"Ana\n2,bob,\n#END\n", access.Invalid, "path: a quote is broken in the record that begins in line 2"},
		"a missing column":                  {nil, "id,name\n1,Ana\n#END\n", access.Invalid, `fields.user_name: the header has no column "login"`},
		"a column that is there twice":      {nil, "id,login,name,Login\n1,ana,Ana,x\n#END\n", access.Invalid, `fields.user_name: the header has the column "login" 2 times`},
		"a missing attribute": {
			func(c *csvfeed.Config) { c.Fields.Attributes = map[string]string{"team": "Team"} }, "id,login,name\n#END\n",
			access.Invalid, `fields.attributes.team: the header has no column "Team"`,
		},
		"another delimiter":            {nil, "id;login;name\n1;ana;Ana\n#END\n", access.Invalid, "fields.display_name: the header has no column"},
		"bytes that are no UTF-8":      {nil, "id,login,name\n1,ana,L\xF6we\n#END\n", access.Invalid, "encoding: line 2 of the file is no utf-8"},
		"a character that is cut":      {nil, "id,login,name\n1,ana,L\xC3", access.Transient, "path: the file ends within a character"},
		"UTF-16 with another encoding": {nil, utf16Text(binary.LittleEndian, "id,login,name\n#END"), access.Invalid, "encoding: found utf-8, and the file begins with the byte order mark of utf-16"},
		"UTF-8 with another encoding": {
			func(c *csvfeed.Config) { c.Encoding = csvfeed.Windows1252 }, "\uFEFFid,login,name\n#END", access.Invalid,
			"encoding: found windows-1252, and the file begins with the byte order mark of utf-8",
		},
		"UTF-16 without a mark": {
			func(c *csvfeed.Config) { c.Encoding = csvfeed.UTF16 }, "i\x00d\x00", access.Invalid, "encoding: found utf-16, and the file begins without a byte order mark",
		},
		"UTF-16 with half a unit": {
			func(c *csvfeed.Config) { c.Encoding = csvfeed.UTF16 }, utf16Text(binary.LittleEndian, "id,login\n1") + "x", access.Transient, "path: the file ends within a character",
		},
		"UTF-16 with half a character": {
			func(c *csvfeed.Config) { c.Encoding = csvfeed.UTF16 }, utf16Text(binary.BigEndian, "id,login\n") + "\xD8\x34", access.Transient, "path: the file ends within a character",
		},
		"UTF-16 that is none": {
			func(c *csvfeed.Config) { c.Encoding = csvfeed.UTF16 }, utf16Text(binary.BigEndian, "id,login\n") + "\xD8\x34\x00a\x00\n", access.Invalid, "encoding: line 2 of the file is no utf-16",
		},
		"an HTML page": {nil, "\n<!DOCTYPE html><html lang=\"en\">", access.Transient, "path: found an HTML page"},
		"a long file":  {func(c *csvfeed.Config) { c.MaxBytes = 20 }, "id,login,name\n1,ana,Ana\n#END\n", access.Invalid, "max_bytes: the file has more than 20 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c := small()
			if row.change != nil {
				row.change(&c)
			}
			got, err := read(t, c, row.text)
			require.Error(t, err)
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.ErrorContains(t, err, row.says)
			require.Empty(t, got.people)
			for _, value := range []string{"Ana", "Löwe", "bob"} {
				require.NotContains(t, err.Error(), value, "no value of a person")
			}
		})
	}
}

func TestListPeople_digests(t *testing.T) {
	const text = "id,login,name\n1,ana,Ana\n"
	right := string(digest([]byte(text)))[:64]
	other := strings.Repeat("0", 64)
	for name, row := range map[string]struct{ digest, says string }{
		"of sha256sum":                {right + "  people.csv\n", ""},
		"of sha256sum, binary":        {right + " *people.csv\r\n", ""},
		"with a path":                 {right + "  /srv/out/people.csv", ""},
		"with an escaped name":        {`\` + right + "  people.csv", ""},
		"alone, and in capitals":      {strings.ToUpper(right), ""},
		"of another name, alone":      {right + "  out.csv", ""},
		"among others":                {other + "  teams.csv\n" + right + "  people.csv\n", ""},
		"of other files":              {right + "  a.csv\n" + right + "  b.csv\n", "expected a line of sha256sum for the file"},
		"of another content":          {other + "  people.csv\n", "the digest is of something else than the file"},
		"cut":                         {right[:60], "expected a line of sha256sum"},
		"empty":                       {"", "expected a line of sha256sum"},
		"an HTML page and no digest":  {"<!doctype html>", "expected a line of sha256sum"},
		"another file with two lines": {text + text, "expected a line of sha256sum"},
	} {
		t.Run(name, func(t *testing.T) {
			c := small()
			c.Whole = csvfeed.Whole{Digest: "x"}
			s, put := onDisk(t, c)
			put([]byte(text), []byte(row.digest))
			got, err := list(t, s)
			if row.says == "" {
				require.NoError(t, err)
				require.Len(t, got.people, 1)
				return
			}
			require.Equal(t, access.Transient, access.KindOf(err), "%v", err)
			require.ErrorContains(t, err, "whole.digest: "+row.says)
		})
	}
}

func TestListPeople_changed(t *testing.T) {
	const text = "id,login,name\n1,ana,Ana\n#END\n"
	for name, change := range map[string]func(t *testing.T, path string){
		"longer": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteString("\n")
			require.NoError(t, err)
			require.NoError(t, f.Close())
		},
		"replaced by one of the same length and time": func(t *testing.T, path string) {
			before, err := os.Stat(path)
			require.NoError(t, err)
			replace(t, path, []byte(text))
			require.NoError(t, os.Chtimes(path, before.ModTime(), before.ModTime()))
		},
		"another time": func(t *testing.T, path string) {
			before, err := os.Stat(path)
			require.NoError(t, err)
			later := before.ModTime().Add(1)
			require.NoError(t, os.Chtimes(path, later, later))
		},
		"gone": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := small()
			c.Path = t.TempDir() + "/people.csv"
			replace(t, c.Path, []byte(text))
			s, err := csvfeed.NewSource(c)
			require.NoError(t, err)
			csvfeed.OnOpen(s, func() { change(t, c.Path) })
			_, err = list(t, s)
			require.Equal(t, access.Transient, access.KindOf(err))
			require.ErrorContains(t, err, "path: the file changed while it was read")
		})
	}
}

func TestListPeople_places(t *testing.T) {
	c := small()
	c.Path = t.TempDir()
	s, err := csvfeed.NewSource(c)
	require.NoError(t, err)
	_, err = list(t, s)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "path: found something else, expected a file")

	c.Path += "/nowhere.csv"
	s, err = csvfeed.NewSource(c)
	require.NoError(t, err)
	_, err = list(t, s)
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "path: there is no such file")
	_, err = s.Lookup(t.Context(), "1")
	require.Equal(t, access.Transient, access.KindOf(err), "a missing file is no unknown person")
}

// BenchmarkListPeople reads 100,000 rows. What it allocates a row is reported; time is not what it is about.
func BenchmarkListPeople(b *testing.B) {
	const rows = 100_000
	var text strings.Builder
	text.WriteString(header + "\n")
	for i := range rows {
		fmt.Fprintf(&text, "%d,user.%d,Person Number %d,user.%d@example.com,%d,true,2020-01-31,,Department %d,%d,Engineer\n", i, i, i, i, i/10, i%50, i%900)
	}
	fmt.Fprintf(&text, "TRAILER,%d\n", rows)
	c := csvfeed.Config{Path: b.TempDir() + "/people.csv", Fields: fields(), Whole: csvfeed.Whole{Trailer: "TRAILER"}}
	require.NoError(b, os.WriteFile(c.Path, []byte(text.String()), 0o600))
	b.ReportAllocs()
	for b.Loop() {
		s, err := csvfeed.NewSource(c)
		require.NoError(b, err)
		end, err := s.ListPeople(b.Context(), "", func(access.PeoplePage) error { return nil })
		require.NoError(b, err)
		require.Equal(b, rows, end.People)
	}
	b.ReportMetric(float64(text.Len())/rows, "file-B/row")
}

// No beginning of a file is a listing, wherever it is cut.
func TestListPeople_every_beginning(t *testing.T) {
	const rows = "id,login,name\r\n1,ana,\"Ana\nTRAILER,0\nLöwe\"\r\n2,bob,\"one \"\"\n#END\n\"\r\n3,eve,𝄞\r\n4,joe,\r\n5,kim,\r\n6,leo,\r\n7,mia,\r\n8,ned,\r\n9,oda,\r\n10,pia,\r\n"
	for proof, end := range map[csvfeed.Whole]string{
		{Trailer: "TRAILER"}: "TRAILER,10\r\n", {EndMarker: "#END"}: "#END\r\n", {Digest: "x"}: "",
	} {
		for encoding, text := range map[csvfeed.Encoding]string{csvfeed.UTF8: rows + end, csvfeed.UTF16: utf16Text(binary.BigEndian, rows+end)} {
			c := small()
			c.Whole, c.Encoding = proof, encoding
			s, put := onDisk(t, c)
			whole := digest([]byte(text))
			put([]byte(text), whole)
			got, err := list(t, s)
			require.NoError(t, err)
			require.Equal(t, [2]int{8, 2}, [2]int{len(got.people), len(got.problems)}, "two have a line break")
			// The last line break may be missing, where no digest says that it was there.
			last := len(text) - 1
			if end != "" {
				last = len(strings.TrimRight(text, "\r\n\x00")) - 1
			}
			for n := range last + 1 {
				put([]byte(text[:n]), whole)
				_, err := list(t, s)
				require.Error(t, err, "%+v %s: %d bytes of %d", proof, encoding, n, len(text))
			}
		}
	}
}
