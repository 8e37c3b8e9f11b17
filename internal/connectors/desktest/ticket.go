package desktest

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Ticket is one record of a desk: an issue, an incident, a task, an approval. It is never changed once the Store has it: a
// change puts a clone in its place, so whatever was read stays as it was. Its JSON is a line of the state file.
//
// Accounts are ids of accounts, a status is the id of a status of the project's workflow, and texts are JSON: a string, or
// a document of the vendor's own.
type Ticket struct {
	// Seq grows with every ticket, comment and change of the store. ID is made of it by Dialect.ID, Key of project and number
	// by Dialect.Key; the Store fills both in.
	Seq int64  `json:"id"`
	ID  string `json:"-"`
	Key string `json:"-"`

	Project string `json:"project"`
	Number  int    `json:"number"`
	// OldKeys are the keys that it had in other projects; they still find it.
	OldKeys []string `json:"old_keys,omitempty"`
	// Parent is the id of the ticket that it belongs to; "" for none.
	Parent      string          `json:"parent,omitempty"`
	Summary     string          `json:"summary"`
	Description json.RawMessage `json:"description,omitempty"`
	Labels      []string        `json:"labels,omitempty"`
	Reporter    string          `json:"reporter,omitempty"`
	Creator     string          `json:"creator,omitempty"`
	Assignee    string          `json:"assignee,omitempty"`
	Status      string          `json:"status"`
	Resolution  string          `json:"resolution,omitempty"`
	// Fields are all other fields that have a value, in the vendor's own form. Properties are what integrations keep beside a
	// ticket, which no person sees.
	Fields     map[string]json.RawMessage `json:"fields,omitempty"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	Comments   []Comment                  `json:"comments,omitempty"`
	History    []Change                   `json:"history,omitempty"`
	Created    time.Time                  `json:"created"`
	Updated    time.Time                  `json:"updated"`
	// UpdatedBy made the last change, and Revision is how many there were.
	UpdatedBy string `json:"updated_by,omitempty"`
	Revision  int    `json:"revision,omitempty"`
	// Resolved is when it came into a status of CategoryDone; zero in every other one.
	Resolved time.Time `json:"resolved,omitzero"`
	// Hidden tickets cannot be read through the API; Deleted ones cannot be read at all; Archived ones are found by no search,
	// and cannot be changed.
	Hidden   bool `json:"hidden,omitempty"`
	Deleted  bool `json:"deleted,omitempty"`
	Archived bool `json:"archived,omitempty"`
}

// Comment is one entry of a ticket's journal.
type Comment struct {
	Seq    int64           `json:"id"`
	Author string          `json:"author"`
	Body   json.RawMessage `json:"body"`
	// Internal entries are notes among those who work on the ticket.
	Internal   bool                       `json:"internal,omitempty"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	Created    time.Time                  `json:"created"`
	// Edited is when it was last edited, zero for never.
	Edited time.Time `json:"edited,omitzero"`
}

// Change is one entry of a ticket's history: what one account changed at one moment.
type Change struct {
	Seq   int64     `json:"id"`
	By    string    `json:"author"`
	At    time.Time `json:"created"`
	Items []Item    `json:"items"`
}

// Item is one changed field. From and To are what the store keeps, for those fields whose value has an id (accounts, statuses,
// resolutions, projects); FromText and ToText are what people read. "" is no value.
type Item struct {
	Field    string `json:"fieldId"`
	Name     string `json:"field"`
	From     string `json:"from,omitempty"`
	FromText string `json:"fromString,omitempty"`
	To       string `json:"to,omitempty"`
	ToText   string `json:"toString,omitempty"`
}

// Clone returns a copy that can be changed.
func (t *Ticket) Clone() *Ticket {
	c := *t
	c.OldKeys = slices.Clone(t.OldKeys)
	c.Labels = slices.Clone(t.Labels)
	c.Fields = maps.Clone(t.Fields)
	c.Properties = maps.Clone(t.Properties)
	c.Comments = slices.Clone(t.Comments)
	c.History = slices.Clone(t.History)
	return &c
}

// SetField sets one of Fields; a value of length 0, or null, removes it.
func (t *Ticket) SetField(id string, value json.RawMessage) {
	if len(value) == 0 || string(value) == "null" {
		delete(t.Fields, id)
		return
	}
	if t.Fields == nil {
		t.Fields = map[string]json.RawMessage{}
	}
	t.Fields[id] = slices.Clone(value)
}

// SetProperty sets one of Properties.
func (t *Ticket) SetProperty(key string, value json.RawMessage) {
	if t.Properties == nil {
		t.Properties = map[string]json.RawMessage{}
	}
	t.Properties[key] = slices.Clone(value)
}
