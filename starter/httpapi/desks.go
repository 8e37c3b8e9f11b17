package httpapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

func (a *API) registerDeskViews() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/desks", huma.Operation{
		OperationID: "list-desks", Summary: "List the service desks", Tags: []string{"desks"},
		Description: "Names the desks that workers serve, and asks none of them. For auditors.",
	}, http.StatusForbidden), a.listDesks)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/desks/{desk}", huma.Operation{
		OperationID: "show-desk", Summary: "Show a desk as usher sees it", Tags: []string{"desks"},
		Description: "Asks the desk for its statuses and the fields of a new ticket, and says what each means to usher. For auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.showDesk)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/desks/{desk}/test", huma.Operation{
		OperationID: "test-desk", Summary: "Test the connection to a desk", Tags: []string{"desks"},
		Description: "Checks address, credentials, rights, configured names, the clock, the watch and the webhook; each finding names a key of the configuration. With ticket it also opens, comments and closes a trial ticket. For auditors and administrators; with ticket for administrators.",
	}, http.StatusForbidden, http.StatusNotFound), a.testDesk)
}

// DeskSummary is a desk in a list.
type DeskSummary struct {
	Name    access.DeskName `json:"name" doc:"The desk's name in the configuration."`
	Note    string          `json:"note" doc:"How changes of its tickets are found."`
	Webhook string          `json:"webhook" doc:"How its webhooks are checked; none where it may send none."`
}

type desksOutput struct {
	Body struct {
		Desks []DeskSummary `json:"desks" nullable:"false"`
	}
}

type deskInput struct {
	Desk string `path:"desk" maxLength:"64" doc:"The desk's name in the configuration." example:"jira"`
}

// TestDeskBody is what the test of a connection shall try.
type TestDeskBody struct {
	Ticket bool `json:"ticket,omitempty" doc:"Whether a trial ticket shall be opened and closed."`
}

type testDeskInput struct {
	Desk string `path:"desk" maxLength:"64" doc:"The desk's name in the configuration." example:"jira"`
	Body *TestDeskBody
}

type deskOutput struct {
	Body workflows.DoctorLine
}

func (a *API) listDesks(ctx context.Context, _ *struct{}) (*desksOutput, error) {
	report, err := a.askDesks(ctx, workflows.DoctorParams{List: true})
	if err != nil {
		return nil, err
	}
	out := &desksOutput{}
	out.Body.Desks = []DeskSummary{}
	for _, line := range report.Lines {
		name := access.DeskName(strings.TrimPrefix(line.Connector, "desk/"))
		out.Body.Desks = append(out.Body.Desks, DeskSummary{Name: name, Note: line.Note, Webhook: a.webhookOf(name)})
	}
	return out, nil
}

func (a *API) showDesk(ctx context.Context, in *deskInput) (*deskOutput, error) {
	report, err := a.askDesks(ctx, workflows.DoctorParams{Desk: access.DeskName(in.Desk)})
	if err != nil {
		return nil, err
	}
	out := &deskOutput{}
	if len(report.Lines) > 0 {
		out.Body = report.Lines[0]
	}
	return out, nil
}

func (a *API) testDesk(ctx context.Context, in *testDeskInput) (*doctorOutput, error) {
	params := workflows.DoctorParams{Desk: access.DeskName(in.Desk)}
	if in.Body != nil && in.Body.Ticket {
		if err := a.permits(ctx, partTestTicket, a.roles(callerOf(ctx))); err != nil {
			return nil, err
		}
		params.TestTicket = params.Desk
	}
	report, err := a.askDesks(ctx, params)
	if err != nil {
		return nil, err
	}
	out := &doctorOutput{}
	webhook := workflows.DoctorLine{Connector: "webhook/" + in.Desk, Note: "the desk may send none; the watch finds changes"}
	if check := a.webhookOf(params.Desk); check != noWebhook {
		webhook.Note = "taken at POST /v1/desks/" + in.Desk + "/webhook, checked by " + check
	}
	out.Body.Healthy, out.Body.Lines = report.Healthy(), append(report.Lines, webhook)
	return out, nil
}

const noWebhook = "none"

// webhookOf returns how the webhooks of a desk are checked; noWebhook where it may send none.
func (a *API) webhookOf(desk access.DeskName) string {
	hook, known := a.config.Webhooks[desk]
	if !known {
		return noWebhook
	}
	return string(cmp.Or(hook.Check, CheckHMAC))
}

// askDesks has the doctor ask about desks. A desk that does not exist is 404.
func (a *API) askDesks(ctx context.Context, params workflows.DoctorParams) (workflows.DoctorReport, error) {
	report, err := a.deps.Gateway.Doctor(ctx, params)
	var refused *gateway.RefusedError
	switch {
	case errors.As(err, &refused) && params.Desk != "":
		return report, newProblem(kindNotFound(), refused.Message)
	case err != nil:
		return report, a.failed(ctx, err)
	}
	return report, nil
}
