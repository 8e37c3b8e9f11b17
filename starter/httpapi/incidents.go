package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/starter/gateway"
)

// IncidentBody is a matter of another system that is handed in.
type IncidentBody struct {
	ID           string `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The incident's id, chosen by the client; the same id from the same caller is the same incident. All callers share the ids, so begin them with the name of your system. Without id and Idempotency-Key, usher chooses one." example:"scan-4711"`
	Reference    string `json:"reference" minLength:"1" maxLength:"256" doc:"The other system's own name of it. Not usher:..., in any spelling." example:"SCAN-4711"`
	ReferenceURL string `json:"reference_url,omitempty" maxLength:"2048" doc:"Where people read it in the other system: an http or https URL." example:"https://scanner.example/findings/4711"`
	Application  string `json:"application,omitempty" maxLength:"128" doc:"What it is about, for the rules of assignment. Not usher, in any spelling." example:"crm"`
	Desk         string `json:"desk,omitempty" maxLength:"64" doc:"Where the ticket is opened, by the desk's name in the worker's configuration. Absent: as the configuration says." example:"service-desk"`
	Assignee     string `json:"assignee,omitempty" maxLength:"256" doc:"The e-mail address of the integration user to whom the ticket shall be assigned. Absent: as the rules say." example:"ana@example.com"`
	Summary      string `json:"summary" minLength:"1" maxLength:"255" doc:"What is the matter, in one line." example:"The certificate of crm.example.com expires on Friday"`
	Description  string `json:"description,omitempty" maxLength:"10000" doc:"More about it, as plain text."`
}

type handInInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the same caller with the same key hands in the same incident."`
	Body           IncidentBody
}

// Resolve implements huma.Resolver: the rules that a schema cannot say.
func (in *handInInput) Resolve(huma.Context) []error {
	body, limits := in.Body, access.Limits()
	problems := repeatable(in.IdempotencyKey, body.ID, "")
	if strings.HasPrefix(asRead(body.ID), access.UsherIncident) {
		problems = append(problems, fieldError("body.id", "expected an id that does not begin with "+access.UsherIncident+": those are usher's own"))
	}
	if strings.HasPrefix(asRead(body.Reference), access.UsherReference) {
		problems = append(problems, fieldError("body.reference", "expected one that does not begin with "+access.UsherReference+": those are usher's own"))
	}
	if asRead(body.Application) == access.UsherApplication {
		problems = append(problems, fieldError("body.application", "expected another one than "+access.UsherApplication+": that is usher's own"))
	}
	problems = append(problems, lineOfID("body.reference", body.Reference, limits.Person)...)
	problems = append(problems, lineOfID("body.application", body.Application, limits.Person)...)
	problems = append(problems, lineOfID("body.desk", body.Desk, limits.ID)...)
	problems = append(problems, fittingEmail("body.assignee", body.Assignee)...)
	problems = append(problems, line("body.summary", body.Summary)...)
	for _, f := range []struct{ location, text string }{{"body.summary", body.Summary}, {"body.reference", body.Reference}} {
		if f.text != "" && !strings.ContainsFunc(f.text, visible) {
			problems = append(problems, fieldError(f.location, "expected something to read, not blanks alone"))
		}
	}
	return append(problems, fittingURL("body.reference_url", body.ReferenceURL)...)
}

// line refuses a text of a body that is no single line. What is in no text of a body, package strictjson has refused.
func line(location, text string) []error {
	if strings.ContainsAny(text, "\n\u2028\u2029") {
		return []error{fieldError(location, "expected one line, without line breaks")}
	}
	return nil
}

// asRead returns a text as people read it: in one case, without blanks and characters that cannot be seen, and with the plain form of those that have several.
// Letters of other alphabets that look alike stay different.
func asRead(text string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if !visible(r) || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return -1
		}
		return r
	}, norm.NFKC.String(text)))
}

// visible reports whether a character can be seen.
func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// lineOfID refuses a name of something that is no single line, or that the ledger would refuse.
func lineOfID(location, id string, limit access.TextLimit) []error {
	if problems := line(location, id); problems != nil {
		return problems
	}
	return fittingID(location, id, limit)
}

// fittingEmail refuses what is no bare e-mail address; "" is fine.
func fittingEmail(location, email string) []error {
	if email == "" {
		return nil
	}
	if problems := lineOfID(location, email, access.Limits().Person); problems != nil {
		return problems
	}
	if !policy.ValidAddress(email) {
		return []error{fieldError(location, "expected an e-mail address such as ana@example.com")}
	}
	return nil
}

