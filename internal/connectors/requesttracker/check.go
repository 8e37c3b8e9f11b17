package requesttracker

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// queue is a queue as RT shows it, with the custom fields of its tickets that the account may see.
type queue struct {
	Name               string        `json:"Name"`
	Disabled           scalar        `json:"Disabled"`
	TicketCustomFields []customField `json:"TicketCustomFields"`
	Links              []link        `json:"_hyperlinks"`
}

// fields are the custom fields of the queue's tickets that the account may see, by name.
func (q queue) fields(marker string) map[string]desk.Field {
	out := map[string]desk.Field{}
	for _, f := range q.TicketCustomFields {
		out[f.Name] = desk.Field{ID: f.Name, Name: f.Name, Type: "custom field", TakesText: true, Provided: f.Name == marker}
	}
	return out
}

// Schema implements desk.Driver: the queue and its custom fields. RT shows neither the statuses of a lifecycle, nor the type of a
// field, nor whether its value is demanded.
func (d *driver) Schema(ctx context.Context, op string) (*desk.Schema, []access.Finding, error) {
	q, findings, err := d.queue(ctx, op, "queue", d.config.Queue)
	if err != nil || q.Name == "" {
		return nil, findings, err
	}
	findings = slices.Concat(findings, d.lacks(q, "marker_field", d.config.MarkerField), d.mayCreate(q, "queue"))
	schema := &desk.Schema{Fields: q.fields(d.config.MarkerField)}
	schema.Fields[priorityField] = desk.Field{ID: priorityField, Name: priorityField, Type: "number"}
	return schema, findings, nil
}

// queue reads the queue that a key names, and finds what is wrong with it. It is empty if another one answers. NotFound: it is hidden,
// which is the finding then.
func (d *driver) queue(ctx context.Context, op, key, name string) (queue, []access.Finding, error) {
	var q queue
	_, err := d.get(ctx, op, "queue/"+url.PathEscape(name), nil, &q)
	hidden := access.IsKind(err, access.NotFound) || rest.StatusOf(err) == http.StatusForbidden
	switch {
	case hidden:
		return queue{}, []access.Finding{d.finding(key, "queue %q does not exist, or usher's account lacks the right SeeQueue on it",
			name)}, access.Errorf(access.NotFound, op, "queue %q: %w", name, err)
	case err != nil:
		return queue{}, nil, err
	case !strings.EqualFold(q.Name, name):
		return queue{}, []access.Finding{d.finding(key, "expected a queue's name; %q is the number of %q", name, q.Name)}, nil
	}
	if q.Disabled == "1" {
		return q, []access.Finding{d.finding(key, "queue %q is disabled", q.Name)}, nil
	}
	return q, nil, nil
}

// mayCreate is the finding that usher's account cannot create tickets in the queue that a key names.
func (d *driver) mayCreate(q queue, key string) []access.Finding {
	if allows(q.Links, "create") {
		return nil
	}
	return []access.Finding{d.finding(key, "usher's account lacks the right CreateTicket in queue %q", q.Name)}
}

// lacks is the finding that a queue has not the custom field that a key names.
func (d *driver) lacks(q queue, key, field string) []access.Finding {
	fields := q.fields(d.config.MarkerField)
	if _, there := fields[field]; there {
		return nil
	}
	known := desk.Schema{Fields: fields}
	return []access.Finding{d.finding(key, "queue %q has no custom field %q for tickets, or usher's account lacks the"+
		" right SeeCustomField; there are: %s", q.Name, field, known.Labels())}
}

// checkIntake wants the queue in which people ask, with the field of the marker and those that hold what is asked for.
func (d *driver) checkIntake(ctx context.Context, op string) ([]access.Finding, error) {
	in := d.config.Intake
	if in == nil {
		return nil, nil
	}
	q, findings, err := d.queue(ctx, op, "intake.kind", in.Kind)
	switch {
	case access.IsKind(err, access.NotFound) && len(findings) > 0:
		return findings, nil
	case err != nil || q.Name == "":
		return findings, err
	}
	findings = append(findings, d.lacks(q, "marker_field", d.config.MarkerField)...)
	for _, field := range slices.Sorted(maps.Keys(in.Fields)) {
		findings = append(findings, d.lacks(q, "intake.fields."+field, field)...)
	}
	return findings, nil
}

