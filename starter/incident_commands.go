package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
)

func (c *commands) tickets() *cobra.Command {
	tickets := &cobra.Command{Use: "tickets", Short: "Hand in incidents of another system, and show their tickets"}
	tickets.AddCommand(c.handIn(), c.showIncident(), c.listIncidents(), c.incidentEvents())
	return tickets
}

func (c *commands) handIn() *cobra.Command {
	var in httpapi.IncidentBody
	cmd := &cobra.Command{
		Use: "create", Short: "Hand in an incident of another system: a ticket is opened and assigned", Args: cobra.NoArgs,
		Example: `  usher tickets create --reference SCAN-4711 --application crm --summary "The certificate of crm.example.com expires on Friday"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case in.Reference == "":
				return errors.New("--reference: is empty, expected the other system's own name of the incident")
			case in.Summary == "":
				return errors.New("--summary: is empty, expected what is the matter, in one line")
			}
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: "/v1/tickets", in: in, show: as(showIncident), again: "the same command with --id " + in.ID,
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.Reference, "reference", "", "the other system's own name of it (needed)")
	flags.StringVar(&in.ReferenceURL, "reference-url", "", "where people read it in the other system")
	flags.StringVar(&in.Summary, "summary", "", "what is the matter, in one line (needed)")
	flags.StringVar(&in.Description, "description", "", "more about it")
	flags.StringVar(&in.Application, "application", "", "what it is about, for the rules of assignment")
	flags.StringVar(&in.Desk, "desk", "", "where the ticket is opened (default: as the worker is configured)")
	flags.StringVar(&in.Assignee, "assignee", "", "the e-mail address of an integration user (default: by the rules)")
	flags.StringVar(&in.ID, "id", "", "the incident's id; the same id is the same incident")
	return cmd
}

func incidentPath(id, rest string) string { return "/v1/tickets/" + url.PathEscape(id) + rest }

func (c *commands) showIncident() *cobra.Command {
	return &cobra.Command{
		Use: "show INCIDENT", Short: "Show an incident and its ticket", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: incidentPath(args[0], ""), show: as(showIncident)})
		},
	}
}

func (c *commands) listIncidents() *cobra.Command {
	var reference, state, desk, assignee, before, beforeID string
	var open bool
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List incidents, the last first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := map[string]string{
				"reference": reference, "state": state, "desk": desk, "assignee": assignee, "before": before, "before_id": beforeID, "limit": numberText(limit),
			}
			if open {
				params["open"] = "true"
			}
			return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/tickets" + query(params), show: as(showIncidents)})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&reference, "reference", "", "only those of this name in the other system")
	flags.StringVar(&state, "state", "", "only opening, open, closed, deleted, cancelled or refused")
	flags.StringVar(&desk, "desk", "", "only those of this desk")
	flags.StringVar(&assignee, "assignee", "", "only those of this integration user, by the desk's own id")
	flags.BoolVar(&open, "open", false, "only those that have not ended")
	flags.StringVar(&before, "before", "", "the next page, as the page before says")
	flags.StringVar(&beforeID, "before-id", "", "the next page, as the page before says")
	flags.IntVar(&limit, "limit", 0, limitUsage)
	return cmd
}

func (c *commands) incidentEvents() *cobra.Command {
	return c.deskEvents("events INCIDENT", "List what happened to an incident, the last first", func(id string) string { return incidentPath(id, "/events") })
}

// deskEvents is a command that lists events from a path.
func (c *commands) deskEvents(use, short string, path func(string) string) *cobra.Command {
	var before, limit int
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			params := map[string]string{"before": numberText(before), "limit": numberText(limit)}
			return c.do(cmd.Context(), call{method: http.MethodGet, path: path(args[0]) + query(params), show: as(showDeskEvents)})
		},
	}
	cmd.Flags().IntVar(&before, "before", 0, "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, limitUsage)
	return cmd
}

func (c *commands) integrationUsers() *cobra.Command {
	users := &cobra.Command{Use: "integration-users", Short: "Show and change to whom tickets of incidents may be assigned"}
	users.AddCommand(c.listIntegrationUsers(), c.addIntegrationUser(), c.removeIntegrationUser(), c.checkIntegrationUsers(),
		c.deskEvents("events DESK", "List who changed the integration users of a desk, and its incidents, the last first", func(desk string) string {
			return integrationUsersPath(desk, "events")
		}))
	return users
}

func integrationUsersPath(parts ...string) string {
	path := "/v1/integration-users"
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

func (c *commands) listIntegrationUsers() *cobra.Command {
	var desk, afterDesk, after string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List the integration users, by desk", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := integrationUsersPath() + query(map[string]string{"desk": desk, "after_desk": afterDesk, "after": after, "limit": numberText(limit)})
			return c.do(cmd.Context(), call{method: http.MethodGet, path: path, show: as(showIntegrationUsers)})
		},
	}
	cmd.Flags().StringVar(&desk, "desk", "", "only those of this desk")
	cmd.Flags().StringVar(&afterDesk, "after-desk", "", "the next page, as the page before says")
	cmd.Flags().StringVar(&after, "after", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, limitUsage)
	return cmd
}

func (c *commands) addIntegrationUser() *cobra.Command {
	var in httpapi.AddIntegrationUserBody
	cmd := &cobra.Command{
		Use: "add EMAIL", Short: "Find a user of a desk by e-mail, and let tickets be assigned to them", Args: cobra.ExactArgs(1),
		Example: `  usher integration-users add kim@example.com --desk jira --group wiki-ops --reason "Kim is on call"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Desk == "" {
				return errors.New("--desk: is empty, expected the desk's name in the worker's configuration")
			}
			in.Email = args[0]
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: integrationUsersPath(), in: in, again: "the same command with --id " + in.ID,
				show: as(func(said httpapi.AddedIntegrationUser) string { return showAdded(said, in.DryRun) }),
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.Desk, "desk", "", "the desk's name in the worker's configuration (needed)")
	flags.StringArrayVar(&in.Groups, "group", nil, "a group by which rules name the user; may be repeated")
	flags.BoolVar(&in.DryRun, "dry-run", false, "only show who it is")
	flags.StringVar(&in.Reason, "reason", "", "why; it is recorded")
	flags.StringVar(&in.ID, "id", "", "the call's id; the same id is the same call")
	return cmd
}

