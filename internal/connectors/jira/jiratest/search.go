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
		return in, c.decodeClosed(&in)
	}
	in.JQL, in.NextPageToken, in.Expand = c.query("jql"), c.query("nextPageToken"), c.query("expand")
	in.Fields, in.Properties = c.queryList("fields"), c.queryList("properties")
	if text := c.query("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return in, refuse(http.StatusBadRequest, "The parameter maxResults must be a number.")
		}
		in.MaxResults = &n
	}
	for _, text := range c.queryList("reconcileIssues") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return in, refuse(http.StatusBadRequest, "The parameter reconcileIssues must hold issue ids.")
		}
		in.ReconcileIssues = append(in.ReconcileIssues, id)
	}
	return in, nil
}

// queryList reads a list that comes in one parameter or in several.
func (c *call) queryList(name string) []string {
	return splitList(strings.Join(c.r.URL.Query()[name], ","))
}

func (in searchInput) check() error {
	switch {
	case in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > 5000):
		return refuse(http.StatusBadRequest, "The parameter maxResults must be between 1 and 5000.")
	case len(in.Properties) > propertyLimit:
		return refuse(http.StatusBadRequest, "At most 5 properties may be asked for.")
	case len(in.ReconcileIssues) > 50:
		return refuse(http.StatusBadRequest, "At most 50 issues may be reconciled.")
	}
	return nil
}

// fullIssues is how many issues a page of the search holds at most when more than ids and keys are asked for: the vendor
// reserves the right to give fewer than were asked for, and does.
const fullIssues = 100

func (s *Server) search(c *call) (*answer, error) {
	in, err := c.searchInput()
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := s.matching(c, in.JQL, in.ReconcileIssues)
	if err != nil {
		return nil, err
	}
	start, err := s.readToken(in.JQL, in.NextPageToken)
	if err != nil {
		return nil, err
	}
	sel := selection{
		fields: fieldList(strings.Join(in.Fields, ","), "id"), properties: in.Properties,
		changelog: hasWord(in.Expand, "changelog"), histories: searchHistories,
	}
	size := 50
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if !sel.onlyID() || sel.changelog || len(sel.properties) > 0 {
		size = min(size, fullIssues)
	}
	page := slice(found, start, s.cap(size))
	body := map[string]any{"issues": s.renderAll(c, page, sel)}
	next := start + len(page)
	if next < len(found) {
		body["nextPageToken"] = s.pageToken(in.JQL, next)
	}
	if s.faults.RepeatPageToken {
		body["nextPageToken"] = cmp.Or(in.NextPageToken, s.pageToken(in.JQL, next))
	}
	if !s.faults.OmitIsLast {
		_, more := body["nextPageToken"]
		body["isLast"] = !more
	}
	return ok(body)
}

func (s *Server) renderAll(c *call, page []*issue, sel selection) []any {
	issues := make([]any, 0, len(page))
	for _, i := range page {
		issues = append(issues, s.render(c, i, sel))
	}
	return issues
}

// matching returns the issues that the query finds in the search index, which may lag behind, in the query's order. The
// issues to reconcile are read as they are now and have to match as well. An anonymous caller finds nothing.
func (s *Server) matching(c *call, text string, reconcile []int64) ([]*issue, error) {
	q, err := parseJQL(text)
	if err != nil {
		return nil, err
	}
	if q.where == nil && c.edition == Cloud {
		return nil, refuse(http.StatusBadRequest, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
	}
	return s.lookUp(matcher{s: s, now: s.store.Now(), caller: c.account}, q, reconcile)
}

func (s *Server) lookUp(m matcher, q jql, reconcile []int64) ([]*issue, error) {
	if m.caller == nil {
		return nil, nil
	}
	test := func(*issue) bool { return true }
	if q.where != nil {
		var err error
		if test, err = m.compile(q.where); err != nil {
			return nil, err
		}
	}
	var found []*issue
	now := s.store.Clock()
	for _, e := range s.candidates(m, q) {
		i, seen := e.Seen(now)
		if slices.Contains(reconcile, e.Now.Seq) {
			i, seen = e.Now, true
		}
		if seen && !i.Deleted && !i.Archived && !s.store.Hides(i) && test(i) {
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

func queryHash(query string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(query))
	return h.Sum64()
}

func (s *Server) pageToken(query string, start int) string {
	raw, err := json.Marshal(pageToken{Start: start, Query: queryHash(query), Unix: s.store.Clock().Unix()})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (s *Server) readToken(query, token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	var t pageToken
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(raw, &t) != nil || t.Start < 0 || t.Query != queryHash(query) ||
		s.store.Clock().Sub(time.Unix(t.Unix, 0)) > tokenLife || s.faults.ExpirePageTokens {
		return 0, refuse(http.StatusBadRequest, "The provided next page token is invalid or has expired.")
	}
	return t.Start, nil
}
