package servicenowtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/desktest"
)

// extends are the tables that a table has the records of besides its own.
var extends = map[string][]string{"incident": {"u_access_incident"}, "sc_req_item": {"u_access_item"}}

// derived are the tables that are made of what others hold.
func (s *Server) derived() map[string]func([]*desktest.Ticket) []record {
	tables := map[string]func([]*desktest.Ticket) []record{
		"sys_audit": s.audits, "sys_journal_field": s.journal, "sc_item_option_mtom": s.options,
		userTable:        func([]*desktest.Ticket) []record { return s.users() },
		groupTable:       func([]*desktest.Ticket) []record { return slices.Clone(s.groups) },
		memberTable:      func([]*desktest.Ticket) []record { return slices.Clone(s.members) },
		"sys_dictionary": func([]*desktest.Ticket) []record { return s.dictionary() },
		"sys_choice":     func([]*desktest.Ticket) []record { return s.choices() },
		"sys_properties": func([]*desktest.Ticket) []record {
			return []record{{
				"sys_id": hash("property"), "sys_updated_on": setUp, "name": "glide.rest.table_api.admin_only_sys_fields",
				"value": strconv.FormatBool(!s.faults.WritableCreators),
			}}
		},
	}
	maps.Copy(tables, s.importTables())
	return tables
}

