package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"usher/starter/httpapi"
)

func (c *commands) sync() *cobra.Command {
	sync := &cobra.Command{Use: "sync", Short: "Preview, start and watch runs over the users of a desk, release what they hold back, and take links away"}
	sync.AddCommand(c.syncRuns(), c.syncRun(), c.syncRows(), c.startSync(), c.releaseSync(), c.watchSync(), c.previewSync(), c.unlinkUser(),
		c.deskEvents("events DESK", "List who started runs by hand, released what one held back or took a link away, and what else happened at the desk", func(desk string) string {
			return integrationUsersPath(desk, "events")
		}))
	return sync
}

func syncPath(desk string, rest ...string) string {
	path := "/v1/desks/" + url.PathEscape(desk) + "/syncs"
	for _, part := range rest {
		path += "/" + url.PathEscape(part)
	}
	return path
}

func (c *commands) syncRuns() *cobra.Command {
	var before string
	var limit int
	cmd := &cobra.Command{
		Use: "runs DESK", Short: "List the runs over the users of a desk, newest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := syncPath(args[0]) + query(map[string]string{"before": before, "limit": numberText(limit)})
			return c.do(cmd.Context(), call{method: http.MethodGet, path: path, show: as(showSyncRuns)})
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, limitUsage)
	return cmd
}

func (c *commands) syncRun() *cobra.Command {
	return &cobra.Command{
		Use: "run DESK RUN", Short: "Show a run: what it planned, applied and held back", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: syncPath(args[0], args[1]), show: as(showSyncRun)})
		},
	}
}

func (c *commands) syncRows() *cobra.Command {
	var in rowsQuery
	var csv bool
	cmd := &cobra.Command{
		Use: "rows DESK RUN", Short: "List what a run does for each person, and why it failed; --csv for a report", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if csv {
				return c.reportSync(cmd.Context(), args[0], args[1], in)
			}
			return c.do(cmd.Context(), call{method: http.MethodGet, path: in.path(args[0], args[1]), show: as(showSyncRows)})
		},
	}
	cmd.Flags().StringVar(&in.operation, "operation", "", "only create, link, update, deactivate, reactivate or skip")
	cmd.Flags().StringVar(&in.state, "state", "", "only planned, ready, retry, manager, applied, failed, skipped, held or observed")
	cmd.Flags().StringVar(&in.person, "person", "", "only this person, by id")
	cmd.Flags().StringVar(&in.after, "after", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&in.limit, "limit", 0, limitUsage)
	cmd.Flags().BoolVar(&csv, "csv", false, "all rows as CSV, a report for a spreadsheet")
	return cmd
}

// rowsQuery asks for rows of a run.
type rowsQuery struct {
	operation, state, person, after string
	limit                           int
}

func (q rowsQuery) path(desk, run string) string {
	return syncPath(desk, run, "rows") + query(map[string]string{
		"operation": q.operation, "state": q.state, "person": q.person, "after": q.after, "limit": numberText(q.limit),
	})
}

func (c *commands) startSync() *cobra.Command {
	var in httpapi.StartSyncBody
	var scope httpapi.SyncScopeBody
	var attribute string
	cmd := &cobra.Command{
		Use: "start DESK", Short: "Plan and apply the users of a desk now; --dry-run only plans",
		Example: "  usher sync start service-desk --dry-run\n  usher sync start service-desk --attribute department=Research",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if attribute != "" {
				name, value, found := strings.Cut(attribute, "=")
				if !found {
					return fmt.Errorf("--attribute: found %q, expected name=value, such as department=Research", attribute)
				}
				scope.Attribute, scope.Value = name, value
			}
			if scope != (httpapi.SyncScopeBody{}) {
				in.Scope = &scope
			}
			return c.postSync(cmd, args[0], &in)
		},
	}
	cmd.Flags().BoolVar(&in.Dry, "dry-run", false, "plan everything and apply nothing")
	cmd.Flags().StringVar(&scope.Person, "person", "", "only this person, by id")
	cmd.Flags().StringVar(&attribute, "attribute", "", "only people with this value of an attribute, as name=value")
	cmd.Flags().StringVar(&in.ID, "id", "", runIDUsage)
	return cmd
}

func (c *commands) releaseSync() *cobra.Command {
	var in httpapi.StartSyncBody
	release := &httpapi.ReleasePeopleBody{}
	in.Release = release
	cmd := &cobra.Command{
		Use: "release DESK RUN", Short: "Apply what a run held back, all or some, for whoever still has the same row; for administrators",
		Example: `  usher sync release service-desk 2026-11-28T03:00:00Z --brake deactivations --reason "The plant in Porto closed"`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if release.Reason == "" {
				return errors.New("--reason: is empty, expected why what was held back is right")
			}
			release.Run = args[1]
			return c.postSync(cmd, args[0], &in)
		},
	}
	cmd.Flags().StringArrayVar(&release.Brakes, "brake", nil, "only this brake, as the run names it; may be repeated (default: all of the run)")
	cmd.Flags().StringArrayVar(&release.Only, "only", nil, "only this person, by id; may be repeated (default: everybody whom the brakes hold back)")
	cmd.Flags().StringVar(&release.Reason, "reason", "", "why; it is recorded with the run (needed)")
	cmd.Flags().StringVar(&in.ID, "id", "", runIDUsage)
	return cmd
}

// postSync starts a run, and says how it is followed.
func (c *commands) postSync(cmd *cobra.Command, desk string, in *httpapi.StartSyncBody) error {
	if err := chooseID(&in.ID); err != nil {
		return failed(err)
	}
	return c.do(cmd.Context(), call{
		method: http.MethodPost, path: syncPath(desk), in: in, again: "the same command with --id " + in.ID,
		show: as(func(said httpapi.StartedRun) string {
			return fmt.Sprintf("The run %s is started. To follow it: usher sync watch %s %s\n", said.Run, desk, said.Run)
		}),
	})
}

func (c *commands) unlinkUser() *cobra.Command {
	var in httpapi.UnlinkUserBody
	cmd := &cobra.Command{
		Use: "unlink DESK PERSON", Short: "Take the link between a person and a user of a desk away; the next run looks for the person's user anew", Args: cobra.ExactArgs(2),
		Example: `  usher sync unlink service-desk p-1017 --reason "The user is of a namesake"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Reason == "" {
				return errors.New("--reason: is empty, expected why the user is not the person's")
			}
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: "/v1/desks/" + url.PathEscape(args[0]) + "/links/" + url.PathEscape(args[1]) + "/remove", in: in,
				again: "the same command with --id " + in.ID,
				show: as(func(said httpapi.UnlinkedUser) string {
					return fmt.Sprintf("The person %s is not linked to the user %s of %s any more. The next run looks for the person's user anew.\n",
						word(string(said.Person)), oneLine(string(said.User)), args[0])
				}),
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is recorded (needed)")
	cmd.Flags().StringVar(&in.ID, "id", "", "the call's id; the same id is the same call")
	return cmd
}
