package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// TestIncidents: another system hands in incidents, on each desk. The worker is killed while they are opened. Each has one ticket, which is never taken
// in as a request; who is switched off loses theirs.
func TestIncidents(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		settings settings
	}{
		{"jira data_center", dataCenter()},
		{"servicenow", settings{desk: stack.ServiceNow}},
		{"requesttracker", settings{desk: stack.RequestTracker}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, row.settings)
			ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
			defer cancel()
			o.incidents(ctx, t)
		})
	}
}

func (o *office) incidents(ctx context.Context, t *testing.T) {
	t.Helper()
	// As the desk calls them, so that nothing is held back because everybody's name changes.
	for id, name := range map[string]string{"zoe": "Zoe Zimmer", "mia": "Mia Moreau", "omar": "Omar Osman", "ana": "Ana Alves", "ben": "Ben Baker"} {
		o.person(id).Name = name
	}
	o.follows(ctx, t)
	o.syncs(ctx, t, stack.SyncStart{})
	for _, one := range [][2]string{{"omar", "ops"}, {"ana", "ops"}, {"zoe", "desk"}} {
		added, err := o.AddIntegrationUser(ctx, one[0]+"@example.test", one[1])
		require.NoError(t, err)
		require.NotEmpty(t, added.UserName)
		require.NotEmpty(t, added.Tenant)
	}
	_, err := o.AddIntegrationUser(ctx, "nobody@example.test")
	require.Equal(t, http.StatusNotFound, stack.StatusOf(err))
	const all = 4
	load := map[string]int{}
	for n := range all {
		in := o.handsIn(ctx, t, n)
		if n == all/2 {
			_, err := o.stack.KillWorker()
			require.NoError(t, err)
		}
		again, err := o.HandIn(ctx, stack.Monitor, in)
		require.NoError(t, err)
		require.Equal(t, in.ID, string(again.Incident.ID))
	}
	var anas access.IncidentView
	for n := range all {
		view := o.opened(ctx, t, incidentOf(n), "")
		load[view.Assignee.Email]++
		if view.Assignee.Email == "ana@example.test" {
			anas = view
		}
	}
	require.Equal(t, map[string]int{"omar@example.test": all / 2, "ana@example.test": all / 2}, load)
	_, err = o.Incident(ctx, "ana", anas.Incident.ID)
	require.Equal(t, http.StatusNotFound, stack.StatusOf(err), "nobody else sees it")

	o.person("ana").Left = true
	require.Zero(t, o.follows(ctx, t).Held)
	sync := o.syncs(ctx, t, stack.SyncStart{})
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: 1}, sync.States, "%+v", sync.Holds)
	flagged, err := o.CheckIntegrationUsers(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, flagged)
	moved := o.opened(ctx, t, anas.Incident.ID, "omar@example.test")
	require.NoError(t, o.TransitionTicket(ctx, "omar", moved.Ticket.Key, o.Statuses().Done))
	_, err = o.AwaitIncident(ctx, anas.Incident.ID, func(v access.IncidentView) error {
		if v.State != access.IncidentClosed {
			return fmt.Errorf("it is %s", v.State)
		}
		return nil
	})
	require.NoError(t, err)
	requests, err := o.Requests(ctx, stack.Auditor, "limit=50")
	require.NoError(t, err)
	require.Empty(t, requests, "no request has come of an incident")
}

func incidentOf(n int) access.IncidentID { return access.IncidentID(fmt.Sprintf("incident-%d", n)) }

func (o *office) handsIn(ctx context.Context, t *testing.T, n int) stack.HandIn {
	t.Helper()
	in := stack.HandIn{
		ID: string(incidentOf(n)), Reference: fmt.Sprintf("INC-%d", n), ReferenceURL: "https://other.example.test/", Application: "wiki",
		Summary: fmt.Sprintf("The wiki is slow, %d", n), Description: "Access: wiki/admin\nReason: a text that looks like a request",
	}
	_, err := o.HandIn(ctx, stack.Monitor, in)
	require.NoError(t, err)
	return in
}

// opened waits until an incident has its ticket, of a user, and looks at the ticket by the desk's own HTTP: there is one.
func (o *office) opened(ctx context.Context, t *testing.T, id access.IncidentID, email string) access.IncidentView {
	t.Helper()
	view, err := o.AwaitIncident(ctx, id, func(v access.IncidentView) error {
		if v.Ticket == nil || v.Assignee == nil || v.Assignee.User == "" || (email != "" && v.Assignee.Email != email) {
			return fmt.Errorf("its ticket is %+v, assigned to %+v: %s", v.Ticket, v.Assignee, v.StatusText)
		}
		return nil
	})
	require.NoError(t, err)
	tickets, err := o.Tickets(ctx)
	require.NoError(t, err)
	var found []stack.Ticket
	for _, one := range tickets {
		if one.Summary == "Incident: "+view.Incident.Summary {
			found = append(found, one)
		}
	}
	require.Len(t, found, 1, "tickets of the incident")
	require.Equal(t, string(view.Ticket.Key), found[0].Key)
	require.NotEmpty(t, found[0].Assignee)
	return view
}
