package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// watchEvery is the time between two looks at a run.
const watchEvery = time.Second

func (c *commands) watchSync() *cobra.Command {
	return &cobra.Command{
		Use: "watch DESK RUN", Short: "Follow a run until it ends", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(c.options)
			if err != nil {
				return err
			}
			last := ""
			began := time.Now()
			run, err := followSync(cmd.Context(), client, syncPath(args[0], args[1]), func(r access.SyncRun) {
				line := progress(r, time.Since(began))
				switch {
				case c.terminal():
					fmt.Fprintf(c.err, "\r%-100s", line)
				case line != last:
					fmt.Fprintln(c.err, line)
				}
				last = line
			})
			if c.terminal() {
				fmt.Fprintln(c.err)
			}
			if err != nil {
				return failed(err)
			}
			body, err := json.Marshal(run)
			if err == nil {
				err = c.print(body, as(showSyncRun))
			}
			if err == nil && run.Problem != "" {
				err = errors.New("the run failed")
			}
			return failed(err)
		},
	}
}

// terminal reports whether somebody reads on a terminal, where a line can be written over.
func (c *commands) terminal() bool {
	file, is := c.err.(*os.File)
	if !is {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// followSync reads a run until it has ended. One that was just started may not be there yet.
func followSync(ctx context.Context, client *apiClient, path string, show func(access.SyncRun)) (access.SyncRun, error) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for began := time.Now(); ; {
		var run access.SyncRun
		body, err := client.call(ctx, http.MethodGet, path, nil)
		var said *problemError
		switch {
		case errors.As(err, &said) && said.problem.Status == http.StatusNotFound && time.Since(began) < 10*watchEvery:
		case err != nil:
			return run, err
		default:
			if err := json.Unmarshal(body, &run); err != nil {
				return run, fmt.Errorf("read the answer: %w", err)
			}
			show(run)
			if run.Ended() {
				return run, nil
			}
		}
		select {
		case <-ctx.Done():
			return run, ctx.Err()
		case <-ticker.C:
		}
	}
}

// progress is a run in one line: how much of it is done, and how fast.
func progress(r access.SyncRun, since time.Duration) string {
	all := 0
	for _, n := range r.States {
		all += n
	}
	left := r.States[access.SyncPlanned] + r.States[access.SyncReady] + r.States[access.SyncRetry] + r.States[access.SyncManager]
	switch {
	case r.Ended():
		return "ended"
	case r.Plan == "":
		return "lists the users of the desk"
	case all == 0:
		return "plans"
	}
	if left == 0 && r.HandOver != nil && !r.HandOver.Done {
		return fmt.Sprintf("hands over what leavers own: %d leavers own something", r.HandOver.Leavers)
	}
	const width = 30
	done := all - left
	bar := strings.Repeat("#", width*done/all)
	return fmt.Sprintf("[%-*s] %3d %%  %d left, %s, %.0f s", width, bar, 100*done/all, left, states(r), since.Seconds())
}

// states are how many rows stand where.
func states(r access.SyncRun) string {
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(r.States)) {
		parts = append(parts, fmt.Sprintf("%d %s", r.States[state], state))
	}
	return strings.Join(parts, ", ")
}

func (c *commands) previewSync() *cobra.Command {
	return &cobra.Command{
		Use: "preview DESK PERSON", Short: "Show what a run would do for one person, before and after, and why; nothing is applied", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(c.options)
			if err != nil {
				return err
			}
			in := httpapi.StartSyncBody{Dry: true, Scope: &httpapi.SyncScopeBody{Person: args[1]}}
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			if _, err := client.call(cmd.Context(), http.MethodPost, syncPath(args[0]), in); err != nil {
				return failed(err)
			}
			run, err := followSync(cmd.Context(), client, syncPath(args[0], in.ID), func(access.SyncRun) {})
			switch {
			case err != nil:
				return failed(err)
			case run.Problem != "":
				return failed(fmt.Errorf("the preview failed: %s", run.Problem))
			}
			rows := rowsQuery{person: args[1]}
			return c.do(cmd.Context(), call{method: http.MethodGet, path: rows.path(args[0], in.ID), show: as(showPreview)})
		},
	}
}

// reportSync writes all rows as CSV.
func (c *commands) reportSync(ctx context.Context, desk, run string, q rowsQuery) error {
	client, err := newClient(c.options)
	if err != nil {
		return err
	}
	out := csv.NewWriter(c.out)
	if err := out.Write([]string{"person", "operation", "state", "user", "held", "reason", "problem", "fields"}); err != nil {
		return failed(err)
	}
	for {
		body, err := client.call(ctx, http.MethodGet, q.path(desk, run), nil)
		if err != nil {
			return failed(err)
		}
		var page syncRowsPage
		if err := json.Unmarshal(body, &page); err != nil {
			return failed(fmt.Errorf("read the answer: %w", err))
		}
		for _, r := range page.Rows {
			cells := []string{string(r.Person), string(r.Operation), string(r.State), string(r.User), r.Held, r.Reason, r.Problem, strings.Join(changed(r), "; ")}
			for i := range cells {
				cells[i] = cell(cells[i])
			}
			if err := out.Write(cells); err != nil {
				return failed(err)
			}
		}
		if page.Next == "" {
			out.Flush()
			return failed(out.Error())
		}
		q.after = page.Next
	}
}

// cell is a text as a spreadsheet takes it for a text: one that begins like a formula gets a quote.
func cell(text string) string {
	text = plain(text)
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
