package csvfeed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/csvfeed"
	"usher/internal/connectors/people"
)

const token = "s3cret-token"

func fields() people.Fields {
	return people.Fields{
		ID: "Employee", UserName: "Login", DisplayName: "Name", Email: "Mail", Manager: "Boss", Active: "Status", Starts: "From", Ends: "To",
		Attributes: map[string]string{
			access.AttributeDepartment: "Dept", access.AttributeCostCenter: "Cost centre", access.AttributeTitle: "Title",
		},
	}
}

const header = "Employee,Login,Name,Mail,Boss,Status,From,To,Dept,Cost centre,Title"

func row(p access.PersonRecord) []string {
	attribute := func(name string) string { return strings.Join(p.Attributes[name], "") }
	return []string{
		string(p.ID), p.UserName, p.DisplayName, p.Email, string(p.Manager), strconv.FormatBool(p.Active), string(p.Starts), string(p.Ends),
		attribute(access.AttributeDepartment), attribute(access.AttributeCostCenter), attribute(access.AttributeTitle),
	}
}

// feed is a file of people, where a source reads it and with one kind of proof.
type feed struct {
	t     *testing.T
	whole csvfeed.Whole
	// put writes the file and, where there is one, its digest.
	put    func(text, digest []byte)
	people []access.PersonRecord
	// spoiled is the id of the one row without a login; "" for none.
	spoiled access.PersonID
}

// text is the file, with a proof for so many rows.
func (f *feed) text(all []access.PersonRecord, rows int) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	b.WriteString(header + "\n")
	for _, p := range all {
		values := row(p)
		if p.ID == f.spoiled {
			values[1] = ""
		}
		require.NoError(f.t, w.Write(values))
	}
	w.Flush()
	switch {
	case f.whole.Trailer != "":
		fmt.Fprintf(&b, "%s,%d\n", f.whole.Trailer, rows)
	case f.whole.EndMarker != "":
		b.WriteString(f.whole.EndMarker + "\n")
	}
	return b.Bytes()
}

func digest(text []byte) []byte {
	sum := sha256.Sum256(text)
	return []byte(hex.EncodeToString(sum[:]) + "  people.csv\n")
}

// write writes the file as it is when all is well.
func (f *feed) write() {
	text := f.text(f.people, len(f.people))
	f.put(text, digest(text))
}

// cut writes the beginning of the file.
func (f *feed) cut() {
	text := f.text(f.people, len(f.people))
	f.put(text[:len(text)*2/3], digest(text))
}

// hide writes a file without a third of the rows, whose proof is the one of all.
func (f *feed) hide() {
	some := f.people[:len(f.people)-len(f.people)/3]
	f.put(f.text(some, len(f.people)), digest(f.text(f.people, len(f.people))))
}

func (f *feed) set(p access.PersonRecord) access.PersonRecord {
	f.remove(p.ID)
	f.people = append(f.people, p)
	f.write()
	return p
}

func (f *feed) remove(id access.PersonID) {
	var rest []access.PersonRecord
	for _, p := range f.people {
		if p.ID != id {
			rest = append(rest, p)
		}
	}
	f.people = rest
	f.write()
}

// replace writes a file in the place of another one.
func replace(t *testing.T, path string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", text, 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// onDisk is a source of a file, and what writes the file.
func onDisk(t *testing.T, c csvfeed.Config) (*csvfeed.Source, func(text, digest []byte)) {
	t.Helper()
	folder := t.TempDir()
	c.Path = filepath.Join(folder, "people.csv")
	if c.Whole.Digest != "" {
		c.Whole.Digest = c.Path + ".sha256"
	}
	s, err := csvfeed.NewSource(c)
	require.NoError(t, err)
	return s, func(text, digest []byte) {
		replace(t, c.Path, text)
		if c.Whole.Digest != "" {
			replace(t, c.Whole.Digest, digest)
		}
	}
}

// site is a web server with a file and its digest.
type site struct {
	url string

	mu     sync.Mutex
	files  map[string][]byte
	refuse bool
	// answer answers in the place of the site; nil for the site.
	answer http.HandlerFunc
	calls  []*http.Request
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{files: map[string][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *site) set(change func(*site)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r)
	text, there := s.files[r.URL.Path]
	sum := sha256.Sum256(text)
	etag := fmt.Sprintf("%q", hex.EncodeToString(sum[:8]))
	switch {
	case s.answer != nil:
		s.answer(w, r)
	case s.refuse || r.Header.Get("Authorization") != "Bearer "+token:
		w.WriteHeader(http.StatusUnauthorized)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case r.Header.Get("If-None-Match") == etag:
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Type", "text/csv")
		_, _ = w.Write(text)
	}
}

// onSite is a source of an address, and what changes the file there.
func onSite(t *testing.T, c csvfeed.Config) (*csvfeed.Source, *site) {
	t.Helper()
	web := newSite(t)
	c.URL, c.Token = web.url+"/hr/people.csv", token
	if c.Whole.Digest != "" {
		c.Whole.Digest = web.url + "/hr/people.csv.sha256"
	}
	s, err := csvfeed.NewSource(c)
	require.NoError(t, err)
	return s, web
}

func (s *site) put(text, digest []byte) {
	s.set(func(s *site) { s.files["/hr/people.csv"], s.files["/hr/people.csv.sha256"] = text, digest })
}
