package workflows_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// changes runs one change of the register, an hour after the one before.
func (h *helpdesk) changes(p workflows.IntegrationUsersParams) (workflows.IntegrationUsersResult, error) {
	h.t.Helper()
	p.Desk, p.By, p.Evidence = "jira", "zoe", "test"
	h.newRun()
	h.env.SetStartTime(h.env.Now().Add(time.Hour))
	h.changed++
	h.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.IntegrationUsersWorkflowID("jira", strconv.Itoa(h.changed)), TaskQueue: workflows.TaskQueue})
	h.env.ExecuteWorkflow(workflows.IntegrationUsersType, p)
	require.True(h.t, h.env.IsWorkflowCompleted())
	var result workflows.IntegrationUsersResult
	err := h.env.GetWorkflowError()
	if err == nil {
		require.NoError(h.t, h.env.GetWorkflowResult(&result))
	}
	return result, err
}

func (h *helpdesk) adds(mail string, groups ...string) workflows.IntegrationUsersResult {
	h.t.Helper()
	result, err := h.changes(workflows.IntegrationUsersParams{Add: &workflows.AddIntegrationUserInput{Email: mail, Groups: groups}})
	require.NoError(h.t, err)
	return result
}

// joins adds a user to the desk, and not to the register.
func (h *helpdesk) joins(name, mail string, active bool) access.DeskUser {
	account := h.desk.AddAccount(access.Person{ID: access.PersonID(name), DisplayName: name, Email: mail})
	return h.users.Put(access.DeskUser{Account: account, Active: active, Values: map[string]string{
		access.UserFieldEmail: mail, access.UserFieldName: name, access.UserFieldDisplayName: "The user " + name,
	}})
}

func (h *helpdesk) registerEvents() []access.DeskEvent {
	h.t.Helper()
	placed, err := h.ledger.DeskEvents(h.t.Context(), access.DeskEventsQuery{Desk: "jira", Limit: access.MaxIncidents})
	require.NoError(h.t, err)
	var all []access.DeskEvent
	for _, e := range slices.Backward(placed) {
		if !strings.HasPrefix(e.ID, "hire/") {
			all = append(all, e.DeskEvent)
		}
	}
	return all
}

// TestIntegrationUsers_add: a user is found by the address, and shown with what the desk says; nothing is registered by a dry run, and the same again
// changes nothing.
func TestIntegrationUsers_add(t *testing.T) {
	h := newHelpdesk(t, nil)
	user := h.joins("kim", "kim@example.test", true)
	dry, err := h.changes(workflows.IntegrationUsersParams{Add: &workflows.AddIntegrationUserInput{Email: "KIM@example.test", Dry: true}})
	require.NoError(t, err)
	require.Equal(t, "kim", dry.User.UserName)
	require.False(t, dry.Added)
	_, err = h.ledger.IntegrationUser(t.Context(), "jira", user.ID)
	require.True(t, access.IsKind(err, access.NotFound))
	require.Empty(t, h.registerEvents())

	added := h.adds("KIM@example.test", "ops", "night", "ops")
	require.True(t, added.Added)
	found, err := h.ledger.IntegrationUser(t.Context(), "jira", user.ID)
	require.NoError(t, err)
	require.Equal(t, access.IntegrationUser{
		Desk: "jira", ID: user.ID, Account: user.Account, Name: "The user kim", Email: "kim@example.test", UserName: "kim", Integration: "memory",
		Tenant: "https://desk.example.test", Groups: []string{"night", "ops"}, AddedBy: "zoe", AddedAt: found.AddedAt, CheckedAt: found.CheckedAt,
	}, found)
	require.False(t, h.adds("kim@example.test", "night", "ops").Added)
	require.True(t, h.adds("kim@example.test", "ops").Added, "other groups")
	events := h.registerEvents()
	require.Len(t, events, 2)
	require.Equal(t, access.PersonID("zoe"), events[0].Actor)
	require.Equal(t, "The user kim (kim@example.test) was added to the integration users, groups night, ops.", events[0].Text)
}

// TestIntegrationUsers_refused: who is unknown, ambiguous or switched off is not registered.
func TestIntegrationUsers_refused(t *testing.T) {
	for name, row := range map[string]struct {
		prepare func(*helpdesk)
		kind    access.Kind
		says    string
	}{
		"unknown":      {nil, access.NotFound, `the desk "jira" shows no user with the address "kim@example.test"`},
		"switched off": {func(h *helpdesk) { h.joins("kim", "kim@example.test", false) }, access.Conflict, `the user "kim" of the desk "jira" is switched off`},
		"another one's address, which only looks alike": {
			func(h *helpdesk) { h.joins("eve", "\u212aim@example.test", true) }, access.NotFound, `the desk "jira" shows no user with the address "kim@example.test"`,
		},
		"ambiguous": {
			func(h *helpdesk) {
				h.joins("kim", "kim@example.test", true)
				h.joins("kim-2", "Kim@example.test", true)
			}, access.Conflict,
			`the desk "jira" has 2 users with the address "kim@example.test", expected one: kim, kim-2`,
		},
		"ambiguous though one is off": {
			func(h *helpdesk) {
				h.joins("kim", "kim@example.test", true)
				h.joins("kim-2", "kim@example.test", false)
			}, access.Conflict, "2 users",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			if row.prepare != nil {
				row.prepare(h)
			}
			result := h.adds("kim@example.test")
			require.Nil(t, result.User)
			require.Equal(t, row.kind, result.Kind)
			require.Len(t, result.Refusals, 1)
			require.Equal(t, "email", result.Refusals[0].Field)
			require.Contains(t, result.Refusals[0].Problem, row.says)
			require.Empty(t, h.registerEvents())
		})
	}
}

