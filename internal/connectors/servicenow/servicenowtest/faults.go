package servicenowtest

import (
	"slices"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// Faults are the ways in which the fake misbehaves: those of every fake, and ServiceNow's own. The zero value is none.
type Faults struct {
	fakewire.Faults
	desktest.HookFaults
	desktest.StoreFaults
	// Hibernating answers every call with 200 and a page; RefuseCredentials treats all credentials as wrong.
	Hibernating       bool `json:"hibernating,omitempty"`
	RefuseCredentials bool `json:"refuse_credentials,omitempty"`
	// ForbiddenTables are refused, and of HiddenTables no row is seen. HiddenFields are left out of all rows, and ReadOnlyFields are
	// ignored when they are written.
	ForbiddenTables []string `json:"forbidden_tables,omitempty"`
	HiddenTables    []string `json:"hidden_tables,omitempty"`
	HiddenFields    []string `json:"hidden_fields,omitempty"`
	// HiddenUsers are rows of sys_user, by user name, that are counted and not shown.
	HiddenUsers []string `json:"hidden_users,omitempty"`
	// HiddenMembers are users, by user name, whose rows of sys_user_grmember are counted and not shown. DeafMembers answers writes of that table
	// with success and keeps nothing.
	HiddenMembers  []string `json:"hidden_members,omitempty"`
	DeafMembers    bool     `json:"deaf_members,omitempty"`
	ReadOnlyFields []string `json:"read_only_fields,omitempty"`
	// UnreadableJournals shows comments and work_notes as empty in a ticket.
	UnreadableJournals bool `json:"unreadable_journals,omitempty"`
	// IgnoredConditions are fields by which nobody may search: conditions on them are left out of a query or, with
	// InvalidQueryReturnsNothing, end it without rows.
	IgnoredConditions          []string `json:"ignored_conditions,omitempty"`
	InvalidQueryReturnsNothing bool     `json:"invalid_query_returns_nothing,omitempty"`
	// ZonedQueries reads the times of a query in the time zone of the caller.
	ZonedQueries bool `json:"zoned_queries,omitempty"`
	// NoTotalCount leaves the headers of a page out.
	NoTotalCount bool `json:"no_total_count,omitempty"`
	// FrozenStates undoes every change of a state without a word, as a business rule can; AbortedUpdates refuses every change as a
	// rule.
	FrozenStates   bool `json:"frozen_states,omitempty"`
	AbortedUpdates bool `json:"aborted_updates,omitempty"`
	// WritableCreators lets everybody write sys_created_by of a record, and sys_updated_by of an approval, as an instance does that is
	// not hardened.
	WritableCreators bool `json:"writable_creators,omitempty"`
	// ContactType is that of new records, whatever the caller writes: an inbound action that opens them for a mail writes it so.
	ContactType *string `json:"contact_type,omitempty"`
	// UnauditedTables have no rows in sys_audit. NoRollUp leaves the column approval of tickets alone when their approvals are answered.
	UnauditedTables []string `json:"unaudited_tables,omitempty"`
	NoRollUp        bool     `json:"no_roll_up,omitempty"`
	// LateItems orders without a requested item.
	LateItems bool `json:"late_items,omitempty"`
	// TwinNames lets two users have one user name, as an instance does that has no unique index.
	TwinNames bool `json:"twin_names,omitempty"`
	// ImportError is the error of every row of an import set, of which nothing is made then; LateImportError is one that a row has after its
	// user was written. AsyncImports leaves rows for later. ImportRowIDs answers with the sys_id of the row, and with the user's beside it.
	ImportError     string `json:"import_error,omitempty"`
	LateImportError string `json:"late_import_error,omitempty"`
	AsyncImports    bool   `json:"async_imports,omitempty"`
	ImportRowIDs    bool   `json:"import_row_ids,omitempty"`
}

// SetFaults replaces all faults; their counters begin again.
func (s *Server) SetFaults(f Faults) {
	s.SwitchFaults(f.Faults, f.StoreFaults, f.HookFaults, func() { s.faults = f })
}

// Faults returns what is switched on now, with the counters as far as they have counted down.
func (s *Server) Faults() (f Faults) {
	_ = s.With(func() error {
		f = s.faults
		f.Faults, f.HookFaults, f.StoreFaults = s.Wire.Faults(), s.Hooks.Faults(), s.store.Faults()
		return nil
	})
	return f
}

// refusesTable refuses a table that does not exist or that nobody may use; nil refuses nothing.
func (s *Server) refusesTable(name string, known bool) *fakewire.Answer {
	switch {
	case !known:
		return refuse(400, "Invalid table "+name, "")
	case slices.Contains(s.faults.ForbiddenTables, name):
		return refuse(403, "User Not Authorized", "Failed API level ACL Validation")
	}
	return nil
}
