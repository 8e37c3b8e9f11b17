package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
	"usher/workflows"
)

// commands are the client's commands.
type commands struct {
	*surroundings
	options *clientOptions
}

// call is one call of the API and how its answer is shown.
type call struct {
	method, path string
	in           any
	// show writes the answer for people.
	show func(body []byte) (string, error)
	// again is how the call is repeated after no answer; "" where repeating needs no care.
	again string
}

// do makes the call and prints its answer.
func (c *commands) do(ctx context.Context, one call) error {
	client, err := newClient(c.options)
	if err != nil {
		return err
	}
	body, err := client.call(ctx, one.method, one.path, one.in)
	if err != nil {
		return failed(explained(err, one.again))
	}
	return failed(c.print(body, one.show))
}

// explained adds how to repeat a call of which nobody knows whether it was taken.
func explained(err error, again string) error {
	var lost *unreachable
	var said *problemError
	unsure := errors.As(err, &lost) || (errors.As(err, &said) && said.problem.Status == http.StatusServiceUnavailable)
	if !unsure || again == "" {
		return err
	}
	return fmt.Errorf("%w\n  to repeat it safely: %s", err, again)
}

func (c *commands) print(body []byte, show func([]byte) (string, error)) error {
	text, err := show(body)
	if err != nil {
		return err
	}
	if c.options.output == "json" {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, body, "", "  "); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		_, err := fmt.Fprintln(c.out, strings.TrimRight(pretty.String(), "\n"))
		return err
	}
	_, err = fmt.Fprint(c.out, plain(text))
	return err
}

// as reads an answer into a value and hands it to a writer.
func as[T any](write func(T) string) func([]byte) (string, error) {
	return func(body []byte) (string, error) {
		var value T
		if err := json.Unmarshal(body, &value); err != nil {
			return "", fmt.Errorf("read the answer: %w", err)
		}
		return write(value), nil
	}
}

func (c *commands) request() *cobra.Command {
	var in httpapi.SubmitBody
	var duration string
	cmd := &cobra.Command{
		Use:     "request ENTITLEMENT...",
		Short:   "Ask for access",
		Example: `  usher request wiki/editor --reason "I write the release notes" --duration 30d`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Reason == "" {
				return errors.New("--reason: is empty, expected why the access is needed")
			}
			for _, entitlement := range args {
				in.Items = append(in.Items, httpapi.SubmitItem{Entitlement: entitlement, Duration: duration})
			}
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: "/v1/requests", in: in, show: as(showSubmitted),
				again: "the same command with --id " + in.ID,
			})
		},
	}
	cmd.Flags().StringVar(&in.Subject, "for", "", "whose access it shall be (default: the caller)")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for those who decide (needed)")
	cmd.Flags().StringVar(&duration, "duration", "", `how long, such as "8h" or "30d" (default: as long as the catalog allows)`)
	cmd.Flags().StringVar(&in.ID, "id", "", "the request's id; the same id is the same request")
	return cmd
}

func (c *commands) decide(verdict, short string) *cobra.Command {
	in := httpapi.DecisionBody{Verdict: verdict}
	cmd := &cobra.Command{
		Use: verdict + " REQUEST", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: requestPath(args[0], "/decisions"), in: in, show: as(showView),
				again: "the same command with --id " + in.ID,
			})
		},
	}
	cmd.Flags().StringArrayVar(&in.Items, "item", nil, "only this item, by its id; may be repeated (default: all that the caller may decide)")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; people read it in the ticket and in the audit trail")
	cmd.Flags().StringVar(&in.ID, "id", "", "the decision's id; the same id is the same decision")
	return cmd
}

func chooseID(id *string) error {
	if *id != "" {
		return nil
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("choose an id: %w", err)
	}
	*id = fresh.String()
	return nil
}

func requestPath(id, rest string) string { return "/v1/requests/" + url.PathEscape(id) + rest }