func (c *commands) removeIntegrationUser() *cobra.Command {
	var in httpapi.RemoveIntegrationUserBody
	cmd := &cobra.Command{
		Use: "remove DESK USER", Short: "Let no ticket be assigned to a user of a desk any more, by the desk's own id of the user", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Reason == "" {
				return errors.New("--reason: is empty, expected why the user is removed")
			}
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: integrationUsersPath(args[0], args[1], "remove"), in: in, again: "the same command with --id " + in.ID,
				show: as(func(said struct{ Notified int }) string {
					return fmt.Sprintf("Removed. %d open tickets are assigned anew.\n", said.Notified)
				}),
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is recorded (needed)")
	cmd.Flags().StringVar(&in.ID, "id", "", "the call's id; the same id is the same call")
	return cmd
}

func (c *commands) checkIntegrationUsers() *cobra.Command {
	var in httpapi.CheckIntegrationUsersBody
	cmd := &cobra.Command{
		Use: "check DESK", Short: "Ask a desk for its integration users now, and flag who is switched off", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := chooseID(&in.ID); err != nil {
				return failed(err)
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: integrationUsersPath(args[0], "check"), in: in, again: "the same command with --id " + in.ID,
				show: as(func(said httpapi.CheckedIntegrationUsers) string {
					return fmt.Sprintf("%d checked, %d flagged, %d not read; %d open tickets are assigned anew.\n", said.Checked, said.Flagged, said.Unread, said.Notified)
				}),
			})
		},
	}
	cmd.Flags().StringVar(&in.ID, "id", "", "the call's id; the same id is the same call")
	return cmd
}

