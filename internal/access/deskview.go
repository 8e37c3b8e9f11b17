package access

// DeskView is a desk as usher sees it, for people who set it up.
type DeskView struct {
	// Account is usher's own on the desk, whose credentials were accepted.
	Account AccountID `json:"account,omitempty" doc:"usher's own account on the desk."`
	// Place is where tickets are opened, in the desk's word: "Jira project".
	Place string `json:"place,omitempty" doc:"What the desk calls the place where tickets are opened."`
	// ClockAhead is by how many seconds the desk's clock is ahead of usher's, below zero for behind; nil where the desk does not show
	// it. The time of the call is in it.
	ClockAhead *int `json:"clock_ahead_seconds,omitempty" doc:"By how many seconds the desk's clock is ahead of usher's; below zero: behind."`
	// Statuses are those that tickets can have there, in the desk's order; empty where the desk does not list them.
	Statuses []DeskStatus `json:"statuses,omitempty" doc:"What the statuses of tickets mean to usher; empty where the desk does not list them."`
	// Fields are those of a new ticket, by id.
	Fields []DeskField `json:"fields,omitempty" doc:"The fields of a new ticket."`
}

// DeskStatus is a status of a desk, and what it means to usher.
type DeskStatus struct {
	ID    string      `json:"id"`
	Name  string      `json:"name"`
	Phase TicketPhase `json:"phase" doc:"Where a ticket in this status stands; other means nothing to usher."`
	// Configured is true when the configuration says so, and false when the desk itself does.
	Configured bool `json:"configured" doc:"Whether the configuration lists the status; else the desk's own meaning counts."`
}

// DeskField is a field of a new ticket.
type DeskField struct {
	ID       string      `json:"id"`
	Name     string      `json:"name,omitempty"`
	Type     string      `json:"type,omitempty"`
	Required bool        `json:"required,omitempty"`
	Value    TicketField `json:"value,omitempty" doc:"What usher writes into it; empty for nothing, or where usher fills it without a mapping."`
	// Fixed is true when opening_fields has a value for it.
	Fixed bool `json:"fixed,omitempty" doc:"Whether the configuration has one value for it, the same for each ticket."`
}
