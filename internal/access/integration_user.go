package access

import "time"

// IntegrationUser is a user of a desk to whom the tickets of incidents may be assigned, as the register has it.
type IntegrationUser struct {
	Desk DeskName `json:"desk" doc:"The desk, by its name in the worker's configuration."`
	// ID is the desk's own id of the user, and Account how tickets name the same user.
	ID      UserID    `json:"id" doc:"The desk's own id of the user."`
	Account AccountID `json:"account" doc:"How tickets of the desk name the user."`
	// Name, Email and UserName are what the desk said when it was asked last.
	Name     string `json:"name,omitempty" doc:"What people read."`
	Email    string `json:"email" doc:"The e-mail address."`
	UserName string `json:"user_name,omitempty" doc:"The user name on the desk."`
	// Integration is the kind of the desk, and Tenant its own address: "jira", "https://example.atlassian.net".
	Integration string `json:"integration" doc:"The type of integration: the kind of the desk." example:"jira"`
	Tenant      string `json:"tenant,omitempty" doc:"The desk's own address." example:"https://example.atlassian.net"`
	// Groups are the names by which rules of assignment name several users; sorted, each once.
	Groups  []string  `json:"groups,omitempty" doc:"The groups of integration users to which the user belongs."`
	AddedBy PersonID  `json:"added_by" doc:"Who added the user."`
	AddedAt time.Time `json:"added_at"`
	// Flagged is why no ticket is assigned to the user now; "" for no reason. FlaggedAt is since when; zero for never.
	Flagged   string    `json:"flagged,omitempty" doc:"Why no ticket is assigned to the user now; absent for no reason."`
	FlaggedAt time.Time `json:"flagged_at,omitzero"`
	// CheckedAt is when the desk was asked last.
	CheckedAt time.Time `json:"checked_at"`
	// Open is how many tickets of incidents are assigned to the user; what reads the register fills it in.
	Open int `json:"open" doc:"How many open tickets of incidents are assigned to the user."`
}

// Available reports whether tickets may be assigned to the user.
func (u IntegrationUser) Available() bool { return u.Flagged == "" }

// CalledBy returns the user as people read it: the name with the address, or the address alone.
func (u IntegrationUser) CalledBy() string {
	if u.Name == "" {
		return u.Email
	}
	return u.Name + " (" + u.Email + ")"
}

// MaxIntegrationUsers is how many a page of the register has at most.
const MaxIntegrationUsers = 200

// IntegrationUsersQuery asks for a page of the register, by desk and id.
type IntegrationUsersQuery struct {
	// Desk is the only desk; "" for all.
	Desk DeskName
	// AfterDesk and After are the last of the page before; "" for the first page.
	AfterDesk DeskName
	After     UserID
	// Limit is how many at most, 1 to MaxIntegrationUsers; fewer mean that the page is the last.
	Limit int
}

// Balance is how one of several integration users is picked.
type Balance string

// The ways to pick.
const (
	// LeastLoaded picks whoever has the fewest open tickets; of those who have as many, whoever got none for the longest time.
	LeastLoaded Balance = "least_loaded"
	// RoundRobin picks whoever got none for the longest time.
	RoundRobin Balance = "round_robin"
)

// Assignees are the integration users of a desk of whom one is picked for an incident: those of a group, or those with one of the addresses.
type Assignees struct {
	Desk DeskName `json:"desk"`
	// Group is the name of a group; "" where Emails count. Addresses are compared by FoldKey.
	Group  string   `json:"group,omitempty"`
	Emails []string `json:"emails,omitempty"`
	By     Balance  `json:"by"`
	// Except are users who are not picked.
	Except []UserID `json:"except,omitempty"`
}
