package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// secondDesk is a Jira beside the simulator's, with the accounts of usher and of ana, and the settings that make usher serve it.
func secondDesk(t *testing.T) (*jiratest.Server, settings) {
	t.Helper()
	bot := jiratest.DefaultAccount()
	jira := jiratest.New(jiratest.Config{Accounts: []jiratest.Account{
		bot, {ID: stack.DeskAccount("ana"), Email: "ana@example.test", DisplayName: "Ana Alves", Token: "token-of-ana"},
	}})
	server := httptest.NewServer(jira)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, jira.Close())
	})
	more := outageTerms("SECOND_TOKEN="+bot.Token, "USHER_DESKS_SECOND_WATCH_INTERVAL=1s", "USHER_DESKS_SECOND_WATCH_STALENESS_CHECK_INTERVAL=1h")
	more.moreDesks = map[access.DeskName]string{"second": fmt.Sprintf(
		"{kind: jira, jira: {base_url: %q, email: %q, token: \"${SECOND_TOKEN}\", project: ACCESS, issue_type: Access request}}", server.URL, bot.Email)}
	more.catalog = `  - id: crm
    name: CRM
    desk: second
    entitlements:
      - {role: seller, title: CRM seller, fulfilment: scim, target: directory, target_role: vpn-users, stages: [manager]}
`
	return jira, more
}

// TestManyDesks: the ticket of an application is on the desk that the catalog names, and each desk is watched by itself.
func TestManyDesks(t *testing.T) {
	t.Parallel()
	second, more := secondDesk(t)
	s := start(t, more)
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	ask := func(id access.RequestID, all ...access.EntitlementID) error {
		items := make([]stack.AskItem, len(all))
		for i, e := range all {
			items[i].Entitlement = e
		}
		_, err := s.Submit(ctx, "ana", stack.Ask{ID: id, Items: items, Reason: "to sell"})
		return err
	}
	opened := func(id access.RequestID) access.TicketRef {
		detail, err := s.Await(ctx, id, func(d stack.Detail) error {
			if d.Ticket == nil {
				return errors.New("it has no ticket yet")
			}
			return nil
		})
		require.NoError(t, err)
		return *detail.Ticket
	}
	require.NoError(t, ask("here", "wiki/editor"))
	require.NoError(t, ask("there", "crm/seller"))
	here, there := opened("here"), opened("there")
	require.Equal(t, access.DeskName("jira"), here.Desk)
	require.Equal(t, access.DeskName("second"), there.Desk)
	require.Len(t, second.Tickets(), 1)
	tickets, err := s.Tickets(ctx)
	require.NoError(t, err)
	require.Len(t, tickets, 1)

	err = ask("both", "wiki/editor", "crm/seller")
	require.Equal(t, http.StatusUnprocessableEntity, stack.StatusOf(err), "%v", err)
	require.ErrorContains(t, err, "CRM seller is asked for on the desk second")

	// Nothing but its own watch tells a request what ana does with its ticket.
	require.NoError(t, second.MoveAs(stack.DeskAccount("ana"), string(there.Key), statusWontDo))
	require.NoError(t, s.TransitionTicket(ctx, "ana", here.Key, statusWontDo))
	for _, id := range []access.RequestID{"here", "there"} {
		_, err := s.Await(ctx, id, func(d stack.Detail) error {
			if d.State != access.OutcomeCancelled {
				return fmt.Errorf("it is %s: %s", d.State, d.StatusText)
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.NoError(t, watchLines(ctx, s))
	t.Logf("row many desks: tickets %d and %d, both cancelled by their own watch", len(tickets), len(second.Tickets()))
}

// watchLines waits until the doctor says of both watches that their last poll is not old.
func watchLines(ctx context.Context, s *system) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: workflows.TaskQueue}, workflows.DoctorType, workflows.DoctorParams{})
		var report workflows.DoctorReport
		if err == nil {
			err = run.Get(ctx, &report)
		}
		if err != nil {
			return err
		}
		found := map[string]workflows.DoctorLine{}
		for _, line := range report.Lines {
			found[line.Connector] = line
		}
		for _, desk := range []string{"jira", "second"} {
			line := found["watch/"+desk]
			if line.Problem != "" || !strings.HasPrefix(line.Note, "its last poll was less than") {
				return fmt.Errorf("the watch of %s: %+v", desk, line)
			}
		}
		return nil
	})
}
