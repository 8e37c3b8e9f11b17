package jiratest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"usher/internal/connectors/desktest"
)

// The vendor's limits of one bulk fetch: issues, issues for histories, and fields and histories of that.
const (
	bulkLimit          = 100
	bulkChangelogLimit = 1000
	bulkFieldLimit     = 10
	bulkHistoryLimit   = 10_000
	bulkHistoryPage    = 1000
	propertyLimit      = 5
)

// pick returns the issues of ids or keys that exist and may be seen, each once, by ascending id.
func (s *Server) pick(c *call, idsOrKeys []string) []*issue {
	if c.account == nil {
		return nil
	}
	var found []*issue
	seen := map[string]bool{}
	for _, idOrKey := range idsOrKeys {
		if i, exists := s.store.Find(idOrKey); exists && !s.store.Hides(i) && !seen[i.ID] {
			seen[i.ID] = true
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b *issue) int { return cmp.Compare(a.Seq, b.Seq) })
	return found
}

// bulkFetch reads issues as they are now. What is not there or not visible is left out without a word; only what cannot be
// read just now is told.
func (s *Server) bulkFetch(c *call) (*answer, error) {
	var in struct {
		IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
		Fields         []string `json:"fields"`
		FieldsByKeys   bool     `json:"fieldsByKeys"`
		Properties     []string `json:"properties"`
		Expand         []string `json:"expand"`
	}
	if err := c.decodeClosed(&in); err != nil {
		return nil, err
	}
	if n := len(in.IssueIDsOrKeys); n == 0 || n > bulkLimit {
		return nil, refuse(http.StatusBadRequest, "The number of issues must be between 1 and 100.")
	}
	if len(in.Properties) > propertyLimit {
		return nil, refuse(http.StatusBadRequest, "At most 5 properties may be asked for.")
	}
	sel := selection{
		fields: fieldList(strings.Join(in.Fields, ","), "*navigable"), properties: in.Properties,
		changelog: slices.Contains(in.Expand, "changelog"), histories: searchHistories,
	}
	issues, problems := []any{}, []any{}
	for _, i := range s.pick(c, in.IssueIDsOrKeys) {
		if take(&s.faults.BulkIssueErrors) {
			problems = append(problems, map[string]string{"id": i.ID, "errorMessage": "The issue could not be read. Please try again."})
			continue
		}
		issues = append(issues, s.render(c, i, sel))
	}
	return ok(map[string]any{"issues": issues, "issueErrors": problems})
}

// dated is one entry of the history of one issue.
type dated struct {
	issue *issue
	entry desktest.Change
}

// bulkChangelog returns the histories of issues, the oldest change first and of one moment the lowest issue, grouped by
// issue within the page. An issue without any is left out.
//
// The times are milliseconds since 1970, as recorded from real sites and as in the example of the vendor's document; its
// schema is text.
func (s *Server) bulkChangelog(c *call) (*answer, error) {
	var in struct {
		IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
		FieldIDs       []string `json:"fieldIds"`
		MaxResults     *int     `json:"maxResults"`
		NextPageToken  string   `json:"nextPageToken"`
	}
	if err := c.decodeClosed(&in); err != nil {
		return nil, err
	}
	size := bulkHistoryPage
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	switch n := len(in.IssueIDsOrKeys); {
	case n == 0:
		return nil, refuse(http.StatusBadRequest, "No issue IDs or keys were given.")
	case n > bulkChangelogLimit:
		return nil, refuse(http.StatusBadRequest, "You may only load changelogs for a maximum of 1,000 issues by ID or key at a time.")
	case len(in.FieldIDs) > bulkFieldLimit || len(slices.Compact(slices.Sorted(slices.Values(in.FieldIDs)))) < len(in.FieldIDs):
		return nil, refuse(http.StatusBadRequest, "At most 10 different fields may be asked for.")
	case size < 1 || size > bulkHistoryLimit:
		return nil, refuse(http.StatusBadRequest, "The parameter maxResults must be between 1 and 10000.")
	}
	query := strings.Join(in.IssueIDsOrKeys, ",") + ";" + strings.Join(in.FieldIDs, ",")
	start, err := s.readToken(query, in.NextPageToken)
	if err != nil {
		return nil, err
	}
	all := s.histories(c, in.IssueIDsOrKeys, in.FieldIDs)
	page := slice(all, start, s.cap(size))
	body := map[string]any{"issueChangeLogs": s.renderHistories(c, page)}
	if next := start + len(page); next < len(all) {
		body["nextPageToken"] = s.pageToken(query, next)
	}
	return ok(body)
}

func (s *Server) histories(c *call, idsOrKeys, fieldIDs []string) []dated {
	var all []dated
	for _, i := range s.pick(c, idsOrKeys) {
		for _, h := range i.History {
			if len(fieldIDs) == 0 || slices.ContainsFunc(h.Items, func(item desktest.Item) bool { return slices.Contains(fieldIDs, item.Field) }) {
				all = append(all, dated{issue: i, entry: h})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b dated) int {
		return cmp.Or(a.entry.At.Compare(b.entry.At), cmp.Compare(a.issue.Seq, b.issue.Seq), cmp.Compare(a.entry.Seq, b.entry.Seq))
	})
	return all
}

func (s *Server) renderHistories(c *call, page []dated) []any {
	groups := []any{}
	of := map[string]map[string]any{}
	for _, d := range page {
		group := of[d.issue.ID]
		if group == nil {
			group = map[string]any{"issueId": d.issue.ID, "changeHistories": []any{}}
			of[d.issue.ID] = group
			groups = append(groups, group)
		}
		entry := s.renderChange(c, d.entry)
		if !s.faults.ChangelogTextTimes {
			entry["created"] = d.entry.At.UnixMilli()
		}
		group["changeHistories"] = append(group["changeHistories"].([]any), entry)
	}
	return groups
}
