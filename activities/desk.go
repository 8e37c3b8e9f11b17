package activities

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
)

// Desk are the activities over one service desk. They run on that desk's queue.
type Desk struct {
	Port access.ServiceDesk
	// Ledger and Watch are nil on a worker at the edge, which does not know the database: what is to be recorded or judged
	// along with a call is then left to the workflow.
	Ledger LedgerStore
	Watch  *Watch
	// Pause waits before a step of a call that changed nothing is repeated, see retryStep; nil repeats none.
	Pause Pause
	// Now is the clock of what the desk did; nil is time.Now.
	Now func() time.Time
}

// OpenTicketInput asks for a ticket, and for the desk accounts of people.
type OpenTicketInput struct {
	Ticket access.NewTicket `json:"ticket"`
	// People are matched to accounts before the ticket is created.
	People []access.Person `json:"people,omitempty"`
	// Assign lists whom the ticket may be assigned to from its first moment: the first of People's that has an account.
	Assign []access.PersonID `json:"assign,omitempty"`
	// Bind is the ticket of a person that the request keeps instead of opening one; nil for none.
	Bind *access.Origin `json:"bind,omitempty"`
	// Record is what the ledger gets when the ticket was created or bound, see access.Entry.Opened; nil for nothing.
	Record *access.Entry `json:"record,omitempty"`
}

// OpenTicketResult is the ticket, and the accounts in the order of the call.
type OpenTicketResult struct {
	Ref      access.TicketRef `json:"ref"`
	Accounts []access.Account `json:"accounts,omitempty"`
	// Found is true when the ticket existed already.
	Found bool `json:"found,omitempty"`
	// Bound is what the ticket that OpenTicketInput.Bind names looks like; nil when the ticket is another one. NotBound is true when
	// that one cannot be bound: then nothing was done, and the next call names none.
	Bound    *access.TicketSnapshot `json:"bound,omitempty"`
	NotBound bool                   `json:"not_bound,omitempty"`
	// Recorded is true when the ledger has got OpenTicketInput.Record from this attempt, OpeningKnown when it has the opening of
	// a ticket that was found.
	Recorded     bool `json:"recorded,omitempty"`
	OpeningKnown bool `json:"opening_known,omitempty"`
}

// OpenTicket finds the ticket by its marker, else creates it. It must NOT be retried blindly: an error of kind Unknown,
// or no answer at all, means that the ticket may exist though a search does not show it yet. Everything that can fail
// harmlessly comes before the create, and nothing that can fail comes after it: a ledger that is away is no error.
func (a *Desk) OpenTicket(ctx context.Context, c OpenTicketInput) (OpenTicketResult, error) {
	ctx = fenced(ctx)
	opened := OpenTicketResult{}
	for _, person := range c.People {
		var account access.Account
		err := a.retryStep(ctx, func() (err error) { account, err = a.Port.FindAccount(ctx, person); return err })
		if err != nil {
			return OpenTicketResult{}, translate(err)
		}
		opened.Accounts = append(opened.Accounts, account)
	}
	if c.Bind != nil {
		bound, err := a.bindTicket(ctx, c, opened)
		return bound, translate(err)
	}
	var ref access.TicketRef
	err := a.retryStep(ctx, func() (err error) { ref, err = a.Port.FindTicket(ctx, c.Ticket.Marker); return err })
	if err == nil {
		opened.Ref, opened.Found = ref, true
		opened.OpeningKnown = a.openingKnown(ctx, c.Record, ref)
		return opened, nil
	}
	if !access.IsKind(err, access.NotFound) {
		return OpenTicketResult{}, translate(err)
	}
	c.Ticket.Assignee = cmp.Or(firstAccount(opened.Accounts, c.Assign), c.Ticket.Assignee)
	err = a.retryStep(ctx, func() (err error) { opened.Ref, err = a.Port.CreateTicket(ctx, c.Ticket); return err })
	if err != nil {
		return OpenTicketResult{}, translate(err)
	}
	if c.Record != nil {
		opened.Recorded = a.record(ctx, c.Record.Opened(opened.Ref, a.now()))
	}
	return opened, nil
}

