package intake

import (
	"strings"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// answer has a comment on the ticket name what is wrong with it, once for the same findings in the same text.
func (a *asked) answer() {
	kind := asking
	if a.Look.Ended {
		kind = refused
	}
	text, of := findingsText(a.Look.Findings, kind), ""
	if a.Look.Asked != nil {
		of = a.Look.Asked.TextChange
	}
	a.say(text, of, a.over)
}

// close ends the look with a last comment and the closing of the ticket. Where the desk has no way to that status now, it is tried
// again for some hours.
func (a *asked) close(text, about string, to access.TicketPhase) {
	a.Look.Last, a.Waits = &last{Text: text, About: about, To: to}, 0
}

// last is the last word on a ticket.
type last struct {
	Text  string             `json:"text"`
	About string             `json:"about,omitempty"`
	To    access.TicketPhase `json:"to"`
}

// sayLast makes the last comment and closes the ticket.
func (a *asked) sayLast() {
	l := a.Look.Last
	call := activities.UpdateTicketInput{Ticket: a.ticket, Comments: []access.Comment{commentOf(l.Text, l.About)}, TransitionTo: l.To}
	var desk *activities.Desk
	durable.Start(a.loop, workflows.Ticket(a.desk, "close the ticket"), desk.UpdateTicket, call, func(_ activities.UpdateTicketResult, err error) {
		kind := workflows.KindOf(err)
		switch {
		case a.Looking && !a.loop.Leaving() && (kind == access.Conflict || kind == access.Invalid):
			a.later()
		case a.done(err):
			a.over()
		}
	})
}

// commentOf returns a comment that is made once for each text and what it is about.
func commentOf(text, about string) access.Comment {
	return access.Comment{Marker: ticket.CommentMarker("usher-asked", text+"\x00"+about), Text: text}
}

// say has a comment made on the ticket, once for each text and what it is about.
func (a *asked) say(text, about string, done func()) {
	var desk *activities.Desk
	options := workflows.Ticket(a.desk, "answer what a ticket asks for")
	call := activities.UpdateTicketInput{Ticket: a.ticket, Comments: []access.Comment{commentOf(text, about)}}
	durable.Start(a.loop, options, desk.UpdateTicket, call, func(_ activities.UpdateTicketResult, err error) {
		if a.done(err) {
			done()
		}
	})
}

// answered is what an answer is about: it begins and ends with words of its own.
type answered int

const (
	asking answered = iota
	refused
	givingBack
)

func findingsText(findings []access.Refusal, of answered) string {
	begin := map[answered]string{
		asking:     "usher cannot take this ticket as a request for access:",
		refused:    "The request for access of this ticket was refused:",
		givingBack: "usher cannot take back what this ticket gives back, and has closed it:",
	}[of]
	end := map[answered]string{
		asking:     "Please change the ticket, and usher looks at it again; or open another one.",
		refused:    "Please open a new ticket; this one stays as it is.",
		givingBack: "Please open a new ticket.",
	}[of]
	lines := []string{begin}
	for _, f := range findings {
		lines = append(lines, label(f.Field)+": "+f.Problem)
	}
	return strings.Join(append(lines, end), "\n")
}

// label returns what people write on a ticket for a field of a request, or, for one that they cannot write there, its name.
func label(field string) string {
	switch {
	case strings.HasSuffix(field, ".duration"):
		return access.AskedDuration.Label()
	case strings.HasPrefix(field, "items"):
		return access.AskedAccess.Label()
	}
	for _, asked := range access.AskedFields() {
		if field == string(asked) {
			return asked.Label()
		}
	}
	return field
}
