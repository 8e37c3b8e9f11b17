package jira

import (
	"cmp"
	"context"
	"net/http"

	"usher/internal/access"
	"usher/internal/rest"
)

// CreateTicket implements access.TicketOpener. Before the first ticket it compares the configuration with the project
// (see contact.go), and wrong keys are Invalid until that comparison is clean. The marker is part of the one call that
// creates the issue. A reporter or an assignee whom Jira refuses is left out.
func (d *Desk) CreateTicket(ctx context.Context, n access.NewTicket) (access.TicketRef, error) {
	const op = "create ticket"
	if n.Marker == "" {
		return access.TicketRef{}, access.Errorf(access.Invalid, op, "marker: expected one")
	}
	s, err := d.loadCreateScreen(ctx, op)
	if err != nil {
		return access.TicketRef{}, notCreated(err)
	}
	reporter, err := d.reporterOf(ctx, n.Requester)
	if err != nil {
		return access.TicketRef{}, notCreated(err)
	}
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return access.TicketRef{}, err
	}
	body := d.newIssue(api, s, n)
	if reporter != "" {
		body.Fields["reporter"] = api.person(reporter)
	}
	if n.Assignee != "" {
		body.Fields["assignee"] = api.person(n.Assignee)
	}
	ref, err := d.postTolerantly(ctx, op, body)
	if access.IsKind(err, access.Invalid) {
		// The project may have changed since the first contact.
		d.contact.Store(nil)
	}
	if err == nil && !api.showsStamps() {
		d.stampLater(ctx, op, ref.ID, api.stamp(n.Marker))
	}
	return ref, err
}

// postTolerantly leaves out the people whom Jira refuses. Such a refusal is certain, so nothing was created and what
// follows is no blind repetition.
func (d *Desk) postTolerantly(ctx context.Context, op string, body newIssue) (access.TicketRef, error) {
	for {
		ref, answer, err := d.post(ctx, op, body)
		if !access.IsKind(err, access.Invalid) {
			return ref, err
		}
		dropped := false
		for _, field := range []string{"reporter", "assignee"} {
			if _, sent := body.Fields[field]; sent && refusedField(answer, field) {
				delete(body.Fields, field)
				dropped = true
			}
		}
		if !dropped {
			return ref, err
		}
	}
}

// stampLater sets the issue property after the create. The ticket exists whatever comes of it, and its label or marker
// field finds it; the property only tells it from its copies.
func (d *Desk) stampLater(ctx context.Context, op string, id access.TicketID, value any) {
	path, ok := issuePath(id, "/properties/"+stampKey)
	if !ok {
		return
	}
	_ = d.write(ctx, op, rest.Call{Method: http.MethodPut, Path: path, Body: value})
}

// newIssue is the body of POST issue.
type newIssue struct {
	Fields     map[string]any `json:"fields"`
	Properties []property     `json:"properties,omitempty"`
}

type property struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

func (d *Desk) newIssue(api dialect, s *screen, n access.NewTicket) newIssue {
	summary := shorten(oneLine(cmp.Or(n.Summary, string(n.Marker))), summaryLimit)
	fields := map[string]any{
		"project":   map[string]string{"key": d.config.Project},
		"issuetype": map[string]string{"id": s.issueType},
		"summary":   summary,
	}
	if tidy(n.Body) != "" {
		fields["description"] = api.text(n.Body, "")
	}
	if d.config.useLabel() {
		fields["labels"] = []string{string(n.Marker), d.config.label()}
	}
	if d.config.MarkerField != "" {
		fields[d.config.MarkerField] = n.Marker
	}
	for id, name := range d.config.Fields {
		if text := n.Fields[name]; text != "" {
			fields[id] = s.fields[id].value(api, text)
		}
	}
	body := newIssue{Fields: fields}
	if api.showsStamps() {
		body.Properties = []property{{Key: stampKey, Value: api.stamp(n.Marker)}}
	}
	return body
}

func (d *Desk) post(ctx context.Context, op string, body newIssue) (access.TicketRef, rest.Response, error) {
	var created struct{ ID, Key string }
	answer, err := d.call(ctx, rest.Call{
		Op: op, Mode: rest.Create, Method: http.MethodPost, Path: "issue", Body: body, Into: &created,
	})
	switch {
	case access.IsKind(err, access.NotFound):
		// There is no ticket yet that could be missing.
		return access.TicketRef{}, answer, access.Errorf(access.Invalid, op, "%s: %w", d.key("base_url"), err)
	case err != nil:
		return access.TicketRef{}, answer, err
	case created.ID == "" || created.Key == "":
		return access.TicketRef{}, answer, access.Errorf(access.Unknown, op, "the answer names no issue")
	}
	return d.ref(created.ID, created.Key), answer, nil
}

// reporterOf is the requester's account; "" when there is none to be set. A site that does not let usher search its
// users still gets its tickets.
func (d *Desk) reporterOf(ctx context.Context, p access.Person) (access.AccountID, error) {
	if !d.config.Reporter || p.ID == "" {
		return "", nil
	}
	account, err := d.FindAccount(ctx, p)
	if err != nil && !access.IsKind(err, access.Forbidden) && !access.IsKind(err, access.Invalid) {
		return "", err
	}
	return account.ID, nil
}

// notCreated makes sure that an error from before the create says that nothing was created.
func notCreated(err error) error {
	if access.IsKind(err, access.NotFound) {
		return access.Errorf(access.Invalid, "create ticket", "%w", err)
	}
	return err
}
