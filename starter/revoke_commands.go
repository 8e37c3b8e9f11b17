package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// revocation is what the command line says is taken back.
type revocation struct {
	person string
	body   httpapi.RevokeAccessBody
}

func (c *commands) revoke() *cobra.Command {
	var in revocation
	cmd := &cobra.Command{
		Use: "revoke [LEASE]", Short: "Take access back before its time", Args: cobra.MaximumNArgs(1),
		Long: "Takes one lease back, or what a person holds: everything, or that of an application or of one entitlement. Whoever holds it may,\n" +
			"the help desk and administrators; an approver of a request may take back the leases that came of it. What was asked for before is not\n" +
			"granted any more, and a new request is needed.",
		Example: `  usher revoke 0190d2c4:1 --reason "The project is over"
  usher revoke --person p-1017 --reason "The laptop was stolen"
  usher revoke --person p-1017 --application wiki --reason "Moved to another team"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, body, err := in.call(args)
			if err != nil {
				return err
			}
			return c.do(cmd.Context(), call{
				method: http.MethodPost, path: path, in: body, show: as(showRevocation), again: "the same command with --id " + in.body.ID,
			})
		},
	}
	cmd.Flags().StringVar(&in.person, "person", "", "take back what this person holds, by id, instead of one lease")
	cmd.Flags().StringVar(&in.body.Application, "application", "", "with --person: only what the person holds of this application")
	cmd.Flags().StringVar(&in.body.Entitlement, "entitlement", "", "with --person: only this entitlement, <application>/<role>")
	cmd.Flags().StringVar(&in.body.Reason, "reason", "", "why; people read it in the audit trail (needed)")
	cmd.Flags().StringVar(&in.body.ID, "id", "", "the call's id; the same id is the same call")
	return cmd
}

// call returns the path and the body of the call.
func (in *revocation) call(args []string) (path string, body any, err error) {
	switch {
	case len(args) == 0 && in.person == "":
		return "", nil, errors.New("expected a lease, or --person")
	case len(args) > 0 && in.person != "":
		return "", nil, errors.New("--person: expected either a lease or --person, not both")
	case in.person == "" && (in.body.Application != "" || in.body.Entitlement != ""):
		return "", nil, errors.New("--person: is missing, expected it with --application and --entitlement")
	case in.body.Application != "" && in.body.Entitlement != "":
		return "", nil, errors.New("--entitlement: expected either --application or --entitlement, not both")
	case in.body.Reason == "":
		return "", nil, errors.New("--reason: is empty, expected why the access is taken back")
	}
	if err := chooseID(&in.body.ID); err != nil {
		return "", nil, failed(err)
	}
	if in.person == "" {
		return "/v1/leases/" + url.PathEscape(args[0]) + "/revocation", httpapi.RevokeLeaseBody{ID: in.body.ID, Reason: in.body.Reason}, nil
	}
	return revocationsPath(in.person), in.body, nil
}

func revocationsPath(person string) string {
	return "/v1/people/" + url.PathEscape(person) + "/revocations"
}

func (c *commands) revocations() *cobra.Command {
	var before string
	var limit int
	cmd := &cobra.Command{
		Use: "revocations PERSON", Short: "List what was taken back from a person, the last first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			filters := url.Values{}
			if before != "" {
				filters.Set("before", before)
			}
			if limit != 0 {
				filters.Set("limit", strconv.Itoa(limit))
			}
			return c.do(cmd.Context(), call{
				method: http.MethodGet, path: revocationsPath(args[0]) + "?" + filters.Encode(), show: as(showRevocations),
			})
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many at most, 1 to 200 (default 50)")
	return cmd
}

// showRevocation returns what was taken back, and what it has come to.
func showRevocation(r httpapi.RevocationDetail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s of %s, by %s (%s), %s\n", r.ID, r.Scope, r.Subject, r.By, r.Role, clock(r.At))
	fmt.Fprintf(&b, "    reason: %s\n    %s\n", oneLine(r.Reason), r.StatusText)
	for _, l := range r.Leases {
		line := fmt.Sprintf("    lease %s  %s  %s", l.ID, l.Entitlement, l.State)
		if l.Problem != "" {
			line += ": " + oneLine(l.Problem)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func showRevocations(said struct {
	Revocations []httpapi.RevocationDetail
	Next        access.RevocationID
},
) string {
	if len(said.Revocations) == 0 {
		return "Nothing was taken back.\n"
	}
	var b strings.Builder
	for _, r := range said.Revocations {
		b.WriteString(showRevocation(r))
	}
	if said.Next != "" {
		fmt.Fprintf(&b, "More: the same command with --before %s\n", said.Next)
	}
	return b.String()
}