// bindTicket binds the ticket by which a person asked. NotFound: it cannot be seen now, which proves little.
func (a *Desk) bindTicket(ctx context.Context, c OpenTicketInput, opened OpenTicketResult) (OpenTicketResult, error) {
	var now access.TicketSnapshot
	err := a.retryStep(ctx, func() (err error) {
		now, err = a.Port.BindTicket(ctx, c.Bind.Ticket, c.Bind.Account, c.Ticket.Marker)
		return err
	})
	switch {
	case access.IsKind(err, access.Invalid), access.IsKind(err, access.Conflict):
		return OpenTicketResult{NotBound: true}, nil
	case err != nil:
		return OpenTicketResult{}, err
	}
	opened.Ref, opened.Bound = now.Ref, &now
	opened.OpeningKnown = a.openingKnown(ctx, c.Record, now.Ref)
	if c.Record != nil && !opened.OpeningKnown {
		opened.Recorded = a.record(ctx, c.Record.Opened(opened.Ref, a.now()))
	}
	return opened, nil
}

// openingKnown reports whether the ledger has the opening of a ticket that existed already, from the attempt that opened it.
func (a *Desk) openingKnown(ctx context.Context, entry *access.Entry, ref access.TicketRef) bool {
	if entry == nil || entry.Ticket == nil || a.Ledger == nil {
		return false
	}
	asking, cancel := context.WithTimeout(ctx, alongWithin)
	defer cancel()
	links, err := a.Ledger.TicketsOf(asking, entry.Ticket.Request)
	return err == nil && slices.ContainsFunc(links, func(l access.TicketLink) bool { return l.Ref.Desk == ref.Desk && l.Ref.ID == ref.ID })
}

func (a *Desk) now() time.Time {
	if a.Now != nil {
		return a.Now().UTC()
	}
	return time.Now().UTC()
}

// firstAccount is the account of the first person who has one; "" when nobody has.
func firstAccount(accounts []access.Account, people []access.PersonID) access.AccountID {
	for _, id := range people {
		for _, account := range accounts {
			if account.Person == id && account.ID != "" {
				return account.ID
			}
		}
	}
	return ""
}

// alongWithin is how long a call on the desk waits for the ledger: one that hangs must not take the time of a call that has
// changed the desk already, for what that gave would be lost.
const alongWithin = time.Second

// record reports whether the ledger has got entries. That it is unavailable is left to the workflow, which records them then;
// the same entry twice is one.
func (a *Desk) record(ctx context.Context, entries ...access.Entry) bool {
	if a.Ledger == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, alongWithin)
	defer cancel()
	return a.Ledger.Record(ctx, entries...) == nil
}

// ReadTicketInput names a ticket.
type ReadTicketInput struct {
	Ticket access.TicketID `json:"ticket"`
}

// ReadTicketResult is what a ticket looked like; Missing when it could not be read with credentials that are good.
type ReadTicketResult struct {
	Snapshot access.TicketSnapshot `json:"snapshot"`
	Missing  bool                  `json:"missing,omitempty"`
}

// ReadTicket reads the ticket. It changes nothing.
func (a *Desk) ReadTicket(ctx context.Context, c ReadTicketInput) (ReadTicketResult, error) {
	var snapshot access.TicketSnapshot
	err := a.retryStep(ctx, func() (err error) { snapshot, err = a.Port.ReadTicket(ctx, c.Ticket); return err })
	if access.IsKind(err, access.NotFound) {
		return ReadTicketResult{Missing: true}, nil
	}
	return ReadTicketResult{Snapshot: snapshot}, translate(err)
}

