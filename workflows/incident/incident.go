// Package incident is the workflow IncidentTicket: one matter of another system, as a ticket of a desk that is assigned to an integration user.
// The ticket is opened, assigned by the rules, and shown until somebody closes it. Nobody gets any access by it.
//
// incident.go holds the state and the steps; assign.go is who gets the ticket; keeper.go is the ticket; facts.go what is recorded; status.go what is
// shown.
package incident

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// Params are the workflow's: what the starter may set, and what only a continuation brings.
type Params struct {
	Incident access.Incident `json:"incident"`
	Carried  *state          `json:"carried,omitempty"`
}

// state is all that an incident must remember.
type state struct {
	View access.IncidentView `json:"view"`
	// Taken is where the ticket is opened; nil while that is being asked.
	Taken  *activities.TakenIncident `json:"taken,omitempty"`
	Ticket ticket.State              `json:"ticket,omitzero"`
	// Ask is true while an assignee is to be found, and Except are those to whom the desk lets nobody assign the ticket. Again is true where that was
	// asked for while an answer was under way, which may be older.
	Ask    bool            `json:"ask,omitempty"`
	Except []access.UserID `json:"except,omitempty"`
	Again  bool            `json:"again,omitempty"`
	// Had is who had the ticket last as far as the desk is known; nil for nobody. Unconfirmed is true while the desk has not taken the assignee yet.
	Had         *access.IncidentAssignee `json:"had,omitempty"`
	Unconfirmed bool                     `json:"unconfirmed,omitempty"`
	// Told counts what was said of assignments: each is told, also where the words are the same as before.
	Told int `json:"told,omitempty"`
	// Vacant counts how often nobody was found, NobodyElse is why; "" where somebody was. AskAt is when it is tried again; zero for never.
	Vacant     int       `json:"vacant,omitempty"`
	NobodyElse string    `json:"nobody_else,omitempty"`
	AskAt      time.Time `json:"ask_at,omitzero"`
	// UnassignedAt is when somebody assigned the ticket to nobody on the desk; zero for never. Left is true where it stays so.
	UnassignedAt time.Time `json:"unassigned_at,omitzero"`
	Left         bool      `json:"left,omitempty"`
	// MissingSince is since when the ticket cannot be read, and MissingReads counts how often that was found; zero where it can.
	MissingSince time.Time `json:"missing_since,omitzero"`
	MissingReads int       `json:"missing_reads,omitempty"`
	// Pending are the events that are not recorded yet; Unrecorded is true when the view has changed since.
	Pending    []access.DeskEvent `json:"pending,omitempty"`
	Unrecorded bool               `json:"unrecorded,omitempty"`
	// RetryAt is when a step that failed is due again, and Failures counts failures in a row. Failing is why no desk or no assignee is found; "" where
	// nothing is wrong.
	RetryAt  time.Time `json:"retry_at,omitzero"`
	Failures int       `json:"failures,omitempty"`
	Failing  string    `json:"failing,omitempty"`
}

// incident is one running incident: the single writer of its state.
type incident struct {
	*state
	asked  access.Incident
	marker access.Marker
	loop   *durable.Loop
	ticket *ticket.Keeper
	// busy is true while an activity beside the ticket is in flight.
	busy bool
}

// Workflow keeps one incident from its submission to the closed ticket. What became of it is its result; it fails only when an operator cancels it.
func Workflow(ctx workflow.Context, p Params) (access.IncidentView, error) {
	i := &incident{
		asked: p.Incident, state: p.Carried,
		marker: access.IncidentMarkerOf(p.Incident.ID, workflow.GetInfo(ctx).FirstRunID),
	}
	if i.state == nil {
		i.state = &state{View: access.IncidentView{
			Incident: p.Incident, State: access.IncidentOpening, Since: workflow.Now(ctx).UTC(),
			StatusText: seeking,
		}}
	}
	i.loop = durable.New(ctx, i)
	i.keepTicket()
	if err := i.listen(); err != nil {
		return i.View, err
	}
	if err := i.loop.Run(i.carry); err != nil {
		return i.View, err
	}
	if i.View.State == access.IncidentCancelled {
		return i.View, temporal.NewCanceledError(i.View)
	}
	return i.View, nil
}

