package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
	"usher/workflows"
)

func (c *commands) desk() *cobra.Command {
	desk := &cobra.Command{Use: "desk", Short: "List, show and test the service desks"}
	desk.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the desks that workers serve", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/desks", show: as(showDesks)})
			},
		},
		c.deskView("show DESK", "Show a desk: usher's account, statuses, fields of a new ticket", showDesk),
		c.deskView("preview DESK", "Show what each status of a desk means to usher, and warn of those that mean nothing", showStatuses),
		c.testDesk(),
	)
	return desk
}

func (c *commands) deskView(use, short string, show func(workflows.DoctorLine) string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/desks/" + url.PathEscape(args[0]), show: as(show)})
		},
	}
}

func (c *commands) testDesk() *cobra.Command {
	var in httpapi.TestDeskBody
	cmd := &cobra.Command{
		Use: "test DESK", Short: "Test the connection to a desk: address, credentials, rights, names, clock, watch, webhook", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			healthy := true
			err := c.do(cmd.Context(), call{
				method: http.MethodPost, path: "/v1/desks/" + url.PathEscape(args[0]) + "/test", in: in,
				show: as(func(said workflows.DoctorReport) string { healthy = said.Healthy(); return showTest(said) }),
			})
			if err == nil && !healthy {
				return failed(errors.New("something needs mending"))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&in.Ticket, "ticket", false, "also open, comment and close a trial ticket")
	return cmd
}

func showDesks(said struct{ Desks []httpapi.DeskSummary }) string {
	return table("DESK\tCHANGES\tWEBHOOK", func(w *tabwriter.Writer) {
		for _, d := range said.Desks {
			fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, oneLine(d.Note), d.Webhook)
		}
	})
}

// showTest is the report with what the desk says of itself.
func showTest(r workflows.DoctorReport) string {
	for n, line := range r.Lines {
		if line.Desk != nil && line.Note == "" {
			r.Lines[n].Note = summaryOf(*line.Desk)
		}
	}
	return showReport(r)
}

// summaryOf is a desk in one line.
func summaryOf(v access.DeskView) string {
	var parts []string
	if v.Account != "" {
		parts = append(parts, "as "+string(v.Account))
	}
	if v.ClockAhead != nil {
		parts = append(parts, "clock "+clockText(*v.ClockAhead))
	}
	if n := len(meaningless(v)); n > 0 {
		parts = append(parts, fmt.Sprintf("statuses that mean nothing to usher: %d, see usher desk preview", n))
	}
	return strings.Join(parts, ", ")
}

func clockText(ahead int) string {
	switch {
	case ahead > 0:
		return fmt.Sprintf("%d s ahead of usher's", ahead)
	case ahead < 0:
		return fmt.Sprintf("%d s behind usher's", -ahead)
	}
	return "as usher's"
}

// meaningless are the statuses that neither the configuration nor the desk gives a meaning.
func meaningless(v access.DeskView) []access.DeskStatus {
	return slices.DeleteFunc(slices.Clone(v.Statuses), func(s access.DeskStatus) bool { return s.Phase != access.TicketOther })
}

func showDesk(line workflows.DoctorLine) string {
	text := showReport(workflows.DoctorReport{Lines: []workflows.DoctorLine{line}})
	if line.Desk == nil {
		return text
	}
	v := *line.Desk
	return text + "\n" + v.Place + ", " + summaryOf(v) + "\n\n" + showStatuses(line) + "\n" + showFields(v)
}

func showStatuses(line workflows.DoctorLine) string {
	if line.Desk == nil || len(line.Desk.Statuses) == 0 {
		return "The desk does not list its statuses" + orNothing(": ", line.Problem) + ".\n"
	}
	v := *line.Desk
	text := table("STATUS\tID\tMEANS\tBY", func(w *tabwriter.Writer) {
		for _, s := range v.Statuses {
			by := "the desk"
			if s.Configured {
				by = "the configuration"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", oneLine(s.Name), oneLine(s.ID), s.Phase, by)
		}
	})
	for _, s := range meaningless(v) {
		text += fmt.Sprintf("warning: %q means nothing to usher; expected it in statuses of the desk\n", oneLine(s.Name))
	}
	for _, phase := range []access.TicketPhase{access.TicketApproved, access.TicketDenied} {
		means := func(s access.DeskStatus) bool { return s.Phase == phase }
		if !slices.ContainsFunc(v.Statuses, means) {
			text += fmt.Sprintf("warning: no status means %s, so nobody decides so by moving a ticket; expected one in statuses.%s\n", phase, phase)
		}
	}
	return text
}

func showFields(v access.DeskView) string {
	return table("FIELD\tID\tREQUIRED\tUSHER WRITES", func(w *tabwriter.Writer) {
		for _, f := range v.Fields {
			required := ""
			if f.Required {
				required = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", oneLine(cmp.Or(f.Name, f.ID)), oneLine(f.ID), required, fieldValue(f))
		}
	})
}

// fieldValue returns what usher writes into a field.
func fieldValue(f access.DeskField) string {
	if f.Fixed {
		return "opening_fields"
	}
	return string(f.Value)
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + oneLine(text)
}
