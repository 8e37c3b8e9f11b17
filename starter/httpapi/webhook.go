package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"usher/internal/access"
	"usher/workflows"
)

// hintWithin is how long a hint may take: a desk that waits for its webhook is a slow desk.
const hintWithin = 3 * time.Second

const webhookPath = "/v1/desks/{desk}/webhook"

// WebhookCheck is how a desk proves that a webhook is its own.
type WebhookCheck string

// The checks.
const (
	// CheckHMAC: the header holds "sha256=<hex of the HMAC of the raw body>". It is the default, because nothing of the
	// secret travels.
	CheckHMAC WebhookCheck = "hmac"
	// CheckHeader: the header holds the secret itself.
	CheckHeader WebhookCheck = "header"
	// CheckQuery: the query parameter holds the secret itself. Last resort: proxies log queries.
	CheckQuery WebhookCheck = "query"
	// CheckJWT: the header holds a token that the desk has signed, for desks that sign so.
	CheckJWT WebhookCheck = "jwt"
)

// Webhook is how one desk's webhooks are checked and where they name the ticket.
type Webhook struct {
	// Secret is shared with the desk; at least 16 characters. None for check "jwt".
	Secret string `yaml:"secret" secret:"true"`
	// Check is "hmac" (the default), "header", "query" or "jwt", which needs WebhookKeys.
	Check       WebhookCheck `yaml:"check"`
	WebhookKeys `yaml:",inline"`
	// SignatureHeader holds the signature, or with check "header" the secret, or with check "jwt" the token. "" means X-Hub-Signature.
	SignatureHeader string `yaml:"signature_header"`
	// SecretParameter is the query parameter of check "query". "" means "secret".
	SecretParameter string `yaml:"secret_parameter"`
	// TicketPath leads to the ticket's immutable id in the JSON body, with dots: "issue.id", "items.0.id".
	TicketPath string `yaml:"ticket_path"`
	// ActorPath leads to the account that made the change ("user.accountId"), and OwnAccount is usher's own: what usher
	// did itself is no hint. Both or none; without them every change is one, which costs more and does no harm.
	ActorPath  string `yaml:"actor_path"`
	OwnAccount string `yaml:"own_account"`
	// Intake follows hints about tickets that are not usher's as well: people ask for access there (see intake of the desk).
	Intake bool `yaml:"intake"`
	// DeliveryHeader names the delivery, for the log. "" means X-Atlassian-Webhook-Identifier.
	DeliveryHeader string `yaml:"delivery_header"`
}

// Validate names, below the given key, what is wrong.
func (h Webhook) Validate(key string) error {
	var problems []error
	const shortest = 16
	switch {
	case h.Check == CheckJWT && h.Secret != "":
		problems = append(problems, fmt.Errorf("%s.secret: expected none, because check is jwt", key))
	case h.Check != CheckJWT && len(h.Secret) < shortest:
		problems = append(problems, fmt.Errorf("%s.secret: expected at least %d characters", key, shortest))
	}
	switch h.Check {
	case "", CheckHMAC, CheckHeader, CheckQuery:
	case CheckJWT:
		problems = append(problems, h.WebhookKeys.validate(key))
	default:
		problems = append(problems, fmt.Errorf("%s.check: found %q, expected hmac, header, query or jwt", key, h.Check))
	}
	if h.TicketPath == "" || !isPath(h.TicketPath) {
		problems = append(problems, fmt.Errorf("%s.ticket_path: found %q, expected names with dots between, for example issue.id", key, h.TicketPath))
	}
	if h.ActorPath != "" && !isPath(h.ActorPath) {
		problems = append(problems, fmt.Errorf("%s.actor_path: found %q, expected names with dots between, for example user.accountId", key, h.ActorPath))
	}
	if (h.ActorPath == "") != (h.OwnAccount == "") {
		problems = append(problems, fmt.Errorf("%s.own_account: expected together with actor_path, or neither", key))
	}
	return errors.Join(problems...)
}

func isPath(path string) bool { return !strings.Contains("."+path+".", "..") }

func (h Webhook) signatureHeader() string {
	if h.SignatureHeader == "" {
		return "X-Hub-Signature"
	}
	return h.SignatureHeader
}

// ticketIn is the ticket that the body names; "" when it names none.
func (h Webhook) ticketIn(body []byte) access.TicketID {
	return access.TicketID(textAt(h.TicketPath, body))
}

// own reports whether the body says that usher's own account made the change.
func (h Webhook) own(body []byte) bool {
	return h.OwnAccount != "" && textAt(h.ActorPath, body) == h.OwnAccount
}

// textAt follows a path; "" when the body holds no id there. Ids that are numbers are taken as written.
func textAt(path string, body []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var at any
	if err := decoder.Decode(&at); err != nil {
		return ""
	}
	for _, step := range strings.Split(path, ".") {
		switch in := at.(type) {
		case map[string]any:
			at = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return ""
			}
			at = in[i]
		default:
			return ""
		}
	}
	switch id := at.(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}

