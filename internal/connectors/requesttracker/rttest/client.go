package rttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Client speaks to a Request Tracker as its people do.
type Client struct {
	// URL is where people open it.
	URL string
}

// Call is a call of REST2 with somebody's password. Method is GET when empty. Body is sent as JSON; Into is a pointer for the answer, nil for none.
type Call struct {
	As, Password string
	Method, Path string
	Body, Into   any
}

// StatusError is an answer that is not 2xx.
type StatusError struct {
	Status int
	Text   string
}

// Error implements error.
func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Status, e.Text) }

// Call makes a call. An answer that is not 2xx is a StatusError. RT answers 2xx too where it refuses a change.
func (c Client) Call(ctx context.Context, one Call) error {
	text, err := json.Marshal(one.Body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, one.Method, c.URL+"/REST/2.0/"+one.Path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.SetBasicAuth(one.As, one.Password)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return &StatusError{Status: response.StatusCode, Text: string(raw)}
	}
	if one.Into == nil {
		return nil
	}
	return json.Unmarshal(raw, one.Into)
}
