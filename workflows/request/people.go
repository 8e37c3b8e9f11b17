package request

import (
	"slices"
	"strings"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// This file does what follows for a request when people leave or move: a request whose subject has left ends, and who can approve is found
// anew where an approver has left, or where the subject has another manager. reassign.go does what an administrator says.

// following is what a request has to find out because people have left or moved.
type following struct {
	question
	// Check is true until the ledger has been asked who has left: a message is believed only that far.
	Check bool `json:"check,omitempty"`
	// Find is true until approvers have been found, and Moved if that is because the subject has another manager.
	Find  bool `json:"find,omitempty"`
	Moved bool `json:"moved,omitempty"`
	// Changes counts what the request was told, and AskedAt how much of it when people were looked up: an answer that is older is dropped.
	Changes int `json:"changes,omitempty"`
	AskedAt int `json:"asked_at,omitempty"`
	// Left are those who had left when the ledger was last asked, sorted.
	Left []access.PersonID `json:"left,omitempty"`
	// Run names the last run over people that the request was told of.
	Run string `json:"run,omitempty"`
	// Problem is why nobody can decide something; "" while somebody can.
	Problem string `json:"problem,omitempty"`
	// Vacated are the stages whose approvers have all left, until others are found.
	Vacated []vacated `json:"vacated,omitempty"`
}

// vacated is a stage whose approvers have all left, and how that is known.
type vacated struct {
	policy.Changed
	Evidence string `json:"evidence"`
}

// personChanged takes that somebody has left, is back, or has another manager.
func (r *request) personChanged(n access.PersonNotice) {
	if r.View.State.Ended() || r.Stop != nil {
		return
	}
	f := &r.Follow
	f.Check = true
	f.Changes++
	if !f.asking {
		f.Consult, f.LookedUp, f.People = nil, false, nil
	}
	f.Moved = f.Moved || (n.Moved && n.Standing.Person == r.asked.Subject)
	if n.Run != "" && access.Limits().ID.Fits(n.Run) {
		f.Run = n.Run
	}
	f.askAtOnce()
}

// askAtOnce has what waits for a later time asked now.
func (q *question) askAtOnce() { q.RetryAt, q.Failures = time.Time{}, 0 }

// follow asks what is to be found out.
func (r *request) follow(now time.Time) {
	f := &r.Follow
	switch {
	case r.View.State.Ended() || r.Stop != nil:
		r.Follow = following{question: question{asking: f.asking}, Left: f.Left}
	case !f.ready(now):
	case f.Check:
		r.checkStandings()
	case r.finds():
		if f.Consult == nil && !f.LookedUp {
			f.AskedAt = f.Changes
		}
		call := activities.ResolveInput{Request: r.asked, Need: *r.Requirement, PeopleRead: f.LookedUp, People: f.People}
		var p *activities.Policy
		askPolicy(r, &f.question, asked[activities.Resolved]{p.Resolve, call, r.resolved, r.notResolved})
	}
}

// finds reports whether approvers are to be found.
func (r *request) finds() bool {
	return (r.Follow.Find || r.Follow.Moved) && r.View.State == access.StateAwaitingApproval
}

// followDue returns when there is something to find out; zero for never.
func (r *request) followDue() time.Time {
	f := &r.Follow
	if !f.asking && (f.Check || r.finds()) {
		return f.RetryAt
	}
	return time.Time{}
}

// checkStandings asks the ledger who of those whom the request rests on has left.
func (r *request) checkStandings() {
	f := &r.Follow
	f.Check, f.asking = false, true
	people := []access.PersonID{r.asked.Subject}
	if r.Requirement != nil {
		people = append(people, r.Requirement.Approvers()...)
	}
	var records *activities.Records
	durable.StartLocal(r.loop, workflows.LocalQuestion(), records.ReadStandings, people, func(standings []access.Standing, err error) {
		f.asking = false
		switch {
		case r.View.State.Ended() || r.Stop != nil:
		case err != nil:
			f.Check = true
			r.later(&f.question, workflows.RetryConnector)
		default:
			r.standings(standings)
		}
	})
}

// standings takes who has left, and who is back.
func (r *request) standings(all []access.Standing) {
	f := &r.Follow
	f.askAtOnce()
	f.Left = nil
	for _, s := range all {
		if s.Absent {
			f.Left = append(f.Left, s.Person)
		}
		// What was asked for before somebody came back is not granted either.
		if why := s.Against(int(r.asked.SubmittedAt.UnixMicro())); s.Person == r.asked.Subject && why != "" {
			r.stopFor(stop{
				Outcome: access.OutcomeCancelled, Name: "usher", Channel: access.ChannelSystem, Evidence: absentSince(s), Reason: why,
			})
			return
		}
	}
	slices.Sort(f.Left)
	// Whoever has left is not looked for again with each record.
	r.View.Approvers = slices.DeleteFunc(slices.Clone(r.View.Approvers), r.hasLeft)
	switch {
	case r.View.State == access.StateAwaitingApproval:
		for _, s := range all {
			if s.Absent {
				r.vacate(s)
			}
		}
		f.Find = f.Find || r.vacant()
	case r.View.State != access.StateEvaluating:
		f.Moved = false
	}
}

func absentSince(s access.Standing) string {
	if !s.Absent {
		return "back in the people of the source since " + workflows.Clock(time.UnixMicro(int64(s.Revision)))
	}
	return "absent in the people of the source since " + workflows.Clock(time.UnixMicro(int64(s.Revision)))
}

// vacate takes that an approver has left: they decide nothing any more. What they have decided counts. The ticket is told at once where others
// are asked already, else when they are found.
func (r *request) vacate(s access.Standing) {
	need, changed := policy.Vacate(*r.Requirement, r.approvals(), s.Person)
	if len(changed) == 0 {
		return
	}
	r.Requirement = &need
	silent := true
	for _, c := range changed {
		if len(c.After) == 0 {
			r.Follow.Vacated = append(r.Follow.Vacated, vacated{c, absentSince(s)})
		} else {
			silent = false
		}
	}
	r.reassigned(reassignment{changed: changed, why: s.Against(0), evidence: absentSince(s), silent: silent})
}

// vacant reports whether somebody has to decide something, and nobody can.
func (r *request) vacant() bool {
	return slices.ContainsFunc(r.approvals(), func(a policy.ItemApproval) bool {
		return a.State == access.ItemPending && slices.ContainsFunc(stillOpen(a), func(s access.Stage) bool { return len(s.Approvers) == 0 })
	})
}

// stillOpen returns the open stage of a pending item, and those behind it.
func stillOpen(a policy.ItemApproval) []access.Stage {
	i := slices.IndexFunc(a.Need.Stages, func(s access.Stage) bool { return s.Name == a.Stage.Name })
	return a.Need.Stages[max(i, 0):]
}

// resolved takes who can approve by now. Nobody takes the place of somebody who still can, but a new manager that of the old one.
func (r *request) resolved(answer activities.Resolved) {
	f := &r.Follow
	f.LookedUp = false
	if r.View.State != access.StateAwaitingApproval || r.Stop != nil || f.AskedAt != f.Changes {
		return
	}
	moved := f.Moved
	f.Moved = false
	found := reassignment{why: "whoever approved before has left"}
	handed := reassignment{why: r.Requirement.Subject.Name() + " has another manager", evidence: r.runOverPeople()}
	var problems []string
	for _, one := range answer.Resolutions {
		if problem := r.resolvedOne(one, moved, &found, &handed); problem != "" {
			problems = append(problems, problem)
		}
	}
	for _, c := range []reassignment{found, handed} {
		if len(c.changed) > 0 {
			r.reassigned(c)
		}
	}
	r.nobodyCan(problems)
}

// resolvedOne takes who can approve one stage: found gets one that nobody could decide, handed one that is the new manager's; and returns why
// nobody can, "" otherwise.
func (r *request) resolvedOne(one policy.Resolution, moved bool, found, handed *reassignment) string {
	stage, open := r.openStage(one.Item, one.Stage)
	vacant := open && len(stage.Approvers) == 0
	by := policy.Replacement{Item: one.Item, Stage: one.Stage, Approvers: one.Approvers}
	switch replaces := open && moved && one.Stage == access.StageManager && !stage.ByHand; {
	case vacant && len(one.Approvers) == 0:
		return one.Problem
	case len(one.Approvers) == 0:
	case vacant:
		r.replace(found, by)
	case replaces && !one.Fallback:
		r.replace(handed, by)
	}
	return ""
}

// replace has others approve from now on, and adds what changed.
func (r *request) replace(c *reassignment, by policy.Replacement) {
	// What was approved in this very task was approved before.
	by.At = r.loop.Now().Add(time.Microsecond)
	need, change := policy.Replace(*r.Requirement, r.approvals(), by)
	r.Requirement = &need
	if change == nil {
		return
	}
	if len(change.Before) == 0 {
		r.before(c, change)
	}
	c.changed = append(c.changed, *change)
}

// before adds who approved a stage until they left, and how that is known; and forgets it.
func (r *request) before(c *reassignment, change *policy.Changed) {
	r.Follow.Vacated = slices.DeleteFunc(slices.Clone(r.Follow.Vacated), func(v vacated) bool {
		same := v.Item == change.Item && v.Stage == change.Stage
		if same {
			change.Before = append(change.Before, v.Before...)
			if c.id == "" {
				c.evidence = v.Evidence
			}
		}
		return same
	})
}

// notResolved takes that policy could not be asked. Who was looked up for it may have changed by the next time.
func (r *request) notResolved(error) {
	f := &r.Follow
	if r.later(&f.question, workflows.RetryConnector) {
		f.LookedUp, f.People = false, nil
	}
}

// openStage returns a stage of an item that is still to be decided, and whether it is.
func (r *request) openStage(id access.ItemID, name string) (access.Stage, bool) {
	for _, a := range r.approvals() {
		if a.Need.Item.ID != id || a.State != access.ItemPending {
			continue
		}
		for _, s := range stillOpen(a) {
			if s.Name == name {
				return s, true
			}
		}
	}
	return access.Stage{}, false
}

func (r *request) runOverPeople() string {
	if r.Follow.Run == "" {
		return "the catalog and the people of the source"
	}
	return "run over people " + r.Follow.Run
}

// nobodyCan takes why nobody can decide something; none for nothing. It is asked again later: somebody may be found then.
func (r *request) nobodyCan(problems []string) {
	f := &r.Follow
	slices.Sort(problems)
	problem := strings.Join(slices.Compact(problems), " ")
	f.Find = problem != ""
	if f.Find && problem != f.Problem {
		text := "Nobody can decide this now, until an administrator names somebody: " + problem
		r.ticket.Write(ticket.Write{Text: text})
		r.record(access.Event{Type: access.EventReassigned, Channel: access.ChannelSystem, Evidence: r.runOverPeople(), Text: text})
	}
	f.Problem = problem
	if f.Find {
		r.later(&f.question, workflows.RetryVacant)
	}
}

// reassignment is that others approve, and why.
type reassignment struct {
	changed []policy.Changed
	why     string
	// by is who said so, and id that of their call; "" for usher itself. evidence is how that is known.
	by           access.PersonID
	evidence, id string
	// silent is true where the ticket need not be told.
	silent bool
}

// reassigned has the audit trail and the ticket say who approves by now, and returns the number of the fact. Those who are asked now have the
// time of a reminder before they are reminded.
func (r *request) reassigned(c reassignment) int {
	r.View.Approvers = slices.DeleteFunc(mergeIDs(r.View.Approvers, r.Requirement.Approvers()), r.hasLeft)
	r.StageSince, r.Reminders = r.loop.Now(), 0
	r.armReminder()
	r.updateWaitingOn()
	event := access.Event{Type: access.EventReassigned, Channel: access.ChannelSystem, Evidence: c.evidence}
	if c.by != "" {
		event.Actor, event.Channel = c.by, access.ChannelAPI
	}
	for _, change := range c.changed {
		if !slices.Contains(event.Items, change.Item) {
			event.Items = append(event.Items, change.Item)
		}
	}
	event.Text = ticket.ReassignedText(c.changed, r.Requirement.Items, c.why)
	key := ""
	if c.id != "" {
		key = "by hand/" + c.id
	}
	if !c.silent {
		r.ticket.Write(ticket.Write{Key: key, Text: event.Text, Assign: r.nextApprover()})
	}
	return r.recordAs(key, event)
}

// hasLeft reports whether somebody had left when the ledger was last asked.
func (r *request) hasLeft(id access.PersonID) bool { return slices.Contains(r.Follow.Left, id) }

// mergeIDs returns the ids of two sorted lists, sorted, each once.
func mergeIDs(a, b []access.PersonID) []access.PersonID {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// findAccounts looks up the desk accounts of those who may decide by now and of whom nobody has asked the desk.
func (r *request) findAccounts(now time.Time) {
	if r.findingAccounts {
		return
	}
	unknown := r.withoutAccount()
	if len(unknown) == 0 {
		r.Accounts = question{}
		return
	}
	if now.Before(r.Accounts.RetryAt) {
		return
	}
	r.findingAccounts = true
	var desk *activities.Desk
	options := workflows.Ticket(r.Requirement.Settings.Desk, "look up the accounts of approvers")
	durable.Start(r.loop, options, desk.LookupAccounts, activities.FindAccountsInput{People: unknown}, func(found []access.Account, err error) {
		r.findingAccounts = false
		if err != nil {
			r.later(&r.Accounts, workflows.RetryConnector)
			return
		}
		r.Accounts = question{}
		r.Ticket.Accounts = append(slices.Clone(r.Ticket.Accounts), found...)
		if r.View.State == access.StateAwaitingApproval {
			r.updateWaitingOn()
			r.ticket.Write(ticket.Write{Assign: r.nextApprover()})
		}
	})
}

// withoutAccount returns those who may decide and of whom nobody has asked the desk; nobody while nothing is to be decided on a ticket.
func (r *request) withoutAccount() []access.Person {
	if r.View.State != access.StateAwaitingApproval || r.Stop != nil || r.Ticket.Ref == nil || r.Ticket.Off {
		return nil
	}
	var unknown []access.Person
	for _, p := range r.ticketPeople() {
		if !r.ticket.Knows(p.ID) {
			unknown = append(unknown, p)
		}
	}
	return unknown
}
