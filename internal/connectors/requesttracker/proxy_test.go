package requesttracker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// operation is what the port calls a call that changes something.
func operation(r *http.Request, body []byte) string {
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/comment"):
		return "AddComments"
	case r.Method == http.MethodPost && bytes.Contains(body, []byte(`"Type":"approval"`)):
		return "SetApprovals"
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/user"):
		return "CreateUser"
	case r.Method == http.MethodPost:
		return "CreateTicket"
	case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/members"):
		return "AddGroupMember"
	case r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/member/"):
		return "RemoveGroupMember"
	case bytes.Contains(body, []byte(`"Status"`)):
		return "TransitionTicket"
	case bytes.Contains(body, []byte(`"Owner"`)):
		return "AssignTicket"
	}
	return ""
}

func (s *site) forward(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	spoilt, visible, between, deaf, edit, short := s.spoilt, s.visible, s.between, s.deaf, s.edit, s.short
	dropped := r.Method != http.MethodGet && s.drop != "" && s.drop == operation(r, body)
	if dropped {
		s.drop = ""
	}
	if r.Method != http.MethodGet {
		s.between = nil
	}
	s.mu.Unlock()
	if between != nil && r.Method != http.MethodGet {
		between()
	}
	if deaf && r.Method != http.MethodGet {
		_, _ = io.WriteString(w, `["changed"]`)
		return
	}
	uri := r.URL.RequestURI()
	if short {
		uri = strings.Replace(uri, "per_page=100", "per_page=2", 1)
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, s.URL+uri, bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	if spoilt {
		out.Header.Set("Authorization", "token "+s.token+"x")
	}
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || dropped {
		panic(http.ErrAbortHandler)
	}
	if visible != nil && strings.HasSuffix(r.URL.Path, "/tickets") {
		answer = onlyOld(answer, visible)
	}
	if edit != nil {
		answer = edit(r, answer)
	}
	for _, name := range []string{"Content-Type", "Date", "ETag", "Location"} {
		if value := resp.Header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}

// onlyOld leaves those tickets on a page that are as they were.
func onlyOld(answer []byte, visible map[string]string) []byte {
	var page map[string]any
	if json.Unmarshal(answer, &page) != nil {
		return answer
	}
	items, _ := page["items"].([]any)
	kept := []any{}
	for _, item := range items {
		fields, _ := item.(map[string]any)
		if updated, there := visible[fmt.Sprint(fields["id"])]; there && updated == fields["LastUpdated"] {
			kept = append(kept, item)
		}
	}
	page["items"] = kept
	text, err := json.Marshal(page)
	if err != nil {
		return answer
	}
	return text
}

// faults changes what the proxy does.
func (s *site) faults(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// before has that done once, before the next change reaches the server.
func (s *site) before(do func()) { s.faults(func() { s.between = do }) }
