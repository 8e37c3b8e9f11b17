package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"usher/internal/access"
	"usher/internal/rest"
)

// Edition is one of the two products that are called Jira.
type Edition string

// The editions. Jira Server and Data Center are the same on the wire.
const (
	Cloud      Edition = "cloud"
	DataCenter Edition = "data_center"
)

// dialect is everything in which the editions differ on the wire. It calls nobody: it writes calls and reads answers.
type dialect interface {
	// api is what the paths of the API start with.
	api() string
	// person names an account in a body; "" is nobody.
	person(id access.AccountID) map[string]any
	// byText and byAccount are the parameters with which user searches look for a name or an address, and for an account.
	byText(text string) url.Values
	byAccount(id access.AccountID) url.Values
	// text is a plain text as a rich field takes it, cut to what Jira takes. tail is a last paragraph that is never cut,
	// "" for none. lines are those of such a value.
	text(plain, tail string) any
	lines(value json.RawMessage) []string
	// stamp is the value of a property that carries a marker.
	stamp(marker access.Marker) any
	// showsStamps: whatever is created takes properties at once, and searches and lists show them. Without that, an issue's
	// property is set afterwards, and a comment carries its marker in a line of its text.
	showsStamps() bool
	// search asks for one page, and next names the one after it, "" for none.
	search(q query) rest.Call
	next(q query, got resultPage) string
	// byIDs asks for issues by their ids, as many as it gives from start on.
	byIDs(ids []access.TicketID, start int) rest.Call
	// histories asks for one page of the changes of fields; false where an issue brings its whole
	// history along.
	histories(ids []access.TicketID, fields []string, page string) (rest.Call, bool)
	// webhooks are the addresses that list the site's webhooks, the present one first.
	webhooks() []string
}

// query is a search for issues.
type query struct {
	jql    string
	fields []string
	// page is what next called it; "" for the first.
	page  string
	limit int
	// stamps and history ask for the property that carries the marker and for the history, where the search gives them.
	stamps, history bool
}

// resultPage is what naming the next page needs to know of an answer.
type resultPage struct {
	issues, total int
	token         string
}

// loadDialect returns the edition's dialect: the configured one, or what the site says of itself. A host's name says nothing:
// every edition can be behind any.
func (d *driver) loadDialect(ctx context.Context, op string) (dialect, error) {
	if known := d.language.Load(); known != nil {
		return *known, nil
	}
	edition := d.config.Edition
	if edition == "" {
		asked, err := d.askEdition(ctx, op)
		if err != nil {
			return nil, err
		}
		edition = asked
	}
	var api dialect = cloud{}
	if edition == DataCenter {
		api = dataCenter{}
	}
	d.language.Store(&api)
	return api, nil
}

// askEdition reads serverInfo, which both editions give at the same place, to anonymous callers as well.
func (d *driver) askEdition(ctx context.Context, op string) (Edition, error) {
	var info struct {
		DeploymentType string `json:"deploymentType"`
	}
	_, err := d.call(ctx, rest.Call{
		Op: op, Mode: rest.Read, Method: http.MethodGet, Path: "rest/api/2/serverInfo", Into: &info,
	})
	hint := d.key("edition") + " can say it instead"
	switch {
	case access.IsKind(err, access.NotFound):
		return "", access.Errorf(access.Invalid, op, "%s: no Jira API answers there: %w", d.key("base_url"), err)
	case access.IsKind(err, access.Forbidden):
		return "", access.Errorf(access.Forbidden, op, "Jira does not tell its edition (%s): %w", hint, err)
	case err != nil:
		return "", err
	}
	switch info.DeploymentType {
	case "Cloud":
		return Cloud, nil
	case "Server", "Data Center", "DataCenter":
		return DataCenter, nil
	default:
		return "", access.Errorf(access.Invalid, op, "the site's deploymentType is %q, expected Cloud or Server (%s)",
			info.DeploymentType, hint)
	}
}

// hits is a page of search results.
type hits[T any] struct {
	list   []T
	next   string
	answer rest.Response
}

// envelope is an answer with issues, in either edition.
type envelope[T any] struct {
	Issues        []T    `json:"issues"`
	NextPageToken string `json:"nextPageToken"`
	IsLast        bool   `json:"isLast"`
	Total         int    `json:"total"`
	// IssueErrors are issues that exist and could not be read just now.
	IssueErrors []struct {
		ID access.TicketID `json:"id"`
	} `json:"issueErrors"`
}

// search reads one page. A 404 is about the address and not about a ticket.
func search[T any](ctx context.Context, d *driver, op string, q query) (hits[T], error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return hits[T]{}, err
	}
	got, answer, err := list[T](ctx, d, op, api.search(q))
	if err != nil {
		return hits[T]{}, err
	}
	next := api.next(q, resultPage{issues: len(got.Issues), total: got.Total, token: got.NextPageToken})
	if got.IsLast || next == q.page {
		// A token that comes back leads nowhere.
		next = ""
	}
	return hits[T]{list: got.Issues, next: next, answer: answer}, nil
}

// list makes a call that answers with issues.
func list[T any](ctx context.Context, d *driver, op string, c rest.Call) (envelope[T], rest.Response, error) {
	var got envelope[T]
	c.Op, c.Mode, c.Into = op, rest.Read, &got
	answer, err := d.call(ctx, c)
	if err == nil && got.IssueErrors == nil {
		err = listed(op, "issues", got.Issues)
	}
	return got, answer, d.noSuchAddress(op, err)
}

// listed wants the list that an answer must have. Without it somebody else answered, which does not prove that there is nothing.
func listed[T any](op, name string, list []T) error {
	if list == nil {
		return access.Errorf(access.Transient, op, "the answer has no list of %s", name)
	}
	return nil
}

// noSuchAddress makes a 404 of an address that names no ticket Invalid: an edition that lacks it, or a wrong base URL.
func (d *driver) noSuchAddress(op string, err error) error {
	if !access.IsKind(err, access.NotFound) {
		return err
	}
	return access.Errorf(access.Invalid, op, "%s or %s: this Jira has no such call: %w", d.key("base_url"), d.key("edition"), err)
}

// editions and auths are what the configuration may name.
func editions() []Edition { return []Edition{Cloud, DataCenter} }

func unknownOf[S ~string](value S, known []S) error {
	return fmt.Errorf("unknown value %q; expected one of %s", value, names(known))
}
