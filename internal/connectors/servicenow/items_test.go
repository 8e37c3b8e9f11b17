package servicenow_test

import (
	"cmp"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// newItem is a site with one requested item that usher ordered, the item's only task, and somebody who fulfils.
func newItem(t *testing.T) ordered {
	t.Helper()
	s := newSite(t, items, servicenowtest.Config{})
	fay := s.person(access.Person{ID: "fay", DisplayName: "Fay", Email: "fay@example.test"})
	d := s.desk(t, func(c *servicenow.Config) { c.FulfilledBy = []access.AccountID{fay} })
	id := open(t, d).ID
	return ordered{site: s, desk: d, id: id, task: s.tasks(id)[0].ID, fay: fay}
}

type ordered struct {
	*site
	desk *servicenow.Desk
	id   access.TicketID
	task string
	fay  access.AccountID
}

func (o ordered) read(t *testing.T) access.TicketSnapshot {
	t.Helper()
	got, err := o.desk.ReadTicket(t.Context(), o.id)
	require.NoError(t, err)
	return got
}

func TestOrder_fields(t *testing.T) {
	s := newSite(t, items, servicenowtest.Config{})
	ada := s.person(access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"})
	ref := open(t, s.desk(t, nil))
	item, there := s.Ticket(string(ref.ID))
	require.True(t, there)
	require.Equal(t, "sc_req_item", item.Project)
	require.Equal(t, access.TicketKey(item.Key), ref.Key)
	require.Equal(t, s.url+"/sc_req_item.do?sys_id="+item.ID, ref.URL)
	require.Equal(t, ada, s.nameOf(item.Reporter))
	require.Equal(t, "Wiki editor for Ada", item.Summary)
	require.Equal(t, "Please.", item.Description)
	require.Equal(t, "usher-r1", item.Fields["variables.usher_marker"])
	require.Equal(t, "r1", item.Fields["variables.request_id"])
	require.Equal(t, "because", item.Fields["variables.reason"])
	require.Empty(t, item.Fields["correlation_id"])
}

// TestOrder_without_item: the item of an order may come late, and is found by its variable then.
func TestOrder_without_item(t *testing.T) {
	s := newSite(t, items, servicenowtest.Config{})
	d := s.desk(t, nil)
	s.faults(func(f *servicenowtest.Faults) { f.LateItems = true })
	_, err := d.CreateTicket(t.Context(), ticket())
	requireKind(t, access.Unknown, err)
	require.ErrorContains(t, err, "REQ0000001 is ordered")
	_, err = d.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.NotFound, err)
}

// TestOrder_without_request: whose request it was nobody knows, so nothing is written.
func TestOrder_without_request(t *testing.T) {
	s := newSite(t, items, servicenowtest.Config{})
	d := s.desk(t, nil)
	open(t, d)
	before := len(s.tap.Calls("PATCH "))
	s.tap.AnswerInstead("POST /order_now", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"result":{"number":"REQ0000009"}}`)
	})
	_, err := d.CreateTicket(t.Context(), ticket())
	requireKind(t, access.Unknown, err)
	require.Len(t, s.tap.Calls("PATCH "), before)
}

// TestOrder_then_failure: from the order on nobody may say that nothing was made.
func TestOrder_then_failure(t *testing.T) {
	for name, wire := range map[string]string{"the look for the item": "GET /table/sc_req_item", "the texts": "PATCH "} {
		for _, status := range []int{400, 401, 403, 404, 429, 503} {
			t.Run(name+", "+http.StatusText(status), func(t *testing.T) {
				s := newSite(t, items, servicenowtest.Config{})
				d := s.desk(t, nil)
				_, err := d.Check(t.Context())
				require.NoError(t, err)
				open(t, d)
				s.tap.AnswerInstead(wire, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
				second := ticket()
				second.Marker = "usher-r2"
				_, err = d.CreateTicket(t.Context(), second)
				requireKind(t, access.Unknown, err)
				s.tap.AnswerInstead(wire, nil)
				found, err := d.FindTicket(t.Context(), "usher-r2")
				require.NoError(t, err)
				require.NotEmpty(t, found.ID)
			})
		}
	}
}

// TestOrder_without_variable is the fallback: the marker is in correlation_id, from a moment after the order on.
func TestOrder_without_variable(t *testing.T) {
	s := newSite(t, items, servicenowtest.Config{})
	d := s.desk(t, func(c *servicenow.Config) { c.MarkerVariable = "" })
	ref := open(t, d)
	found, err := d.FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, ref, found)
	item, _ := s.Ticket(string(ref.ID))
	require.Equal(t, "usher-r1", item.Fields["correlation_id"])
	require.Empty(t, item.Fields["variables.usher_marker"])
}

func TestOrder_mandatory_variable(t *testing.T) {
	variables := append(servicenowtest.DefaultVariables(), servicenowtest.Variable{Name: "cost", Label: "Cost centre", Mandatory: true})
	s := newSite(t, items, servicenowtest.Config{Variables: variables})
	_, err := s.desk(t, nil).CreateTicket(t.Context(), ticket())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.now.fields.cost: Cost centre (cost) is required to create a ticket")
	require.Empty(t, s.tap.Calls("POST /order_now"))
}

// TestStanding_of_item: where a requested item stands is what its columns and its tasks say together.
func TestStanding_of_item(t *testing.T) {
	const waiting, working, done, wontDo = access.TicketWaiting, access.TicketWorking, access.TicketDone, access.TicketWontDo
	for name, row := range map[string]struct {
		item  string
		tasks []string
		edit  map[string]any
		phase access.TicketPhase
		text  string
	}{
		"open":                         {"Open", []string{"Open"}, nil, waiting, "Open"},
		"a task in work":               {"Open", []string{"Open", "Work in Progress"}, nil, working, "Open, task Work in Progress"},
		"open, all tasks complete":     {"Open", []string{"Closed Complete"}, nil, waiting, "Open"},
		"complete, with its tasks":     {"Closed Complete", []string{"Closed Complete", "Closed Complete"}, nil, done, "Closed Complete, task Closed Complete"},
		"complete, a task open":        {"Closed Complete", []string{"Closed Complete", "Open"}, nil, working, "Closed Complete, task Open"},
		"complete, a task skipped":     {"Closed Complete", []string{"Closed Complete", "Closed Skipped"}, nil, wontDo, "Closed Complete, task Closed Skipped"},
		"complete, without tasks":      {"Closed Complete", nil, nil, done, "Closed Complete"},
		"incomplete":                   {"Closed Incomplete", []string{"Closed Complete"}, nil, wontDo, "Closed Incomplete"},
		"incomplete, a task so":        {"Closed Incomplete", []string{"Closed Incomplete"}, nil, wontDo, "Closed Incomplete, task Closed Incomplete"},
		"the stage says no":            {"Open", []string{"Open"}, map[string]any{"stage": "Request Cancelled"}, wontDo, "Open, stage Request Cancelled"},
		"the approval says no":         {"Closed Complete", nil, map[string]any{"approval": "rejected"}, access.TicketDenied, "Closed Complete, approval rejected"},
		"not active, stage complete":   {"Open", nil, map[string]any{"stage": "completed", "active": "false"}, done, "Open, stage completed"},
		"not active":                   {"Open", nil, map[string]any{"active": "false"}, access.TicketOther, "Open, not active"},
		"not active, a task not there": {"Work in Progress", []string{"Work in Progress"}, map[string]any{"active": "false"}, working, "Work in Progress, task Work in Progress"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, items, servicenowtest.Config{Tasks: cmp.Or(len(row.tasks), -1), NoFlow: true})
			d := s.desk(t, nil)
			id := open(t, d).ID
			for n, task := range s.tasks(id) {
				if row.tasks[n] != task.Status {
					require.NoError(t, s.MoveAs("system", task.ID, row.tasks[n]))
				}
			}
			if row.item != "Open" {
				require.NoError(t, s.MoveAs("system", string(id), row.item))
			}
			require.NoError(t, s.Edit("system", string(id), row.edit))
			got, err := d.ReadTicket(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, row.phase, got.Phase)
			require.Equal(t, row.text, got.Status)
		})
	}
}

// TestCloser_of_item: the flow closes the item, and who closed the task counts.
func TestCloser_of_item(t *testing.T) {
	o := newItem(t)
	eve := o.person(access.Person{ID: "eve", DisplayName: "Eve", Email: "eve@example.test"})
	require.NoError(t, o.MoveAs(string(o.fay), o.task, "Closed Complete"))
	got := o.read(t)
	require.Equal(t, access.TicketDone, got.Phase)
	require.Equal(t, o.fay, got.StatusChangedBy)
	require.Equal(t, "Fay", got.StatusChangedByName)
	require.True(t, got.StatusChangedByFulfiller)
	item, _ := o.Ticket(string(o.id))
	require.Equal(t, "Closed Complete", item.Status, "by the flow")

	require.NoError(t, o.desk.TransitionTicket(t.Context(), o.id, access.TicketWaiting))
	require.True(t, o.read(t).StatusChangedByUsher)
	later(o.site)
	require.NoError(t, o.MoveAs(string(eve), string(o.id), "Closed Complete"))
	got = o.read(t)
	require.Equal(t, access.TicketDone, got.Phase)
	require.Equal(t, eve, got.StatusChangedBy, "the task was closed before, for another time")
	require.False(t, got.StatusChangedByFulfiller)
}

// TestTasks_hidden: an item is not done because its tasks are out of sight.
func TestTasks_hidden(t *testing.T) {
	o := newItem(t)
	require.NoError(t, o.MoveAs("system", string(o.id), "Closed Complete"))
	o.faults(func(f *servicenowtest.Faults) { f.HiddenTables = []string{"sc_task"} })
	_, err := o.desk.ReadTicket(t.Context(), o.id)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "may not see all rows of the table sc_task")
}

func TestCloser_by_rejection(t *testing.T) {
	o := newItem(t)
	require.NoError(t, o.Edit(string(o.fay), string(o.id), map[string]any{"approval": "rejected"}))
	got := o.read(t)
	require.Equal(t, access.TicketDenied, got.Phase)
	require.Equal(t, o.fay, got.StatusChangedBy)
	requireKind(t, access.Conflict, o.desk.TransitionTicket(t.Context(), o.id, access.TicketWaiting))
}

// TestText_of_variable: a variable that usher filled is the ticket's text as well.
func TestText_of_variable(t *testing.T) {
	o := newItem(t)
	require.Empty(t, o.read(t).TextChangedBy)
	require.NoError(t, o.Edit(string(o.fay), string(o.id), map[string]any{"variables.reason": "another one"}))
	require.Equal(t, o.fay, o.read(t).TextChangedBy)
}

// TestClose_tasks: usher closes the open tasks, and leaves the others as they are.
func TestClose_tasks(t *testing.T) {
	s := newSite(t, items, servicenowtest.Config{Tasks: 3})
	fay := s.person(access.Person{ID: "fay", DisplayName: "Fay", Email: "fay@example.test"})
	d := s.desk(t, nil)
	id := open(t, d).ID
	require.NoError(t, s.MoveAs(string(fay), s.tasks(id)[1].ID, "Closed Complete"))
	require.NoError(t, d.TransitionTicket(t.Context(), id, access.TicketWontDo))
	var states []string
	for _, task := range s.tasks(id) {
		states = append(states, task.Status)
	}
	require.Equal(t, []string{"Closed Incomplete", "Closed Complete", "Closed Incomplete"}, states)
	got, err := d.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, access.TicketWontDo, got.Phase)
	require.True(t, got.StatusChangedByUsher)
}

// TestThreeChains is what people have scripts for: create the ticket, get its status, and update its status from the request.
func TestThreeChains(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s := newSite(t, kind, servicenowtest.Config{})
		h := harnessOf(t, s)
		fay := s.person(access.Person{ID: "fay", DisplayName: "Fay", Email: "fay@example.test"})
		ref := open(t, s.desk(t, nil))
		d := s.desk(t, nil)
		for _, phase := range []access.TicketPhase{access.TicketWaiting, access.TicketWorking, access.TicketDone} {
			if phase != access.TicketWaiting {
				h.MoveAs(fay, ref.ID, phase)
			}
			got, err := d.ReadTicket(t.Context(), ref.ID)
			require.NoError(t, err)
			require.Equal(t, phase, got.Phase)
		}
		other := ticket()
		other.Marker = "usher-r2"
		ref, err := d.CreateTicket(t.Context(), other)
		require.NoError(t, err)
		for _, phase := range []access.TicketPhase{access.TicketApproved, access.TicketWorking, access.TicketDone} {
			require.NoError(t, d.TransitionTicket(t.Context(), ref.ID, phase))
			require.Equal(t, phase, h.Seen(ref.ID).Phase)
		}
	})
}

// later lets the clock of the site go on by more than its grain.
func later(s *site) {
	s.faults(func(f *servicenowtest.Faults) { f.ClockSkewSeconds += 2 * time.Second.Seconds() })
}