// rows are all records of a table, as a search sees them or, where records are named by their ids, as they are.
func (s *Server) rows(table string, q encoded) ([]record, bool) {
	var tickets []*desktest.Ticket
	if q.names("sys_id", "request_item", "documentkey", "element_id", "request", "sysapproval") {
		tickets = slices.Collect(s.store.Tickets())
	} else {
		tickets = slices.Collect(s.store.Seen(s.store.View().Oldest()))
	}
	if from, is := s.derived()[table]; is {
		return from(tickets), true
	}
	if _, known := s.store.Project(table); !known {
		return nil, false
	}
	var out []record
	for _, t := range tickets {
		if t.Project == table || slices.Contains(extends[table], t.Project) {
			out = append(out, s.recordOf(t))
		}
	}
	return out, true
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

func (s *Server) userName(id string) string {
	if a := s.store.AccountBy(desktest.ByID, id); a != nil {
		return a.Name
	}
	return ""
}

// recordOf is a ticket as a record of its table.
func (s *Server) recordOf(t *desktest.Ticket) record {
	status := s.store.StatusOf(t)
	r := record{
		"sys_id": t.ID, "number": t.Key, "sys_class_name": t.Project, "state": t.Status, "short_description": t.Summary,
		"description": s.store.Text(t.Description), "active": strconv.FormatBool(status.Category != desktest.CategoryDone),
		"assigned_to": t.Assignee, "assigned_to.user_name": s.userName(t.Assignee), "caller_id": t.Reporter,
		"sys_created_on": stamp(t.Created), "sys_created_by": s.userName(t.Creator),
		"sys_updated_on": stamp(t.Updated), "sys_updated_by": s.userName(t.UpdatedBy), "sys_mod_count": strconv.Itoa(t.Revision - 1),
		"closed_at": stamp(t.Resolved), "comments": "", "work_notes": "",
	}
	for _, f := range s.store.ProjectOf(t).Fields {
		if f.ID != "summary" && f.ID != "description" && f.ID != "active" {
			r[f.ID] = s.store.Text(t.Fields[f.ID])
		}
	}
	r["requested_for"] = t.Reporter
	if text := s.store.Text(t.Fields["active"]); text != "" {
		r["active"] = text
	}
	if t.Project == "sc_task" {
		r["request_item"] = t.Parent
	}
	if t.Project == approvalTable {
		s.fillApproval(r, t)
	}
	return r
}

// columns are what fields are called in the history of the store.
var columns = map[string]string{
	"summary": "short_description", "assignee": "assigned_to", "status": "state", "reporter": "caller_id", "project": "sys_class_name", "Key": "number",
}

func (s *Server) audits(tickets []*desktest.Ticket) []record {
	var out []record
	for _, t := range tickets {
		if slices.Contains(s.faults.UnauditedTables, t.Project) {
			continue
		}
		for n, c := range t.History {
			for _, i := range c.Items {
				r := record{
					"sys_id": hash(fmt.Sprint("audit ", c.Seq, i.Field)), "tablename": t.Project, "documentkey": t.ID, "fieldname": i.Field,
					"user": s.userName(c.By), "sys_created_by": s.userName(c.By), "sys_created_on": stamp(c.At), "sys_updated_on": stamp(c.At),
					"record_checkpoint": strconv.Itoa(n + 1), "oldvalue": i.FromText, "newvalue": i.ToText,
				}
				if name, other := columns[i.Field]; other {
					r["fieldname"] = name
				}
				if i.From+i.To != "" {
					r["oldvalue"], r["newvalue"] = i.From, i.To
				}
				out = append(out, r)
			}
		}
	}
	return out
}

func journalOf(c desktest.Comment) string {
	if c.Internal {
		return "work_notes"
	}
	return "comments"
}

func (s *Server) journal(tickets []*desktest.Ticket) []record {
	var out []record
	for _, t := range tickets {
		for _, c := range t.Comments {
			out = append(out, record{
				"sys_id": idOf(c.Seq), "element_id": t.ID, "element": journalOf(c), "name": t.Project, "value": s.store.Text(c.Body),
				"sys_created_by": s.userName(c.Author), "sys_created_on": stamp(c.Created), "sys_updated_on": stamp(c.Created),
			})
		}
	}
	return out
}

// shown is a journal field as people read it, the newest entry first.
func (s *Server) shown(t *desktest.Ticket, field string) string {
	label := map[string]string{"comments": "Additional comments", "work_notes": "Work notes"}[field]
	var b strings.Builder
	for _, c := range slices.Backward(t.Comments) {
		if journalOf(c) == field {
			fmt.Fprintf(&b, "%s - %s (%s)\n%s\n\n", stamp(c.Created), s.store.NameOf(c.Author), label, s.store.Text(c.Body))
		}
	}
	return b.String()
}

// setUp is when accounts and choices were made.
const setUp = "2026-01-02 03:04:05"

// closeCodes are the close codes of incidents.
var closeCodes = []string{"Resolved by request", "Solution provided", "No resolution provided"}

// categories are those of incidents.
var categories = []string{"inquiry", "access"}

func (s *Server) choices() []record {
	var out []record
	add := func(table, element, value, label string, n int) {
		out = append(out, record{
			"sys_id": hash(table + element + value), "name": table, "element": element, "value": value, "label": label,
			"sequence": strconv.Itoa(n), "language": "en", "inactive": "false", "sys_updated_on": setUp,
		})
	}
	for _, p := range s.store.Projects() {
		name := p.Key
		if name == "sc_task" {
			name = "task" // as on most instances
		}
		for n, status := range p.Statuses {
			add(name, "state", status.ID, status.Name, n)
		}
	}
	for n, category := range categories {
		add("incident", "category", category, category, n)
	}
	for n, code := range closeCodes {
		add("incident", "close_code", code, code, n)
	}
	return out
}

// variablePrefix is what the fields of the store begin with that are variables.
const variablePrefix = "variables."

// options are the values of the variables of requested items.
func (s *Server) options(tickets []*desktest.Ticket) []record {
	var out []record
	for _, t := range tickets {
		for _, id := range slices.Sorted(maps.Keys(t.Fields)) {
			name, is := strings.CutPrefix(id, variablePrefix)
			if !is {
				continue
			}
			changes, at, by := 0, t.Created, t.Creator
			for _, c := range t.History {
				if slices.ContainsFunc(c.Items, func(i desktest.Item) bool { return i.Field == id }) {
					changes, at, by = changes+1, c.At, c.By
				}
			}
			out = append(out, record{
				"sys_id": hash(t.ID + id), "sys_updated_on": stamp(t.Created), "request_item": t.ID, "request_item.number": t.Key,
				"request_item.sys_created_by": s.userName(t.Creator), "request_item.sys_created_on": stamp(t.Created),
				"sc_item_option.item_option_new.name": name, "sc_item_option.value": s.store.Text(t.Fields[id]),
				"sc_item_option.sys_updated_on": stamp(at), "sc_item_option.sys_updated_by": s.userName(by),
				"sc_item_option.sys_mod_count": strconv.Itoa(changes),
			})
		}
	}
	return out
}
