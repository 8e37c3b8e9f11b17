package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

func (a *API) registerIntegrationUsers() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/integration-users", huma.Operation{
		OperationID: "list-integration-users", Summary: "List the integration users", Tags: []string{"integration users"},
		Description: "The users of desks to whom tickets of incidents may be assigned, by desk and id. For administrators, auditors and ticket callers.",
	}, http.StatusForbidden), a.listIntegrationUsers)
	added := a.operation(http.MethodPost, "/v1/integration-users", huma.Operation{
		OperationID: "add-integration-user", Summary: "Add an integration user", Tags: []string{"integration users"},
		Description: "Finds a user of the desk by e-mail and registers the user; one who is registered already gets these groups. " +
			"With dry_run the user is found and nothing is changed. For administrators.",
		DefaultStatus: http.StatusCreated,
	}, changeStatuses()...)
	a.answersToo(&added, reflect.TypeFor[AddedIntegrationUser](), map[int]string{
		http.StatusOK: "Nothing was changed: the user was registered like that already, or it was a dry run.",
	})
	huma.Register(a.huma, added, a.addIntegrationUser)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/integration-users/{desk}/{user}/remove", huma.Operation{
		OperationID: "remove-integration-user", Summary: "Remove an integration user", Tags: []string{"integration users"},
		Description: "No ticket is assigned to the user any more, and open incidents are assigned anew. The desk keeps the user. For administrators.",
	}, changeStatuses()...), a.removeIntegrationUser)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/integration-users/{desk}/check", huma.Operation{
		OperationID: "check-integration-users", Summary: "Check the integration users of a desk", Tags: []string{"integration users"},
		Description: "Asks the desk for each of them, and flags those who are switched off, as the desk's schedule does. For administrators.",
	}, changeStatuses()...), a.checkIntegrationUsers)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/integration-users/{desk}/events", huma.Operation{
		OperationID: "list-integration-user-events", Summary: "List what happened at a desk", Tags: []string{"integration users", "audit"},
		Description: "Who changed the register when and why, who started runs over the users, released what one held back or took a link away, and what became of incidents of the desk; the last first. For administrators and auditors.",
	}, http.StatusForbidden), a.listIntegrationUserEvents)
}

func changeStatuses() []int {
	return []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests}
}

type integrationUsersInput struct {
	Desk      string `query:"desk" maxLength:"64" doc:"Only users of this desk."`
	Limit     int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	AfterDesk string `query:"after_desk" maxLength:"64" doc:"With after: what next said in the answer before."`
	After     string `query:"after" maxLength:"512" doc:"With after_desk: what next said in the answer before."`
}

// Resolve implements huma.Resolver.
func (in *integrationUsersInput) Resolve(huma.Context) []error {
	problems := fittingID("query.desk", in.Desk, access.Limits().ID)
	problems = append(problems, fittingID("query.after_desk", in.AfterDesk, access.Limits().ID)...)
	problems = append(problems, listedID("query.after", in.After)...)
	if (in.AfterDesk == "") != (in.After == "") {
		problems = append(problems, fieldError("query.after", "expected after_desk and after, or neither"))
	}
	return problems
}

// IntegrationUsersNext is where the next page of integration users begins.
type IntegrationUsersNext struct {
	AfterDesk access.DeskName `json:"after_desk" doc:"What after_desk has to be for the next page."`
	After     access.UserID   `json:"after" doc:"What after has to be for the next page."`
}

type integrationUsersOutput struct {
	Body struct {
		Users []access.IntegrationUser `json:"users" nullable:"false" doc:"The users, by desk and id."`
		Next  *IntegrationUsersNext    `json:"next,omitempty" doc:"What after_desk and after have to be for the next page; absent on the last one."`
	}
}

func (a *API) listIntegrationUsers(ctx context.Context, in *integrationUsersInput) (*integrationUsersOutput, error) {
	users, err := a.deps.Ledger.IntegrationUsers(ctx, access.IntegrationUsersQuery{
		Desk: access.DeskName(in.Desk), AfterDesk: access.DeskName(in.AfterDesk), After: access.UserID(in.After), Limit: in.Limit,
	})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &integrationUsersOutput{}
	out.Body.Users = append([]access.IntegrationUser{}, users...)
	if len(users) == in.Limit {
		last := users[len(users)-1]
		out.Body.Next = &IntegrationUsersNext{AfterDesk: last.Desk, After: last.ID}
	}
	return out, nil
}

