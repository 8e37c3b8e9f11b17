package httpapi

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// problemText is what a problem's status means here, for the document.
func problemText(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "The body is not the JSON that the route's schema names: see pointer. Or it did not arrive whole."
	case http.StatusUnauthorized:
		return "Nobody is known by this call; WWW-Authenticate says what was expected."
	case http.StatusForbidden:
		return "The caller may not do this, or the token lacks a scope."
	case http.StatusNotFound:
		return "There is no such thing, or it is not the caller's to read."
	case http.StatusConflict:
		return "Not possible now; with Retry-After it may be soon."
	case http.StatusRequestTimeout:
		return "The body did not arrive in time."
	case http.StatusRequestEntityTooLarge:
		return "The body is too large."
	case http.StatusUnsupportedMediaType:
		return "The body does not say that it is application/json, or is compressed; Accept or Accept-Encoding says what was expected."
	case http.StatusUnprocessableEntity:
		return "A field is not as expected, or policy refuses the request; errors names the fields."
	case http.StatusTooManyRequests:
		return "Too many calls; Retry-After says when to try again."
	case http.StatusRequestHeaderFieldsTooLarge:
		return "The headers are too large."
	case http.StatusInternalServerError:
		return "An error of usher's; the log has it under http_request_id."
	case http.StatusServiceUnavailable:
		return "A service that usher needs is unavailable; Retry-After says when to try again."
	}
	return http.StatusText(status)
}

// describeHeaders adds to every answer the headers that it may have.
func describeHeaders(document *huma.OpenAPI) {
	for _, item := range document.Paths {
		for _, operation := range []*huma.Operation{item.Get, item.Post} {
			if operation == nil {
				continue
			}
			located := false
			for _, response := range operation.Responses {
				located = located || response.Headers["Location"] != nil
			}
			for text, response := range operation.Responses {
				// Every status of ours is a number.
				status, _ := strconv.Atoi(text)
				describeAnswer(response, status, located)
			}
		}
	}
}

// describeAnswer adds the headers of one answer; located is true where the route's successes have a Location.
func describeAnswer(response *huma.Response, status int, located bool) {
	if response.Headers == nil {
		response.Headers = map[string]*huma.Param{}
	}
	add := func(name, text string) {
		if response.Headers[name] == nil {
			response.Headers[name] = &huma.Param{Description: text, Schema: &huma.Schema{Type: huma.TypeString}}
		}
	}
	add(headerRequestID, "The call's id: the caller's own, where it is 1 to 64 of the characters A-Z a-z 0-9 . _ -, else one of usher's. The log has it.")
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
		if located {
			add("Location", "Where what was made is read.")
		}
	case http.StatusUnauthorized:
		add("WWW-Authenticate", "What was expected.")
	case http.StatusForbidden:
		add("WWW-Authenticate", "Which scope the token lacks; absent for every other reason.")
	case http.StatusUnsupportedMediaType:
		add("Accept", "The type that was expected; absent where the coding is wrong.")
		add("Accept-Encoding", "The coding that was expected; absent where the type is wrong.")
	case http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		add("Retry-After", "In how many seconds to try again; absent where that is of no use.")
	}
}
