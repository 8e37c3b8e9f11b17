package requesttracker

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// An approval is a ticket of RT's type "approval" that usher's account opened, owned by the account that is asked. A link refers to the
// ticket that it is about: RT opens or rejects what *depends* on an approval, and leaves alone what it refers to.

var _ desk.Approver = (*driver)(nil)

// opening is what never changes of an approval: the ticket that usher opened it for, "" where it was not usher that opened it, and the account
// that it was opened for. Links and owners can be changed by people, and move by a merge; then an answer would count for another
// question.
type opening struct {
	ticket access.TicketID
	asked  access.AccountID
}

// Approvals implements desk.Approver: a call for the links of the tickets, one for each hundred of what is linked, and a history for each
// approval that is answered or that this process has not met yet. NotFound: it is one ticket, which is gone. RT does not show what it
// hides, so an approval that usher's account may not see counts as none: RequestApproval sees that first.
func (d *driver) Approvals(ctx context.Context, op string, tickets []access.TicketID) (map[access.TicketID][]desk.Approval, error) {
	linked, err := d.referring(ctx, op, tickets)
	if err != nil {
		return nil, err
	}
	out := map[access.TicketID][]desk.Approval{}
	for some := range slices.Chunk(linked, mostRows) {
		got, _, err := d.find(ctx, op, d.ownApprovals()+" AND ("+anyOf(some)+")", "Status,Owner,Creator,Subject", desk.Search{Limit: mostRows})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(got.Items, func(a, b ticket) int { return byNumber(access.TicketID(a.ID), access.TicketID(b.ID)) })
		for _, t := range got.Items {
			a, of, err := d.approval(ctx, op, t)
			if err != nil {
				return nil, err
			}
			if slices.Contains(tickets, of) {
				out[of] = append(out[of], a)
			}
		}
	}
	return out, nil
}

// referring returns what refers to tickets, in the order of opening. NotFound: it is one ticket, which is gone. A search for the
// links of more than about sixty tickets finds nothing in RT, without a word: it joins a table for each.
func (d *driver) referring(ctx context.Context, op string, tickets []access.TicketID) ([]access.TicketID, error) {
	var got list[ticket]
	var err error
	if len(tickets) == 1 {
		got.Items = make([]ticket, 1)
		got.Items[0], err = d.load(ctx, op, tickets[0])
	} else {
		got, _, err = d.find(ctx, op, anyOf(tickets), "_hyperlinks", desk.Search{Limit: mostRows})
	}
	if err != nil {
		return nil, err
	}
	var linked []access.TicketID
	for _, t := range got.Items {
		linked = append(linked, linkedBy(t.Links, "referred-to-by")...)
	}
	slices.SortFunc(linked, byNumber)
	return slices.Compact(linked), nil
}

// ownApprovals is the condition for usher's approvals. RT finds too many: see opener.
func (d *driver) ownApprovals() string {
	return "Type = 'approval' AND Creator = " + d.config.account()
}

// approvalsQueue is the name of the queue of approvals.
func (d *driver) approvalsQueue() string {
	return cmp.Or(d.config.ApprovalsQueue, DefaultApprovalsQueue)
}

// byNumber compares numbers of tickets.
func byNumber(a, b access.TicketID) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(string(a), string(b))
}

// approval is a ticket as an approval, and the ticket that it is about; "" where it is none of usher's. The search has found the ticket to be
// created by usher's account, so that is the name of its creator.
func (d *driver) approval(ctx context.Context, op string, t ticket) (desk.Approval, access.TicketID, error) {
	open := t.Status != "resolved" && t.Status != "rejected"
	first, known := d.opened.Load(string(t.ID))
	o, _ := first.(opening)
	a := desk.Approval{ID: string(t.ID), Approver: o.asked, Own: true, State: access.ApprovalRequested}
	if known && (open || o.ticket == "") {
		return a, o.ticket, nil
	}
	all, created, err := d.transactions(ctx, op, access.TicketID(t.ID))
	if err == nil && !known {
		o, err = d.opening(ctx, op, t, all, created)
	}
	if err != nil {
		return desk.Approval{}, "", err
	}
	a.Approver = o.asked
	if last := slices.IndexFunc(all, func(one transaction) bool { return one.Type == "Status" }); last >= 0 {
		a.By, a.ByName, a.At = all[last].Creator.ID, all[last].Creator.RealName, all[last].Created
		a.State = stateOf(all[last], a.By == t.Creator.ID && strings.HasPrefix(t.Subject, notNeeded))
	}
	return a, o.ticket, nil
}

// stateOf is the state that a change of the status leads to. dismissed: it is usher's own, and the subject says that nobody is asked any more.
func stateOf(last transaction, dismissed bool) access.ApprovalState {
	switch statusOf(string(last.NewValue)).ID {
	case "resolved":
		return access.ApprovalApproved
	case "rejected":
		if dismissed {
			return access.ApprovalNotRequired
		}
		return access.ApprovalDenied
	}
	return access.ApprovalRequested
}

// ticketIn finds the ticket in the subject with which an approval was opened.
var ticketIn = regexp.MustCompile(`\(#([1-9][0-9]{0,9})\)$`)

// opening returns how an approval was opened, by its history: the first subject and the first owner are those before their oldest changes.
func (d *driver) opening(ctx context.Context, op string, t ticket, all []transaction, created *transaction) (opening, error) {
	if created == nil {
		return opening{}, nil
	}
	o, owner, subject := opening{asked: t.Owner.ID}, "", t.Subject
	for _, one := range all {
		switch one.Field {
		case "Owner":
			owner = string(one.OldValue)
		case "Subject":
			subject = string(one.OldValue)
		case "Type":
			// Another ticket of usher's was made to look like one.
			return opening{}, nil
		}
	}
	if number := ticketIn.FindStringSubmatch(subject); number != nil && created.Creator.ID == t.Creator.ID {
		o.ticket = access.TicketID(number[1])
	}
	if owner != "" && o.ticket != "" {
		var first struct{ Name access.AccountID }
		if _, err := d.get(ctx, op, "user/"+url.PathEscape(owner), nil, &first); err != nil {
			return opening{}, err
		}
		o.asked = first.Name
	}
	d.opened.Store(string(t.ID), o)
	return o, nil
}

// ApprovalsChanged implements desk.Approver, by TicketSQL.
func (d *driver) ApprovalsChanged(ctx context.Context, op string, since time.Time, limit int) ([]access.TicketID, error) {
	since = since.Truncate(time.Second)
	query := d.ownApprovals() + " AND Queue = " + quote(d.approvalsQueue()) + " AND " + changedSince(since)
	var ids []access.TicketID
	for page := 1; len(ids) < limit && page <= desk.MaxPages; page++ {
		got, _, err := d.find(ctx, op, query, "LastUpdated,_hyperlinks", desk.Search{Limit: mostRows, Page: strconv.Itoa(page)})
		if err != nil {
			return nil, err
		}
		for _, t := range got.Items {
			for _, id := range linkedBy(t.Links, "refers-to") {
				if !t.LastUpdated.Before(since) && !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
		}
		if !got.more(page) {
			break
		}
	}
	return ids[:min(limit, len(ids))], nil
}
