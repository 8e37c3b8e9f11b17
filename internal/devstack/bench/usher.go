package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// The people and the entitlement of the benchmark: one stage, granted automatically in the directory.
const (
	manager     access.PersonID      = "mia"
	entitlement access.EntitlementID = "wiki/editor"
)

const catalog = `applications:
  - id: wiki
    name: Wiki
    owners: [omar]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-editors, stages: [manager]}
`

// simulatorToken opens the simulated directory, and nothing else.
const simulatorToken = "sim-token"

// The ids of a request's workflows, as workflows/messages.go spells them.
func requestWorkflow(id string) string              { return "request/" + id }
func subjectWorkflow(person access.PersonID) string { return "access/" + string(person) }

// usher is usher as its users see it, over HTTP, plus a look at Temporal for the moment when a request has ended.
type usher struct {
	urls     stack.URLs
	temporal client.Client
	http     *http.Client
	// prefix makes the ids of this run its own.
	prefix  string
	counter atomic.Int64
	people  chan access.PersonID
}

func newUsher(urls stack.URLs, temporal client.Client, clients int) *usher {
	return &usher{
		urls: urls, temporal: temporal, prefix: fmt.Sprintf("b%x", time.Now().Unix()), people: make(chan access.PersonID, 1_000_000),
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients}},
	}
}

// hire sees to it that at least n people wait for a request of their own.
func (u *usher) hire(ctx context.Context, n int) error {
	for len(u.people) < n {
		name := fmt.Sprintf("%s-%d", u.prefix, u.counter.Add(1))
		var made struct{ ID access.PersonID }
		err := u.call(ctx, outgoing{
			method: http.MethodPost, address: u.urls.DirectoryAPI + "/scim/v2/Users", header: "Authorization", value: "Bearer " + simulatorToken,
			contentType: "application/scim+json", into: &made, body: map[string]any{
				"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
				"userName": name + "@example.test", "displayName": "New Person " + name, "active": true,
				"emails": []any{map[string]any{"value": name + "@example.test"}},
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"manager": map[string]string{"value": string(manager)}},
			},
		})
		if err != nil {
			return fmt.Errorf("hire: %w", err)
		}
		u.people <- made.ID
	}
	return nil
}

// open asks for access as a new person and gives the request's id; policy has answered, the ticket may not be there yet.
func (u *usher) open(ctx context.Context) (string, access.PersonID, error) {
	var person access.PersonID
	select {
	case person = <-u.people:
	default:
		return "", "", errors.New("the benchmark has run out of people")
	}
	// The id tells the subject, so that its workflow can be found.
	id := u.prefix + "-" + string(person)
	err := u.asPerson(ctx, person, "/v1/requests", stack.Ask{
		ID: access.RequestID(id), Items: []stack.AskItem{{Entitlement: entitlement}}, Reason: "I keep the pages of my team up to date.",
	})
	return id, person, err
}

// thinking is how long a manager takes to decide on average: the ticket is there before. To ask again and again whether it
// is would be work for the server that no floor has. No two take equally long, so that the clients do not march in step.
const thinking = time.Second

func think() time.Duration { return thinking/2 + rand.N(thinking) }

// happyPath is one request from the question to the closed ticket.
func (u *usher) happyPath(ctx context.Context) (string, error) {
	id, _, err := u.open(ctx)
	if err != nil {
		return id, err
	}
	if err := pause(ctx, think()); err != nil {
		return id, err
	}
	verdict := stack.Verdict{ID: id + "-yes", Verdict: access.Approve}
	if err := u.asPerson(ctx, manager, "/v1/requests/"+id+"/decisions", verdict); err != nil {
		return id, err
	}
	// The request's workflow ends when its ticket is closed.
	return id, u.ended(ctx, requestWorkflow(id))
}

// ended waits until a workflow has ended. (A handle of the client would ask for the run's id first.)
func (u *usher) ended(ctx context.Context, workflow string) error {
	last := u.temporal.GetWorkflowHistory(ctx, workflow, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	event, err := last.Next()
	if err != nil {
		return err
	}
	if got := event.GetEventType(); got != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED {
		return fmt.Errorf("workflow %s ended with %s", workflow, got)
	}
	return nil
}

// subject is the person whose request it was; see open.
func (u *usher) subject(id string) access.PersonID {
	return access.PersonID(strings.TrimPrefix(id, u.prefix+"-"))
}

// asPerson posts, and repeats what the API could not say, as every client may.
func (u *usher) asPerson(ctx context.Context, as access.PersonID, path string, body any) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		err := u.call(ctx, outgoing{
			method: http.MethodPost, address: u.urls.API + path, header: "X-Usher-Person", value: string(as),
			contentType: "application/json", body: body,
		})
		var refused *refusal
		if errors.As(err, &refused) && refused.status < http.StatusInternalServerError && !refused.tooEarly() {
			return stack.Stop(err)
		}
		return err
	})
}

// refusal is an answer that is an error.
type refusal struct {
	what   string
	status int
	text   string
}

// Error returns what was asked and what was answered.
func (r *refusal) Error() string { return fmt.Sprintf("%s: %d: %s", r.what, r.status, r.text) }

// tooEarly reports whether the same call may succeed in a moment.
func (r *refusal) tooEarly() bool {
	// Before policy has answered there is no such request to who will approve it, unless reads are open.
	return r.status == http.StatusNotFound || (r.status == http.StatusConflict && strings.Contains(r.text, "policy has not answered yet"))
}

// outgoing is one call; into nil drops the answer.
type outgoing struct {
	method, address, contentType string
	header, value                string
	body, into                   any
}

func (u *usher) call(ctx context.Context, o outgoing) error {
	var body io.Reader
	if o.body != nil {
		text, err := json.Marshal(o.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, o.method, o.address, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", o.contentType)
	if o.header != "" {
		request.Header.Set(o.header, o.value)
	}
	response, err := u.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		text, err := io.ReadAll(io.LimitReader(response.Body, 1<<12))
		return errors.Join(&refusal{o.method + " " + o.address, response.StatusCode, string(text)}, err)
	}
	if o.into == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	return json.NewDecoder(response.Body).Decode(o.into)
}

// postForm posts a form; the answer is a page that leads elsewhere, and is not followed.
func (u *usher) postForm(ctx context.Context, address string, fields map[string]string) error {
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := u.http.Transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		text, err := io.ReadAll(io.LimitReader(response.Body, 1<<12))
		return errors.Join(&refusal{"POST " + address, response.StatusCode, string(text)}, err)
	}
	return nil
}
