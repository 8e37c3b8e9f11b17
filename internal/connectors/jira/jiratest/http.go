package jiratest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/fakewire"
)

// call is one call to the API, as an operation sees it.
type call struct {
	r *http.Request
	// version is 2 or 3.
	version int
	edition Edition
	// account is nil for an anonymous caller.
	account *Account
	body    []byte
	base    string
	// private leaves e-mail addresses out.
	private bool
}

// query is a parameter of the URL; "" in a call that stands for no request.
func (c *call) query(name string) string {
	if c.r == nil {
		return ""
	}
	return c.r.URL.Query().Get(name)
}

func (c *call) expands(name string) bool {
	return hasWord(c.query("expand"), name)
}

func hasWord(list, word string) bool {
	for _, w := range strings.Split(list, ",") {
		if strings.TrimSpace(w) == word {
			return true
		}
	}
	return false
}

// decode reads the body into v. A body that is not JSON of that shape is a whole-request fault.
func (c *call) decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(c.body))
	if err := d.Decode(v); err != nil {
		r := refuse(http.StatusBadRequest, "There was an error parsing JSON. Check that your request body is valid.")
		r.bare = true
		return r
	}
	return nil
}

// decodeClosed is decode for a body that the vendor's document closes: unknown members are refused.
func (c *call) decodeClosed(v any) error {
	if err := fakewire.Strict(bytes.NewReader(c.body), v); err != nil {
		r := refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
		r.bare = true
		return r
	}
	return nil
}

// page reads startAt and maxResults. The limit is the vendor's, or the smaller one of the configuration.
func (c *call) page(s *Server, standard, limit int) (start, size int, err error) {
	start, size, err = c.position(standard)
	return start, s.cap(min(size, limit)), err
}

// position reads startAt and maxResults as they were asked for.
func (c *call) position(standard int) (start, size int, err error) {
	start, errStart := intParam(c.query("startAt"), 0)
	size, errSize := intParam(c.query("maxResults"), standard)
	if errStart != nil || errSize != nil || start < 0 || size < 0 {
		return 0, 0, refuse(http.StatusBadRequest, "The parameters startAt and maxResults must be numbers that are not negative.")
	}
	return start, size, nil
}

func (s *Server) cap(size int) int {
	if s.cfg.PageLimit > 0 {
		return min(size, s.cfg.PageLimit)
	}
	return size
}

func intParam(text string, standard int) (int, error) {
	if text == "" {
		return standard, nil
	}
	return strconv.Atoi(text)
}

// slice is the page of a list.
func slice[T any](all []T, start, size int) []T {
	start = min(start, len(all))
	return all[start:min(start+size, len(all))]
}

// answer is what an operation answers.
type answer = fakewire.Answer

func ok(body any) (*answer, error) { return &answer{Status: http.StatusOK, Body: body}, nil }

func created(body any) (*answer, error) { return &answer{Status: http.StatusCreated, Body: body}, nil }

func noContent() (*answer, error) { return &answer{Status: http.StatusNoContent}, nil }

// refusal is an error answer in Jira's shape.
type refusal struct {
	status   int
	messages []string
	fields   map[string]string
	// bare leaves "errors" out, as Jira does when the body cannot be read at all.
	bare bool
}

// Error implements error.
func (r *refusal) Error() string { return fmt.Sprint(r.messages, r.fields) }

func refuse(status int, message string) *refusal {
	return &refusal{status: status, messages: []string{message}}
}

func refuseFields(fields map[string]string) *refusal {
	return &refusal{status: http.StatusBadRequest, fields: fields}
}

// errorBody is the body of an error.
func errorBody(messages []string, fields map[string]string) any {
	if messages == nil {
		messages = []string{}
	}
	if fields == nil {
		fields = map[string]string{}
	}
	return map[string]any{"errorMessages": messages, "errors": fields}
}

// answerOf turns an operation's error into the answer.
func answerOf(err error) *answer {
	var r *refusal
	if errors.As(err, &r) && r.bare {
		return &answer{Status: r.status, Body: map[string]any{"errorMessages": r.messages}}
	}
	if r != nil {
		return &answer{Status: r.status, Body: errorBody(r.messages, r.fields)}
	}
	return &answer{Status: http.StatusInternalServerError, Body: errorBody([]string{err.Error()}, nil)}
}

// stamp is a time in Jira's form: milliseconds, and the site's offset without a colon.
func (s *Server) stamp(t time.Time) string {
	return t.In(s.cfg.Zone).Format("2006-01-02T15:04:05.000-0700")
}
