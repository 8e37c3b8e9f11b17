package servicenow_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// asks uses approvals of ServiceNow, and takes tickets of people in.
func (s *site) asks(c *servicenow.Config) {
	s.takesIn(c)
	c.Approvals = true
}

// approvalStates are the states of the fake's approvals.
func approvalStates() map[string]access.ApprovalState {
	return map[string]access.ApprovalState{
		"requested": access.ApprovalRequested, "approved": access.ApprovalApproved, "rejected": access.ApprovalDenied,
		"not_required": access.ApprovalNotRequired,
	}
}

// approvals are those that usher has opened for an account, oldest first.
func (s *site) approvals(id access.TicketID, asked access.AccountID) []desktest.Snapshot {
	var out []desktest.Snapshot
	for _, one := range s.Tickets() {
		usher := one.Creator == servicenowtest.AccountID(servicenowtest.DefaultUser)
		if usher && one.Project == "sysapproval_approver" && one.Parent == string(id) && s.nameOf(one.Fields["approver"]) == asked {
			out = append(out, one)
		}
	}
	return out
}

// answer answers an approval as an account's human does.
func (s *site) answer(t *testing.T, by access.AccountID, approval string, state access.ApprovalState) {
	t.Helper()
	for name, one := range approvalStates() {
		if one == state {
			require.NoError(t, s.MoveAs(string(by), approval, name))
		}
	}
}

// asked is a site with a ticket about which two people are asked.
type asked struct {
	*site
	desk      *servicenow.Desk
	id        access.TicketID
	mia, olga access.AccountID
	// ids are the desk's own of the approvals, by ticket and key.
	ids map[string]string
}

func newAsked(t *testing.T, kind kindOfTicket) asked {
	t.Helper()
	a := newUnasked(t, kind)
	require.NoError(t, a.ask(t, 1))
	return a
}

// newUnasked is newAsked before anybody is asked.
func newUnasked(t *testing.T, kind kindOfTicket) asked {
	t.Helper()
	s := newSite(t, kind, servicenowtest.Config{})
	a := asked{site: s, desk: s.desk(t, s.asks), ids: map[string]string{}}
	a.mia, a.olga = s.person(access.Person{ID: "mia", DisplayName: "Mia"}), s.person(access.Person{ID: "olga"})
	a.id = open(t, a.desk).ID
	return a
}

// ask asks both, mia for a round.
func (a asked) ask(t *testing.T, round int) error {
	t.Helper()
	what := access.DeskApprovals{Summary: "Wiki editor", Body: "Please.\n[code]<b>[/code]"}
	for n := range round {
		what.All = append(what.All, access.DeskApproval{Key: fmt.Sprint("mia ", n+1), Approver: a.mia, State: access.ApprovalRequested})
	}
	what.All = append(what.All, access.DeskApproval{Key: "olga", Approver: a.olga, State: access.ApprovalRequested})
	for n, one := range what.All {
		what.All[n].ID = a.ids[string(a.id)+one.Key]
	}
	ids, err := a.desk.SetApprovals(t.Context(), a.id, what)
	for key, id := range ids {
		a.ids[string(a.id)+key] = id
	}
	return err
}

// row is the approval of an account.
func (a asked) row(account access.AccountID) string { return a.approvals(a.id, account)[0].ID }

func TestRequestApproval_written(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		a := newAsked(t, kind)
		calls := a.tap.Calls("POST /sysapproval_approver")
		require.Len(t, calls, 2)
		var body map[string]string
		require.NoError(t, json.Unmarshal([]byte(calls[0].Body), &body))
		require.Equal(t, map[string]string{
			"sysapproval": string(a.id), "document_id": string(a.id), "approver": servicenowtest.AccountID(string(a.mia)), "state": "requested",
			"source_table": map[kindOfTicket]string{incidents: "incident", items: "sc_req_item"}[kind],
			"comments":     "Wiki editor\n\nPlease.\n[ code]<b>[ /code]",
		}, body)
	})
}

