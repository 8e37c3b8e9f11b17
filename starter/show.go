package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"usher/internal/access"
	"usher/starter/httpapi"
	"usher/workflows"
)

// plain takes away what a terminal would act upon: texts come from people and from other systems.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '�'
		}
		return r
	}, text)
}

// oneLine keeps a text of several lines in its place.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

func named(name string, id access.PersonID) string {
	if name == "" || name == string(id) {
		return string(id)
	}
	return fmt.Sprintf("%s (%s)", name, id)
}

// showRequest writes a request with its timeline.
func showRequest(r httpapi.RequestDetail) string {
	text := showView(r.RequestView) + "\n"
	if r.TimelineProblem != "" {
		return text + "The timeline is missing: " + r.TimelineProblem + "\n"
	}
	return text + timeline(r.Timeline)
}

// showSubmitted writes how a request stands that was asked for, or joined.
func showSubmitted(v httpapi.SubmittedView) string {
	if v.Joined {
		return "This is asked for already; nothing else was begun. Your reason is not kept.\n\n" + showView(v.RequestView)
	}
	return showView(v.RequestView)
}

// showView writes where a request stands.
func showView(v access.RequestView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Request  %s\n", v.Request.ID)
	fmt.Fprintf(&b, "State    %s since %s\n", v.State, clock(v.Since))
	if v.StatusText != "" {
		fmt.Fprintf(&b, "Next     %s\n", oneLine(v.StatusText))
	}
	fmt.Fprintf(&b, "Asked by %s", named(v.RequesterName, v.Request.Requester))
	if v.Request.Subject != v.Request.Requester {
		fmt.Fprintf(&b, " for %s", named(v.SubjectName, v.Request.Subject))
	}
	if v.Request.Service != "" {
		fmt.Fprintf(&b, ", through service %s", oneLine(v.Request.Service))
	}
	fmt.Fprintf(&b, ", %s\n", clock(v.Request.SubmittedAt))
	fmt.Fprintf(&b, "Reason   %s\n", oneLine(v.Request.Reason))
	if v.Ticket != nil {
		fmt.Fprintf(&b, "Ticket   %s\n", strings.TrimSpace(string(v.Ticket.Key)+" "+v.Ticket.URL))
	}
	if v.TicketProblem != "" {
		fmt.Fprintf(&b, "         is behind: %s\n", oneLine(v.TicketProblem))
	}
	for _, awaited := range v.WaitingOn {
		fmt.Fprintf(&b, "Waits    for %s (%s) since %s\n", named(awaited.Name, awaited.Person), awaited.Stage, clock(awaited.Since))
	}
	if v.ApprovalDeadline != nil && !v.State.Ended() {
		fmt.Fprintf(&b, "Expires  %s, if nobody decides\n", clock(*v.ApprovalDeadline))
	}
	for _, d := range v.Decisions {
		b.WriteString(showDecision(d))
	}
	for _, refusal := range v.Refusals {
		fmt.Fprintf(&b, "Refused  %s: %s\n", refusal.Field, refusal.Problem)
	}
	for _, item := range v.Items {
		b.WriteString(showItem(item))
	}
	return b.String()
}

// showDecision prints who decided what, when, by which channel, why, and how that person was known.
func showDecision(d access.Decision) string {
	who := orElse(named(d.Name, d.By), "an operator")
	text := fmt.Sprintf("Decision %s by %s, %s, by %s", d.Verdict, who, clock(d.At), d.Channel)
	if d.Reason != "" {
		text += ": " + oneLine(d.Reason)
	}
	if d.Evidence != "" {
		text += " [" + oneLine(d.Evidence) + "]"
	}
	return text + "\n"
}

func showItem(i access.ItemView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Item %-3s %s", i.Item.ID, i.Item.Entitlement)
	if i.Item.Duration > 0 {
		fmt.Fprintf(&b, " for %s", i.Item.Duration)
	}
	fmt.Fprintf(&b, ": %s", i.State)
	if i.Stage != "" {
		fmt.Fprintf(&b, ", at stage %s", i.Stage)
	}
	if i.Detail != "" {
		fmt.Fprintf(&b, " (%s)", oneLine(i.Detail))
	}
	b.WriteString("\n")
	if i.Lease != nil {
		b.WriteString("         " + showLease(*i.Lease) + "\n")
	}
	return b.String()
}

