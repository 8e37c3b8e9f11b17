package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// simulatorToken opens the simulator, and nothing else.
const simulatorToken = "sim-token"

// directory is the simulated directory, as its administrators use it.
type directory struct {
	url string
	mu  sync.Mutex
	n   int
}

// hire makes a new person, whose manager is mia. One after another: the ids are counted.
func (d *directory) hire(ctx context.Context) (access.PersonID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	return d.employ(ctx, fmt.Sprintf("new%d", d.n), "mia")
}

// employ makes a person of that name.
func (d *directory) employ(ctx context.Context, name string, manager access.PersonID) (access.PersonID, error) {
	var made struct{ ID access.PersonID }
	err := exchange(ctx, message{
		method: http.MethodPost, address: d.url + "/scim/v2/Users", token: simulatorToken, contentType: "application/scim+json",
		body: map[string]any{
			"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
			"userName": name + "@example.test", "displayName": "New Person " + name,
			"emails": []any{map[string]any{"value": name + "@example.test"}},
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"manager": map[string]string{"value": string(manager)}},
		},
		into: &made,
	})
	return made.ID, err
}

// desk is the simulated desk, as people use it.
type desk struct{ url string }

// do posts a form of the board: comment, assign, delete, project.
func (d *desk) do(ctx context.Context, what string, as access.PersonID, key access.TicketKey, more ...string) error {
	form := url.Values{"key": {string(key)}, "as": {stack.DeskAccount(as)}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return exchange(ctx, message{
		method: http.MethodPost, address: d.url + "/board/" + what, contentType: "application/x-www-form-urlencoded", form: form.Encode(),
	})
}

// hold is a call that shall wait: before its commit, or after it and unanswered.
type hold struct {
	// at is the address of the fake: the desk's or the directory's.
	at    string
	Op    string   `json:"op"`
	When  string   `json:"when"`
	Match []string `json:"match"`
	Held  bool     `json:"held"`
	// earlier is how many calls like it are held before, until their caller gives them up.
	earlier int
}

const (
	beforeCommit = "before"
	afterCommit  = "after"
)

func (h hold) same(other hold) bool {
	return h.Op == other.Op && h.When == other.When && slices.Equal(h.Match, other.Match)
}

func (h hold) arm(ctx context.Context) error {
	body := map[string]any{"op": h.Op, "when": h.When, "match": h.Match}
	for range 1 + h.earlier {
		if err := exchange(ctx, message{method: http.MethodPost, address: h.at + "/_sim/holds", body: body}); err != nil {
			return err
		}
	}
	return nil
}

// await waits until the call is held.
func (h hold) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, heldWithin)
	defer cancel()
	return stack.Poll(ctx, func(ctx context.Context) error { return h.check(ctx) })
}

// heldWithin is how long a call may take to come to the place where it is held.
const heldWithin = 30 * time.Second

// check reports whether the call is held now.
func (h hold) check(ctx context.Context) error {
	var all []hold
	if err := exchange(ctx, message{method: http.MethodGet, address: h.at + "/_sim/holds", into: &all}); err != nil {
		return err
	}
	alike := slices.DeleteFunc(all, func(one hold) bool { return !h.same(one) })
	if len(alike) == 1 && alike[0].Held {
		return nil
	}
	return fmt.Errorf("no call is held at %s %s of %s; there are: %+v", h.When, h.Op, strings.Join(h.Match, " "), all)
}

// release lets every held call of the fakes go on.
func (s *system) release(ctx context.Context) error {
	for _, at := range []string{s.jira.url, s.directory.url} {
		if err := exchange(ctx, message{method: http.MethodDelete, address: at + "/_sim/holds"}); err != nil {
			return err
		}
	}
	return nil
}

// message is one HTTP call: body goes as JSON unless form is set, into may be nil.
type message struct {
	method, address    string
	token, contentType string
	header             map[string]string
	body               any
	form               string
	into               any
	// status gets the answer's.
	status *int
}

// exchange makes the call. A redirect is success and is not followed.
func exchange(ctx context.Context, m message) error {
	var body io.Reader = strings.NewReader(m.form)
	if m.body != nil {
		text, err := json.Marshal(m.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, m.method, m.address, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if m.contentType != "" {
		request.Header.Set("Content-Type", m.contentType)
	}
	if m.token != "" {
		request.Header.Set("Authorization", "Bearer "+m.token)
	}
	for name, value := range m.header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if m.status != nil {
		*m.status = response.StatusCode
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", m.method, m.address, response.Status, strings.TrimSpace(string(text)))
	}
	if m.into == nil {
		return nil
	}
	return json.Unmarshal(text, m.into)
}
