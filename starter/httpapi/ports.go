package httpapi

import (
	"context"
	"net/http"
	"time"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/starter/gateway"
	"usher/workflows"
)

// Gateway is what the API needs of the workflows; *gateway.Gateway is one, and its comments are the contract.
type Gateway interface {
	Submit(ctx context.Context, r access.Request) (gateway.Submission, error)
	Decide(ctx context.Context, id access.RequestID, d access.Decision) (access.RequestView, error)
	Withdraw(ctx context.Context, id access.RequestID, c workflows.WithdrawInput) (access.RequestView, error)
	Reassign(ctx context.Context, id access.RequestID, c workflows.ReassignInput) (access.RequestView, error)
	Revoke(ctx context.Context, r access.Revocation) (gateway.RevocationReceipt, error)
	Pause(ctx context.Context, p access.Pause) (gateway.PauseReceipt, error)
	View(ctx context.Context, id access.RequestID) (access.RequestView, error)
	HintWatch(ctx context.Context, desk access.DeskName, h workflows.Hint) (bool, error)
	Hint(ctx context.Context, id access.RequestID, h workflows.Hint) error
	StartPeople(ctx context.Context, id string, p workflows.PeopleRunParams) error
	PeopleSource(ctx context.Context, source access.SourceName) error
	StartSync(ctx context.Context, id string, p workflows.UserSyncParams) error
	SyncedDesk(ctx context.Context, desk access.DeskName) error
	Unlink(ctx context.Context, id string, p workflows.UnlinkParams) (access.DeskLink, error)
	SubmitIncident(ctx context.Context, i access.Incident) (gateway.IncidentSubmission, error)
	Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error)
	ChangeIntegrationUsers(ctx context.Context, id string, p workflows.IntegrationUsersParams) (workflows.IntegrationUsersResult, error)
	Doctor(ctx context.Context, p workflows.DoctorParams) (workflows.DoctorReport, error)
	Ready(ctx context.Context) error
}

// Ledger is what the API reads; *ledger.Store is one, and its comments are the contract.
type Ledger interface {
	View(ctx context.Context, id access.RequestID) (access.RequestView, error)
	Views(ctx context.Context, f ledger.Filter) (ledger.Page, error)
	Events(ctx context.Context, id access.RequestID) ([]access.Event, error)
	Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error)
	LeasesOf(ctx context.Context, subject access.PersonID) ([]access.LeaseView, error)
	Revocation(ctx context.Context, id access.RevocationID) (access.Revocation, error)
	Revocations(ctx context.Context, subject access.PersonID, before access.RevocationID, limit int) ([]access.Revocation, error)
	PublishedCatalog(ctx context.Context) (access.CatalogPublication, error)
	CatalogEntitlements(ctx context.Context, q access.CatalogQuery) ([]access.PublishedEntitlement, error)
	ApplicationsOf(ctx context.Context, owner access.PersonID) ([]access.PublishedApplication, error)
	Pauses(ctx context.Context) ([]access.Pause, error)
	TicketByID(ctx context.Context, desk access.DeskName, id access.TicketID) (access.TicketLink, error)
	PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error)
	PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error)
	PeopleChanges(ctx context.Context, source access.SourceName, plan string, q access.PeopleChangesQuery) ([]access.PersonChange, error)
	PeopleProblems(ctx context.Context, source access.SourceName, listing string, behind, limit int) ([]access.PersonProblem, error)
	SyncRuns(ctx context.Context, desk access.DeskName, before time.Time, limit int) ([]access.SyncRun, error)
	SyncRun(ctx context.Context, desk access.DeskName, id string) (access.SyncRun, error)
	SyncRows(ctx context.Context, desk access.DeskName, plan string, q access.SyncRowsQuery) ([]access.SyncRow, error)
	CountSyncRows(ctx context.Context, desk access.DeskName, plan string) (map[access.SyncState]int, error)
	IntegrationUsers(ctx context.Context, q access.IntegrationUsersQuery) ([]access.IntegrationUser, error)
	Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error)
	Incidents(ctx context.Context, q access.IncidentsQuery) ([]access.IncidentView, error)
	DeskEvents(ctx context.Context, q access.DeskEventsQuery) ([]access.PlacedDeskEvent, error)
	Ping(ctx context.Context) error
}

// Caller is who calls.
type Caller struct {
	Person access.PersonID
	// Service is the program that calls; nil for a person. A service is no person, and has no role.
	Service *ServiceCaller
	// Name is what the caller is called, as the identity has it; "" for nothing. It decides nothing.
	Name string
	// Auditor may read everything and run the doctor.
	Auditor bool
	// Administrator may start runs over people and over users, release what one held back, take links of users away, name who approves a
	// request, change the register of integration users, take back what others hold, and pause work on targets. An administrator who is no auditor reads those runs, that
	// register, incidents, and what people hold only.
	Administrator bool
	// Tickets is true for who may hand in incidents of other systems. It is a claim of its own: neither Auditor nor Administrator implies it, nor
	// does it imply them.
	Tickets bool
	// HelpDesk may take back what others hold, see what that is, and see what is paused. It is a role of its own: no other implies it.
	HelpDesk bool
	// Evidence is how the identity was established; it is recorded with what the caller does.
	Evidence string
}

// Authenticator identifies the caller, from the headers of a call alone. Safe for concurrent use. Errors:
// *UnauthenticatedError: the call carries no identity that can be accepted; *Problem: the identity is known, and may not call usher like that;
// Transient: it cannot be checked now.
type Authenticator interface {
	Authenticate(r *http.Request) (Caller, error)
	// Ready reports whether identities can be checked now. Transient: they cannot.
	Ready(ctx context.Context) error
	// Warning is put into the header X-Usher-Development of every answer; "" for none.
	Warning() string
}

// UnauthenticatedError is why no identity was accepted. Reason never holds the token. Offered is false when the call
// offered no identity at all.
type UnauthenticatedError struct {
	Reason  string
	Offered bool
}

// Error returns the reason.
func (e *UnauthenticatedError) Error() string { return e.Reason }

var (
	_ Gateway = (*gateway.Gateway)(nil)
	_ Ledger  = (*ledger.Store)(nil)
)
