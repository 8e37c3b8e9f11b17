package access

// ApprovalState is where a desk approval stands.
type ApprovalState string

// The states.
const (
	// ApprovalRequested: it waits for its answer.
	ApprovalRequested ApprovalState = "requested"
	// ApprovalApproved and ApprovalDenied: it was answered.
	ApprovalApproved ApprovalState = "approved"
	ApprovalDenied   ApprovalState = "denied"
	// ApprovalNotRequired: its answer is not needed any more.
	ApprovalNotRequired ApprovalState = "not_required"
)

// Answered reports whether the state is an answer.
func (s ApprovalState) Answered() bool { return s == ApprovalApproved || s == ApprovalDenied }

// DeskApproval is the desk's own record that asks one account to approve a ticket, and holds its answer.
type DeskApproval struct {
	Approver AccountID `json:"approver"`
	// Round counts usher's questions to that account on one ticket, from 1.
	Round int           `json:"round"`
	State ApprovalState `json:"state"`
	// Void is true when the answer that is there does not count: State replaces it.
	Void bool `json:"void,omitempty"`
}

// DeskApprovals are all desk approvals of usher's that a ticket shall have, those of one account by their rounds. Summary is one line,
// and Body plain text in paragraphs: what is to be approved.
type DeskApprovals struct {
	Summary string         `json:"summary"`
	Body    string         `json:"body"`
	All     []DeskApproval `json:"all"`
}
