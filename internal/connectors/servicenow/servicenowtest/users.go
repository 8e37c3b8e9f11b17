package servicenowtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// userTable has the accounts: its rows are those of the store, with columns beside them that the store has no place for.
const userTable = "sys_user"

// userColumn is a column of sys_user: how many characters it holds, and the table that it refers to.
type userColumn struct {
	limit  int
	refers string
}

// userColumns are the columns of sys_user that the dictionary knows.
var userColumns = map[string]userColumn{
	"user_name": {limit: 40}, "email": {limit: 100}, "name": {limit: 151}, "first_name": {limit: 50}, "last_name": {limit: 50},
	"title": {limit: 60}, "employee_number": {limit: 40}, "phone": {limit: 40}, "u_person": {limit: 100}, "active": {limit: 40},
	"locked_out": {limit: 40}, "manager": {limit: 32, refers: userTable}, "department": {limit: 32, refers: "cmn_department"},
}

// departments are those that a user can be in.
var departments = []string{"Research", "Sales"}

// DepartmentID returns the sys_id of the department of a name: the fake has Research and Sales.
func DepartmentID(name string) string { return hash("department " + name) }

// AddUser adds an account, or replaces the one of the same id, with columns of sys_user beside what an account has.
func (s *Server) AddUser(a desktest.Account, columns map[string]string) {
	_ = s.With(func() error {
		s.store.AddAccount(a)
		s.profiles[a.ID] = maps.Clone(columns)
		return nil
	})
}

func (s *Server) users() []record {
	var out []record
	for _, a := range s.store.Accounts() {
		out = append(out, s.userRecord(&a))
	}
	return out
}

func (s *Server) userRecord(a *desktest.Account) record {
	r := record{"sys_id": a.ID, "sys_updated_on": setUp}
	for name := range userColumns {
		r[name] = s.userValue(a, name)
	}
	return r
}

// userValue is what a column of a user holds.
func (s *Server) userValue(a *desktest.Account, name string) string {
	switch name {
	case "sys_id":
		return a.ID
	case "sys_updated_on":
		return setUp
	case "user_name":
		return a.Name
	case "name":
		return a.DisplayName
	case "email":
		return a.Email
	case "active":
		return strconv.FormatBool(!s.store.Inactive(a))
	case "locked_out":
		return strconv.FormatBool(s.profiles[a.ID][name] == "true")
	}
	return s.profiles[a.ID][name]
}

// dictionary has the columns of sys_user and of staging tables, and none of other tables.
func (s *Server) dictionary() []record {
	out := s.stagingColumns()
	for name, c := range userColumns {
		out = append(out, record{
			"sys_id": hash("dictionary " + name), "sys_updated_on": setUp, "name": userTable, "element": name, "max_length": strconv.Itoa(c.limit),
			"reference": c.refers,
		})
	}
	return out
}

// queryRule is the rule that ServiceNow brings for every query of users: whoever is no administrator does not find those who are switched off, and
// they are not counted either.
func queryRule(c *call, table string, r record) bool {
	return table == userTable && c.account.NoAdmin && r["active"] == "false"
}

func (s *Server) insertUser(c *call) *fakewire.Answer {
	return s.writeUser(c, desktest.Account{ID: hash(fmt.Sprint("user number ", len(s.store.Accounts())))}, http.StatusCreated)
}

func (s *Server) updateUser(c *call) *fakewire.Answer {
	a := s.store.AccountBy(desktest.ByID, c.PathValue("id"))
	if a == nil || queryRule(c, userTable, s.userRecord(a)) {
		return noRecord()
	}
	return s.writeUser(c, *a, http.StatusOK)
}

// writeUser writes the body of a call into an account.
func (s *Server) writeUser(c *call, a desktest.Account, status int) *fakewire.Answer {
	var in map[string]any
	switch {
	case slices.Contains(s.faults.ForbiddenTables, userTable):
		return s.refusesTable(userTable, true)
	case slices.Contains(s.store.Faults().ReadOnlyProjects, userTable):
		return refuse(http.StatusForbidden, "Operation Failed", "ACL Exception Update Failed due to security constraints")
	case s.faults.AbortedUpdates:
		return refuse(http.StatusForbidden, "Operation Failed", "Operation against file 'sys_user' was aborted by Business Rule 'Freeze^"+idOf(3)+"'.")
	case json.Unmarshal(c.Body, &in) != nil:
		return refuse(http.StatusBadRequest, "Exception while reading request", "Cannot decode the body")
	}
	profile := s.applyUser(&a, in)
	if why := s.twin(&a); why != "" {
		return refuse(http.StatusForbidden, "Operation Failed", why)
	}
	s.store.AddAccount(a)
	s.profiles[a.ID] = profile
	return ok(status, s.render(c, s.userRecord(s.store.AccountBy(desktest.ByID, a.ID))))
}

// twin is what the unique index of user names says of an account; "" for one that has its name alone.
func (s *Server) twin(a *desktest.Account) string {
	other := s.store.AccountBy(desktest.ByName, a.Name)
	if s.faults.TwinNames || other == nil || other.ID == a.ID {
		return ""
	}
	return fmt.Sprintf("Unique Key violation detected by database (Duplicate entry '%s' for key 'user_name')", a.Name)
}

// applyUser writes columns into an account, and returns those that the store has no place for. What is unknown or read-only is ignored, a text is
// cut to its column, and a reference that leads nowhere becomes empty, all without a word.
func (s *Server) applyUser(a *desktest.Account, in map[string]any) map[string]string {
	profile := map[string]string{}
	maps.Copy(profile, s.profiles[a.ID])
	for name, raw := range in {
		column, known := userColumns[name]
		if !known || slices.Contains(s.faults.ReadOnlyFields, name) {
			continue
		}
		switch value := s.resolved(column, cut(fmt.Sprint(raw), column.limit)); name {
		case "user_name":
			a.Name = value
		case "email":
			a.Email = value
		case "active":
			a.Inactive = value != "true"
		case "name":
		default:
			profile[name] = value
		}
	}
	if profile["first_name"]+profile["last_name"] != "" {
		a.DisplayName = strings.TrimSpace(profile["first_name"] + " " + profile["last_name"])
	}
	return profile
}

// resolved is a value as its column takes it.
func (s *Server) resolved(c userColumn, value string) string {
	isDepartment := slices.ContainsFunc(departments, func(name string) bool { return DepartmentID(name) == value })
	switch {
	case c.refers == userTable && s.store.AccountBy(desktest.ByID, value) == nil:
		return ""
	case c.refers == "cmn_department" && !isDepartment:
		return ""
	}
	return value
}