// fittingURL refuses what people cannot follow; "" is fine.
func fittingURL(location, text string) []error {
	if text == "" {
		return nil
	}
	if problems := line(location, text); problems != nil {
		return problems
	}
	found, err := url.Parse(text)
	if err != nil || found.Host == "" || (found.Scheme != "http" && found.Scheme != "https") || strings.ContainsAny(text, " \t") {
		return []error{fieldError(location, "expected an http or https URL such as https://scanner.example/findings/4711")}
	}
	return nil
}

type incidentOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the incident is read."`
	Body     access.IncidentView
}

func (a *API) registerIncidents() {
	handIn := a.operation(http.MethodPost, "/v1/tickets", huma.Operation{
		OperationID: "hand-in-incident", Summary: "Hand in an incident of another system", Tags: []string{"tickets"},
		Description: "Opens a ticket for a matter of another system, assigns it to an integration user of the desk, and answers when the ticket is there. " +
			"It asks for no access. Repeating the call with the same id or Idempotency-Key is safe and gives the same incident. For ticket callers.",
		DefaultStatus: http.StatusCreated,
	}, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests)
	a.answersToo(&handIn, reflect.TypeFor[access.IncidentView](), map[int]string{
		http.StatusOK:       "The same incident was handed in before; this is how it stands.",
		http.StatusAccepted: "The incident is recorded; there is no ticket yet. Read it at Location.",
	})
	huma.Register(a.huma, handIn, a.handIn)
	a.registerIncidentReads()
}

func (a *API) handIn(ctx context.Context, in *handInInput) (*incidentOutput, error) {
	caller := callerOf(ctx)
	incident, err := a.incidentOf(caller, in)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if in.Body.ID != "" || in.IdempotencyKey != "" {
		known, err := a.deps.Ledger.Incident(ctx, incident.ID)
		switch {
		case err == nil && known.Incident.Digest() != incident.Digest():
			return nil, otherIncident(in)
		case err == nil:
			return answeredIncident(caller, gateway.IncidentSubmission{View: known})
		case !access.IsKind(err, access.NotFound):
			// Temporal knows what is running; the ledger only adds what Temporal has forgotten.
			a.logged(ctx, err)
		}
	}
	submission, err := a.deps.Gateway.SubmitIncident(ctx, incident)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if submission.View.Incident.Digest() != incident.Digest() {
		return nil, otherIncident(in)
	}
	return answeredIncident(caller, submission)
}

// otherIncident refuses an id that names another incident. It may be another caller's: nothing of it is shown.
func otherIncident(in *handInInput) error {
	location := "body.id"
	if in.IdempotencyKey != "" {
		location = "header.Idempotency-Key"
	}
	return newProblem(kindInvalid(), "The id or Idempotency-Key was used for another incident.",
		ProblemField{Location: location, Message: "expected a new one, or the same incident word for word"})
}

func (a *API) incidentOf(caller Caller, in *handInInput) (access.Incident, error) {
	id, err := incidentID(caller.Person, in.IdempotencyKey, in.Body.ID)
	return access.Incident{
		ID: id, Caller: caller.Person, Evidence: caller.Evidence, Reference: in.Body.Reference, ReferenceURL: in.Body.ReferenceURL,
		Application: in.Body.Application, Desk: access.DeskName(in.Body.Desk), Assignee: in.Body.Assignee,
		Summary: in.Body.Summary, Description: in.Body.Description, SubmittedAt: a.deps.Now().UTC(),
	}, err
}

// incidentID returns the id of an incident that a caller hands in. A key counts for its caller alone.
func incidentID(caller access.PersonID, key, id string) (access.IncidentID, error) {
	if key != "" {
		return access.IncidentID(keyedID("incident", caller, key)), nil
	}
	if id != "" {
		return access.IncidentID(id), nil
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("choose the id of an incident: %w", err)
	}
	return access.IncidentID(fresh.String()), nil
}

func answeredIncident(caller Caller, s gateway.IncidentSubmission) (*incidentOutput, error) {
	location := "/v1/tickets/" + string(s.View.Incident.ID)
	if s.View.State == access.IncidentRefused {
		problem := newProblem(kindRefused(), "No ticket is opened for this incident; the errors say why.", fieldsOf(s.View.Refusals)...).with("Location", location)
		problem.Outcome, problem.EndedAt = access.OutcomeRefused, s.View.EndedAt
		return nil, problem
	}
	if s.View.State == access.IncidentCancelled && s.View.Ticket == nil {
		return nil, newProblem(kindConflict(), "An operator cancelled this incident before there was a ticket.").with("Location", location)
	}
	out := &incidentOutput{Status: http.StatusOK, Location: location, Body: shownTo(caller, s.View)}
	switch {
	case s.Pending:
		out.Status = http.StatusAccepted
	case s.Created:
		out.Status = http.StatusCreated
	}
	return out, nil
}