// hears takes the signals to incidents.
func (h *helpdesk) hears() *[]string {
	told := &[]string{}
	h.heard = func(workflowID, signal string, _ any) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		*told = append(*told, workflowID+" "+signal)
		return nil
	}
	return told
}

// has records an open incident of a user.
func (h *helpdesk) has(id access.IncidentID, name string) {
	h.t.Helper()
	require.NoError(h.t, h.ledger.SaveIncident(h.t.Context(), access.IncidentView{
		Incident: access.Incident{ID: id, Caller: "monitor"}, State: access.IncidentOpen, Desk: "jira", Version: 1,
		Ticket: &access.TicketRef{Desk: "jira", ID: access.TicketID("t-" + string(id))}, Assignee: &access.IncidentAssignee{User: h.ids[name]},
	}))
}

// TestIntegrationUsers_check: who is switched off or gone is flagged, and the incidents are notified at each check; who is back is available again; a
// user who cannot be read stays as they are.
func TestIntegrationUsers_check(t *testing.T) {
	h := newHelpdesk(t, nil)
	told := h.hears()
	h.has("i1", "ops-1")
	h.has("i2", "ops-2")
	h.has("i3", "sam")
	switchOff := func(name string, active bool) {
		user, err := h.users.ReadUser(t.Context(), h.ids[name])
		require.NoError(t, err)
		user.Active = active
		h.users.Put(user)
	}
	check := func(want workflows.IntegrationUsersResult, wanted ...string) {
		t.Helper()
		*told = nil
		got, err := h.changes(workflows.IntegrationUsersParams{})
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.ElementsMatch(t, wanted, *told)
	}
	check(workflows.IntegrationUsersResult{Checked: 3})
	switchOff("ops-1", false)
	h.users.Remove(h.ids["ops-2"])
	two := []string{"incident/i1 assignee", "incident/i2 assignee"}
	check(workflows.IntegrationUsersResult{Checked: 3, Flagged: 2, Notified: 2}, two...)
	since := h.registered("ops-1").FlaggedAt
	check(workflows.IntegrationUsersResult{Checked: 3, Flagged: 2, Notified: 2}, two...)
	require.Equal(t, "the desk has switched the user off", h.registered("ops-1").Flagged)
	require.Equal(t, since, h.registered("ops-1").FlaggedAt)
	require.Equal(t, "the desk has no such user any more", h.registered("ops-2").Flagged)

	switchOff("ops-1", true)
	h.users.FailNext(memory.OpReadUser, access.Errorf(access.Invalid, "read", "odd"), nil, nil)
	check(workflows.IntegrationUsersResult{Checked: 2, Flagged: 1, Unread: 1, Notified: 2}, two...)
	check(workflows.IntegrationUsersResult{Checked: 3, Flagged: 1, Notified: 1}, two[1])
	require.Empty(t, h.registered("ops-1").Flagged)
	var texts []string
	for _, e := range h.registerEvents() {
		texts = append(texts, e.Text)
	}
	require.Equal(t, []string{
		"No ticket is assigned to The user ops-1 (ops-1@example.test): the desk has switched the user off.",
		"No ticket is assigned to The user ops-2 (ops-2@example.test): the desk has no such user any more.",
		"Tickets can be assigned to The user ops-1 (ops-1@example.test) again.",
	}, texts)
}

// TestIntegrationUsers_check_away: a desk that is away flags nobody, and the run fails; the incidents of who was flagged before are told even so.
func TestIntegrationUsers_check_away(t *testing.T) {
	h := newHelpdesk(t, nil)
	told := h.hears()
	h.has("i1", "ops-1")
	h.flags("ops-1", "off")
	for range 40 {
		h.users.FailNext(memory.OpReadUser, access.Errorf(access.Transient, "read", "the desk is away"))
	}
	_, err := h.changes(workflows.IntegrationUsersParams{})
	require.ErrorContains(t, err, "the desk is away")
	require.Empty(t, h.registered("ops-2").Flagged)
	require.Equal(t, []string{"incident/i1 assignee"}, *told)
}

// TestIntegrationUsers_remove: who is removed is assigned nothing more, and the open tickets are assigned anew, unless configured otherwise.
func TestIntegrationUsers_remove(t *testing.T) {
	for _, keep := range []bool{false, true} {
		h := newHelpdesk(t, nil)
		told := h.hears()
		h.incidents.KeepAssignee = keep
		h.has("i1", "ops-1")
		id := h.ids["ops-1"]
		remove := workflows.IntegrationUsersParams{Remove: &workflows.RemoveIntegrationUserInput{User: id}, Reason: "she has another job"}
		got, err := h.changes(remove)
		require.NoError(t, err)
		require.Equal(t, id, got.User.ID)
		_, err = h.ledger.IntegrationUser(t.Context(), "jira", id)
		require.True(t, access.IsKind(err, access.NotFound))
		require.Equal(t, !keep, len(*told) == 1)
		require.Equal(t, "The user ops-1 (ops-1@example.test) was removed from the integration users: she has another job.", h.registerEvents()[0].Text)
		again, err := h.changes(remove)
		require.NoError(t, err)
		require.Equal(t, access.NotFound, again.Kind)
	}
}
