package jira

import (
	"context"
	"net/http"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Create implements desk.Driver. The marker is part of the one call that creates the issue.
func (d *driver) Create(ctx context.Context, op string, draft desk.Draft) (desk.Ref, desk.Refused, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return desk.Ref{}, desk.Refused{}, err
	}
	var created struct{ ID, Key string }
	answer, err := d.call(ctx, rest.Call{
		Op: op, Mode: rest.Create, Method: http.MethodPost, Path: "issue", Body: d.newIssue(api, draft), Into: &created,
	})
	switch {
	case access.IsKind(err, access.NotFound):
		// There is no ticket yet that could be missing.
		return desk.Ref{}, desk.Refused{}, access.Errorf(access.Invalid, op, "%s: %w", d.key("base_url"), err)
	case err != nil:
		return desk.Ref{}, desk.Refused{Reporter: refusedField(answer, "reporter"), Assignee: refusedField(answer, "assignee")}, err
	case created.ID == "" || created.Key == "":
		return desk.Ref{}, desk.Refused{}, access.Errorf(access.Unknown, op, "the answer names no issue")
	}
	ref := d.ref(created.ID, created.Key)
	if !api.showsStamps() {
		d.stampLater(ctx, op, ref.ID, api.stamp(draft.Marker))
	}
	return ref, desk.Refused{}, nil
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

func (d *driver) newIssue(api dialect, draft desk.Draft) newIssue {
	s, _ := draft.Schema.Native.(screen)
	fields := map[string]any{
		"project":   map[string]string{"key": d.config.Project},
		"issuetype": map[string]string{"id": s.issueType},
		"summary":   draft.Summary,
	}
	if desk.Tidy(draft.Body) != "" {
		fields["description"] = api.text(draft.Body, "")
	}
	if d.config.useLabel() {
		fields["labels"] = []string{string(draft.Marker), d.config.label()}
	}
	if d.config.MarkerField != "" {
		fields[d.config.MarkerField] = draft.Marker
	}
	for id, text := range draft.Fields {
		fields[id] = s.fields[id].value(api, text)
	}
	for id, fixed := range draft.Fixed {
		fields[id] = fixed
		if text, is := fixed.(string); is {
			fields[id] = s.fields[id].value(api, text)
		}
	}
	if draft.Reporter != "" {
		fields["reporter"] = api.person(draft.Reporter)
	}
	if draft.Assignee != "" {
		fields["assignee"] = api.person(draft.Assignee)
	}
	body := newIssue{Fields: fields}
	if api.showsStamps() {
		body.Properties = []property{{Key: stampKey, Value: api.stamp(draft.Marker)}}
	}
	return body
}
