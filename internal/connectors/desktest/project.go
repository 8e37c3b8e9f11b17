package desktest

import (
	"slices"
	"strings"
)

// Project is tickets of one type, with one workflow and one set of fields: a project of Jira, a queue of Request Tracker, a
// table of ServiceNow.
type Project struct {
	ID, Key, Name string
	// IssueType is the vendor's name of the type, where it has one beside the project.
	IssueType IssueType
	Workflow
	// Fields are all fields that a ticket can have. A field that is not here is unknown.
	Fields []Field
	// Resolutions are the names that a resolution may have.
	Resolutions []string
}

// IssueType is a type of tickets.
type IssueType struct{ ID, Name string }

// FieldType is which values a field takes.
type FieldType string

// The types of field.
const (
	TextField     FieldType = "text"
	TextAreaField FieldType = "textarea"
	NumberField   FieldType = "number"
	SelectField   FieldType = "select"
	URLField      FieldType = "url"
	DateField     FieldType = "date"
	UserField     FieldType = "user"
	LabelsField   FieldType = "labels"
)

// Field is a field of a project. Those with the ids summary, description, labels, reporter, assignee and resolution are the
// ticket's own; every other one is in Ticket.Fields.
type Field struct {
	ID, Name string
	Type     FieldType
	// Options are the values of a SelectField.
	Options []string
	// Required: a ticket cannot be opened without it.
	Required bool
	// OffScreen fields exist and can be read, but cannot be set through the API.
	OffScreen bool
}

// Field returns the field of an id; false when there is none.
func (p *Project) Field(id string) (Field, bool) {
	for _, f := range p.Fields {
		if f.ID == id {
			return f, true
		}
	}
	return Field{}, false
}

// ScreenField returns a field that may stand on a transition's screen: any of the project's, and the resolution.
func (p *Project) ScreenField(id string) (Field, bool) {
	if id == "resolution" {
		return Field{ID: "resolution", Name: "Resolution", Type: SelectField, Options: p.Resolutions}, true
	}
	return p.Field(id)
}

// UsualResolution returns the resolution that is called like the transition's status, else the first one; "" when the project
// has none.
func (p *Project) UsualResolution(t Transition) string {
	if len(p.Resolutions) == 0 {
		return ""
	}
	n := slices.IndexFunc(p.Resolutions, func(name string) bool { return strings.EqualFold(name, t.To) })
	return p.Resolutions[max(n, 0)]
}

// withRequired demands a field of the project when a ticket is opened and on every screen that closes one.
func (p Project) withRequired(id string) Project {
	p.Fields = slices.Clone(p.Fields)
	for n := range p.Fields {
		if p.Fields[n].ID == id {
			p.Fields[n].Required, p.Fields[n].OffScreen = true, false
		}
	}
	p.Workflow = p.WithRequired(id)
	return p
}
