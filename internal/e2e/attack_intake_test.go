package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// filed is a ticket by which somebody asks, as an attacker fills it in: with another name wherever the desk takes one, and with a marker
// of usher's.
type filed struct {
	by, named access.PersonID
	says      string
	marker    access.Marker
}

func (h jiraHands) files(ctx context.Context, f filed) (string, error) {
	fields := map[string]any{
		"project": map[string]string{"key": "ACCESS"}, "issuetype": map[string]string{"name": "Access request"},
		"summary": "I need this", "description": f.says,
	}
	if f.named != "" {
		fields["reporter"] = map[string]string{"accountId": stack.DeskAccount(f.named)}
		if h.dataCenter {
			fields["reporter"] = map[string]string{"name": string(f.named) + "@example.test"}
		}
	}
	if f.marker != "" {
		fields["labels"] = []string{"usher", string(f.marker)}
	}
	var made struct{ ID string }
	err := h.call(ctx, f.by, http.MethodPost, "issue", fields, &made)
	return made.ID, err
}

func (h trackerHands) files(ctx context.Context, f filed) (string, error) {
	body := map[string]any{"Queue": "Help", "Subject": "I need this", "Content": f.says, "ContentType": "text/plain"}
	if f.named != "" {
		body["Requestor"] = string(f.named) + "@example.test"
	}
	if f.marker != "" {
		body["CustomFields"] = map[string]any{"External Id": f.marker}
	}
	var made struct{ ID string }
	err := h.call(ctx, f.by, http.MethodPost, "ticket", body, &made)
	return made.ID, err
}

func (h serviceNowHands) files(ctx context.Context, f filed) (string, error) {
	body := map[string]any{"category": "access", "contact_type": "self-service", "short_description": "I need this", "description": f.says}
	if f.named != "" {
		body["caller_id"], body["opened_by"] = string(f.named)+"@example.test", string(f.named)+"@example.test"
	}
	if f.marker != "" {
		body["correlation_id"] = f.marker
	}
	var made struct {
		Result struct {
			ID string `json:"sys_id"`
		}
	}
	err := h.call(ctx, f.by, http.MethodPost, "", body, &made)
	return made.Result.ID, err
}

// asksOnDesk opens the row's request by a ticket of the row's person.
func asksOnDesk(f filed) func(context.Context, *attack) error {
	return func(ctx context.Context, a *attack) error {
		f.by = a.who
		id, err := a.hands.files(ctx, f)
		if err != nil {
			return err
		}
		detail, err := a.TakenIn(ctx, access.TicketID(id))
		a.id = detail.Request.ID
		return err
	}
}

// ownName wants a request of whoever has opened the ticket, whomever it names.
func ownName(ctx context.Context, a *attack) error {
	detail, err := a.Show(ctx, stack.Auditor, a.id)
	if err == nil && (detail.Request.Requester != a.who || detail.State != access.StateAwaitingApproval) {
		err = fmt.Errorf("the request is %s, by %s", detail.State, detail.Request.Requester)
	}
	return err
}

// plantMarked opens a ticket by which the attacker asks, and which looks like usher's.
func plantMarked(ctx context.Context, a *attack) (err error) {
	a.planted, err = a.hands.files(ctx, filed{by: attacker, says: "Access: wiki/editor", marker: access.MarkerOf(a.id)})
	return err
}

// noRequest wants that no request came of the planted ticket, though a later one was taken in.
func noRequest(ctx context.Context, a *attack) error {
	_, err := a.Show(ctx, stack.Auditor, a.AskedRequest(access.TicketID(a.planted)))
	if stack.StatusOf(err) != http.StatusNotFound {
		return fmt.Errorf("a request came of the planted ticket (%w)", errors.Join(err))
	}
	return nil
}

// intakeAttacks are the rows of desks that take tickets in. Nobody asks twice for the same in them: that would be one request.
func intakeAttacks() []*attack {
	made := func(name string, who access.PersonID, ask access.EntitlementID) row {
		return row{name: name, who: who, ask: ask, want: attacked}
	}
	says := func(ask access.EntitlementID) filed { return filed{says: "Access: " + string(ask)} }
	return []*attack{
		{
			row: made("a ticket filed as somebody else", "ben", "wiki/admin"), opens: asksOnDesk(filed{named: "mia", says: "Access: wiki/admin\nRequester: mia"}),
			try: as("ben", statusApproved), evidence: inOrder(refused("you asked for this access yourself"), ownName), honest: denies("mia"),
		},
		{
			row: made("a marked ticket planted for intake", "ana", "wiki/admin"), plant: plantMarked, opens: asksOnDesk(says("wiki/admin")),
			try: func(context.Context, *attack) error { return nil }, evidence: noRequest, honest: denies("mia"),
		},
		{
			row: made("a stranger's approval of an asked ticket", "ana", "wiki/editor"), opens: asksOnDesk(says("wiki/editor")),
			try: as(attacker, statusApproved), evidence: refused("not an approver"), honest: denies("mia"),
		},
		{
			row: made("an asked ticket changed, approved", "ben", "badge/lab"), opens: asksOnDesk(says("badge/lab")),
			try: inOrder(func(ctx context.Context, a *attack) error {
				return a.edit(ctx, a.who, summary, "A badge for all doors")
			}, as("omar", statusApproved)),
			evidence: refused("after usher had read it"), honest: denies("omar"),
		},
	}
}
