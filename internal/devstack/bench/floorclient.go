package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// stage is where the client of a play stands: it starts performances and waits for their ends.
type stage struct {
	temporal client.Client
	play     Play
	prefix   string
	counter  atomic.Int64
}

// perform is one performance from its start to the end of its first part.
func (s *stage) perform(ctx context.Context) (string, error) {
	id := fmt.Sprintf("%s-%s-%d/", s.prefix, s.play.Name, s.counter.Add(1))
	run, err := s.start(ctx, partID(id, 0))
	if err != nil {
		return id, err
	}
	return id, run.Get(ctx, nil)
}

// start starts the first part, with an update where the play says so.
func (s *stage) start(ctx context.Context, id string) (client.WorkflowRun, error) {
	options, err := startOptions(id, s.play.Parts[0].Start)
	if err != nil {
		return nil, err
	}
	name, input := workflowName(s.play.Name, 0), raws(s.play.Parts[0].Start.Input)
	if s.play.Call == nil {
		return s.temporal.ExecuteWorkflow(ctx, options, name, input...)
	}
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	start := s.temporal.NewWithStartWorkflowOperation(options, name, input...)
	handle, err := s.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start, UpdateOptions: updateOptions(id, *s.play.Call),
	})
	if err != nil {
		return nil, err
	}
	if err := handle.Get(ctx, nil); err != nil {
		return nil, err
	}
	return start.Get(ctx)
}

func updateOptions(id string, d Delivery) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateID: d.ID, UpdateName: d.Name, Args: raws(d.Input), WaitForStage: client.WorkflowUpdateStageCompleted,
	}
}

// floorProcess is a running floor worker.
type floorProcess struct {
	command *exec.Cmd
	in      io.WriteCloser
	said    chan string
}

// floorWithin is how long a floor worker may take until it polls.
const floorWithin = 30 * time.Second

// startFloor starts a floor worker: the command, followed by the server's address, the file of the plays, and the queue
// of the record's workflows. It is over when it polls.
func startFloor(ctx context.Context, command []string, args ...string) (*floorProcess, error) {
	all := append(append([]string{}, command...), args...)
	p := &floorProcess{command: exec.CommandContext(ctx, all[0], all[1:]...), said: make(chan string, 1)}
	p.command.Stderr = os.Stderr
	p.command.Env = append(os.Environ(), pod()...)
	out, errOut := p.command.StdoutPipe()
	in, errIn := p.command.StdinPipe()
	if err := errors.Join(errOut, errIn); err != nil {
		return nil, fmt.Errorf("start the floor worker: %w", err)
	}
	p.in = in
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start the floor worker: %w", err)
	}
	ready := make(chan struct{})
	go p.follow(out, ready)
	timer := time.NewTimer(floorWithin)
	defer timer.Stop()
	select {
	case <-ready:
		return p, nil
	case text := <-p.said:
		return nil, fmt.Errorf("the floor worker did not start: %s", text)
	case <-timer.C:
		return nil, errors.Join(errors.New("the floor worker did not start in time"), p.stop())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), p.stop())
	}
}

// follow reads what the worker says to its end.
func (p *floorProcess) follow(out io.Reader, ready chan struct{}) {
	lines := bufio.NewScanner(out)
	var all []string
	for lines.Scan() {
		if lines.Text() == floorReady {
			close(ready)
			continue
		}
		all = append(all, lines.Text())
	}
	p.said <- strings.Join(all, "\n")
}

func (p *floorProcess) pid() int { return p.command.Process.Pid }

// stop ends the worker.
func (p *floorProcess) stop() error {
	_ = p.in.Close()
	text := <-p.said
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("the floor worker ended badly: %w: %s", err, text)
	}
	return nil
}
