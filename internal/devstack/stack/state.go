package stack

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// URLs are where the parts of a stack are. A part that does not exist is "".
type URLs struct {
	// API is where usher's HTTP API starts; APIDocs is its document, for people.
	API     string `json:"api"`
	APIDocs string `json:"api_docs"`
	// Desk is the site of the desk, Board what people look at; with a real Jira, both are its address.
	DeskKind DeskKind `json:"desk_kind"`
	Desk     string   `json:"desk"`
	Board    string   `json:"board"`
	// Directory is the page with the members; DirectoryAPI is where the simulator answers questions about it.
	Directory    string `json:"directory"`
	DirectoryAPI string `json:"directory_api"`
	// TemporalUI is Temporal's web page, and TemporalAddress where the server speaks gRPC.
	TemporalUI      string `json:"temporal_ui,omitempty"`
	TemporalAddress string `json:"temporal_address"`
	// TemporalHTTP is where our own server answers plain HTTP; "" for a server that is not ours.
	TemporalHTTP string `json:"temporal_http,omitempty"`
	// WorkerHealth is where the worker answers probes.
	WorkerHealth string `json:"worker_health"`
}

// Run is the page of one request's run in the Temporal UI; "" when there is no UI.
func (u URLs) Run(requestID string) string {
	if u.TemporalUI == "" {
		return ""
	}
	return u.TemporalUI + "/namespaces/default/workflows/request%2F" + requestID
}

// Pids are the process ids; 0 for a part that does not run or is not ours.
type Pids struct {
	// Stack is the program that started the others and stops them.
	Stack     int `json:"stack"`
	Temporal  int `json:"temporal,omitempty"`
	Simulator int `json:"simulator,omitempty"`
	Worker    int `json:"worker,omitempty"`
	Starter   int `json:"starter,omitempty"`
}

// State is a running stack as others see it: the file stack.json in its folder.
type State struct {
	URLs   URLs   `json:"urls"`
	Pids   Pids   `json:"pids"`
	Dir    string `json:"dir"`
	BinDir string `json:"bin_dir"`
	// Ready is set once everything answers.
	Ready bool      `json:"ready"`
	Since time.Time `json:"since"`
}

const stateFile = "stack.json"

// ReadState reads what the stack of a folder says about itself. A stack that was killed leaves its file behind: see
// Running.
func ReadState(dir string) (State, error) {
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return State{}, fmt.Errorf("read the stack's state: %w", err)
	}
	var state State
	if err := json.Unmarshal(text, &state); err != nil {
		return State{}, fmt.Errorf("read the stack's state from %s: %w", filepath.Join(dir, stateFile), err)
	}
	return state, nil
}

func writeState(dir string, state State) error {
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return fmt.Errorf("write the stack's state: %w", err)
	}
	if err := writeFile(filepath.Join(dir, stateFile), string(text)+"\n", 0o644); err != nil {
		return fmt.Errorf("write the stack's state: %w", err)
	}
	return nil
}

// writeFile replaces a file in one step, so that a reader sees the old text or the new one.
func writeFile(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(text), mode); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
