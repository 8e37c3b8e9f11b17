package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
)

func (c *commands) whoami() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who usher takes you for, and what you may do", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/me", show: as(showMe)})
		},
	}
}

func (c *commands) inbox() *cobra.Command {
	var cursor string
	var limit int
	cmd := &cobra.Command{
		Use: "inbox", Short: "List what awaits your decision", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/inbox?" + paged(cursor, limit).Encode(), show: as(showInbox)})
		},
	}
	cmd.Flags().StringVar(&cursor, "cursor", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many at most, 1 to 200 (default 50)")
	return cmd
}

func (c *commands) catalog() *cobra.Command {
	var cursor, application string
	var limit int
	cmd := &cobra.Command{
		Use: "catalog [WORD...]", Short: "List what can be asked for",
		Example: "  usher catalog\n  usher catalog wiki edit",
		RunE: func(cmd *cobra.Command, words []string) error {
			query := paged(cursor, limit)
			for name, value := range map[string]string{"text": strings.Join(words, " "), "application": application} {
				if value != "" {
					query.Set(name, value)
				}
			}
			return c.do(cmd.Context(), call{method: http.MethodGet, path: "/v1/catalog?" + query.Encode(), show: as(showCatalog)})
		},
	}
	cmd.Flags().StringVar(&application, "application", "", "only what this application has, by its id")
	cmd.Flags().StringVar(&cursor, "cursor", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many at most, 1 to 200 (default 50)")
	return cmd
}

// paged returns the query of a page.
func paged(cursor string, limit int) url.Values {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return query
}

func showMe(m httpapi.Me) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Person       %s\n", named(oneLine(m.Name), m.Person))
	fmt.Fprintf(&b, "Roles        %s\n", orElse(strings.Join(m.Roles, ", "), "none"))
	switch {
	case m.ApplicationsProblem != "":
		fmt.Fprintf(&b, "Owner of     unknown: %s\n", m.ApplicationsProblem)
	case len(m.Applications) > 0:
		var owned []string
		for _, application := range m.Applications {
			owned = append(owned, fmt.Sprintf("%s (%s)", oneLine(application.Name), application.ID))
		}
		fmt.Fprintf(&b, "Owner of     %s\n", strings.Join(owned, ", "))
	}
	if m.Development {
		b.WriteString("Development  usher has not checked who you are\n")
	}
	return b.String()
}

func showInbox(p httpapi.InboxPage) string {
	if len(p.Entries) == 0 {
		return "Nothing awaits your decision.\n"
	}
	var b strings.Builder
	for _, e := range p.Entries {
		who := named(oneLine(e.RequesterName), e.Requester)
		if e.Subject != e.Requester {
			who += " for " + named(oneLine(e.SubjectName), e.Subject)
		}
		fmt.Fprintf(&b, "%s  %s, since %s", e.Request, who, clock(e.Since))
		if e.Until != nil {
			fmt.Fprintf(&b, ", until %s", clock(*e.Until))
		}
		fmt.Fprintf(&b, "\n    reason: %s\n", oneLine(e.Reason))
		for _, item := range e.Items {
			fmt.Fprintf(&b, "    item %s: %s", item.ID, item.Entitlement)
			if item.Duration > 0 {
				fmt.Fprintf(&b, " for %s", item.Duration)
			}
			fmt.Fprintf(&b, ", as %s\n", item.Stage)
		}
	}
	b.WriteString("Decide: usher approve REQUEST, or usher deny REQUEST\n")
	return b.String() + more(p.Next)
}

func showCatalog(p httpapi.CatalogPage) string {
	if len(p.Entitlements) == 0 {
		return "The catalog has nothing like it.\n"
	}
	return table("ENTITLEMENT\tAPPLICATION\tWHAT\tAT MOST\tAPPROVED BY", func(w *tabwriter.Writer) {
		for _, e := range p.Entitlements {
			most := "no limit"
			if e.MaxDuration > 0 {
				most = e.MaxDuration.String()
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.ID, oneLine(e.ApplicationName), oneLine(e.Title), most, approvedBy(e))
		}
	}) + more(p.Next)
}

// approvedBy returns the stages of an entitlement, with its owners where they approve.
func approvedBy(e access.PublishedEntitlement) string {
	var stages []string
	for _, stage := range e.Stages {
		if stage == access.StageOwner && len(e.Owners) > 0 {
			var owners []string
			for _, id := range e.Owners {
				owners = append(owners, string(id))
			}
			stage += " (" + strings.Join(owners, ", ") + ")"
		}
		stages = append(stages, stage)
	}
	return strings.Join(stages, ", then ")
}
