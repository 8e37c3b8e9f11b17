package servicenowtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

func (s *Server) insert(c *call) *fakewire.Answer {
	name := c.PathValue("table")
	switch name {
	case userTable:
		return s.insertUser(c)
	case memberTable:
		return s.insertMember(c)
	}
	_, known := s.store.Project(name)
	if refused := s.refusesTable(name, known); refused != nil {
		return refused
	}
	t := &desktest.Ticket{Project: name}
	if refused := s.apply(c, t); refused != nil {
		return refused
	}
	if s.faults.ContactType != nil {
		t.SetField("contact_type", desktest.Quote(s.contactType()))
	}
	if err := s.store.Open(t, c.account); err != nil {
		return broken(err)
	}
	a := ok(http.StatusCreated, s.render(c, s.recordOf(t)))
	a.Set("Location", fmt.Sprintf("http://%s/api/now/table/%s/%s", c.Host, name, t.ID))
	return a
}

func (s *Server) update(c *call) *fakewire.Answer {
	if c.PathValue("table") == userTable {
		return s.updateUser(c)
	}
	before, refused := s.find(c)
	switch {
	case refused != nil:
		return refused
	case s.store.ReadOnly(before):
		return refuse(http.StatusForbidden, "Operation Failed", "ACL Exception Update Failed due to security constraints")
	case s.faults.AbortedUpdates:
		return refuse(http.StatusForbidden, "Operation Failed", fmt.Sprintf("Operation against file '%s' was aborted by Business Rule 'Freeze^%s'."+
			" Business Rule Stack:Freeze", before.Project, idOf(3)))
	}
	after := before.Clone()
	if refused := s.apply(c, after); refused != nil {
		return refused
	}
	kind := desktest.EventEdited
	if before.Status != after.Status {
		kind = desktest.EventMoved
	}
	err := s.store.Change(before, after, c.account, kind)
	if err == nil && after.Revision == before.Revision && len(after.Comments) > len(before.Comments) {
		err = s.store.Touch(after, c.account) // An entry of the journal is no change of a field.
	}
	if err != nil {
		return broken(err)
	}
	now, _ := s.store.Find(after.ID)
	return ok(http.StatusOK, s.render(c, s.recordOf(now)))
}

// broken is the answer where the state file cannot be written.
func broken(err error) *fakewire.Answer {
	return refuse(http.StatusInternalServerError, err.Error(), "")
}

// apply writes the body of a call into a record that is not committed yet. What is unknown or read-only is ignored.
func (s *Server) apply(c *call, t *desktest.Ticket) *fakewire.Answer {
	var in map[string]any
	if err := json.Unmarshal(c.Body, &in); err != nil {
		return refuse(http.StatusBadRequest, "Exception while reading request", "Cannot decode the body")
	}
	p := s.store.ProjectOf(t)
	for field, raw := range in {
		value := fmt.Sprint(raw)
		if slices.Contains(s.faults.ReadOnlyFields, field) {
			continue
		}
		switch field {
		case "short_description":
			t.Summary = cut(value, 160)
		case "description":
			t.Description = desktest.Quote(cut(value, 4000))
		case "assigned_to":
			t.Assignee = value
		case "caller_id", "requested_for":
			t.Reporter = value
		case "comments", "work_notes":
			if value != "" {
				s.store.AppendComment(t, desktest.Comment{Body: desktest.Quote(cut(value, 4000)), Internal: field == "work_notes"}, c.account)
			}
		case "state":
			if to := p.Status(value); to.ID != "" && !s.faults.FrozenStates {
				s.store.Enter(t, desktest.Transition{To: to.Name})
			}
		default:
			s.applyOther(t, p, field, value)
		}
	}
	return s.policy(t)
}

// applyOther writes a column that is neither text nor state. sys_created_by, and sys_updated_by of an approval, are everybody's to write on an
// instance that is not hardened.
func (s *Server) applyOther(t *desktest.Ticket, p *desktest.Project, field, value string) {
	if a := s.store.AccountBy(desktest.ByName, value); field == "sys_created_by" && a != nil && s.faults.WritableCreators {
		t.Creator = a.ID
	}
	if field == "sysapproval" {
		t.Parent = value
	}
	if _, known := p.Field(field); known && (field != changer || s.faults.WritableCreators) {
		t.SetField(field, desktest.Quote(value))
	}
}

// cut shortens a text to what a column holds, without a word.
func cut(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit])
	}
	return text
}

// canceled is the state of incidents that nobody resolved.
const canceled = "8"

