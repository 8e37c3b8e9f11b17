package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// pausing is what the command line says is paused or resumed.
type pausing struct {
	id, reason string
}

func (c *commands) pause() *cobra.Command {
	cmd, in := c.pausing("pause", "/v1/pauses")
	cmd.Short = "Stop granting or revoking on a target, or on all targets, for a while"
	cmd.Long = "usher grants nothing, or revokes nothing, on the target or on all targets, until somebody resumes it. What waits is shown as such, is no\n" +
		"failure, and goes on afterwards. Tickets that ask people to grant or remove access go on. For administrators."
	cmd.Example = `  usher pause grants directory --reason "The directory is being repaired"
  usher pause revokes --reason "The directory is being repaired"`
	cmd.Flags().StringVar(&in.reason, "reason", "", "why; everybody whose access waits reads it (needed)")
	return cmd
}

func (c *commands) resume() *cobra.Command {
	cmd, in := c.pausing("resume", "/v1/pauses/resume")
	cmd.Short = "Go on granting or revoking on a target, or end the pause of all targets"
	cmd.Long = "A pause of all targets and one of a single target end by their own resumes: without TARGET the pause of all ends, and those of single targets\n" +
		"stay. What waits goes on within five minutes. For administrators."
	cmd.Example = `  usher resume grants directory
  usher resume revokes`
	cmd.Flags().StringVar(&in.reason, "reason", "", "why; it is recorded")
	return cmd
}

// pausing is what both commands have in common.
func (c *commands) pausing(name, path string) (*cobra.Command, *pausing) {
	in := &pausing{}
	cmd := &cobra.Command{
		Use: name + " grants|revokes [TARGET]", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := httpapi.PauseBody{ID: in.id, What: access.PausedWork(args[0]), Reason: in.reason}
			if len(args) > 1 {
				body.Target = access.TargetName(args[1])
			}
			switch {
			case body.What != access.PausedGrants && body.What != access.PausedRevokes:
				return fmt.Errorf("found %q, expected grants or revokes", args[0])
			case len(args) > 1 && body.Target == "":
				return errors.New("TARGET: is empty, expected the name of a target, or nothing for all")
			case name == "pause" && body.Reason == "":
				return errors.New("--reason: is empty, expected why it is paused")
			}
			if err := chooseID(&body.ID); err != nil {
				return failed(err)
			}
			sent := call{method: http.MethodPost, path: path, in: body, show: as(showPaused), again: "the same command with --id " + body.ID}
			if name == "resume" {
				sent.in = httpapi.ResumeBody(body)
			}
			return c.do(cmd.Context(), sent)
		},
	}
	cmd.Flags().StringVar(&in.id, "id", "", "the call's id; the same id is the same call")
	return cmd, in
}

func (c *commands) pauses() *cobra.Command {
	return &cobra.Command{
		Use: "pauses", Short: "List what is paused now", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/pauses", show: as(showPauses)})
		},
	}
}

// showPaused returns what a pause or a resume has come to.
func showPaused(said httpapi.PauseAnswer) string { return oneLine(said.StatusText) + "\n" }

func showPauses(said struct{ Pauses []httpapi.PauseDetail }) string {
	if len(said.Pauses) == 0 {
		return "Nothing is paused.\n"
	}
	var b strings.Builder
	for _, p := range said.Pauses {
		b.WriteString(oneLine(access.Pause{What: p.What, Target: p.Target, By: p.By, Reason: p.Reason, At: p.At}.Text()) + "\n")
	}
	return b.String()
}
