package stack

import (
	"context"
	"net/http"
	"net/url"

	"usher/internal/access"
)

// PeopleStart is a run by hand over the people of a source. Release nil releases nothing.
type PeopleStart struct {
	ID      string         `json:"id,omitempty"`
	Whole   bool           `json:"whole,omitempty"`
	Release *PeopleRelease `json:"release,omitempty"`
}

// PeopleRelease is what is released of an earlier run; Only empty: everybody whom it held back.
type PeopleRelease struct {
	Run    string            `json:"run"`
	Only   []access.PersonID `json:"only,omitempty"`
	Reason string            `json:"reason"`
}

// StartPeople starts a run over the people of a source as a person, and gives its id.
func (c *Client) StartPeople(ctx context.Context, as access.PersonID, source access.SourceName, p PeopleStart) (string, error) {
	var started struct{ Run string }
	err := c.call(ctx, as, apiCall{method: http.MethodPost, path: runsOf(source), body: p, into: &started})
	return started.Run, err
}

// PeopleRuns are the runs over the people of a source, the last first, as the Auditor sees them.
func (c *Client) PeopleRuns(ctx context.Context, source access.SourceName) ([]access.PeopleRun, error) {
	var page struct{ Runs []access.PeopleRun }
	err := c.call(ctx, Auditor, apiCall{method: http.MethodGet, path: runsOf(source), into: &page})
	return page.Runs, err
}

// PeopleRun is a run, as the Auditor sees it.
func (c *Client) PeopleRun(ctx context.Context, source access.SourceName, run string) (access.PeopleRun, error) {
	var found access.PeopleRun
	err := c.call(ctx, Auditor, apiCall{method: http.MethodGet, path: runsOf(source) + "/" + url.PathEscape(run), into: &found})
	return found, err
}

// PeopleChanges are the changes of a run, as the Auditor sees them; the query is that of the API ("held=true"), the first page only.
func (c *Client) PeopleChanges(ctx context.Context, source access.SourceName, run, query string) ([]access.PersonChange, error) {
	var page struct{ Changes []access.PersonChange }
	path := runsOf(source) + "/" + url.PathEscape(run) + "/changes?" + query
	err := c.call(ctx, Auditor, apiCall{method: http.MethodGet, path: path, into: &page})
	return page.Changes, err
}

func runsOf(source access.SourceName) string {
	return "/v1/people/" + url.PathEscape(string(source)) + "/runs"
}