// policy refuses a record that is closed without what is mandatory then.
func (s *Server) policy(t *desktest.Ticket) *fakewire.Answer {
	if s.store.StatusOf(t).Category != desktest.CategoryDone || t.Status == canceled {
		return nil
	}
	var missing []string
	for _, field := range s.cfg.ClosingFields[t.Project] {
		if s.store.Text(t.Fields[field]) == "" {
			missing = append(missing, field)
		}
	}
	if missing == nil {
		return nil
	}
	return refuse(http.StatusForbidden, "Operation Failed", "Data Policy Exception: The following fields are mandatory: "+strings.Join(missing, ", "))
}

func (s *Server) item(c *call) *fakewire.Answer {
	id := c.PathValue("id")
	if !orderable(id) {
		return refuse(http.StatusNotFound, "No Record found", "")
	}
	return ok(http.StatusOK, map[string]any{"sys_id": id, "name": "Access", "type": "catalog_item", "variables": s.cfg.Variables})
}

func orderable(item string) bool { return item == ItemID() || item == AskItemID() }

// order makes a request with one requested item, which has one task.
func (s *Server) order(c *call) *fakewire.Answer {
	var in struct {
		Quantity     int            `json:"sysparm_quantity"`
		RequestedFor string         `json:"sysparm_requested_for"`
		Variables    map[string]any `json:"variables"`
	}
	if err := json.Unmarshal(c.Body, &in); err != nil || in.Quantity < 1 || !orderable(c.PathValue("id")) {
		return refuse(http.StatusBadRequest, "Invalid Request", "Quantity is mandatory")
	}
	for _, v := range s.cfg.Variables {
		if v.Mandatory && fmt.Sprint(in.Variables[v.Name]) == "" {
			return refuse(http.StatusBadRequest, "Mandatory Variables are required", "")
		}
	}
	request := &desktest.Ticket{Project: "sc_request", Reporter: cmp.Or(in.RequestedFor, c.account.ID)}
	err := s.store.Open(request, c.account)
	if err == nil && !s.faults.LateItems {
		err = s.openItem(request, c.PathValue("id"), in.Variables, c.account)
	}
	if err != nil {
		return broken(err)
	}
	return ok(http.StatusOK, map[string]any{
		"sys_id": request.ID, "number": request.Key, "request_number": request.Key, "request_id": request.ID, "table": "sc_request",
	})
}

func (s *Server) openItem(request *desktest.Ticket, of string, variables map[string]any, by *desktest.Account) error {
	item := &desktest.Ticket{Project: "sc_req_item", Parent: request.ID, Reporter: request.Reporter}
	for field, value := range map[string]string{
		"request": request.ID, "cat_item": of, "stage": "fulfillment", "approval": "approved", "contact_type": s.contactType(),
	} {
		item.SetField(field, desktest.Quote(value))
	}
	for _, v := range s.cfg.Variables {
		if value, given := variables[v.Name]; given {
			item.SetField(variablePrefix+v.Name, desktest.Quote(fmt.Sprint(value)))
		}
	}
	err := s.store.Open(item, by)
	for range cmp.Or(s.cfg.Tasks, 1) {
		err = errors.Join(err, s.store.Open(&desktest.Ticket{Project: "sc_task", Parent: item.ID, Summary: "Give access"}, s.system))
	}
	return err
}

// contactType is that of an order.
func (s *Server) contactType() string {
	if s.faults.ContactType != nil {
		return *s.faults.ContactType
	}
	return "self-service"
}

// flow closes a requested item when the last of its tasks is closed: as incomplete if one of them is. It rolls up approvals.
func (s *Server) flow(e desktest.Event) {
	if e.Ticket.Project == approvalTable && (e.Kind == desktest.EventOpened || e.Kind == desktest.EventMoved) {
		s.rollUp(e)
	}
	if s.cfg.NoFlow || e.Ticket.Project != "sc_task" || e.Kind != desktest.EventMoved {
		return
	}
	state := "3"
	for t := range s.store.Children(e.Ticket.Parent) {
		switch {
		case t.Project != "sc_task":
		case s.store.StatusOf(t).Category != desktest.CategoryDone:
			return
		case t.Status != "3":
			state = "4"
		}
	}
	before, exists := s.store.Find(e.Ticket.Parent)
	if !exists || s.store.StatusOf(before).Category == desktest.CategoryDone {
		return
	}
	after := before.Clone()
	s.store.Enter(after, desktest.Transition{To: s.store.ProjectOf(after).Status(state).Name})
	after.SetField("stage", desktest.Quote(map[string]string{"3": "completed", "4": "closed_incomplete"}[state]))
	// It fails only where the state file cannot be written, which the call says that closed the task.
	_ = s.store.Change(before, after, s.system, desktest.EventMoved)
}
