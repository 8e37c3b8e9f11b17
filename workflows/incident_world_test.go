package workflows_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
	"usher/workflows"
)

func (l *faultyLedger) SaveIncident(ctx context.Context, v access.IncidentView, events ...access.DeskEvent) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return access.Errorf(access.Transient, "save an incident", "the database is away")
	}
	return l.Store.SaveIncident(ctx, v, events...)
}

// helpdesk is a world with integration users: two of the group ops, and sam, the fallback.
type helpdesk struct {
	*world
	ids map[string]access.UserID
	// changed counts the changes of the register.
	changed int
}

// fallbackMail is the address of the fallback.
const fallbackMail = "sam@example.test"

func newHelpdesk(t testing.TB, change func(*access.RequestSettings)) *helpdesk {
	t.Helper()
	return staffed(newWorldWith(t, change))
}

// staffed makes a world a helpdesk.
func staffed(w *world) *helpdesk {
	w.t.Helper()
	h := &helpdesk{world: w, ids: map[string]access.UserID{}}
	poll := w.settings.PollInitialInterval
	w.incidents = activities.IncidentSettings{
		Rules: policy.AssignmentRules{
			Rules:    []policy.AssignmentRule{{Applications: []string{"wiki"}, Group: "ops", By: access.RoundRobin}},
			Fallback: fallbackMail,
		},
		Ticket: activities.IncidentReads{SearchDelay: w.settings.SearchIndexDelay, First: poll, Max: w.settings.PollMaxInterval, Recheck: poll},
	}
	h.hire("ops-1", "ops")
	h.hire("ops-2", "ops")
	h.hire("sam")
	w.newRun()
	return h
}

// hire adds a user to the desk and to the register.
func (h *helpdesk) hire(name string, groups ...string) {
	h.t.Helper()
	mail := name + "@example.test"
	account := h.desk.AddAccount(access.Person{ID: access.PersonID(name), DisplayName: name, Email: mail})
	user := h.users.Put(access.DeskUser{Account: account, Active: true, Values: map[string]string{
		access.UserFieldEmail: mail, access.UserFieldName: name, access.UserFieldDisplayName: "The user " + name,
	}})
	h.ids[name] = user.ID
	require.NoError(h.t, h.ledger.SaveIntegrationUser(h.t.Context(), access.IntegrationUser{
		Desk: "jira", ID: user.ID, Account: account, Name: "The user " + name, Email: mail, UserName: name, Groups: groups, AddedBy: "zoe", AddedAt: chainStart,
	}, access.DeskEvent{ID: "hire/" + name, Desk: "jira", User: user.ID, Type: access.DeskUserAdded, At: chainStart}))
}

// account is the desk account of a user.
func (h *helpdesk) account(name string) access.AccountID { return h.registered(name).Account }

func (h *helpdesk) registered(name string) access.IntegrationUser {
	h.t.Helper()
	u, err := h.ledger.IntegrationUser(h.t.Context(), "jira", h.ids[name])
	require.NoError(h.t, err)
	return u
}

// flags has the register say that no ticket is assigned to a user, or that they are again.
func (h *helpdesk) flags(name, why string) {
	h.t.Helper()
	u := h.registered(name)
	u.Flagged = why
	require.NoError(h.t, h.ledger.UpdateIntegrationUser(h.t.Context(), u))
}

// report is an incident of another system about an application.
func (h *helpdesk) report(application string) access.Incident {
	return access.Incident{
		ID: "i1", Caller: "monitor", Evidence: "test", Reference: "INC-7", ReferenceURL: "https://other.example.test/INC-7", Application: application,
		Summary: "The disk is full", Description: "It is.", SubmittedAt: chainStart,
	}
}