// TestApproval_rolled_up: the answer of anybody changes the ticket too, and counts once: as an answer.
func TestApproval_rolled_up(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		a := newAsked(t, kind)
		eve := a.person(access.Person{ID: "eve"})
		a.answer(t, a.mia, a.row(a.mia), access.ApprovalApproved)
		a.answer(t, eve, a.row(a.olga), access.ApprovalDenied)
		one, _ := a.Ticket(string(a.id))
		require.Equal(t, "rejected", one.Fields["approval"])
		got, err := a.desk.ReadTicket(t.Context(), a.id)
		require.NoError(t, err)
		require.Equal(t, access.TicketWaiting, got.Phase)
		require.Empty(t, got.StatusChangedBy)
		require.Len(t, got.DecisionMoves, 2)
		require.ElementsMatch(t, []string{"Mia", string(eve)}, []string{got.DecisionMoves[0].ByName, got.DecisionMoves[1].ByName})
		require.NoError(t, a.desk.TransitionTicket(t.Context(), a.id, access.TicketWontDo))
		got, err = a.desk.ReadTicket(t.Context(), a.id)
		require.NoError(t, err)
		require.Equal(t, access.TicketWontDo, got.Phase)
		require.True(t, got.StatusChangedByUsher)
	})
}

// TestApproval_touched: what happens to an approval after its answer makes no other answer of it, where that can be known.
func TestApproval_touched(t *testing.T) {
	a := newAsked(t, incidents)
	eve := a.person(access.Person{ID: "eve"})
	a.answer(t, a.mia, a.row(a.mia), access.ApprovalApproved)
	before, err := a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	later(a.site)
	require.NoError(t, a.Edit(string(eve), a.row(a.mia), map[string]any{"document_id": "another"}))
	after, err := a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	require.Equal(t, before.DecisionMoves, after.DecisionMoves)
	a.faults(func(f *servicenowtest.Faults) { f.UnauditedTables = []string{"sysapproval_approver"} })
	after, err = a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	require.Empty(t, after.DecisionMoves, "its audit may come")
	a.faults(func(f *servicenowtest.Faults) { f.ClockSkewSeconds = -3600 })
	require.NoError(t, a.Edit(string(eve), a.row(a.mia), map[string]any{"document_id": "a third"}))
	after, err = a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	require.Empty(t, after.DecisionMoves[0].By, "who has given the answer is not known")
}

// TestApproval_of_others: what a flow has asked is told, and is no question of usher's. Its other states are no answers.
func TestApproval_of_others(t *testing.T) {
	a := newAsked(t, items)
	flow := a.person(access.Person{ID: "flow"})
	for _, state := range []string{"rejected", "not requested", "cancelled", "duplicate", "u_own"} {
		a.send(t, string(flow), "POST", "/api/now/table/sysapproval_approver?sysparm_display_value=false", `{"sysapproval":"`+string(a.id)+
			`","approver":"`+servicenowtest.AccountID(string(a.mia))+`","state":"`+state+`"}`)
	}
	got, err := a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	require.Len(t, got.DecisionMoves, 1)
	require.Equal(t, a.mia, got.DecisionMoves[0].Asked)
	require.Equal(t, flow, got.DecisionMoves[0].By)
	require.NotContains(t, a.ids, got.DecisionMoves[0].Approval)
	require.Equal(t, access.TicketDenied, got.DecisionMoves[0].Phase)
}

// TestApprovalsChanged_alone: an answer that changes no ticket is found, also on a ticket that a person has opened.
func TestApprovalsChanged_alone(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		a := newAsked(t, kind)
		a.faults(func(f *servicenowtest.Faults) { f.NoRollUp = true })
		account := a.person(access.Person{ID: "p-ada"})
		bound := a.site.ask(t, account, plea())
		_, err := a.desk.BindTicket(t.Context(), bound, account, "usher-now.1:0123456789abcdef")
		require.NoError(t, err)
		first := a.id
		a.id = bound
		require.NoError(t, a.ask(t, 1))
		strange := harnessOf(t, a.site).OpenAs(account)
		a.send(t, string(account), "POST", "/api/now/table/sysapproval_approver?sysparm_display_value=false", `{"sysapproval":"`+string(strange)+`"}`)
		a.faults(func(f *servicenowtest.Faults) { f.ClockSkewSeconds += 60 })
		page, err := a.desk.ChangedTickets(t.Context(), access.ChangesQuery{Limit: 1})
		require.NoError(t, err)
		for _, id := range []access.TicketID{first, bound} {
			a.id = id
			a.answer(t, a.mia, a.row(a.mia), access.ApprovalApproved)
		}
		page, err = a.desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: page.Now, Limit: 100})
		require.NoError(t, err)
		var told []access.TicketID
		for _, one := range page.Tickets {
			require.True(t, one.UpdatedAt.Before(page.Now.Add(-30*time.Second)))
			require.Len(t, one.DecisionMoves, 1)
			told = append(told, one.Ref.ID)
		}
		require.ElementsMatch(t, []access.TicketID{first, bound}, told)
	})
}

