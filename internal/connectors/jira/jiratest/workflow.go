package jiratest

import "strings"

// Category is the key of a status category.
type Category string

// The status categories. Closed means CategoryDone, whatever the status is called.
const (
	CategoryNew           Category = "new"
	CategoryIndeterminate Category = "indeterminate"
	CategoryDone          Category = "done"
)

// The statuses of DefaultProjects.
const (
	StatusWaiting    = "Waiting for approval"
	StatusApproved   = "Approved"
	StatusDenied     = "Denied"
	StatusInProgress = "In progress"
	StatusDone       = "Done"
	StatusWontDo     = "Won't do"
)

// Project is a project with one issue type, one workflow and one set of screens.
type Project struct {
	ID, Key, Name string
	IssueType     IssueType
	// Statuses are the workflow's; a new issue starts in the first one.
	Statuses    []Status
	Transitions []Transition
	// Fields are the fields of the project, system fields and custom ones. A field that is not here is unknown.
	Fields []Field
	// Resolutions are the names that a resolution may have.
	Resolutions []string
}

// IssueType is a kind of issue.
type IssueType struct{ ID, Name string }

// Status is a step of the workflow.
type Status struct {
	ID, Name string
	Category Category
}

// Transition leads from any of the statuses From (all when empty) to the status To; both by name.
type Transition struct {
	ID, Name string
	From     []string
	To       string
	// Screen lists the fields that may be set on the way; none: nothing may be set.
	Screen []ScreenField
	// SetResolution is what the workflow itself sets as resolution; "" leaves it.
	SetResolution string
}

// ScreenField is a field on a transition's screen.
type ScreenField struct {
	ID       string
	Required bool
}

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
		Statuses:    defaultStatuses(),
		Transitions: defaultTransitions(),
		Fields:      defaultFields(),
		Resolutions: []string{"Done", "Won't Do", "Duplicate"},
	}
	other := access
	other.ID, other.Key, other.Name = "10001", "OTHER", "Other requests"
	return []Project{access, other}
}

func defaultStatuses() []Status {
	return []Status{
		{ID: "10101", Name: StatusWaiting, Category: CategoryNew},
		{ID: "10102", Name: StatusApproved, Category: CategoryIndeterminate},
		{ID: "10103", Name: StatusDenied, Category: CategoryIndeterminate},
		{ID: "10104", Name: StatusInProgress, Category: CategoryIndeterminate},
		{ID: "10105", Name: StatusDone, Category: CategoryDone},
		{ID: "10106", Name: StatusWontDo, Category: CategoryDone},
	}
}

func defaultTransitions() []Transition {
	closing := []ScreenField{{ID: "resolution", Required: true}}
	return []Transition{
		{ID: "11", Name: "Approve", From: []string{StatusWaiting}, To: StatusApproved},
		{ID: "21", Name: "Deny", From: []string{StatusWaiting}, To: StatusDenied},
		{ID: "31", Name: "Start work", From: []string{StatusWaiting, StatusApproved}, To: StatusInProgress},
		{ID: "41", Name: "Done", From: []string{StatusWaiting, StatusApproved, StatusInProgress}, To: StatusDone, Screen: closing},
		{ID: "51", Name: "Won't do", From: []string{StatusWaiting, StatusApproved, StatusDenied, StatusInProgress}, To: StatusWontDo, Screen: closing},
		{ID: "61", Name: "Back to approval", From: []string{StatusApproved, StatusDenied, StatusInProgress}, To: StatusWaiting},
		{ID: "71", Name: "Reopen", From: []string{StatusDone, StatusWontDo}, To: StatusWaiting},
	}
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

func (p *Project) status(id string) Status {
	for _, s := range p.Statuses {
		if s.ID == id {
			return s
		}
	}
	return Status{}
}

func (p *Project) statusNamed(name string) (Status, bool) {
	for _, s := range p.Statuses {
		if strings.EqualFold(s.Name, name) {
			return s, true
		}
	}
	return Status{}, false
}

func (p *Project) field(id string) (Field, bool) {
	for _, f := range p.Fields {
		if f.ID == id {
			return f, true
		}
	}
	return Field{}, false
}

func (p *Project) transition(id string) (Transition, bool) {
	for _, t := range p.Transitions {
		if t.ID == id {
			return t, true
		}
	}
	return Transition{}, false
}

// available lists the transitions that leave a status.
func (p *Project) available(status string) []Transition {
	var out []Transition
	for _, t := range p.Transitions {
		if t.leaves(status) {
			out = append(out, t)
		}
	}
	return out
}

func (t Transition) leaves(status string) bool {
	if len(t.From) == 0 {
		return true
	}
	for _, from := range t.From {
		if strings.EqualFold(from, status) {
			return true
		}
	}
	return false
}

func (t Transition) screenField(id string) (ScreenField, bool) {
	for _, f := range t.Screen {
		if f.ID == id {
			return f, true
		}
	}
	return ScreenField{}, false
}
