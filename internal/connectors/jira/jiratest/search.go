package jiratest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// searchInput is the body of POST search/jql, which is closed: unknown members are refused.
type searchInput struct {
	JQL             string   `json:"jql"`
	Fields          []string `json:"fields"`
	MaxResults      *int     `json:"maxResults"`
	NextPageToken   string   `json:"nextPageToken"`
	Expand          string   `json:"expand"`
	Properties      []string `json:"properties"`
	FieldsByKeys    bool     `json:"fieldsByKeys"`
	ReconcileIssues []int64  `json:"reconcileIssues"`
}

func (c *call) searchInput() (searchInput, error) {
	var in searchInput
	if c.r.Method == http.MethodPost {
		d := json.NewDecoder(strings.NewReader(string(c.body)))
		d.DisallowUnknownFields()
		if d.Decode(&in) != nil {
			r := refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
			r.bare = true
			return in, r
		}
		return in, nil
	}
	in.JQL, in.NextPageToken, in.Expand = c.query("jql"), c.query("nextPageToken"), c.query("expand")
	in.Fields, in.Properties = splitList(c.query("fields")), splitList(c.query("properties"))
	if text := c.query("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return in, refuse(http.StatusBadRequest, "The parameter maxResults must be a number.")
		}
		in.MaxResults = &n
	}
	for _, text := range splitList(strings.Join(c.r.URL.Query()["reconcileIssues"], ",")) {
		id, isID := parseID(text)
		if !isID {
			return in, refuse(http.StatusBadRequest, "The parameter reconcileIssues must hold issue ids.")
		}
		in.ReconcileIssues = append(in.ReconcileIssues, id)
	}
	return in, nil
}

func (in searchInput) check() error {
	switch {
	case in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > 5000):
		return refuse(http.StatusBadRequest, "The parameter maxResults must be between 1 and 5000.")
	case len(in.Properties) > 5:
		return refuse(http.StatusBadRequest, "At most 5 properties may be asked for.")
	case len(in.ReconcileIssues) > 50:
		return refuse(http.StatusBadRequest, "At most 50 issues may be reconciled.")
	}
	return nil
}

func (s *Server) search(c *call) (*answer, error) {
	in, err := c.searchInput()
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := s.matching(c, in)
	if err != nil {
		return nil, err
	}
	start, err := s.readToken(in)
	if err != nil {
		return nil, err
	}
	size := 50
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	page := slice(found, start, s.cap(size))
	sel := selection{
		fields: fieldList(strings.Join(in.Fields, ","), "id"), properties: in.Properties, changelog: hasWord(in.Expand, "changelog"),
	}
	issues := []any{}
	for _, i := range page {
		issues = append(issues, s.render(c, i, sel))
	}
	body := map[string]any{"issues": issues}
	next := start + len(page)
	if next < len(found) {
		body["nextPageToken"] = s.pageToken(in, next)
	}
	if s.faults.RepeatPageToken {
		body["nextPageToken"] = cmp.Or(in.NextPageToken, s.pageToken(in, next))
	}
	if !s.faults.OmitIsLast {
		_, more := body["nextPageToken"]
		body["isLast"] = !more
	}
	return ok(body)
}

func (s *Server) approximateCount(c *call) (*answer, error) {
	var in searchInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	found, err := s.matching(c, in)
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"count": len(found)})
}

// matching gives the issues that the query finds in the search index, which may lag behind, in the query's order. The
// issues to reconcile are read as they are now and have to match as well. An anonymous caller finds nothing.
func (s *Server) matching(c *call, in searchInput) ([]*issue, error) {
	q, err := parseJQL(in.JQL)
	if err != nil {
		return nil, err
	}
	if q.where == nil {
		return nil, refuse(http.StatusBadRequest, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
	}
	if c.account == nil {
		return nil, nil
	}
	m := matcher{s: s, now: s.cfg.Now(), caller: c.account}
	test, err := m.compile(q.where)
	if err != nil {
		return nil, err
	}
	var found []*issue
	for _, id := range s.order {
		i := s.entries[id].seen(m.now)
		if slices.Contains(in.ReconcileIssues, id) {
			i = s.entries[id].now
		}
		if i != nil && !i.Deleted && !i.Hidden && test(i) {
			found = append(found, i)
		}
	}
	q.sort(found, s)
	return found, nil
}

// pageToken is opaque to clients: the position, the query that it belongs to, and when it was given.
type pageToken struct {
	Start int    `json:"s"`
	Query uint64 `json:"q"`
	Unix  int64  `json:"t"`
}

const tokenLife = 7 * 24 * time.Hour

func queryHash(in searchInput) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(in.JQL))
	return h.Sum64()
}

func (s *Server) pageToken(in searchInput, start int) string {
	raw, err := json.Marshal(pageToken{Start: start, Query: queryHash(in), Unix: s.cfg.Now().Unix()})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (s *Server) readToken(in searchInput) (int, error) {
	if in.NextPageToken == "" {
		return 0, nil
	}
	var t pageToken
	raw, err := base64.RawURLEncoding.DecodeString(in.NextPageToken)
	if err != nil || json.Unmarshal(raw, &t) != nil || t.Start < 0 || t.Query != queryHash(in) ||
		s.cfg.Now().Sub(time.Unix(t.Unix, 0)) > tokenLife {
		return 0, refuse(http.StatusBadRequest, "The provided next page token is invalid or has expired.")
	}
	return t.Start, nil
}