// TestApprovalsChanged_query_ignored: what ServiceNow leaves out of a query is found out.
func TestApprovalsChanged_query_ignored(t *testing.T) {
	for _, field := range []string{"sysapproval.sys_created_by", "sysapproval.correlation_id"} {
		a := newAsked(t, incidents)
		_, err := a.desk.ChangedTickets(t.Context(), hourAgo())
		require.NoError(t, err)
		a.id = open(t, a.desk).ID
		require.NoError(t, a.ask(t, 1))
		a.faults(func(f *servicenowtest.Faults) { f.IgnoredConditions = []string{field} })
		_, err = a.desk.ChangedTickets(t.Context(), hourAgo())
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, field)
	}
}

// TestApprovals_hidden: what usher's account does not see is not taken for nothing, so that nobody is asked again and again.
func TestApprovals_hidden(t *testing.T) {
	for name, fault := range map[string]servicenowtest.Faults{
		"no right":             {ForbiddenTables: []string{"sysapproval_approver"}},
		"may not see all rows": {HiddenTables: []string{"sysapproval_approver"}},
		"may not read the field approver.user_name":       {HiddenFields: []string{"approver.user_name"}},
		"may not read the field sys_updated_by":           {HiddenFields: []string{"sys_updated_by"}},
		"ignored the condition on the field sysapproval ": {IgnoredConditions: []string{"sysapproval"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsked(t, incidents)
			if fault.IgnoredConditions != nil {
				a.id = open(t, a.desk).ID // It has no rows of its own.
			}
			a.SetFaults(fault)
			before := len(a.tap.Calls("POST /sysapproval_approver"))
			requireKind(t, access.Forbidden, a.ask(t, 1))
			_, err := a.desk.ReadTicket(t.Context(), a.id)
			requireKind(t, access.Forbidden, err)
			if fault.ForbiddenTables == nil {
				require.ErrorContains(t, err, name)
			}
			require.Len(t, a.tap.Calls("POST /sysapproval_approver"), before)
		})
	}
}

// TestRequestApproval_not_kept: what ServiceNow does not keep is not written again and again.
func TestRequestApproval_not_kept(t *testing.T) {
	for _, field := range []string{"approver", "sysapproval", "sys_created_by"} {
		a := newUnasked(t, incidents)
		a.faults(func(f *servicenowtest.Faults) { f.ReadOnlyFields = []string{field} })
		if field == "sys_created_by" {
			a.tap.AnswerInstead("POST /sysapproval_approver", asSomebodyElse(a.Server))
		}
		requireKind(t, access.Forbidden, a.ask(t, 1))
		require.ErrorContains(t, a.ask(t, 1), "desks.now.approvals")
		require.Len(t, a.tap.Calls("POST /sysapproval_approver"), 1)
	}
}

// asSomebodyElse has a fake answer as if somebody else than usher had written.
func asSomebodyElse(fake http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		fake.ServeHTTP(answer, r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.ReplaceAll(answer.Body.String(), `:"`+servicenowtest.DefaultUser+`"`, `:"somebody"`))
	}
}