func (c *commands) withdraw() *cobra.Command {
	var in httpapi.WithdrawBody
	cmd := &cobra.Command{
		Use: "withdraw REQUEST", Short: "Take a request back", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: requestPath(args[0], "/withdraw"), in: in, show: as(showView),
				again: "the same command with --id " + in.ID,
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; people read it in the ticket and in the audit trail")
	cmd.Flags().StringVar(&in.ID, "id", "", "the withdrawal's id; the same id is the same withdrawal")
	return cmd
}

func (c *commands) reassign() *cobra.Command {
	var in httpapi.ReassignBody
	cmd := &cobra.Command{
		Use: "reassign REQUEST", Short: "Name who approves a request instead", Args: cobra.ExactArgs(1),
		Long: "Names the people who approve what is still to be decided, instead of those who do now. Only administrators may,\n" +
			"and not themselves. Whoever has left is replaced by usher itself; this is for what it cannot know.",
		Example: `  usher reassign 0190d2c4 --to p-1017 --reason "Omar is on leave until June"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(in.To) == 0:
				return errors.New("--to: is missing, expected the id of at least one person")
			case in.Reason == "":
				return errors.New("--reason: is empty, expected why others approve")
			}
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: requestPath(args[0], "/reassign"), in: in, show: as(showReassigned),
				again: "the same command with --id " + in.ID,
			})
		},
	}
	cmd.Flags().StringArrayVar(&in.To, "to", nil, "who approves from now on, by id; may be repeated (needed)")
	cmd.Flags().StringVar(&in.Stage, "stage", "", "only this stage: manager or owner (default: the open stage of each item)")
	cmd.Flags().StringArrayVar(&in.Items, "item", nil, "only this item, by its id; may be repeated (default: all that are still to be decided)")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; people read it in the ticket and in the audit trail (needed)")
	cmd.Flags().StringVar(&in.ID, "id", "", "the call's id; the same id is the same call")
	return cmd
}

// showReassigned returns whom a request waits for.
func showReassigned(r httpapi.Reassigned) string {
	lines := []string{r.StatusText}
	for _, w := range r.WaitingOn {
		lines = append(lines, fmt.Sprintf("  waiting for: %s (%s), stage %s", w.Name, w.Person, w.Stage))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (c *commands) show() *cobra.Command {
	return &cobra.Command{
		Use: "show REQUEST", Short: "Show a request: status and history", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: requestPath(args[0], ""), show: as(showRequest)})
		},
	}
}

func (c *commands) list() *cobra.Command {
	var states []string
	var requester, subject, waitingOn, entitlement, cursor string
	var open, mine bool
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List requests, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filters := paged(cursor, limit)
			for name, value := range map[string]string{
				"requester": requester, "subject": subject, "waiting_on": waitingOn, "entitlement": entitlement, "state": strings.Join(states, ","),
			} {
				if value != "" {
					filters.Set(name, value)
				}
			}
			for name, set := range map[string]bool{"open": open, "mine": mine} {
				if set {
					filters.Set(name, "true")
				}
			}
			return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/requests?" + filters.Encode(), show: as(showList)})
		},
	}
	cmd.Flags().StringSliceVar(&states, "state", nil, "only requests in these states, with commas")
	cmd.Flags().StringVar(&requester, "requester", "", "only requests of this person")
	cmd.Flags().StringVar(&subject, "subject", "", "only requests for this person")
	cmd.Flags().StringVar(&waitingOn, "waiting-on", "", "only requests that wait for this person")
	cmd.Flags().StringVar(&entitlement, "entitlement", "", "only requests that ask for this")
	cmd.Flags().StringVar(&cursor, "cursor", "", "the next page, as the page before says")
	cmd.Flags().BoolVar(&mine, "mine", false, "only requests that you made, or that are for you")
	cmd.Flags().BoolVar(&open, "open", false, "only requests that have not ended")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many at most, 1 to 200 (default 50)")
	return cmd
}

func (c *commands) leases() *cobra.Command {
	return &cobra.Command{
		Use: "leases PERSON", Short: "List what a person holds and held", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), call{
				method: http.MethodGet, path: "/v1/subjects/" + url.PathEscape(args[0]) + "/leases", show: as(showLeases),
			})
		},
	}
}

func (c *commands) audit() *cobra.Command {
	audit := &cobra.Command{Use: "audit", Short: "Read the audit trail"}
	audit.AddCommand(&cobra.Command{
		Use: "show REQUEST", Short: "Show everything that happened to a request", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), call{
				method: http.MethodGet, path: requestPath(args[0], "/audit"),
				show: as(func(said struct{ Events []access.Event }) string { return timeline(said.Events) }),
			})
		},
	})
	return audit
}

func (c *commands) doctor() *cobra.Command {
	var in httpapi.DoctorBody
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check every connector's credentials, rights and configured names", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			healthy := true
			err := c.do(cmd.Context(), call{
				method: http.MethodPost, path: "/v1/doctor", in: in,
				show: as(func(said workflows.DoctorReport) string { healthy = said.Healthy(); return showReport(said) }),
			})
			if err == nil && !healthy {
				return failed(errors.New("something needs mending"))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&in.TestTicket, "test-ticket", "", "also open, comment and close a trial ticket on this desk")
	return cmd
}
