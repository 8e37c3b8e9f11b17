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
	// Key names usher's question: another question of the request has another key.
	Key      string    `json:"key"`
	Approver AccountID `json:"approver"`
	// ID is the desk's own of the record; "" while it is not known. Then an open one of usher's that asks the account is taken, or a new
	// one opened.
	ID    string        `json:"id,omitempty"`
	State ApprovalState `json:"state"`
	// Void names an answer that does not count, see TicketMove.Name: State replaces it. Any other answer of a person stays, save where it is
	// AnyAnswer.
	Void string `json:"void,omitempty"`
}

// AnyAnswer in DeskApproval.Void means that no answer counts any more.
const AnyAnswer = "*"

// Keeps reports whether an answer of a person stays, by its name.
func (a DeskApproval) Keeps(answer string) bool { return a.Void != AnyAnswer && a.Void != answer }

// DeskApprovals are all desk approvals of usher's that a ticket shall have. Others of usher's that wait for an answer are not required.
// Summary is one line, and Body plain text in paragraphs: what is to be approved.
type DeskApprovals struct {
	Summary string         `json:"summary"`
	Body    string         `json:"body"`
	All     []DeskApproval `json:"all"`
	// Over is true once nothing waits for an answer any more, and what was asked did not come to be: then what people answered to an approval
	// of usher's that is none of All is not required either.
	Over bool `json:"over,omitempty"`
}