type integrationUserEventsInput struct {
	Desk   string `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	Before int64  `query:"before" minimum:"0" doc:"Only events of a smaller place: what next said in the answer before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *integrationUserEventsInput) Resolve(huma.Context) []error {
	return fittingID("path.desk", in.Desk, access.Limits().ID)
}

func (a *API) listIntegrationUserEvents(ctx context.Context, in *integrationUserEventsInput) (*deskEventsOutput, error) {
	events, err := a.deps.Ledger.DeskEvents(ctx, access.DeskEventsQuery{Desk: access.DeskName(in.Desk), Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	return eventsShownTo(callerOf(ctx), events, in.Limit), nil
}

// AddIntegrationUserBody is who is registered.
type AddIntegrationUserBody struct {
	ID     string   `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	Desk   string   `json:"desk" minLength:"1" maxLength:"64" doc:"The desk, by its name in the worker's configuration." example:"service-desk"`
	Email  string   `json:"email" minLength:"1" maxLength:"256" doc:"The e-mail address of a user of the desk." example:"ana@example.com"`
	Groups []string `json:"groups,omitempty" maxItems:"20" nullable:"false" doc:"The groups by which rules of assignment name the user: each 1 to 64 of the characters a-z 0-9 . _ -, the first a letter or a digit." example:"[\"network\"]"`
	Reason string   `json:"reason,omitempty" maxLength:"2000" doc:"Why; it is recorded with the change."`
	DryRun bool     `json:"dry_run,omitempty" doc:"true: the user is found, and nothing is changed."`
}

type addIntegrationUserInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           AddIntegrationUserBody
}

// Resolve implements huma.Resolver.
func (in *addIntegrationUserInput) Resolve(huma.Context) []error {
	problems := repeatable(in.IdempotencyKey, in.Body.ID, in.Body.Reason)
	problems = append(problems, lineOfID("body.desk", in.Body.Desk, access.Limits().ID)...)
	problems = append(problems, fittingEmail("body.email", in.Body.Email)...)
	for i, group := range in.Body.Groups {
		if !policy.ValidGroup(group) {
			problems = append(problems, fieldError(fmt.Sprintf("body.groups[%d]", i),
				"expected 1 to 64 of the characters a-z 0-9 . _ -, the first a letter or a digit"))
		}
	}
	return problems
}

// AddedIntegrationUser is who was found.
type AddedIntegrationUser struct {
	User  access.IntegrationUser `json:"user" doc:"The user who was found."`
	Added bool                   `json:"added" doc:"Whether the register has got the user, or other groups of the user, by this call."`
}

type addedOutput struct {
	Status int
	Body   AddedIntegrationUser
}

func (a *API) addIntegrationUser(ctx context.Context, in *addIntegrationUserInput) (*addedOutput, error) {
	groups := slices.Clone(in.Body.Groups)
	slices.Sort(groups)
	result, err := a.changeIntegrationUsers(ctx, in.IdempotencyKey, in.Body.ID, workflows.IntegrationUsersParams{
		Desk: access.DeskName(in.Body.Desk), Reason: in.Body.Reason,
		Add: &workflows.AddIntegrationUserInput{Email: in.Body.Email, Groups: slices.Compact(groups), Dry: in.Body.DryRun},
	})
	if err != nil {
		return nil, err
	}
	if result.User == nil {
		return nil, a.failed(ctx, errors.New("add an integration user: the workflow found nobody, and did not say why"))
	}
	out := &addedOutput{Status: http.StatusOK, Body: AddedIntegrationUser{User: *result.User, Added: result.Added}}
	if result.Added {
		out.Status = http.StatusCreated
	}
	return out, nil
}

// RemoveIntegrationUserBody is why somebody is removed.
type RemoveIntegrationUserBody struct {
	ID     string `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; it is recorded with the change." example:"She works for another team now."`
}

type removeIntegrationUserInput struct {
	Desk           string `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	User           string `path:"user" maxLength:"512" doc:"The desk's own id of the user."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           RemoveIntegrationUserBody
}

// Resolve implements huma.Resolver.
func (in *removeIntegrationUserInput) Resolve(huma.Context) []error {
	problems := append(fittingID("path.desk", in.Desk, access.Limits().ID), listedID("path.user", in.User)...)
	return append(problems, repeatable(in.IdempotencyKey, in.Body.ID, in.Body.Reason)...)
}

type removedOutput struct {
	Body struct {
		User     *access.IntegrationUser `json:"user,omitempty" doc:"The user who was removed."`
		Notified int                     `json:"notified" doc:"How many open incidents are assigned anew."`
	}
}

func (a *API) removeIntegrationUser(ctx context.Context, in *removeIntegrationUserInput) (*removedOutput, error) {
	result, err := a.changeIntegrationUsers(ctx, in.IdempotencyKey, in.Body.ID, workflows.IntegrationUsersParams{
		Desk: access.DeskName(in.Desk), Reason: in.Body.Reason, Remove: &workflows.RemoveIntegrationUserInput{User: access.UserID(in.User)},
	})
	if err != nil {
		return nil, err
	}
	out := &removedOutput{}
	out.Body.User, out.Body.Notified = result.User, result.Notified
	return out, nil
}

// CheckIntegrationUsersBody is which check it is.
type CheckIntegrationUsersBody struct {
	ID string `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
}

type checkIntegrationUsersInput struct {
	Desk           string `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           *CheckIntegrationUsersBody
}

func (in *checkIntegrationUsersInput) id() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.ID
}

// Resolve implements huma.Resolver.
func (in *checkIntegrationUsersInput) Resolve(huma.Context) []error {
	return append(fittingID("path.desk", in.Desk, access.Limits().ID), repeatable(in.IdempotencyKey, in.id(), "")...)
}

// CheckedIntegrationUsers is what a check found.
type CheckedIntegrationUsers struct {
	Checked  int `json:"checked" doc:"How many users were checked."`
	Flagged  int `json:"flagged" doc:"To how many of them no ticket is assigned now."`
	Unread   int `json:"unread" doc:"Of how many the desk said nothing."`
	Notified int `json:"notified" doc:"How many open incidents are assigned anew."`
}

type checkedOutput struct {
	Body CheckedIntegrationUsers
}

func (a *API) checkIntegrationUsers(ctx context.Context, in *checkIntegrationUsersInput) (*checkedOutput, error) {
	result, err := a.changeIntegrationUsers(ctx, in.IdempotencyKey, in.id(), workflows.IntegrationUsersParams{Desk: access.DeskName(in.Desk)})
	if err != nil {
		return nil, err
	}
	return &checkedOutput{Body: CheckedIntegrationUsers{
		Checked: result.Checked, Flagged: result.Flagged, Unread: result.Unread, Notified: result.Notified,
	}}, nil
}

// changeIntegrationUsers makes a change in the name of the caller.
func (a *API) changeIntegrationUsers(
	ctx context.Context, key, id string, p workflows.IntegrationUsersParams,
) (workflows.IntegrationUsersResult, error) {
	caller := callerOf(ctx)
	p.By, p.Evidence = caller.Person, caller.Evidence
	change, err := changeIDOf(caller.Person, key, id)
	if err != nil {
		return workflows.IntegrationUsersResult{}, a.failed(ctx, err)
	}
	result, err := a.deps.Gateway.ChangeIntegrationUsers(ctx, change, p)
	if err != nil {
		return workflows.IntegrationUsersResult{}, a.failed(ctx, err)
	}
	return result, nil
}

// changeIDOf returns the id of a change. It begins with the person, as messageID's does. A person's id may be long, and have signs that the
// id of a workflow is not shown with, so that a hash stands for it.
func changeIDOf(person access.PersonID, key, id string) (string, error) {
	switch {
	case key != "":
		id = "key-" + uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:usher:integration-users\x00"+key)).String()
	case id != "":
		id = "id-" + id
	default:
		fresh, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("choose the id of a change: %w", err)
		}
		id = fresh.String()
	}
	sum := sha256.Sum256([]byte(person))
	return hex.EncodeToString(sum[:16]) + "." + id, nil
}
