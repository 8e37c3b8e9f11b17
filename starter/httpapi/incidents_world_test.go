package httpapi_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
	"usher/workflows"
)

// incidentGateway is what of a fakeGateway is about incidents and integration users.
type incidentGateway struct {
	handedIn    []access.Incident
	answer      gateway.IncidentSubmission
	incidentErr error
	running     *access.IncidentView
	changes     []workflows.IntegrationUsersParams
	changeIDs   []string
	change      workflows.IntegrationUsersResult
	unlinks     []workflows.UnlinkParams
	link        access.DeskLink
}

func (g *incidentGateway) Unlink(_ context.Context, id string, p workflows.UnlinkParams) (access.DeskLink, error) {
	g.changeIDs, g.unlinks = append(g.changeIDs, id), append(g.unlinks, p)
	return g.link, g.incidentErr
}

func (g *incidentGateway) SubmitIncident(_ context.Context, i access.Incident) (gateway.IncidentSubmission, error) {
	g.handedIn = append(g.handedIn, i)
	answer := g.answer
	if answer.View.Incident.ID == "" {
		answer.View.Incident = i
	}
	return answer, g.incidentErr
}

func (g *incidentGateway) Incident(_ context.Context, id access.IncidentID) (access.IncidentView, error) {
	if g.running == nil || g.running.Incident.ID != id {
		return access.IncidentView{}, access.Errorf(access.NotFound, "read incident", "there is no such incident")
	}
	return *g.running, nil
}

func (g *incidentGateway) ChangeIntegrationUsers(
	_ context.Context, id string, p workflows.IntegrationUsersParams,
) (workflows.IntegrationUsersResult, error) {
	g.changeIDs, g.changes = append(g.changeIDs, id), append(g.changes, p)
	return g.change, g.incidentErr
}

// incidentLedger is a ledger that has these incidents, users and events; it keeps what it was asked last.
type incidentLedger struct {
	httpapi.Ledger
	incidents []access.IncidentView
	users     []access.IntegrationUser
	events    []access.PlacedDeskEvent
	asked     access.IncidentsQuery
	askedFor  access.DeskEventsQuery
}

func (l *incidentLedger) IntegrationUsers(_ context.Context, q access.IntegrationUsersQuery) ([]access.IntegrationUser, error) {
	var page []access.IntegrationUser
	for _, u := range l.users {
		behind := u.Desk > q.AfterDesk || u.Desk == q.AfterDesk && u.ID > q.After
		if behind && (q.Desk == "" || u.Desk == q.Desk) && len(page) < q.Limit {
			page = append(page, u)
		}
	}
	return page, nil
}

func (l *incidentLedger) Incident(_ context.Context, id access.IncidentID) (access.IncidentView, error) {
	i := slices.IndexFunc(l.incidents, func(v access.IncidentView) bool { return v.Incident.ID == id })
	if i < 0 {
		return access.IncidentView{}, access.Errorf(access.NotFound, "read incident", "there is no such incident")
	}
	return l.incidents[i], nil
}

func (l *incidentLedger) Incidents(_ context.Context, q access.IncidentsQuery) ([]access.IncidentView, error) {
	l.asked = q
	var page []access.IncidentView
	for _, v := range l.incidents {
		fits := (q.Caller == "" || v.Incident.Caller == q.Caller) && (q.Before.IsZero() || v.Incident.SubmittedAt.Before(q.Before))
		if fits && len(page) < q.Limit {
			page = append(page, v)
		}
	}
	return page, nil
}

func (l *incidentLedger) DeskEvents(_ context.Context, q access.DeskEventsQuery) ([]access.PlacedDeskEvent, error) {
	l.askedFor = q
	return l.events[:min(len(l.events), q.Limit)], nil
}

var incidentDay = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

// incidentWorld has two incidents of scanner's, the last first, and two integration users. Prober hands in incidents too.
func incidentWorld(t *testing.T) (*world, *incidentLedger) {
	t.Helper()
	var ledger *incidentLedger
	w := newWorld(t, func(c *httpapi.Config, d *httpapi.Deps) {
		c.TicketCallers = []access.PersonID{"scanner", "prober"}
		ledger = &incidentLedger{Ledger: d.Ledger}
		d.Ledger = ledger
	})
	for i, id := range []access.IncidentID{"i2", "i1"} {
		at := incidentDay.Add(-time.Duration(i) * time.Hour)
		ledger.incidents = append(ledger.incidents, access.IncidentView{
			Incident: access.Incident{
				ID: id, Caller: "scanner", Evidence: "development header", Reference: "CVE-1", Summary: "a secret of the scanner", SubmittedAt: at,
			},
			State: access.IncidentOpen, Since: at, Desk: "jira", Version: 2,
			Assignee: &access.IncidentAssignee{User: "u1", Name: "Ana", Why: "has the fewest open tickets"},
		})
	}
	for _, id := range []access.UserID{"u1", "u2"} {
		ledger.users = append(ledger.users, access.IntegrationUser{
			Desk: "jira", ID: id, Account: access.AccountID("acc-" + id), Name: "Ana", Email: "ana@example.com", Integration: "jira", AddedBy: "adam",
		})
	}
	for _, place := range []int64{9, 7} {
		ledger.events = append(ledger.events, access.PlacedDeskEvent{Place: place, DeskEvent: access.DeskEvent{
			ID: "e", Desk: "jira", Incident: "i1", Type: access.DeskIncidentTaken, At: incidentDay, Actor: "scanner",
			Evidence: "development header", Text: "scanner handed it in.",
		}})
	}
	return w, ledger
}
