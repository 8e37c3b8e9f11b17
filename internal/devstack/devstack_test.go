package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

func shown() startMessage {
	return startMessage{
		urls: stack.URLs{
			API: "http://127.0.0.1:8080", APIDocs: "http://127.0.0.1:8080/docs", Board: "http://127.0.0.1:8081/board",
			Directory: "http://127.0.0.1:8082/directory", TemporalUI: "http://127.0.0.1:8233",
		},
		pids: stack.Pids{Worker: 4711}, dir: ".usher", took: 2 * time.Second, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func TestScreenFitsATerminal(t *testing.T) {
	s := shown()
	for range 7 {
		s.open = append(s.open, access.RequestView{Request: access.Request{ID: "r"}, State: access.StateAwaitingApproval, StatusText: "Waiting for Mia."})
	}
	text := s.text()
	require.LessOrEqual(t, strings.Count(text, "\n"), 40)
	for _, part := range []string{
		s.urls.Board, s.urls.Directory, s.urls.TemporalUI, s.urls.APIDocs, s.urls.Run("wiki-030405"), "pid 4711", "Kill -9 it now",
		"1. ", "2. ", "3. ", "4. ", "5. ", "6. ", "Open requests that go on: 7", "bin/usher --as zoe show wiki-030405",
	} {
		require.Contains(t, text, part)
	}
}

func TestStartMessage_port(t *testing.T) {
	s := shown()
	s.urls.API = "http://127.0.0.1:45001"
	require.NotContains(t, s.text(), "bin/usher --as")
	require.Contains(t, s.text(), "bin/usher --url http://127.0.0.1:45001 --as ana request wiki/editor")
}

func TestScreenShowsTheRealJira(t *testing.T) {
	s := shown()
	s.urls.Board = "https://example.atlassian.net"
	s.jira = &stack.RealJira{URL: s.urls.Board, Project: "ACCESS", IssueType: "Task"}
	require.Contains(t, s.text(), "https://example.atlassian.net")
	require.Contains(t, s.text(), "doctor")
	require.NotContains(t, s.text(), "fake")
}

func TestRealJira(t *testing.T) {
	env := map[string]string{}
	getenv := func(name string) string { return env[name] }
	jira, err := realJira(getenv)
	require.NoError(t, err)
	require.Nil(t, jira)
	env["JIRA_URL"] = "https://example.atlassian.net"
	_, err = realJira(getenv)
	require.ErrorContains(t, err, "JIRA_USER is not")
	env["JIRA_USER"] = "u@example.com"
	_, err = realJira(getenv)
	require.ErrorContains(t, err, "JIRA_TOKEN is not")
	env["JIRA_TOKEN"] = "secret"
	jira, err = realJira(getenv)
	require.NoError(t, err)
	require.Equal(t, stack.RealJira{URL: env["JIRA_URL"], User: "u@example.com", Project: "ACCESS", IssueType: "Task", FulfilledBy: []string{"nobody"}}, *jira)
	env["JIRA_FULFILLED_BY"] = "a,b"
	jira, err = realJira(getenv)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, jira.FulfilledBy)
}

func TestCommand_unknown(t *testing.T) {
	var out bytes.Buffer
	require.Equal(t, exitUsage, run(t.Context(), program{out: &out, args: []string{"upp"}}))
	require.Equal(t, exitUsage, run(t.Context(), program{out: &out}))
}

// A stack that stays up is held by a process of its own, which has nothing but the variables to know it by.
func TestDemoOptions(t *testing.T) {
	of := func(env map[string]string) stack.Options {
		return demoOptions(program{getenv: func(name string) string { return env[name] }})
	}
	require.Equal(t, stack.Options{}, of(nil))
	require.Equal(t, stack.Options{Desk: stack.ServiceNow}, of(map[string]string{"DESK": "servicenow", "SYNC": "0"}))
	require.Equal(t, stack.Options{Desk: stack.RequestTracker, Staff: true, Joined: true, Groups: true}, of(map[string]string{"DESK": "requesttracker", "SYNC": "1"}))
	require.Contains(t, of(map[string]string{"SYNC": "1"}).SimulatorArgs, "-edition=data_center")
}