// TestRequestApproval_refused: nobody is asked a second time because a rule has not let the first question be one.
func TestRequestApproval_refused(t *testing.T) {
	a := newUnasked(t, incidents)
	a.faults(func(f *servicenowtest.Faults) { f.FrozenStates = true })
	for range 2 {
		err := a.ask(t, 1)
		requireKind(t, access.Conflict, err)
		require.ErrorContains(t, err, `did not let the approval become "requested"`)
	}
	require.Len(t, a.tap.Calls("POST /sysapproval_approver"), 2, "one for each account")
	a = newUnasked(t, incidents)
	a.tap.AnswerInstead("POST /sysapproval_approver", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	requireKind(t, access.Conflict, a.ask(t, 1))
}

// TestSetApproval_refused: a rule that undoes a state, or refuses it, is a conflict. A ticket that is not there is not found, and an
// approval that is not is looked for again.
func TestSetApproval_refused(t *testing.T) {
	a := newAsked(t, incidents)
	over := access.DeskApprovals{All: []access.DeskApproval{{
		Key: "mia 1", ID: a.row(a.mia), Approver: a.mia, State: access.ApprovalNotRequired,
	}, {Key: "olga", ID: a.row(a.olga), Approver: a.olga, State: access.ApprovalRequested}}}
	set := func() error {
		_, err := a.desk.SetApprovals(t.Context(), a.id, over)
		return err
	}
	for _, fault := range []servicenowtest.Faults{{FrozenStates: true}, {AbortedUpdates: true}} {
		a.SetFaults(fault)
		err := set()
		requireKind(t, access.Conflict, err)
		require.ErrorContains(t, err, string(a.mia))
	}
	a.SetFaults(servicenowtest.Faults{})
	a.tap.AnswerInstead("PATCH /"+a.row(a.mia), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	requireKind(t, access.Transient, set())
	a.id = access.TicketID(strings.Repeat("0", 32))
	requireKind(t, access.NotFound, a.ask(t, 1))
}

// TestAttackApprovals_forged: on an instance that is not hardened, whoever may write an approval can write the approver into it.
func TestAttackApprovals_forged(t *testing.T) {
	a := newAsked(t, incidents)
	eve := a.person(access.Person{ID: "eve"})
	forge := func() {
		a.send(t, string(eve), "PATCH", "/api/now/table/sysapproval_approver/"+a.row(a.mia)+"?sysparm_display_value=false",
			`{"state":"approved","sys_updated_by":"`+string(a.mia)+`"}`)
	}
	forge()
	got, err := a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	require.Equal(t, eve, got.DecisionMoves[0].By)
	a.faults(func(f *servicenowtest.Faults) { f.WritableCreators = true })
	forge()
	_, err = a.desk.ReadTicket(t.Context(), a.id)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "desks.now.approvals: expected the system property glide.rest.table_api.admin_only_sys_fields")
	a.id = open(t, a.desk).ID
	requireKind(t, access.Forbidden, a.ask(t, 1))
	require.Empty(t, a.approvals(a.id, a.mia), "nobody is asked whose answer would not be believed")
}

// TestApprovals_check: a right that is missing, and accounts that can be forged, are findings.
func TestApprovals_check(t *testing.T) {
	for name, row := range map[string]struct {
		fault servicenowtest.Faults
		says  string
	}{
		"all is well":     {},
		"no right":        {servicenowtest.Faults{ForbiddenTables: []string{"sysapproval_approver"}}, "sysapproval_approver"},
		"no rows":         {servicenowtest.Faults{HiddenTables: []string{"sysapproval_approver"}}, "no row is shown"},
		"no field":        {servicenowtest.Faults{HiddenFields: []string{"approver.user_name"}}, "approver.user_name"},
		"forged accounts": {servicenowtest.Faults{WritableCreators: true}, "admin_only_sys_fields"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsked(t, incidents)
			a.SetFaults(row.fault)
			findings, err := a.site.desk(t, func(c *servicenow.Config) { c.Approvals = true }).Check(t.Context())
			require.NoError(t, err)
			if row.says == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Equal(t, "desks.now.approvals", findings[0].Key)
			require.Contains(t, findings[0].Problem, row.says)
		})
	}
}

func TestApprovals_last_updater(t *testing.T) {
	s := newSite(t, incidents, servicenowtest.Config{})
	c := s.config()
	c.Approvals, c.History = true, servicenow.HistoryLastUpdater
	require.ErrorContains(t, c.Validate(), "history: expected audit beside approvals")
}
