package httpapi

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
)

func problemType() reflect.Type { return reflect.TypeFor[Problem]() }

// describe adds to the schemas what the words of package access cannot carry: it knows nothing of OpenAPI.
func describe(document *huma.OpenAPI) {
	schemas := document.Components.Schemas.Map()
	for _, d := range []struct {
		schema, property, text string
		values                 []any
	}{
		{"RequestView", "state", "Where the request stands. From granted on, these are outcomes: it never leaves them.", []any{
			access.StateEvaluating, access.StateAwaitingApproval, access.StateFulfilling, access.StateRevoking,
			access.OutcomeGranted, access.OutcomePartlyGranted, access.OutcomeDenied, access.OutcomeWithdrawn,
			access.OutcomeExpired, access.OutcomeCancelled, access.OutcomeRefused, access.OutcomeFailed,
		}},
		{"RequestView", "since", "Since when it stands there.", nil},
		{"RequestView", "status_text", "What happens next, or how it ended, in a sentence.", nil},
		{"RequestView", "waiting_on", "Whom the request waits for; absent when for nobody.", nil},
		{"RequestView", "ticket", "The request's ticket; absent until the desk has opened one.", nil},
		{"RequestView", "ticket_problem", "Why the ticket is behind the request; absent when it is up to date.", nil},
		{"RequestView", "refusals", "Why policy refused the request.", nil},
		{"RequestView", "approval_deadline", "When the request expires if nobody decides.", nil},
		{"RequestView", "ended_at", "When the request ended.", nil},
		{"RequestView", "version", "Grows with every change.", nil},
		{"ItemView", "state", "Where the item stands.", []any{
			access.ItemPending, access.ItemApproved, access.ItemFulfilling, access.ItemGranted, access.ItemDenied,
			access.ItemWithdrawn, access.ItemExpired, access.ItemCancelled, access.ItemRefused, access.ItemFailed,
		}},
		{"ItemView", "detail", "Why the item is where it is, in a sentence.", nil},
		{"Item", "duration", "How long the access lasts, counted from the verified grant: 8h, 30d. Absent: as long as the catalog allows.", nil},
		{"Decision", "verdict", "What was decided.", []any{access.Approve, access.Deny}},
		{"Event", "channel", "The way on which it came.", []any{
			access.ChannelAPI, access.ChannelTicket, access.ChannelOperator, access.ChannelSystem,
		}},
		{"Event", "evidence", "How the actor's identity was established, or what the target said.", nil},
		{"PeopleRun", "ended_at", "When the run ended; absent while it goes on.", nil},
		{"PeopleRun", "problem", "Why the run failed, or was refused; absent where it did not. It changed nobody, or nobody else from then on.", nil},
		{"PeopleRun", "held", "How many changes a brake held back.", nil},
		{"PeopleRun", "applied", "How many changes were applied.", nil},
		{"PeopleRun", "by", "Who started the run; absent for the schedule of the source.", nil},
		{"PersonChange", "class", "What the listing means for the person.", []any{
			access.ClassJoiner, access.ClassReturner, access.ClassMover, access.ClassChanged, access.ClassLeaver, access.ClassMissing, access.ClassRecorded,
		}},
		{"PersonChange", "held", "The brake that holds the change back; absent for none.", nil},
		{"RevocationScope", "lease", "One lease.", nil},
		{"RevocationScope", "application", "What the person holds of this application.", nil},
		{"RevocationScope", "entitlement", "This entitlement.", nil},
		{"LeaseView", "state", "Where the lease stands.", []any{
			access.LeaseGranting, access.LeaseActive, access.LeaseRevoking, access.LeaseEnded,
		}},
	} {
		annotate(schemas[d.schema], d.property, d.text, d.values)
		if d.schema == "RequestView" {
			annotate(schemas["RequestDetail"], d.property, d.text, d.values)
			annotate(schemas["SubmittedView"], d.property, d.text, d.values)
		}
	}
	describeIncidents(schemas)
	describeHeaders(document)
	loosen(schemas)
	// A desk's webhook is whatever the desk sends.
	document.Paths[webhookPath].Post.RequestBody.Content["application/json"].Schema = &huma.Schema{}
	// Errors have our own form; these are the library's.
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
}

func describeIncidents(schemas map[string]*huma.Schema) {
	var states []any
	for _, state := range access.IncidentStates() {
		states = append(states, state)
	}
	for _, d := range []struct {
		schema, property, text string
		values                 []any
	}{
		{"Incident", "caller", "Who handed it in.", nil},
		{"Incident", "evidence", "How that identity was established; for auditors.", nil},
		{"IncidentView", "state", "Where the incident stands. From closed on, these are outcomes: it never leaves them.", states},
		{"IncidentView", "since", "Since when it stands there.", nil},
		{"IncidentView", "desk", "Where the ticket is, or will be; absent where that is not known yet.", nil},
		{"IncidentView", "refusals", "Why no ticket is opened.", nil},
		{"IncidentView", "ended_at", "When the incident ended.", nil},
		{"IncidentView", "version", "Grows with every change.", nil},
		{"IntegrationUser", "added_at", "When the user was added.", nil},
		{"IntegrationUser", "flagged_at", "Since when no ticket is assigned to the user; absent for no reason.", nil},
		{"IntegrationUser", "checked_at", "When the desk was asked last.", nil},
		{"PlacedDeskEvent", "place", "The event's place in the order in which events were recorded.", nil},
		{"PlacedDeskEvent", "type", "What happened.", []any{
			access.DeskUserAdded, access.DeskUserRemoved, access.DeskUserFlagged, access.DeskUserAvailable, access.DeskIncidentTaken,
			access.DeskIncidentAssigned, access.DeskIncidentOpened, access.DeskIncidentChanged, access.DeskIncidentEnded, access.DeskUserUnlinked,
			access.DeskOwnedHandOver, access.DeskOwnedRefused,
			access.DeskUsersRunStarted, access.DeskUsersRunReleases, access.DeskPeopleRunStarted, access.DeskPeopleRunReleases,
		}},
		{"PlacedDeskEvent", "evidence", "How the actor's identity was established; for auditors.", nil},
	} {
		annotate(schemas[d.schema], d.property, d.text, d.values)
	}
}

// loosen lets answers grow: a client that is made from this document must not refuse tomorrow's fields. What callers
// send stays strict.
func loosen(schemas map[string]*huma.Schema) {
	strict := []string{
		"SubmitBody", "SubmitItem", "DecisionBody", "WithdrawBody", "DoctorBody", "TestDeskBody", "StartPeopleBody", "ReleasePeopleBody",
		"IncidentBody", "AddIntegrationUserBody", "RemoveIntegrationUserBody", "CheckIntegrationUsersBody", "UnlinkUserBody",
		"StartSyncBody", "SyncScopeBody", "ReassignBody", "RevokeLeaseBody", "RevokeAccessBody",
		"PauseBody", "ResumeBody",
	}
	for name, schema := range schemas {
		if !slices.Contains(strict, name) {
			schema.AdditionalProperties = nil
		}
	}
}

func annotate(schema *huma.Schema, property, text string, values []any) {
	if schema == nil || schema.Properties[property] == nil {
		panic(fmt.Sprintf("the API's document has no property %q to describe as %q", property, text))
	}
	// A property that refers to another schema keeps that schema's text.
	if schema.Properties[property].Ref != "" {
		return
	}
	schema.Properties[property].Description = text
	schema.Properties[property].Enum = values
}