// UpdateTicketInput brings a ticket up to date: each part that is set is done once, in this order.
type UpdateTicketInput struct {
	Ticket   access.TicketID  `json:"ticket"`
	Comments []access.Comment `json:"comments,omitempty"`
	// Assign is nil to leave the assignee alone. AssignFrom are the accounts from which usher takes the ticket, beside nobody's and whom no human assigned:
	// where another one has it, people chose that one, and it stays. None takes it from anybody.
	Assign     *access.AccountID  `json:"assign,omitempty"`
	AssignFrom []access.AccountID `json:"assign_from,omitempty"`
	// Assigned is said once the ticket is assigned so, and only then; nil for nothing. A desk that refuses the comment keeps the assignment.
	Assigned *access.Comment `json:"assigned,omitempty"`
	// Approvals are the desk approvals that the ticket shall have; nil to leave them alone.
	Approvals    *access.DeskApprovals `json:"approvals,omitempty"`
	TransitionTo access.TicketPhase    `json:"transition_to,omitempty"`
	// IfUnchanged is what is known of others' moves: where somebody else has moved the ticket since, it is not moved. nil moves
	// it in any case.
	IfUnchanged *access.TicketFingerprint `json:"if_unchanged,omitempty"`
	// From is the phase in which the ticket was seen last, or into which usher brought it. Where usher itself has closed the
	// ticket since, it is not moved: this call is a late one, from an attempt that was given up.
	From access.TicketPhase `json:"from,omitempty"`
	// First is what the ledger gets before anything of this is done: without it, nothing is.
	First []access.Entry `json:"first,omitempty"`
	// Record is what the ledger gets when all of this has been done; nil for nothing.
	Record *access.Entry `json:"record,omitempty"`
}

// UpdateTicketResult is what came of an update.
type UpdateTicketResult struct {
	// AssignRefused is why the desk does not let that account be assigned; "" when it does, or when nothing was asked.
	AssignRefused string `json:"assign_refused,omitempty"`
	// AssignSuperseded is true when the ticket was not assigned because another account has it, see UpdateTicketInput.AssignFrom.
	AssignSuperseded bool `json:"assign_superseded,omitempty"`
	// Unsaid is why the desk refuses UpdateTicketInput.Assigned; "" when it does not.
	Unsaid string `json:"unsaid,omitempty"`
	// Approvals are the desk's own ids of the approvals, by the keys of their questions.
	Approvals map[string]string `json:"approvals,omitempty"`
	// ApprovalsRefused is why the desk does not ask people by its own approvals, and ApprovalsFailed why it did not now; "" when it did, or when
	// nothing was asked. All else has been done.
	ApprovalsRefused string `json:"approvals_refused,omitempty"`
	ApprovalsFailed  string `json:"approvals_failed,omitempty"`
	// Superseded is true when the ticket was not moved because somebody else had moved it, see UpdateTicketInput.IfUnchanged.
	Superseded bool `json:"superseded,omitempty"`
	// Recorded is true when the ledger has got UpdateTicketInput.Record.
	Recorded bool `json:"recorded,omitempty"`
	// Unrecorded is true when the ledger has not got UpdateTicketInput.First: this attempt has done nothing to the ticket.
	Unrecorded bool `json:"unrecorded,omitempty"`
}

// UpdateTicket brings a ticket up to date. Each part is safe to repeat, so the whole is. An account that cannot be
// assigned is no reason to hold the ticket back.
func (a *Desk) UpdateTicket(ctx context.Context, u UpdateTicketInput) (UpdateTicketResult, error) {
	ctx = fenced(ctx)
	var updated UpdateTicketResult
	if len(u.First) > 0 && !a.record(ctx, u.First...) {
		return UpdateTicketResult{Unrecorded: true}, nil
	}
	if len(u.Comments) > 0 {
		if err := a.retryStep(ctx, func() error { return a.Port.AddComments(ctx, u.Ticket, u.Comments...) }); err != nil {
			return updated, translate(err)
		}
	}
	if u.Assign != nil {
		if err := a.assign(ctx, u, &updated); err != nil {
			return updated, translate(err)
		}
	}
	if u.TransitionTo != "" {
		err := a.retryStep(ctx, func() (err error) { updated.Superseded, err = a.transitionIfUnchanged(ctx, u); return err })
		if err != nil {
			return updated, translate(err)
		}
	}
	if u.Approvals != nil {
		a.setApprovals(ctx, u, &updated)
	}
	if u.Record != nil {
		updated.Recorded = a.record(ctx, *u.Record)
	}
	return updated, nil
}