// checkApprovals wants the queue in which approvers are asked.
func (d *driver) checkApprovals(ctx context.Context, op string) ([]access.Finding, error) {
	if !d.config.Approvals {
		return nil, nil
	}
	q, findings, err := d.queue(ctx, op, "approvals_queue", d.approvalsQueue())
	switch {
	case access.IsKind(err, access.NotFound) && len(findings) > 0:
		return findings, nil
	case err != nil || q.Name == "":
		return findings, err
	}
	return append(findings, d.mayCreate(q, "approvals_queue")...), nil
}

// Check implements desk.Driver: the account, the intake, the approvals, and the one right that RT shows on a ticket of usher's, if there is one.
func (d *driver) Check(ctx context.Context, op string, _ *desk.Schema) ([]access.Finding, error) {
	var me struct{ Privileged scalar }
	if _, err := d.get(ctx, op, "user/"+d.config.account(), nil, &me); err != nil {
		return nil, err
	}
	findings, err := d.checkIntake(ctx, op)
	if err != nil {
		return nil, err
	}
	asking, err := d.checkApprovals(ctx, op)
	if err != nil {
		return nil, err
	}
	findings = append(findings, asking...)
	if me.Privileged != "1" {
		findings = append(findings, d.finding("token", "usher's account is not privileged, so it finds nobody's account"))
	}
	var got list[ticket]
	_, err = d.get(ctx, op, "tickets", url.Values{
		"query":  {"Creator = " + d.config.account() + " AND Queue = " + quote(d.config.Queue)},
		"fields": {"_hyperlinks"}, "orderby": {"id"}, "order": {"DESC"}, "per_page": {"1"},
	}, &got)
	if err == nil && len(got.Items) > 0 && !allows(got.Items[0].Links, "comment") {
		findings = append(findings, d.finding("queue", "usher's account lacks the right CommentOnTicket in queue %q", d.config.Queue))
	}
	return findings, err
}

// AddressesAreOwn implements desk.AddressOwner: with the right ModifySelf people write any address into their own account. Only
// administrators change user names. RT does not show who has the right.
func (d *driver) AddressesAreOwn(context.Context, string) (bool, error) { return true, nil }

// Users implements desk.Driver, by address or by user name, as accounts are matched. Disabled ones are not in a list. RT
// ignores a field that the account may not search by, and then returns everybody.
func (d *driver) Users(ctx context.Context, op, text string) ([]desk.User, error) {
	field := "Name"
	if d.config.Match == desk.MatchEmail {
		field = "EmailAddress"
	}
	query, err := usersWith(op, field, text)
	if err != nil {
		return nil, err
	}
	var got list[struct {
		Name         access.AccountID `json:"Name"`
		EmailAddress string           `json:"EmailAddress"`
	}]
	_, err = d.get(ctx, op, "users", url.Values{
		"query": {query}, "fields": {"Name,EmailAddress"}, "orderby": {"id"}, "per_page": {strconv.Itoa(mostRows)},
	}, &got)
	if err != nil {
		return nil, err
	}
	if len(got.Items) == mostRows {
		return nil, access.Errorf(access.Forbidden, op, "RT does not search accounts by %s for usher's account: RT's setting"+
			" UserSummaryExtraInfo must list the field", field)
	}
	var out []desk.User
	for _, u := range got.Items {
		if u.Name == "" {
			return nil, access.Errorf(access.Transient, op, "the answer lists an account without a name")
		}
		out = append(out, desk.User{ID: u.Name, Name: string(u.Name), Email: u.EmailAddress, Usable: u.Name != nobody && u.Name != system})
	}
	return out, nil
}

// usersWith is the search for users whose field has a value. The value is a string of JSON, so it cannot become a part of the search.
func usersWith(op, field, value string) (string, error) {
	query, err := json.Marshal([]map[string]string{{"field": field, "operator": "=", "value": value}})
	if err != nil {
		return "", access.Errorf(access.Invalid, op, "the search cannot be written: %w", err)
	}
	return string(query), nil
}
