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
	text, of := findingsText(a.Look.Findings, a.Look.Ended), ""
	if a.Look.Asked != nil {
		of = a.Look.Asked.TextChange
	}
	a.say(text, of, "", a.over)
}

// say has a comment made on the ticket, once for each text and what it is about, and the ticket moved; to is "" to leave it where it
// is.
func (a *asked) say(text, about string, to access.TicketPhase, done func()) {
	comment := access.Comment{Marker: ticket.CommentMarker("usher-asked", text+"\x00"+about), Text: text}
	var desk *activities.Desk
	options := workflows.Ticket(a.desk, "answer what a ticket asks for")
	call := activities.UpdateTicketInput{Ticket: a.ticket, Comments: []access.Comment{comment}, TransitionTo: to}
	durable.Start(a.loop, options, desk.UpdateTicket, call, func(_ activities.UpdateTicketResult, err error) {
		if a.done(err) {
			done()
		}
	})
}

func findingsText(findings []access.Refusal, ended bool) string {
	lines := []string{"usher cannot take this ticket as a request for access:"}
	end := "Please change the ticket, and usher looks at it again; or open another one."
	if ended {
		lines, end = []string{"The request for access of this ticket was refused:"}, "Please open a new ticket; this one stays as it is."
	}
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
