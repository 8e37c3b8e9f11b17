package lease

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/outbox"
)

func (w *person) views() []access.LeaseView {
	views := make([]access.LeaseView, len(w.leases))
	for i, l := range w.leases {
		views[i] = l.view(w.Person)
	}
	return views
}

// maxLines is how many leases the run's page names.
const maxLines = 50

// show publishes for operators what the person holds.
func (w *person) show() {
	first := w.leases[:min(len(w.leases), maxLines)]
	views := make([]access.LeaseView, len(first))
	for i, l := range first {
		views[i] = l.view(w.Person)
	}
	workflow.SetCurrentDetails(w.loop.Context(), gone(w.Standing)+details(views, len(w.leases)-len(first), w.Unreadable, w.Outbox))
}

// gone returns that the person has left, and why, in Markdown; "" for somebody who has not, or is back.
func gone(s access.Standing) string {
	if !s.Absent {
		return ""
	}
	return "**" + workflows.Inline(workflows.Sentence("Every lease ends, and none is granted", s.Against(s.Revision))) + "**\n\n"
}

// details returns the run's page in the Temporal UI, in Markdown.
func details(views []access.LeaseView, more, unreadable int, o outbox.State) string {
	var b strings.Builder
	if len(views) == 0 {
		b.WriteString("No lease is left.\n")
	}
	for _, v := range views {
		ends := "without end"
		if v.EndsAt != nil {
			ends = "until " + workflows.Clock(*v.EndsAt)
		}
		fmt.Fprintf(&b, "- **%s** is %s, %s (lease %s)\n", workflows.Inline(v.Lease.Title),
			workflows.Inline(workflows.Sentence(string(v.State), v.Problem)), ends, workflows.Inline(string(v.Lease.ID)))
	}
	if more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	if unreadable > 0 {
		fmt.Fprintf(&b, "\n**%d messages could not be read, or are about somebody else.** The server's history has them.\n", unreadable)
	}
	b.WriteString(o.Details())
	b.WriteString(workflows.DetailsEnd)
	return b.String()
}
