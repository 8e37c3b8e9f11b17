package incident

import (
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
	"usher/workflows/durable"
)

// say adds an event to the audit trail, and has the incident recorded as it stands then. The event's id comes from what it says, or from its key.
func (i *incident) say(key string, e access.DeskEvent) {
	e.Desk, e.Incident, e.At = i.View.Desk, i.asked.ID, i.loop.Now()
	said := access.Event{Type: access.EventType(e.Type), Actor: e.Actor, Evidence: e.Evidence, Text: e.Text}
	e.ID = workflows.EventID(workflows.IncidentWorkflowID(i.asked.ID), key, said)
	i.Pending, i.Unrecorded = append(i.Pending, e), true
}

// tell is say for what is told of the assignment, as often as it comes to pass. It returns the key of what the ticket says of it.
func (i *incident) tell(e access.DeskEvent) string {
	i.say("", e)
	number := strconv.Itoa(i.Told)
	i.Told++
	i.Pending[len(i.Pending)-1].ID += "/" + number
	return "assignment/" + number + "/" + e.Text
}

func (i *incident) unrecorded() bool { return i.Unrecorded || len(i.Pending) > 0 }

// versioned returns the incident as it stands, newer than what was recorded before.
func (i *incident) versioned() access.IncidentView {
	i.View.Version = workflows.NextVersion(i.View.Version, i.loop.Now())
	i.Unrecorded = false
	return i.View
}

// record writes what is not recorded yet to the ledger. A run that leaves has the next one write it.
func (i *incident) record(now time.Time) {
	if !i.unrecorded() || i.busy || now.Before(i.RetryAt) || (i.Ask && !i.View.State.Ended()) {
		return
	}
	i.busy = true
	input := activities.RecordIncidentInput{View: i.versioned(), Events: slices.Clone(i.Pending)}
	asked := i.View.Assignee
	var incidents *activities.Incidents
	durable.Start(i.loop, workflows.RecordLater(), incidents.RecordIncident, input, func(recorded access.IncidentView, err error) {
		i.busy = false
		switch kind := workflows.KindOf(err); {
		case err == nil:
			i.Failures, i.RetryAt = 0, time.Time{}
			i.Pending = i.Pending[len(input.Events):]
			i.resolved(asked, recorded.Assignee)
		case kind == access.Invalid || kind == access.Conflict:
			// The ledger will never take it, and nothing rests on it.
			workflow.GetLogger(i.loop.Context()).Error("the ledger refuses what an incident records", "error", err)
			i.Pending = i.Pending[len(input.Events):]
		default:
			i.Unrecorded = true
			i.failed(err)
		}
	})
}

// resolved takes who in the register an assignee is that people chose on the desk.
func (i *incident) resolved(asked, found *access.IncidentAssignee) {
	if i.View.Assignee != asked || asked == nil || found == nil || asked.User == found.User {
		return
	}
	i.has(found)
}

func otherIncident() *policy.Rejection {
	return &policy.Rejection{
		Kind: access.Invalid, Field: "Idempotency-Key",
		Problem: "this key or id already names another incident; send the same body again, or take a new key",
	}
}
