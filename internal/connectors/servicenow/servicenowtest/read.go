package servicenowtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// listLimit is how many rows a page has if the caller names no number.
const listLimit = 10_000

func (s *Server) list(c *call) *fakewire.Answer {
	name := c.PathValue("table")
	q := parse(strings.ReplaceAll(c.param("sysparm_query"), "javascript:gs.getUserID()", c.account.ID))
	if s.faults.ZonedQueries && c.account.Zone != nil {
		q.shift(c.account.Zone)
	}
	if name == userTable && !slices.Contains(s.faults.ForbiddenTables, name) {
		users, accounts := s.usersOf(c, q), s.store.Accounts()
		return s.window(c, len(users), func(n int) record { return s.userRecord(&accounts[users[n]]) })
	}
	all, known := s.rows(name, q)
	if refused := s.refusesTable(name, known); refused != nil {
		return refused
	}
	all = slices.DeleteFunc(all, func(r record) bool { return !s.matches(c, q, r) })
	q.sort(all)
	return s.window(c, len(all), func(n int) record { return all[n] })
}

// matches reports whether a query of a caller finds a record of its table.
func (s *Server) matches(c *call, q encoded, r record) bool {
	return !queryRule(c, c.PathValue("table"), r) && q.match(r, s.faults.IgnoredConditions, s.faults.InvalidQueryReturnsNothing)
}

// window answers with the part of the found records that a call asks for.
func (s *Server) window(c *call, found int, at func(int) record) *fakewire.Answer {
	limit, offset := number(c.param("sysparm_limit"), listLimit), number(c.param("sysparm_offset"), 0)
	if s.cfg.PageLimit > 0 {
		limit = min(limit, s.cfg.PageLimit)
	}
	rows := []any{}
	for n := min(offset, found); n < min(offset+limit, found); n++ {
		// Rights are looked at only now: a page may be short, and others follow.
		if r := at(n); !s.hides(c.PathValue("table"), r) {
			rows = append(rows, s.render(c, r))
		}
	}
	a := ok(http.StatusOK, rows)
	if s.faults.NoTotalCount {
		return a
	}
	a.Set("X-Total-Count", strconv.Itoa(found))
	if next := offset + limit; next < found {
		a.Set("Link", fmt.Sprintf("<http://%s%s?sysparm_offset=%d>;rel=\"next\"", c.Host, c.URL.Path, next))
	}
	return a
}

func number(text string, standard int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return standard
	}
	return n
}

// hides reports whether the caller may not see a row.
func (s *Server) hides(table string, r record) bool {
	if slices.Contains(s.faults.HiddenTables, table) {
		return true
	}
	if table == userTable && slices.Contains(s.faults.HiddenUsers, r["user_name"]) {
		return true
	}
	if table == memberTable && slices.Contains(s.faults.HiddenMembers, s.userName(r["user"])) {
		return true
	}
	t, is := s.store.Find(r["sys_id"])
	return is && s.store.Hides(t)
}

func (s *Server) read(c *call) *fakewire.Answer {
	t, refused := s.find(c)
	if refused != nil {
		return refused
	}
	return ok(http.StatusOK, s.render(c, s.recordOf(t)))
}

// find returns the record of a call, or refuses.
func (s *Server) find(c *call) (*desktest.Ticket, *fakewire.Answer) {
	name := c.PathValue("table")
	_, known := s.rows(name, encoded{})
	if refused := s.refusesTable(name, known); refused != nil {
		return nil, refused
	}
	t, exists := s.store.Find(c.PathValue("id"))
	if !exists || t.ID != c.PathValue("id") || s.hides(name, record{"sys_id": t.ID}) ||
		(t.Project != name && !slices.Contains(extends[name], t.Project)) {
		return nil, noRecord()
	}
	return t, nil
}

// references are the fields that refer to a record, with the table of it.
var references = map[string]string{
	"assigned_to": "sys_user", "caller_id": "sys_user", "requested_for": "sys_user", "request": "sc_request", "request_item": "sc_req_item",
	"cat_item": "sc_cat_item", "approver": "sys_user", "sysapproval": "task", "manager": "sys_user", "department": "cmn_department",
	"group": groupTable, "parent": groupTable,
}

// render is a record as the parameters of a call ask for it. Fields that do not exist are left out without a word.
func (s *Server) render(c *call, r record) map[string]any {
	out := map[string]any{}
	wanted := strings.Split(c.param("sysparm_fields"), ",")
	for field, value := range r {
		all := c.param("sysparm_fields") == "" && !strings.Contains(field, ".")
		if (all || slices.Contains(wanted, field)) && !slices.Contains(s.faults.HiddenFields, field) {
			out[field] = s.value(c, r, field, value)
		}
	}
	return out
}

// value is a field's value: as it is stored or as people read it, a reference with its link unless that is left out.
func (s *Server) value(c *call, r record, field, value string) any {
	if c.param("sysparm_display_value") == "true" {
		t, is := s.store.Find(r["sys_id"])
		switch journal := field == "comments" || field == "work_notes"; {
		case is && journal && !s.faults.UnreadableJournals:
			return s.shown(t, field)
		case is && field == "state":
			return s.store.StatusOf(t).Name
		}
		return value
	}
	if to := references[field]; to != "" && value != "" && c.param("sysparm_exclude_reference_link") != "true" {
		return map[string]string{"link": fmt.Sprintf("http://%s/api/now/table/%s/%s", c.Host, to, value), "value": value}
	}
	return value
}