// carry is how the incident goes on in a new run.
func (i *incident) carry() error {
	return workflow.NewContinueAsNewError(i.loop.Context(), workflows.IncidentTicketType, Params{Incident: i.asked, Carried: i.state})
}

// listen declares everything that can be said to an incident.
func (i *incident) listen() error {
	durable.OnSignal(i.loop, workflows.SignalHint, func(workflows.Hint) { i.readNow() })
	durable.OnSignal(i.loop, workflows.SignalAssignee, func(struct{}) { i.askAgain() })
	durable.OnSignal(i.loop, workflows.SignalIncidentDone, i.done)
	durable.OnSignal(i.loop, workflows.SignalIncidentNews, i.news)
	err := durable.OnUpdate(i.loop, durable.Update[workflows.SubmitInput, access.IncidentView]{
		Name: workflows.UpdateOpenIncident, Description: "the caller's POST: answered when the ticket is opened, or refused",
		Judge: i.judgeOpen,
		Apply: func(workflows.SubmitInput) func() bool {
			return func() bool { return i.View.Ticket != nil || i.View.State.Ended() }
		},
		Answer: func(workflows.SubmitInput) (access.IncidentView, error) { return i.View, nil },
	})
	if err != nil {
		return err
	}
	return workflow.SetQueryHandler(i.loop.Context(), workflows.QueryIncident, func() (access.IncidentView, error) { return i.View, nil })
}

// judgeOpen refuses the POST of another incident of the same id.
func (i *incident) judgeOpen(c workflows.SubmitInput) error {
	if c.Digest == i.asked.Digest() {
		return nil
	}
	return workflows.RefusalError(otherIncident())
}

// keepTicket binds the ticket of an incident whose desk is known.
func (i *incident) keepTicket() {
	if i.Taken == nil || i.Taken.Desk == "" || i.ticket != nil {
		return
	}
	reads := i.Taken.Ticket
	i.ticket = ticket.New(i.loop, &i.Ticket, ticket.Settings{
		Desk: i.Taken.Desk, Marker: i.marker, SearchDelay: reads.SearchDelay.Std(),
		First: reads.First.Std(), Max: reads.Max.Std(), Recheck: reads.Recheck.Std(),
	}, keeper{i})
}

// Step does everything that can be done now.
func (i *incident) Step(now time.Time) {
	i.take(now)
	i.assign(now)
	if i.ticket != nil && i.View.Assignee != nil && !i.View.State.Ended() {
		i.confirm()
		i.ticket.Step(now)
		i.showProblem()
	}
	i.showStatus()
	i.record(now)
	i.show()
}

// take asks where the ticket is opened.
func (i *incident) take(now time.Time) {
	if i.Taken != nil || i.busy || i.View.State.Ended() || now.Before(i.RetryAt) {
		return
	}
	i.busy = true
	var incidents *activities.Incidents
	durable.StartLocal(i.loop, workflows.LocalQuestion(), incidents.TakeIncident, i.asked, func(taken activities.TakenIncident, err error) {
		i.busy = false
		switch {
		case i.View.State.Ended():
		case err != nil:
			i.failed(err)
		case len(taken.Refusals) > 0:
			i.Failures, i.Taken, i.View.Refusals = 0, &taken, taken.Refusals
			i.end(access.IncidentRefused, "Nothing was opened: "+taken.Refusals[0].Field+": "+taken.Refusals[0].Problem+".")
		default:
			i.Failures, i.Failing, i.Taken, i.Ask = 0, "", &taken, true
			i.View.Desk = taken.Desk
			i.say("taken", access.DeskEvent{
				Type: access.DeskIncidentTaken, Actor: i.asked.Caller, Evidence: i.asked.Evidence,
				Text: workflows.Sentence("The incident was handed in as "+i.asked.Reference, i.asked.Summary) + ".",
			})
			i.keepTicket()
		}
	})
}

