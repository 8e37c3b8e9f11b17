package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// sceneWithin is how long one scene may take. The slowest waits for a killed worker, or a lease's end.
const sceneWithin = time.Minute

// running is the stack that a demo plays on.
type running struct {
	urls  stack.URLs
	dir   string
	state func() (stack.State, error)
	stop  func() error
}

// demo plays every scene and says whether desk and directory show the right end state.
func demo(ctx context.Context, p program) error {
	fmt.Fprintln(p.out, "usher demo: a stack of its own on free ports; nothing of it stays, unless KEEP=1")
	root, err := stack.FindRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "usher-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	keep := p.getenv("KEEP") != "" && p.getenv("KEEP") != "0"
	options := demoOptions(p)
	options.Dir, options.Root, options.BinDir = dir, root, filepath.Join(root, "bin")
	scenes := scenarios()
	if options.Staff {
		scenes = staffScenarios()
	}
	r, err := startDemo(ctx, options, keep)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	play := &play{out: p.out, client: stack.NewClient(r.urls), running: r, reason: p.getenv("REASON")}
	err = play.all(ctx, scenes)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(p.out, "\nThe demo failed: %v\n%s", err, play.diagnosis(context.WithoutCancel(ctx)))
	}
	if keep && ctx.Err() == nil {
		return errors.Join(err, leave(p.out, root, r))
	}
	stopped := r.stop()
	if err == nil {
		stopped = errors.Join(stopped, os.RemoveAll(dir))
	} else {
		fmt.Fprintf(p.out, "The logs are in %s/log.\n", dir)
	}
	return errors.Join(err, stopped)
}

// demoOptions are what DESK and SYNC say of the stack of a demo. A process that holds the stack has the same variables.
func demoOptions(p program) stack.Options {
	options := stack.Options{Log: p.out, Desk: stack.DeskKind(p.getenv("DESK"))}
	if sync := p.getenv("SYNC"); sync == "" || sync == "0" {
		return options
	}
	options.Staff, options.Joined, options.Groups = true, true, true
	if options.Desk == stack.Jira || options.Desk == "" {
		// In Jira Cloud people own their accounts, and usher writes none of their fields.
		options.SimulatorArgs = []string{"-edition=data_center"}
		options.WorkerEnv = []string{"USHER_DESKS_JIRA_JIRA_EDITION=data_center", "USHER_DESKS_JIRA_JIRA_AUTH=pat", "USHER_DESKS_JIRA_JIRA_EMAIL="}
	}
	return options
}

// startDemo starts the stack within this program or, when it is to stay, in a process of its own.
func startDemo(ctx context.Context, options stack.Options, keep bool) (*running, error) {
	if !keep {
		s, err := stack.Start(ctx, options)
		if err != nil {
			return nil, err
		}
		return &running{
			urls: s.URLs(), dir: s.Dir(), state: func() (stack.State, error) { return s.State(), nil },
			stop: func() error { return s.Stop(context.WithoutCancel(ctx)) },
		}, nil
	}
	if err := stack.Build(ctx, options); err != nil {
		return nil, err
	}
	state, err := startBackground(ctx, options.Dir, options)
	return &running{
		urls: state.URLs, dir: options.Dir, state: func() (stack.State, error) { return stack.ReadState(options.Dir) },
		stop: func() error { return endHold(context.WithoutCancel(ctx), options.Dir) },
	}, err
}

// leave prints where the stack is that stays up.
func leave(out io.Writer, root string, r *running) error {
	fmt.Fprintf(out, "\nThe stack stays up:\n  Desk          %s\n  Directory     %s\n  Temporal UI   %s\n  API           %s\n  API document  %s\n",
		r.urls.Board, r.urls.Directory, r.urls.TemporalUI, r.urls.API, r.urls.APIDocs)
	fmt.Fprintf(out, "  See every request: bin/usher --url %s --as zoe list\n", r.urls.API)
	fmt.Fprintf(out, "  Its folder is %s. Stop it with: make demo-stop\n", r.dir)
	return remember(root, r.dir)
}

// play is a demo under way.
type play struct {
	out     io.Writer
	client  *stack.Client
	running *running
	reason  string
	// last is the request that was played last, for a diagnosis.
	last access.RequestID
	rows []row
}

// row is a line of the table at the end.
type row struct {
	what, request, ticket, status, directory string
}

func (p *play) all(ctx context.Context, scenes []scenario) error {
	for i, scene := range scenes {
		fmt.Fprintf(p.out, "\n%d. %s\n", i+1, scene.title)
		if err := p.within(ctx, scene); err != nil {
			return fmt.Errorf("scene %d (%s): %w", i+1, scene.title, err)
		}
	}
	if len(p.rows) > 0 {
		fmt.Fprint(p.out, p.table())
	}
	return nil
}

func (p *play) within(ctx context.Context, s scenario) error {
	ctx, cancel := context.WithTimeout(ctx, sceneWithin)
	defer cancel()
	return s.run(ctx, p)
}

// check prints one thing that was asked from outside and found right.
func (p *play) check(format string, args ...any) { fmt.Fprintf(p.out, "   ok  "+format+"\n", args...) }

// reasonFor is the reason of a request: the demo's own, or REASON.
func (p *play) reasonFor(own string) string {
	if p.reason != "" {
		return p.reason
	}
	return own
}

func (p *play) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nEnd state, as %s and the directory show it:\n\n%-28s %-18s %-10s %-12s %s\n", p.client.DeskName(), "WHAT", "REQUEST", "TICKET", "STATUS", "DIRECTORY")
	for _, r := range p.rows {
		fmt.Fprintf(&b, "%-28s %-18s %-10s %-12s %s\n", r.what, r.request, r.ticket, r.status, r.directory)
	}
	return b.String()
}

// killWorker ends the worker with SIGKILL and waits until another one polls.
func (p *play) killWorker(ctx context.Context) error {
	state, err := p.running.state()
	if err != nil {
		return err
	}
	old := state.Pids.Worker
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the worker: %w", err)
	}
	fresh := 0
	err = stack.Poll(ctx, func(ctx context.Context) error {
		state, err := p.running.state()
		if err != nil {
			return err
		}
		if fresh = state.Pids.Worker; fresh == 0 || fresh == old {
			return errors.New("the supervisor has not started another worker yet")
		}
		return polls(ctx, state.URLs.WorkerHealth)
	})
	if err == nil {
		p.check("kill -9 of the worker (pid %d); the supervisor started pid %d, which polls", old, fresh)
	}
	return err
}

func polls(ctx context.Context, health string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, health+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the worker answers %s", response.Status)
	}
	return nil
}

// diagnosis shows the request that went wrong and the ends of the logs.
func (p *play) diagnosis(ctx context.Context) string {
	var b strings.Builder
	if p.last != "" {
		detail, err := p.client.Show(ctx, stack.Auditor, p.last)
		if err != nil {
			fmt.Fprintf(&b, "request %s cannot be read: %v\n", p.last, err)
		} else {
			fmt.Fprintf(&b, "request %s is %s: %s\n", p.last, detail.State, detail.StatusText)
			for _, e := range detail.Timeline {
				fmt.Fprintf(&b, "    %s  %s  %s by %s: %s\n", e.At.Format(time.TimeOnly), e.Type, e.Actor, e.Channel, e.Text)
			}
		}
	}
	for _, part := range []string{"worker", "starter", "simulator", "temporal"} {
		if text := stack.Tail(filepath.Join(p.running.dir, "log", part+".log")); text != "" {
			fmt.Fprintf(&b, "the end of the %s's log:\n%s\n", part, text)
		}
	}
	return b.String()
}
