package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"usher/internal/devstack/stack"
)

// background keeps the stack of one folder up until it is told to stop. It is what stays when "KEEP=1 devstack demo" has
// ended; its arguments are the folder and the folder of the programs.
func background(ctx context.Context, p program) error {
	const arguments = 3
	if len(p.args) != arguments {
		return errors.New("hold: expected a folder and the folder of the programs")
	}
	options := demoOptions(p)
	options.Dir, options.BinDir, options.Built = p.args[1], p.args[2], true
	s, err := stack.Start(ctx, options)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return s.Stop(context.WithoutCancel(ctx))
}

const backgroundLog = "log/stack.log"

// startBackground starts a process in a session of its own that holds a stack, and waits until everything answers.
func startBackground(ctx context.Context, dir string, options stack.Options) (stack.State, error) {
	executable, err := os.Executable()
	if err != nil {
		return stack.State{}, fmt.Errorf("start the stack: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o755); err != nil {
		return stack.State{}, fmt.Errorf("start the stack: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, backgroundLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return stack.State{}, fmt.Errorf("start the stack: %w", err)
	}
	holder := exec.Command(executable, "hold", dir, options.BinDir) //nolint:noctx // It outlives this program.
	holder.Dir, holder.Stdout, holder.Stderr = options.Root, log, log
	holder.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = errors.Join(holder.Start(), log.Close())
	if err != nil {
		return stack.State{}, fmt.Errorf("start the stack: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- holder.Wait() }()
	return awaitHold(ctx, dir, ended)
}

func awaitHold(ctx context.Context, dir string, ended <-chan error) (stack.State, error) {
	var state stack.State
	err := stack.Poll(ctx, func(context.Context) error {
		select {
		case err := <-ended:
			text, _ := os.ReadFile(filepath.Join(dir, backgroundLog))
			return stack.Stop(fmt.Errorf("the stack did not start: %w\n%s", err, text))
		default:
		}
		var err error
		if state, err = stack.ReadState(dir); err == nil && !state.Ready {
			err = errors.New("not everything answers yet")
		}
		return err
	})
	if err != nil {
		err = errors.Join(err, endHold(context.WithoutCancel(ctx), dir))
	}
	return state, err
}

// holdEnds is how long a stack may take to stop, part by part.
const holdEnds = time.Minute

// endBackground stops the process that holds the stack of a folder, and waits until it is gone. No such process is
// success.
func endHold(ctx context.Context, dir string) error {
	if !stack.Running(dir) {
		return nil
	}
	state, err := stack.ReadState(dir)
	if err != nil {
		return err
	}
	if err := syscall.Kill(state.Pids.Stack, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the stack with pid %d: %w", state.Pids.Stack, err)
	}
	ctx, cancel := context.WithTimeout(ctx, holdEnds)
	defer cancel()
	return stack.Poll(ctx, func(context.Context) error {
		if stack.Running(dir) {
			return fmt.Errorf("the stack with pid %d still runs", state.Pids.Stack)
		}
		return nil
	})
}

// keptFile lists the folders of the stacks that demos left up, one a line.
func keptFile(root string) string { return filepath.Join(root, stateDir, "kept") }

func remember(root, dir string) error {
	if err := os.MkdirAll(filepath.Join(root, stateDir), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(keptFile(root), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, dir)
	return errors.Join(err, file.Close())
}

// stop stops every stack that a demo left up, and removes its folder.
func stop(ctx context.Context, p program) error {
	root, err := stack.FindRoot()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(keptFile(root))
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(p.out, "no demo was left up")
		return nil
	}
	if err != nil {
		return err
	}
	for _, dir := range strings.Fields(string(text)) {
		if err := endHold(ctx, dir); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		fmt.Fprintln(p.out, "stopped and removed", dir)
	}
	return os.Remove(keptFile(root))
}
