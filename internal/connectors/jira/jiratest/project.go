package jiratest

import "usher/internal/connectors/desktest"

// Project is a project with one issue type, one workflow and one set of screens.
type Project struct {
	ID, Key, Name string
	IssueType     IssueType
	desktest.Workflow
	// Fields are the fields of the project, system fields and custom ones. A field that is not here is unknown.
	Fields []Field
	// Resolutions are the names that a resolution may have.
	Resolutions []string
}

// IssueType is a kind of issue.
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

// Field is a field of a project.
type Field struct {
	ID, Name string
	Type     FieldType
	// Options are the values of a SelectField.
	Options []string
	// Required: an issue cannot be created without it.
	Required bool
	// OffScreen fields exist and can be read, but are on no create or edit screen.
	OffScreen bool
}

// DefaultProjects are "ACCESS", where access requests live, and "OTHER", where an issue can be moved to. Both have
// the issue type "Access request" and the same workflow. Its custom fields are, from customfield_10041 on: request id,
// request link, requester, subject, items, duration, reason, and risk (a select); customfield_10049 is on no screen.
func DefaultProjects() []Project {
	access := Project{
		ID: "10000", Key: "ACCESS", Name: "Access requests",
		IssueType:   IssueType{ID: "10010", Name: "Access request"},
		Workflow:    desktest.DefaultWorkflow(desktest.ScreenField{ID: "resolution", Required: true}),
		Fields:      defaultFields(),
		Resolutions: []string{"Done", "Won't Do", "Duplicate"},
	}
	other := access
	other.ID, other.Key, other.Name = "10001", "OTHER", "Other requests"
	return []Project{access, other}
}

func defaultFields() []Field {
	return []Field{
		{ID: "summary", Name: "Summary", Type: TextField, Required: true},
		{ID: "description", Name: "Description", Type: TextAreaField},
		{ID: "labels", Name: "Labels", Type: LabelsField},
		{ID: "reporter", Name: "Reporter", Type: UserField},
		{ID: "assignee", Name: "Assignee", Type: UserField},
		{ID: "duedate", Name: "Due date", Type: DateField},
		{ID: "customfield_10041", Name: "Request id", Type: TextField},
		{ID: "customfield_10042", Name: "Request link", Type: URLField},
		{ID: "customfield_10043", Name: "Requester", Type: TextField},
		{ID: "customfield_10044", Name: "Requested for", Type: TextField},
		{ID: "customfield_10045", Name: "Items", Type: TextAreaField},
		{ID: "customfield_10046", Name: "Duration", Type: TextField},
		{ID: "customfield_10047", Name: "Reason", Type: TextAreaField},
		{ID: "customfield_10048", Name: "Risk", Type: SelectField, Options: []string{"Low", "High"}},
		{ID: "customfield_10049", Name: "Cost centre", Type: TextField, OffScreen: true},
	}
}

func (p *Project) field(id string) (Field, bool) {
	for _, f := range p.Fields {
		if f.ID == id {
			return f, true
		}
	}
	return Field{}, false
}
