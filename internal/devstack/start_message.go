package main

import (
	"fmt"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// startMessage is what up shows once everything answers.
type startMessage struct {
	urls stack.URLs
	pids stack.Pids
	dir  string
	// jira is nil for the fake one.
	jira *stack.RealJira
	open []access.RequestView
	took time.Duration
	now  time.Time
}

func (s startMessage) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("\nusher is up (%s). Everything is kept in %s, logs in %s/log.", s.took.Round(100*time.Millisecond), s.dir, s.dir)
	s.links(line)
	line("Who: ana and ben ask; mia is their manager; omar owns the applications; zoe may read everything, administers, and grants by hand; monitor is another system.")
	s.goesOn(line)
	s.steps(line)
	line("The worker is pid %d. Kill -9 it now: it is started again, and every request goes on.", s.pids.Worker)
	return b.String()
}

func (s startMessage) links(line func(string, ...any)) {
	line("")
	switch {
	case s.jira != nil:
		line("  Jira board     %s   (yours: project %s, issue type %s)", s.urls.Board, s.jira.Project, s.jira.IssueType)
		line("                 check it first: %s --as zoe doctor --test-ticket jira", s.usher())
	case s.urls.DeskKind == stack.RequestTracker:
		line("  Desk           %s   (Request Tracker: log in as mia@example.test with token-of-mia, and so on)", s.urls.Board)
	default:
		line("  Board          %s   (%s: choose who you are, move cards)", s.urls.Board, s.urls.DeskKind.Name())
	}
	line("  Directory      %s   (small: groups and their members)", s.urls.Directory)
	if s.urls.TemporalUI != "" {
		line("  Temporal UI    %s/namespaces/default/workflows   (each request is a run)", s.urls.TemporalUI)
	} else {
		line("  Temporal       %s   (yours; its own UI shows the runs)", s.urls.TemporalAddress)
	}
	line("  API document   %s", s.urls.APIDocs)
	line("")
}

// goesOn prints which requests were open when the stack was stopped.
func (s startMessage) goesOn(line func(string, ...any)) {
	const shown = 3
	if len(s.open) == 0 {
		return
	}
	line("Open requests that go on: %d. See them: %s --as zoe list --open", len(s.open), s.usher())
	for _, view := range s.open[:min(len(s.open), shown)] {
		line("  %s  %s: %s", view.Request.ID, view.State, view.StatusText)
	}
}

// steps are what a person copies into another terminal. The ids carry the time, so that the next start has fresh ones.
func (s startMessage) steps(line func(string, ...any)) {
	stamp := s.now.Format("150405")
	usher := s.usher()
	decide := func(person, id, verdict string) {
		line("   curl -sS %s/v1/requests/%s/decisions -H 'X-Usher-Person: %s' \\", s.urls.API, id, person)
		line(`        -H 'Content-Type: application/json' -d '{"verdict":"%s"}'`, verdict)
	}
	wiki, admin, badge, vpn := "wiki-"+stamp, "admin-"+stamp, "badge-"+stamp, "vpn-"+stamp
	line("Step by step, for another terminal in this folder:")
	if run := s.urls.Run(wiki); run != "" {
		line("1. See what can be asked for, and ask; the run is then at %s", run)
	} else {
		line("1. See what can be asked for, and ask:")
	}
	line("   %s --as ana catalog", usher)
	line(`   %s --as ana request wiki/editor --id %s --reason "I write the release notes"`, usher, wiki)
	line("2. Try to approve your own request; you are refused, with a sentence:")
	line("   %s --as ana approve %s", usher, wiki)
	line("3. See what awaits the manager, and approve it by HTTP; ana is then in the directory, and the ticket is closed:")
	line("   %s --as mia inbox", usher)
	decide("mia", wiki, "approve")
	line("4. Approve by moving the card: ask, then move ben's card to Approved on the board, as Mia and then as Omar:")
	line(`   %s --as ben request wiki/admin --id %s --reason "I am on call"`, usher, admin)
	line("5. Fulfil by hand: ask, approve as the owner, then click Done on the card, as Zoe:")
	line(`   %s --as ana request badge/lab --id %s --reason "I measure" && %s --as omar approve %s`, usher, badge, usher, badge)
	line("6. Watch access end after two minutes, in the directory:")
	line(`   %s --as ben request vpn/user --id %s --reason "I travel" && %s --as mia approve %s`, usher, vpn, usher, vpn)
	if s.jira == nil && s.urls.DeskKind != stack.RequestTracker {
		line("7. Let another system hand in an incident: zoe, an administrator, registers who gets the tickets, and the monitor hands one in:")
		line(`   %s --as zoe integration-users add omar@example.test --desk %s --group ops --reason "on call"`, usher, s.urls.DeskKind)
		line(`   %s --as monitor tickets create --reference disk-%s --application wiki --summary "The disk is full"`, usher, stamp)
	}
	line("Who, when, by which channel, why, and the proof of the grant: %s --as zoe show %s", usher, wiki)
}

// usher is how the command line is called here.
func (s startMessage) usher() string {
	if strings.HasSuffix(s.urls.API, fmt.Sprintf("127.0.0.1:%d", stack.PortAPI)) {
		return "bin/usher"
	}
	return "bin/usher --url " + s.urls.API
}
