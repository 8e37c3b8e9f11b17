package activities

const (
	// IncidentPrefix comes before an incident's id in the id of its workflow, and SignalAssignee has it ask who may have its ticket.
	IncidentPrefix = "incident/"
	SignalAssignee = "assignee"
)
