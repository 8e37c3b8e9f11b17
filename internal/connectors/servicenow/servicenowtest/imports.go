package servicenowtest

import (
	"cmp"
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

// The tables that say what becomes of the rows of a staging table.
const (
	transformTable = "sys_transform_map"
	entryTable     = "sys_transform_entry"
)

// clears is what empties a column of the target, also where a map does not copy what is empty.
const clears = "NULL"

// ImportSet is a staging table. What is sent to it goes through each of its maps at once, as the system and not as the caller.
type ImportSet struct {
	Table string
	// Columns are those of the table, with the characters that each holds.
	Columns map[string]int
	Maps    []TransformMap
}

// TransformMap is what becomes of a row. Its zero value makes a new user of each.
type TransformMap struct {
	Name string
	// Target is the table that is written; "" means sys_user. To another one the fake writes nothing, and says that it did.
	Target string
	// Fields are the columns of the target, by those of the staging table.
	Fields map[string]string
	// Coalesce are the columns of the target by which the map finds the one record to change: all of them must have the row's values.
	Coalesce []string
	// NewOnEmpty makes a new record of a row that has no value to find one by; else the row is skipped. CopyEmpty empties the columns
	// for which the row has no value.
	NewOnEmpty bool
	CopyEmpty  bool
	// Guard ignores a row that has a sys_id and would be a new user, and one that has none and would change a user, as a script can.
	Guard string
}

// UserImportSet returns an import set as usher needs it, for some columns of sys_user: it finds users by their sys_id, which is in u_sys_id.
func UserImportSet(columns ...string) ImportSet {
	set := ImportSet{Table: "u_usher_users", Columns: map[string]int{"u_sys_id": 32}}
	m := TransformMap{Name: "usher", Fields: map[string]string{"u_sys_id": "sys_id"}, Coalesce: []string{"sys_id"}, NewOnEmpty: true}
	for _, name := range columns {
		column := "u_" + strings.TrimPrefix(name, "u_")
		set.Columns[column], m.Fields[column] = 200, name
	}
	set.Maps = []TransformMap{m}
	return set
}

// SetImportSet adds an import set, or replaces the one of the same table.
func (s *Server) SetImportSet(set ImportSet) {
	_ = s.With(func() error {
		s.imports[set.Table] = set
		return nil
	})
}

func (s *Server) importTables() map[string]func([]*desktest.Ticket) []record {
	tables := map[string]func([]*desktest.Ticket) []record{
		transformTable: func([]*desktest.Ticket) []record { return s.transformMaps() },
		entryTable:     func([]*desktest.Ticket) []record { return s.transformEntries() },
	}
	for name := range s.imports {
		tables[name] = func([]*desktest.Ticket) []record { return nil }
	}
	return tables
}

func mapID(set ImportSet, n int) string { return hash(fmt.Sprint("map ", set.Table, n)) }

func (s *Server) transformMaps() (out []record) {
	for _, set := range s.imports {
		for n, m := range set.Maps {
			out = append(out, record{
				"sys_id": mapID(set, n), "sys_updated_on": setUp, "name": m.Name, "source_table": set.Table, "target_table": m.target(), "active": "true",
				"run_script": "false",
			})
		}
	}
	return out
}

func (s *Server) transformEntries() (out []record) {
	for _, set := range s.imports {
		for n, m := range set.Maps {
			for source, target := range m.Fields {
				out = append(out, record{
					"sys_id": hash(fmt.Sprint("entry ", set.Table, n, source)), "sys_updated_on": setUp, "map": mapID(set, n), "source_field": source,
					"target_field": target, "coalesce": strconv.FormatBool(slices.Contains(m.Coalesce, target)), "use_source_script": "false",
				})
			}
		}
	}
	return out
}

// stagingColumns are what the dictionary has of the staging tables.
func (s *Server) stagingColumns() (out []record) {
	for _, set := range s.imports {
		for name, limit := range set.Columns {
			out = append(out, record{
				"sys_id": hash("dictionary " + set.Table + name), "sys_updated_on": setUp, "name": set.Table, "element": name,
				"max_length": strconv.Itoa(limit), "reference": "",
			})
		}
	}
	return out
}

// importRow takes a row into a staging table, and answers with what each map has made of it: always with 201, whatever that is.
func (s *Server) importRow(c *call) *fakewire.Answer {
	name := c.PathValue("table")
	set, known := s.imports[name]
	var in map[string]string
	switch refused := s.refusesTable(name, known); {
	case refused != nil:
		return refused
	case json.Unmarshal(c.Body, &in) != nil:
		return refuse(http.StatusBadRequest, "Exception while reading request", "Cannot decode the body")
	}
	row := map[string]string{}
	for column, limit := range set.Columns {
		row[column] = cut(in[column], limit)
	}
	results := []map[string]string{}
	if s.faults.AsyncImports {
		results = append(results, map[string]string{"transform_map": "", "table": name, "status": "pending", "sys_id": hash("row")})
		set.Maps = nil
	}
	for _, m := range set.Maps {
		results = append(results, s.told(c, m, s.transform(m, row)))
	}
	a := ok(http.StatusCreated, results)
	a.Body = map[string]any{"import_set": "ISET0010001", "staging_table": name, "result": results}
	return a
}

// outcome is what a map has made of a row: of which user, and what it says.
type outcome struct{ status, id, message string }

// told is an outcome as the answer has it.
func (s *Server) told(c *call, m TransformMap, o outcome) map[string]string {
	one := map[string]string{"transform_map": m.Name, "status": o.status}
	if o.status == "error" || o.status == "skipped" {
		one["error_message"] = o.message
	}
	if o.message != "" {
		one["status_message"] = o.message
	}
	if o.id == "" {
		return one
	}
	one["table"], one["sys_id"] = m.target(), o.id
	one["display_name"], one["display_value"] = "name", s.userName(o.id)
	one["record_link"] = fmt.Sprintf("http://%s/api/now/table/%s/%s", c.Host, m.target(), o.id)
	if s.faults.ImportRowIDs {
		one["sys_id"], one["target_sys_id"] = hash("row "+o.id), o.id
	}
	return one
}

func (m TransformMap) target() string { return cmp.Or(m.Target, userTable) }

// transform sends a row through a map.
func (s *Server) transform(m TransformMap, row map[string]string) outcome {
	switch {
	case s.faults.ImportError != "":
		return outcome{status: "error", message: s.faults.ImportError}
	case m.target() != userTable:
		return outcome{status: "inserted", id: hash("other target")}
	}
	there, skipped := s.coalesced(m, row)
	if skipped {
		return outcome{status: "skipped", message: "Unable to resolve target record, coalesce values not present: " + strings.Join(m.Coalesce, ", ")}
	}
	if m.Guard != "" && (row[m.Guard] == "") != (there == nil) {
		return outcome{status: "ignored", message: "Row transform ignored by onBefore script"}
	}
	status, a := "updated", desktest.Account{ID: hash(fmt.Sprint("user number ", len(s.store.Accounts())))}
	if there == nil {
		status = "inserted"
	} else {
		a = *there
	}
	if s.faults.AbortedUpdates {
		return outcome{status: "error", message: "Operation against file 'sys_user' was aborted by Business Rule 'Freeze^" + idOf(3) + "'."}
	}
	profile := s.applyUser(&a, m.written(row))
	if why := s.twin(&a); why != "" {
		return outcome{status: "error", message: why}
	}
	before := record(nil)
	if there != nil {
		before = s.userRecord(there)
	}
	s.store.AddAccount(a)
	s.profiles[a.ID] = profile
	switch {
	case s.faults.LateImportError != "":
		return outcome{status: "error", message: s.faults.LateImportError}
	case maps.Equal(before, s.userRecord(s.store.AccountBy(desktest.ByID, a.ID))):
		return outcome{status: "ignored", id: a.ID, message: "No field values changed"}
	}
	return outcome{status: status, id: a.ID}
}

// coalesced is the first user who has the row's values in the columns of Coalesce; nil for none. skipped: the row has none of them.
func (s *Server) coalesced(m TransformMap, row map[string]string) (there *desktest.Account, skipped bool) {
	wanted := map[string]string{}
	for source, target := range m.Fields {
		if slices.Contains(m.Coalesce, target) && row[source] != "" {
			wanted[target] = row[source]
		}
	}
	if len(wanted) == 0 {
		return nil, len(m.Coalesce) > 0 && !m.NewOnEmpty
	}
	all := s.store.Accounts()
	for n := range all {
		if !slices.ContainsFunc(m.Coalesce, func(name string) bool { return !strings.EqualFold(s.userValue(&all[n], name), wanted[name]) }) {
			return &all[n], false
		}
	}
	return nil, false
}

// written is what a row writes, by columns of the target.
func (m TransformMap) written(row map[string]string) map[string]any {
	out := map[string]any{}
	for source, target := range m.Fields {
		switch value := row[source]; {
		case target == "sys_id", value == "" && !m.CopyEmpty:
		case value == clears:
			out[target] = ""
		default:
			out[target] = value
		}
	}
	return out
}