func (a *API) registerDesks() {
	open := a.operation(http.MethodPost, webhookPath, huma.Operation{
		OperationID: "desk-webhook", Summary: "A desk says that a ticket changed", Tags: []string{"desks"},
		Description:   "For the desk's own webhooks, with its signature. The body is a hint: usher takes the ticket's id from it and reads the ticket itself. Hints about tickets that are not usher's are ignored, unless people ask for access there (the webhook's intake).",
		DefaultStatus: http.StatusAccepted, Security: []map[string][]string{}, Middlewares: huma.Middlewares{a.proven}, SkipValidateParams: true, SkipValidateBody: true,
		RequestBody: &huma.RequestBody{
			Description: "What the desk sends: JSON, with the ticket's id where the configuration says.", Required: true,
		},
	}, http.StatusUnauthorized, http.StatusNotFound, http.StatusTooManyRequests)
	huma.Register(a.huma, open, a.webhook)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/doctor", huma.Operation{
		OperationID: "run-doctor", Summary: "Check every connector", Tags: []string{"operations"},
		Description: "Asks the worker to check credentials, rights and configured names of every connector; with test_ticket it also opens, comments and closes a trial ticket. For auditors and administrators; with test_ticket for administrators.",
	}, http.StatusForbidden), a.doctor)
}

type webhookInput struct {
	Desk    string `path:"desk" maxLength:"64" doc:"The desk's name in the configuration."`
	RawBody []byte `contentType:"application/json"`

	call *http.Request
}

// Resolve implements huma.Resolver: it keeps the call, whose headers the configuration names.
func (in *webhookInput) Resolve(ctx huma.Context) []error {
	in.call, _ = humago.Unwrap(ctx)
	return nil
}

type webhookOutput struct {
	Body struct {
		Result string `json:"result" enum:"delivered,ignored,deferred" doc:"delivered: the ticket is read. ignored: no such ticket is known. deferred: it could not be delivered now; the request reads the ticket later by itself."`
	}
}

func (a *API) webhook(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	desk := access.DeskName(in.Desk)
	hook := a.config.Webhooks[desk]
	delivery := hook.DeliveryHeader
	if delivery == "" {
		delivery = "X-Atlassian-Webhook-Identifier"
	}
	out := &webhookOutput{}
	if hook.own(in.RawBody) {
		out.Body.Result = "ignored"
		return out, nil
	}
	out.Body.Result = a.passOn(ctx, desk, workflows.Hint{Ticket: hook.ticketIn(in.RawBody), Delivery: in.call.Header.Get(delivery)})
	return out, nil
}

// passOn brings a hint to the desk's watch, or where there is none to its request. A hint that is lost costs time only, so
// no failure is answered as an error: the desk would disable its webhook.
func (a *API) passOn(ctx context.Context, desk access.DeskName, hint workflows.Hint) string {
	if hint.Ticket == "" {
		return "ignored"
	}
	ctx, cancel := context.WithTimeout(ctx, hintWithin)
	defer cancel()
	link, err := a.deps.Ledger.TicketByID(ctx, desk, hint.Ticket)
	if access.IsKind(err, access.NotFound) {
		return a.maybeAsked(ctx, desk, hint)
	}
	if err == nil {
		err = a.hint(ctx, desk, link.Request, hint)
	}
	if err != nil {
		a.logged(ctx, err)
		return "deferred"
	}
	return "delivered"
}

// maybeAsked brings a hint about a ticket that is not usher's to the desk's watch, if people ask for access by tickets of their own
// there. The watch finds out whether this ticket asks.
func (a *API) maybeAsked(ctx context.Context, desk access.DeskName, hint workflows.Hint) string {
	if !a.config.Webhooks[desk].Intake {
		return "ignored"
	}
	watched, err := a.deps.Gateway.HintWatch(ctx, desk, hint)
	switch {
	case err != nil:
		a.logged(ctx, err)
		return "deferred"
	case !watched:
		return "ignored"
	}
	return "delivered"
}

func (a *API) hint(ctx context.Context, desk access.DeskName, request access.RequestID, hint workflows.Hint) error {
	watched, err := a.deps.Gateway.HintWatch(ctx, desk, hint)
	if err != nil || watched {
		return err
	}
	return a.deps.Gateway.Hint(ctx, request, hint)
}

// DoctorBody is what the doctor shall try.
type DoctorBody struct {
	TestTicket string `json:"test_ticket,omitempty" maxLength:"64" doc:"The desk on which a trial ticket shall be opened and closed." example:"jira"`
}

type doctorInput struct {
	Body *DoctorBody
}

type doctorOutput struct {
	Body struct {
		Healthy bool                   `json:"healthy" doc:"Whether nothing needs mending."`
		Lines   []workflows.DoctorLine `json:"lines" nullable:"false" doc:"One line per connector and per thing that was tried."`
	}
}

func (a *API) doctor(ctx context.Context, in *doctorInput) (*doctorOutput, error) {
	var params workflows.DoctorParams
	if in.Body != nil && in.Body.TestTicket != "" {
		if err := a.permits(ctx, partTestTicket, a.roles(callerOf(ctx))); err != nil {
			return nil, err
		}
		params.TestTicket = access.DeskName(in.Body.TestTicket)
	}
	report, err := a.deps.Gateway.Doctor(ctx, params)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &doctorOutput{}
	out.Body.Healthy, out.Body.Lines = report.Healthy(), append([]workflows.DoctorLine{}, report.Lines...)
	return out, nil
}
