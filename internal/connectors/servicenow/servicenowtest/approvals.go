package servicenowtest

import "usher/internal/connectors/desktest"

// approvalTable has the approvals: a row is a ticket of the store that belongs to the one that it is about.
const approvalTable = "sysapproval_approver"

// changer is the column of an approval that says who has changed it, where somebody has written that.
const changer = "sys_updated_by"

// approvals is the table of approvals. Its states are as ServiceNow calls them.
func approvals() desktest.Project {
	var states []desktest.Status
	for _, state := range []string{"not requested", "requested", "approved", "rejected", "not_required", "cancelled", "duplicate"} {
		states = append(states, desktest.Status{ID: state, Name: state, Category: desktest.CategoryNew})
	}
	p := table(approvalTable, "APR", "Approval", states...)
	p.Fields = nil
	for _, id := range []string{"approver", "sysapproval", "source_table", "document_id", changer} {
		p.Fields = append(p.Fields, desktest.Field{ID: id, Name: id, Type: desktest.TextField})
	}
	return p
}

// fillApproval adds what the record of an approval says of its account and of its ticket.
func (s *Server) fillApproval(r record, t *desktest.Ticket) {
	r["approver.user_name"] = s.userName(r["approver"])
	r["sysapproval.sys_created_by"], r["sysapproval.correlation_id"] = "", ""
	if about, exists := s.store.Find(t.Parent); exists {
		r["sysapproval.sys_created_by"] = s.userName(about.Creator)
		r["sysapproval.correlation_id"] = s.store.Text(about.Fields["correlation_id"])
	}
	if r[changer] == "" {
		r[changer] = s.userName(t.UpdatedBy)
	}
}

// rollUp writes what the approvals of a ticket say together into the ticket, in the name of whoever changed one: one rejection is one, and
// all approvals are one.
func (s *Server) rollUp(e desktest.Event) {
	before, exists := s.store.Find(e.Ticket.Parent)
	if !exists || s.faults.NoRollUp {
		return
	}
	there := map[string]bool{}
	for t := range s.store.Children(before.ID) {
		if t.Project == approvalTable {
			there[t.Status] = true
		}
	}
	state := "not requested"
	for _, one := range []string{"approved", "requested", "rejected"} {
		if there[one] {
			state = one
		}
	}
	after := before.Clone()
	after.SetField("approval", desktest.Quote(state))
	// It fails only where the state file cannot be written, which the call says that changed the approval.
	_ = s.store.Change(before, after, e.By, desktest.EventEdited)
}