// assign assigns the ticket, and says so where it did.
func (a *Desk) assign(ctx context.Context, u UpdateTicketInput, updated *UpdateTicketResult) error {
	err := a.retryStep(ctx, func() (err error) { updated.AssignSuperseded, err = a.assignFrom(ctx, u); return err })
	switch {
	case access.IsKind(err, access.Invalid):
		updated.AssignRefused = err.Error()
		return nil
	case err != nil || updated.AssignSuperseded || u.Assigned == nil:
		return err
	}
	err = a.retryStep(ctx, func() error { return a.Port.AddComments(ctx, u.Ticket, *u.Assigned) })
	if access.IsKind(err, access.Invalid) || access.IsKind(err, access.Conflict) {
		updated.Unsaid = err.Error()
		return nil
	}
	return err
}

// assignFrom assigns the ticket, unless somebody has it from whom usher does not take it: then it reports true.
func (a *Desk) assignFrom(ctx context.Context, u UpdateTicketInput) (bool, error) {
	if len(u.AssignFrom) > 0 {
		now, err := a.Port.ReadTicket(ctx, u.Ticket)
		if err != nil {
			return false, err
		}
		if now.Assignee != "" && !now.AssignedByUsher && now.Assignee != *u.Assign && !slices.Contains(u.AssignFrom, now.Assignee) {
			return true, nil
		}
	}
	return false, a.Port.AssignTicket(ctx, u.Ticket, *u.Assign)
}

// approvalsWithin is how long the approvals of a ticket may take: they come last, and the rest of the call is done.
const approvalsWithin = 12 * time.Second

// setApprovals brings the desk approvals of a ticket up to date. What goes wrong holds the ticket back in nothing. The id of an approval that was
// opened is kept whatever goes wrong behind it: without its id, what people answer to it counts for nothing.
func (a *Desk) setApprovals(ctx context.Context, u UpdateTicketInput, updated *UpdateTicketResult) {
	wanted := *u.Approvals
	wanted.All = slices.Clone(wanted.All)
	updated.Approvals = map[string]string{}
	err := a.retryStep(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, approvalsWithin)
		defer cancel()
		ids, err := a.Port.SetApprovals(ctx, u.Ticket, wanted)
		maps.Copy(updated.Approvals, ids)
		for i, w := range wanted.All {
			wanted.All[i].ID = cmp.Or(ids[w.Key], w.ID)
		}
		return err
	})
	switch {
	case access.IsKind(err, access.Invalid), access.IsKind(err, access.Conflict):
		updated.ApprovalsRefused = err.Error()
	case err != nil:
		updated.ApprovalsFailed = err.Error()
	}
}

// transitionIfUnchanged moves the ticket, unless somebody else has moved it since the last such move that is known: then it
// reports true. Without this question, a move whose answer was lost would, when it is repeated, undo what a human did in
// between. What a human does in the moment between the question and the move cannot be known.
func (a *Desk) transitionIfUnchanged(ctx context.Context, u UpdateTicketInput) (bool, error) {
	if u.IfUnchanged != nil {
		now, err := a.Port.ReadTicket(ctx, u.Ticket)
		if err != nil {
			return false, err
		}
		if !now.StatusChangedByUsher && now.StatusChangedBy != "" && now.StatusChangedAt.After(u.IfUnchanged.StatusChangedAt) {
			return true, nil
		}
		if now.StatusChangedByUsher && now.Phase.Closed() && !u.From.Closed() {
			return true, nil
		}
		if now.Phase == u.TransitionTo {
			// Asked again, the ticket might be elsewhere by now, by a human's hand.
			return false, nil
		}
	}
	return false, a.transition(ctx, u.Ticket, u.TransitionTo)
}

// transition brings the ticket into a phase. Many desks open a closed ticket again only into its first status, so the way
// back to working may lead through waiting.
func (a *Desk) transition(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	err := a.Port.TransitionTicket(ctx, id, to)
	if to != access.TicketWorking || !access.IsKind(err, access.Conflict) {
		return err
	}
	if err := a.Port.TransitionTicket(ctx, id, access.TicketWaiting); err != nil {
		return err
	}
	return a.Port.TransitionTicket(ctx, id, to)
}

// CheckDesk asks the desk whether usher can work with it.
func (a *Desk) CheckDesk(ctx context.Context) (CheckResult, error) { return check(ctx, a.Port) }