// showLease writes one lease, with the verification of the grant.
func showLease(l access.LeaseView) string {
	parts := []string{"lease " + string(l.State)}
	if l.GrantedAt != nil {
		parts = append(parts, "granted "+clock(*l.GrantedAt))
	}
	switch {
	case l.EndedAt != nil:
		parts = append(parts, "ended "+clock(*l.EndedAt))
	case l.EndsAt != nil:
		parts = append(parts, "ends "+clock(*l.EndsAt))
	}
	if l.Verification != nil {
		holds := "the access is there"
		if !l.Verification.Present {
			holds = "the access is not there"
		}
		said := strings.TrimSpace(strings.TrimSpace(l.Verification.Method) + ": " + oneLine(l.Verification.Evidence))
		parts = append(parts, fmt.Sprintf("verified: %s, %s, at %s", holds, strings.Trim(said, ": "), clock(l.Verification.At)))
	}
	if l.Problem != "" {
		parts = append(parts, "problem: "+oneLine(l.Problem))
	}
	return strings.Join(parts, "; ")
}

// timeline prints who did what, when, by which channel, and on what evidence.
func timeline(events []access.Event) string {
	if len(events) == 0 {
		return "Nothing is recorded yet.\n"
	}
	var b strings.Builder
	for _, e := range events {
		actor := string(e.Actor)
		switch {
		case actor != "":
		case e.Channel == access.ChannelSystem:
			actor = "usher"
		default:
			actor = "somebody"
		}
		fmt.Fprintf(&b, "%s  %s, by %s  [%s]\n", clock(e.At), actor, e.Channel, e.Type)
		fmt.Fprintf(&b, "    %s\n", oneLine(e.Text))
		if len(e.Items) > 0 {
			items := make([]string, len(e.Items))
			for i, item := range e.Items {
				items[i] = string(item)
			}
			fmt.Fprintf(&b, "    items: %s\n", strings.Join(items, ", "))
		}
		if e.Lease != "" {
			fmt.Fprintf(&b, "    lease: %s\n", e.Lease)
		}
		if e.Evidence != "" {
			fmt.Fprintf(&b, "    evidence: %s\n", oneLine(e.Evidence))
		}
	}
	return b.String()
}

// listAnswer is a page of requests.
type listAnswer struct {
	Requests []access.RequestView `json:"requests"`
	Next     string               `json:"next"`
}

func showList(l listAnswer) string {
	if len(l.Requests) == 0 {
		return "No requests.\n"
	}
	return table("REQUEST\tSTATE\tSINCE\tFOR\tWHAT\tTICKET\tWAITS FOR", func(w *tabwriter.Writer) {
		for _, v := range l.Requests {
			var what, waits []string
			for _, item := range v.Request.Items {
				what = append(what, string(item.Entitlement))
			}
			for _, awaited := range v.WaitingOn {
				waits = append(waits, oneLine(orElse(awaited.Name, string(awaited.Person))))
			}
			ticket := ""
			if v.Ticket != nil {
				ticket = string(v.Ticket.Key)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Request.ID, v.State, clock(v.Since), v.Request.Subject,
				strings.Join(what, ", "), ticket, strings.Join(waits, ", "))
		}
	}) + more(l.Next)
}

func more(next string) string {
	if next == "" {
		return ""
	}
	return "More: --cursor " + next + "\n"
}

func showLeases(said struct{ Leases []access.LeaseView }) string {
	if len(said.Leases) == 0 {
		return "No leases.\n"
	}
	var b strings.Builder
	for _, l := range said.Leases {
		fmt.Fprintf(&b, "%s  %s\n    %s\n", l.Lease.ID, l.Lease.Entitlement, showLease(l))
	}
	return b.String()
}

func showReport(r workflows.DoctorReport) string {
	var b strings.Builder
	for _, line := range r.Lines {
		state := "ok"
		if line.Warning != "" {
			state = "warning"
		}
		if line.Problem != "" || len(line.Findings) > 0 {
			state = "needs mending"
		}
		fmt.Fprintf(&b, "%s: %s\n", line.Connector, strings.TrimSpace(state+" "+oneLine(line.Note)))
		if line.Problem != "" {
			fmt.Fprintf(&b, "    %s\n", oneLine(line.Problem))
		}
		if line.Warning != "" {
			fmt.Fprintf(&b, "    %s\n", oneLine(line.Warning))
		}
		for _, finding := range line.Findings {
			fmt.Fprintf(&b, "    %s: %s\n", finding.Key, oneLine(finding.Problem))
		}
	}
	return b.String()
}

func table(head string, rows func(*tabwriter.Writer)) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	rows(w)
	// A strings.Builder takes everything.
	_ = w.Flush()
	return b.String()
}
