// Command devstack runs the whole of usher on one machine.
//
//	devstack up     until Ctrl-C, on ports that one finds again; the state is in .usher, so the next up goes on with it
//	devstack demo   without a person: requests from the question to the closed ticket, each result checked from outside;
//	                REASON goes into the requests, KEEP=1 leaves the stack up and prints where it is, DESK is the desk;
//	                SYNC=1 plays people who come, move and leave instead, and what users and groups of the desk become
//	devstack stop   stops what "KEEP=1 devstack demo" left up
//	devstack bench  what usher costs, measured on a stack of its own; FULL=1 measures what takes longer as well,
//	                ONLY=throughput (or leases, count, waiting, sync, sync-delta) only that
//
// Variables of up: TEMPORAL_ADDRESS uses a Temporal server that runs already; JIRA_URL, JIRA_USER and JIRA_TOKEN (with
// JIRA_PROJECT, default ACCESS, JIRA_ISSUE_TYPE, default Task, and JIRA_FULFILLED_BY, the account ids of those who grant by
// hand, with commas between them) use a real Jira instead of the fake one.
//
// The flow: main.go chooses; up.go and screen.go are up; demo.go runs the scenes of scenes.go against a stack that it
// holds itself or, with KEEP=1, that a process of its own holds (hold.go). The stack itself is package stack, the benchmark
// package bench.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// program is what a command may touch of the process.
type program struct {
	out    io.Writer
	getenv func(string) string
	args   []string
	// die ends the program at once.
	die func()
}

func main() {
	os.Exit(run(context.Background(), program{
		out: os.Stdout, getenv: os.Getenv, args: os.Args[1:], die: func() { os.Exit(exitFailed) },
	}))
}

func run(ctx context.Context, p program) int {
	commands := map[string]func(context.Context, program) error{"up": up, "demo": demo, "stop": stop, "hold": background, "bench": measure, "bench-floor": benchFloor}
	name := ""
	if len(p.args) > 0 {
		name = p.args[0]
	}
	command, known := commands[name]
	if !known {
		fmt.Fprintln(os.Stderr, "devstack: expected up, demo, bench or stop")
		return exitUsage
	}
	ctx, cancel := interruptible(ctx, p.die, name != "hold")
	defer cancel()
	if err := command(ctx, p); err != nil {
		fmt.Fprintln(os.Stderr, "devstack:", err)
		return exitFailed
	}
	return exitOK
}

// interruptible ends the context at the first signal that asks for it; the second one ends the program, and on Linux the
// kernel then ends its children. Started by "go run", the program also ends when "go run" is gone, which hands no signal
// but Ctrl-C on.
func interruptible(ctx context.Context, die func(), watchParent bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel()
		<-signals
		die()
	}()
	if executable, err := os.Executable(); watchParent && err == nil && strings.Contains(executable, "go-build") {
		go func() {
			parent := os.Getppid()
			for os.Getppid() == parent {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Second):
				}
			}
			cancel()
		}()
	}
	return ctx, cancel
}