func showIncident(v access.IncidentView) string {
	text := fmt.Sprintf("Incident %s (%s): %s\n%s\n", v.Incident.ID, v.Incident.Reference, v.State, v.StatusText)
	if v.Ticket != nil {
		text += fmt.Sprintf("  ticket:   %s %s\n", v.Ticket.Key, v.Ticket.URL)
	}
	if v.Assignee != nil {
		who := orElse(access.IntegrationUser{Name: v.Assignee.Name, Email: v.Assignee.Email}.CalledBy(), orElse(string(v.Assignee.Account), "nobody"))
		text += fmt.Sprintf("  assignee: %s: %s\n", who, v.Assignee.Why)
	}
	if v.TicketProblem != "" {
		text += "  problem:  " + v.TicketProblem + "\n"
	}
	return text
}

func showIncidents(said struct {
	Tickets []access.IncidentView
	Next    *httpapi.IncidentsNext
},
) string {
	if len(said.Tickets) == 0 {
		return "No incidents.\n"
	}
	text := table("INCIDENT\tREFERENCE\tSTATE\tTICKET\tASSIGNEE\tSUBMITTED", func(w *tabwriter.Writer) {
		for _, v := range said.Tickets {
			ticket, assignee := "", ""
			if v.Ticket != nil {
				ticket = string(v.Ticket.Key)
			}
			if v.Assignee != nil {
				assignee = orElse(v.Assignee.Email, string(v.Assignee.Account))
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Incident.ID, v.Incident.Reference, v.State, orElse(ticket, "-"), orElse(assignee, "-"), clock(v.Incident.SubmittedAt))
		}
	})
	if said.Next != nil {
		text += fmt.Sprintf("More: --before %s --before-id %s\n", said.Next.Before.Format(time.RFC3339Nano), said.Next.BeforeID)
	}
	return text
}

func showIntegrationUsers(said struct {
	Users []access.IntegrationUser
	Next  *httpapi.IntegrationUsersNext
},
) string {
	if len(said.Users) == 0 {
		return "No integration users.\n"
	}
	text := table("DESK\tUSER\tNAME\tE-MAIL\tUSER NAME\tTYPE\tTENANT\tGROUPS\tOPEN\tFLAGGED", func(w *tabwriter.Writer) {
		for _, u := range said.Users {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", oneLine(string(u.Desk)), oneLine(string(u.ID)), oneLine(u.Name), oneLine(u.Email), oneLine(u.UserName),
				oneLine(u.Integration), oneLine(u.Tenant), orElse(oneLine(strings.Join(u.Groups, ", ")), "-"), u.Open, orElse(oneLine(u.Flagged), "-"))
		}
	})
	if said.Next != nil {
		text += fmt.Sprintf("More: --after-desk %s --after %s\n", said.Next.AfterDesk, said.Next.After)
	}
	return text
}

func showAdded(said httpapi.AddedIntegrationUser, dry bool) string {
	first := "Added."
	switch {
	case dry:
		first = "Nothing was changed. This is who it is:"
	case !said.Added:
		first = "Nothing was changed: the user was registered like this."
	}
	u := said.User
	return fmt.Sprintf("%s\n  name:      %s\n  e-mail:    %s\n  user name: %s\n  type:      %s\n  tenant:    %s\n  groups:    %s\n  user:      %s\n",
		first, u.Name, u.Email, u.UserName, u.Integration, u.Tenant, orElse(strings.Join(u.Groups, ", "), "-"), u.ID)
}

func showDeskEvents(said struct {
	Events []access.PlacedDeskEvent
	Next   int64
},
) string {
	if len(said.Events) == 0 {
		return "No events.\n"
	}
	// Events of sources and of runs are about no incident.
	about := slices.ContainsFunc(said.Events, func(e access.PlacedDeskEvent) bool { return e.Incident != "" })
	head := "AT\tWHAT\tBY\tTEXT"
	if about {
		head = "AT\tWHAT\tINCIDENT\tBY\tTEXT"
	}
	text := table(head, func(w *tabwriter.Writer) {
		for _, e := range said.Events {
			incident := ""
			if about {
				incident = orElse(oneLine(string(e.Incident)), "-") + "\t"
			}
			fmt.Fprintf(w, "%s\t%s\t%s%s\t%s\n", clock(e.At), e.Type, incident, orElse(oneLine(string(e.Actor)), "usher"), oneLine(e.Text))
		}
	})
	if said.Next > 0 {
		text += fmt.Sprintf("More: --before %d\n", said.Next)
	}
	return text
}