// failed takes why a step beside the ticket failed. A step of a run that leaves is taken again by the next run.
func (i *incident) failed(err error) {
	if i.loop.Leaving() && temporal.IsCanceledError(err) {
		return
	}
	i.Failures++
	i.RetryAt = i.loop.Now().Add(workflows.RetryConnector.After(i.Failures))
	if i.Taken == nil || i.Ask {
		i.Failing = workflows.ErrorText(err)
	}
}

// done closes the ticket: there is nothing more to do with it.
func (i *incident) done(d workflows.IncidentDone) {
	if i.View.State.Ended() || i.View.NothingLeft != "" || d.Text == "" {
		return
	}
	i.View.NothingLeft = d.Text
	i.say("done", access.DeskEvent{Type: access.DeskIncidentChanged, Text: d.Text})
	i.Ticket.Write(ticket.Write{Key: "done", Text: d.Text, TransitionTo: access.TicketDone})
}

// news has the ticket say something in place of what it says. What comes in place of something else was said already, or is late.
func (i *incident) news(n workflows.IncidentNews) {
	if i.View.State.Ended() || i.View.NothingLeft != "" || n.Text == "" || !n.Instead.Equal(i.View.AsOf()) {
		return
	}
	i.View.NewsAt = n.At
	key := "news/" + n.At.UTC().Format(time.RFC3339Nano)
	i.say(key, access.DeskEvent{Type: access.DeskIncidentChanged, Text: n.Text})
	i.Ticket.Write(ticket.Write{Key: key, Text: n.Text})
}

// readNow has the ticket read.
func (i *incident) readNow() {
	if i.ticket != nil && i.Ticket.Ref != nil && !i.View.State.Ended() {
		i.ticket.ReadNow = true
	}
}

// end sets what became of the incident. The first end counts.
func (i *incident) end(state access.IncidentState, text string) {
	if i.View.State.Ended() {
		return
	}
	now := i.loop.Now()
	i.View.State, i.View.Since, i.View.EndedAt, i.View.StatusText, i.View.TicketProblem = state, now, &now, text, ""
	i.Ask, i.AskAt, i.RetryAt = false, time.Time{}, time.Time{}
	if i.ticket != nil {
		i.ticket.TurnOff()
	}
	i.say("ended", access.DeskEvent{Type: access.DeskIncidentEnded, Text: text})
}

// Due returns when the incident has something to do by the clock.
func (i *incident) Due() (time.Time, string) {
	var at time.Time
	what := ""
	consider := func(t time.Time, name string) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at, what = t, name
		}
	}
	if !i.busy && (i.Taken == nil || i.Ask || i.unrecorded()) {
		consider(i.RetryAt, "try again")
	}
	if !i.busy {
		consider(i.AskAt, "look for an assignee")
	}
	if i.ticket != nil && i.View.Assignee != nil {
		consider(i.ticket.Due(), "ticket")
	}
	return at, what
}

// Done reports whether what became of the incident is known, and recorded. One that was cancelled does not wait for a call of the desk, which nobody may
// ever take: what runs is awaited by the loop.
func (i *incident) Done() bool {
	idle := i.ticket == nil || i.ticket.Idle() || i.View.State == access.IncidentCancelled
	return i.View.State.Ended() && !i.unrecorded() && !i.busy && idle
}

// Cancelled takes an operator's cancellation. A ticket that is open stays open, as a person's work.
func (i *incident) Cancelled() {
	text := "An operator cancelled the workflow, and no ticket was opened."
	switch {
	case i.View.Ticket != nil:
		text = cancelledBeside(i.View.Ticket.Key)
	case i.ticket != nil && (i.ticket.Busy() || i.Ticket.Failures > 0):
		text = "An operator cancelled the workflow while the ticket was being opened: there may be one on the desk, at which usher does not look."
	}
	i.end(access.IncidentCancelled, text)
}

func cancelledBeside(key access.TicketKey) string {
	return "An operator cancelled the workflow: usher does not look at " + string(key) + " any more."
}

// Undecodable takes a signal that nobody can read: signals carry nothing that counts.
func (i *incident) Undecodable(signal string, _ error) {
	if signal == workflows.SignalAssignee {
		i.askAgain()
		return
	}
	i.readNow()
}