// keep runs the workflow of an incident to its end.
func (h *helpdesk) keep(i access.Incident) (access.IncidentView, error) {
	h.t.Helper()
	// One that never ends fails the test, instead of going round for ever.
	const longest = 60 * aDay
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, longest)
	h.env.ExecuteWorkflow(workflows.IncidentTicketType, workflows.IncidentTicketParams{Incident: i})
	require.True(h.t, h.env.IsWorkflowCompleted(), "the incident must end")
	var view access.IncidentView
	err := h.env.GetWorkflowError()
	if err == nil {
		require.NoError(h.t, h.env.GetWorkflowResult(&view))
	}
	return view, err
}

// kept is keep for one that does not fail. What it returns is what the ledger has.
func (h *helpdesk) kept(i access.Incident) access.IncidentView {
	h.t.Helper()
	view, err := h.keep(i)
	require.NoError(h.t, err)
	recorded := h.recorded(i.ID)
	require.Equal(h.t, view.State, recorded.State)
	require.Equal(h.t, view.StatusText, recorded.StatusText)
	require.Equal(h.t, view.Assignee, recorded.Assignee)
	return view
}

func (h *helpdesk) recorded(id access.IncidentID) access.IncidentView {
	h.t.Helper()
	view, err := h.ledger.Incident(h.t.Context(), id)
	require.NoError(h.t, err)
	return view
}

// shown is the incident as the workflow shows it.
func (h *helpdesk) shown() access.IncidentView {
	h.t.Helper()
	value, err := h.env.QueryWorkflow(workflows.QueryIncident)
	require.NoError(h.t, err)
	var v access.IncidentView
	require.NoError(h.t, value.Get(&v))
	return v
}

// closes is a human's closing of the only ticket.
func (h *helpdesk) closes() {
	h.t.Helper()
	require.NoError(h.t, h.desk.MoveAs(h.accounts["ben"], h.ticket().Ref.ID, access.TicketDone))
}

// told are the events of the incident, the first first.
func (h *helpdesk) told(id access.IncidentID) []access.DeskEvent {
	h.t.Helper()
	placed, err := h.ledger.DeskEvents(h.t.Context(), access.DeskEventsQuery{Incident: id, Limit: access.MaxIncidents})
	require.NoError(h.t, err)
	var all []access.DeskEvent
	for _, e := range slices.Backward(placed) {
		all = append(all, e.DeskEvent)
	}
	return all
}

// types are the types of the events of the incident, in their order.
func (h *helpdesk) types(id access.IncidentID) []access.DeskEventType {
	var types []access.DeskEventType
	for _, e := range h.told(id) {
		types = append(types, e.Type)
	}
	return types
}

func comments(t memory.DeskTicket) []string {
	var texts []string
	for _, c := range t.Comments {
		texts = append(texts, c.Text)
	}
	return texts
}

// saidOnce holds that the ticket says nothing more often than it came to pass, as the audit trail has it.
func (h *helpdesk) saidOnce() {
	h.t.Helper()
	var told []string
	for _, e := range h.told("i1") {
		if e.Type == access.DeskIncidentAssigned || e.Type == access.DeskIncidentChanged {
			told = append(told, e.Text)
		}
	}
	for _, text := range comments(h.ticket()) {
		at := slices.IndexFunc(told, func(one string) bool { return strings.Contains(text, one) })
		require.GreaterOrEqual(h.t, at, 0, "said too often: %q; said %q, told %+v", text, comments(h.ticket()), h.told("i1"))
		told = slices.Delete(told, at, at+1)
	}
}

// opens sends the POST of a caller.
func (h *helpdesk) opens(digest string) *answer {
	a := &answer{}
	h.env.UpdateWorkflow(workflows.UpdateOpenIncident, "open/"+digest, &testsuite.TestUpdateCallback{
		OnAccept:   func() {},
		OnReject:   func(err error) { a.rejected, a.done = err, true },
		OnComplete: func(_ any, err error) { a.accepted, a.done = err, true },
	}, workflows.SubmitInput{Digest: digest})
	return a
}

const aDay = 24 * time.Hour
