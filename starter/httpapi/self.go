package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
	"usher/internal/ledger"
)

func (a *API) registerSelf() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/me", huma.Operation{
		OperationID: "read-me", Summary: "Read who calls", Tags: []string{"caller"},
		Description: "Who the caller is to usher, with which roles, and which applications the catalog names the caller an owner of. For every caller.",
	}), a.readMe)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/inbox", huma.Operation{
		OperationID: "list-inbox", Summary: "List what awaits the caller's decision", Tags: []string{"caller"},
		Description: "The open requests whose approver the caller is now, the last submitted first, with what there is to decide. For every caller.",
	}), a.listInbox)
}

// Me is who calls.
type Me struct {
	Person access.PersonID `json:"person" doc:"The identity source's id of the caller."`
	Name   string          `json:"name,omitempty" doc:"The name in the token's claim name; absent without one. It identifies nobody."`
	// Roles are those of the token and of the configuration together.
	Roles               []string                      `json:"roles" nullable:"false" doc:"What the caller may do beside what everybody may: auditor, administrator, help_desk, ticket_caller. There may be others later."`
	Applications        []access.PublishedApplication `json:"applications" nullable:"false" doc:"The applications whose owner the caller is."`
	ApplicationsProblem string                        `json:"applications_problem,omitempty" doc:"Why the applications are missing; absent when they are there."`
	Development         bool                          `json:"development" doc:"true: usher runs in development mode and has not checked who calls."`
	Evidence            string                        `json:"evidence,omitempty" doc:"How usher knows the caller; it is recorded with what the caller does."`
}

type meOutput struct {
	Body Me
}

// rolesOf returns the names of a caller's roles.
func rolesOf(caller Caller) []string {
	roles := []string{}
	for _, role := range []struct {
		has  bool
		name string
	}{
		{caller.Auditor, "auditor"}, {caller.Administrator, "administrator"}, {caller.HelpDesk, "help_desk"}, {caller.Tickets, "ticket_caller"},
	} {
		if role.has {
			roles = append(roles, role.name)
		}
	}
	return roles
}

func (a *API) readMe(ctx context.Context, _ *struct{}) (*meOutput, error) {
	caller := callerOf(ctx)
	out := &meOutput{Body: Me{
		Person: caller.Person, Name: caller.Name, Roles: rolesOf(caller), Applications: []access.PublishedApplication{},
		Development: a.deps.Authenticator.Warning() != "", Evidence: caller.Evidence,
	}}
	owned, err := a.deps.Ledger.ApplicationsOf(ctx, caller.Person)
	if err != nil {
		a.logged(ctx, err)
		out.Body.ApplicationsProblem = "the ledger is unavailable"
		return out, nil
	}
	out.Body.Applications = append(out.Body.Applications, owned...)
	return out, nil
}

type inboxInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many requests at most."`
	Cursor string `query:"cursor" maxLength:"512" doc:"What next said in the answer before."`
}

// InboxEntry is a request that the caller may decide about.
type InboxEntry struct {
	Request       access.RequestID  `json:"request" doc:"The request's id."`
	Requester     access.PersonID   `json:"requester" doc:"Who asks."`
	RequesterName string            `json:"requester_name,omitempty" doc:"What people call them."`
	Subject       access.PersonID   `json:"subject" doc:"Whose access it shall be."`
	SubjectName   string            `json:"subject_name,omitempty" doc:"What people call them."`
	Reason        string            `json:"reason" doc:"Why they ask."`
	SubmittedAt   time.Time         `json:"submitted_at" doc:"When they asked."`
	Since         time.Time         `json:"since" doc:"Since when it awaits the caller."`
	Until         *time.Time        `json:"until,omitempty" doc:"When the request expires if nobody decides."`
	Items         []InboxItem       `json:"items" nullable:"false" doc:"What there is to decide."`
	Ticket        *access.TicketRef `json:"ticket,omitempty" doc:"The request's ticket; absent until the desk has opened one."`
}

// InboxItem is an item that the caller may decide about.
type InboxItem struct {
	ID          access.ItemID        `json:"id" doc:"The item's id, as a decision names it."`
	Entitlement access.EntitlementID `json:"entitlement" doc:"What is asked for."`
	Title       string               `json:"title,omitempty" doc:"What people call it."`
	Duration    access.Duration      `json:"duration,omitempty" doc:"How long, counted from the verified grant; absent: as long as the catalog allows."`
	Stage       string               `json:"stage" doc:"As what the caller decides: manager or owner."`
}

// InboxPage is a part of what awaits the caller.
type InboxPage struct {
	Entries []InboxEntry `json:"entries" nullable:"false" doc:"The requests, the last submitted first."`
	Next    string       `json:"next,omitempty" doc:"The cursor of the next page; absent on the last one."`
}

type inboxOutput struct {
	Body InboxPage
}

func (a *API) listInbox(ctx context.Context, in *inboxInput) (*inboxOutput, error) {
	caller := callerOf(ctx).Person
	page, err := a.deps.Ledger.Views(ctx, ledger.Filter{WaitingOn: caller, Open: true, Limit: in.Limit, Cursor: in.Cursor})
	if access.IsKind(err, access.Invalid) {
		return nil, wrongCursor(err)
	}
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &inboxOutput{Body: InboxPage{Entries: []InboxEntry{}, Next: page.Next}}
	for _, view := range page.Views {
		out.Body.Entries = append(out.Body.Entries, inboxEntry(view, caller))
	}
	return out, nil
}

// wrongCursor is the problem of a page that no answer named.
func wrongCursor(err error) *Problem {
	return newProblem(kindInvalid(), problemOf(err).Detail,
		ProblemField{Location: "query.cursor", Message: "expected what next said in the answer before"})
}

// inboxEntry returns what of a request awaits one person.
func inboxEntry(v access.RequestView, person access.PersonID) InboxEntry {
	e := InboxEntry{
		Request: v.Request.ID, Requester: v.Request.Requester, RequesterName: v.RequesterName, Subject: v.Request.Subject, SubjectName: v.SubjectName,
		Reason: v.Request.Reason, SubmittedAt: v.Request.SubmittedAt, Until: v.ApprovalDeadline, Items: []InboxItem{}, Ticket: v.Ticket,
	}
	for _, w := range v.WaitingOn {
		if w.Person != person {
			continue
		}
		if e.Since.IsZero() || w.Since.Before(e.Since) {
			e.Since = w.Since
		}
		for _, item := range v.Items {
			if slices.Contains(w.Items, item.Item.ID) {
				e.Items = append(e.Items, InboxItem{
					ID: item.Item.ID, Entitlement: item.Item.Entitlement, Title: item.Title, Duration: item.Item.Duration, Stage: w.Stage,
				})
			}
		}
	}
	return e
}
