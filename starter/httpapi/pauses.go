package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
)

// PauseBody is what is paused, and why.
type PauseBody struct {
	ID     string            `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	What   access.PausedWork `json:"what" enum:"grants,revokes" doc:"Whether usher stops granting or revoking."`
	Target access.TargetName `json:"target,omitempty" maxLength:"256" doc:"On which target; all of them where it is absent." example:"directory"`
	Reason string            `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; everybody whose access waits reads it." example:"The directory is being repaired."`
}

// ResumeBody is what is resumed.
type ResumeBody struct {
	ID     string            `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	What   access.PausedWork `json:"what" enum:"grants,revokes" doc:"Whether usher goes on granting or revoking."`
	Target access.TargetName `json:"target,omitempty" maxLength:"256" doc:"On which target. Absent, it ends a pause of all targets, and none of one target." example:"directory"`
	Reason string            `json:"reason,omitempty" maxLength:"2000" doc:"Why; it is recorded." example:"The directory is repaired."`
}

type pauseInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           PauseBody
}

// Resolve implements huma.Resolver.
func (in *pauseInput) Resolve(huma.Context) []error {
	body := in.Body
	return append(revocationReason(in.IdempotencyKey, body.ID, body.Reason), fittingID("body.target", string(body.Target), access.Limits().ID)...)
}

type resumeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           ResumeBody
}

// Resolve implements huma.Resolver.
func (in *resumeInput) Resolve(huma.Context) []error {
	body := in.Body
	return append(revocationReason(in.IdempotencyKey, body.ID, body.Reason), fittingID("body.target", string(body.Target), access.Limits().ID)...)
}

// PauseDetail is a pause or a resume.
type PauseDetail struct {
	ID     access.PauseID    `json:"id" doc:"The id of the pause or the resume."`
	What   access.PausedWork `json:"what" enum:"grants,revokes" doc:"What is paused or resumed."`
	Target access.TargetName `json:"target,omitempty" doc:"On which target; all of them where it is absent."`
	Paused bool              `json:"paused" doc:"Whether it is a pause; false for a resume."`
	By     access.PersonID   `json:"by" doc:"Who pauses or resumes."`
	Reason string            `json:"reason,omitempty" doc:"Why."`
	At     time.Time         `json:"at" doc:"When."`
}

// PauseAnswer is what came of a pause or a resume.
type PauseAnswer struct {
	PauseDetail
	Recorded   bool   `json:"recorded" doc:"Whether it is recorded in the ledger. What is not yet will be."`
	StatusText string `json:"status_text" doc:"What holds now, in sentences."`
}

type pauseOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where what is paused is listed."`
	Body     PauseAnswer
}

type pausesOutput struct {
	Body struct {
		Pauses []PauseDetail `json:"pauses" nullable:"false" doc:"What is paused now, by work and target; that of all targets comes first."`
	}
}

func (a *API) registerPauses() {
	says := map[int]string{
		http.StatusOK:       "The same call was made before.",
		http.StatusAccepted: "It is taken, but not known to be recorded: that is tried until it is. The call may be repeated with the same id.",
	}
	register := func(path string, o huma.Operation) huma.Operation {
		o.Tags, o.DefaultStatus = []string{"pauses"}, http.StatusCreated
		o = a.operation(http.MethodPost, path, o, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests)
		a.answersToo(&o, reflect.TypeFor[PauseAnswer](), says)
		return o
	}
	huma.Register(a.huma, register("/v1/pauses", huma.Operation{
		OperationID: "pause", Summary: "Stop granting or revoking on a target",
		Description: "Until it is resumed usher grants nothing, or revokes nothing, on the target or on all targets. What waits is shown as such, is no failure, " +
			"and goes on after the resume. Tickets that ask people to grant or remove access go on. For administrators.",
	}), a.pause)
	huma.Register(a.huma, register("/v1/pauses/resume", huma.Operation{
		OperationID: "resume", Summary: "Go on granting or revoking on a target",
		Description: "A pause of all targets and one of a single target end by their own resumes. What waits goes on within five minutes. For administrators.",
	}), a.resume)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/pauses", huma.Operation{
		OperationID: "list-pauses", Summary: "List what is paused now", Tags: []string{"pauses"},
		Description: "For administrators, auditors and the help desk.",
	}, http.StatusForbidden), a.listPauses)
}

func (a *API) pause(ctx context.Context, in *pauseInput) (*pauseOutput, error) {
	body := in.Body
	return a.setPaused(ctx, access.Pause{What: body.What, Target: body.Target, Paused: true, Reason: body.Reason}, in.IdempotencyKey, body.ID)
}

func (a *API) resume(ctx context.Context, in *resumeInput) (*pauseOutput, error) {
	body := in.Body
	return a.setPaused(ctx, access.Pause{What: body.What, Target: body.Target, Reason: body.Reason}, in.IdempotencyKey, body.ID)
}

func (a *API) setPaused(ctx context.Context, p access.Pause, key, id string) (*pauseOutput, error) {
	caller := callerOf(ctx)
	named, err := callID("pause", caller.Person, key, id)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	p.ID, p.By, p.Evidence, p.At = access.PauseID(named), caller.Person, caller.Evidence, a.deps.Now().UTC()
	receipt, err := a.deps.Gateway.Pause(ctx, p)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &pauseOutput{Status: statusOf(receipt.Pending, receipt.Created), Location: "/v1/pauses"}
	out.Body = PauseAnswer{PauseDetail: pauseDetail(receipt.Pause), Recorded: !receipt.Pending}
	if receipt.Pending {
		out.Body.StatusText = "It is taken, but not recorded yet: the worker or the ledger does not answer. It holds once it is recorded."
	} else {
		out.Body.StatusText = pauseText(receipt.Pause, receipt.Now)
	}
	return out, nil
}

func pauseDetail(p access.Pause) PauseDetail {
	return PauseDetail{ID: p.ID, What: p.What, Target: p.Target, Paused: p.Paused, By: p.By, Reason: p.Reason, At: p.At}
}

// pauseText returns what holds after a pause or a resume. now is all that is paused.
func pauseText(p access.Pause, now []access.Pause) string {
	same := func(other access.Pause) bool { return other.What == p.What && other.Target == p.Target }
	parts := []string{string(p.What) + " on " + p.Where() + " go on within five minutes."}
	switch holds := slices.ContainsFunc(now, same); {
	case p.Paused && holds:
		parts = []string{string(p.What) + " on " + p.Where() + " are paused. A call that is under way may still end."}
		if p.What == access.PausedRevokes {
			parts = append(parts, "Revokes on targets at the edge go on: those workers do not know the ledger.")
		}
	case p.Paused:
		parts = []string{"It was resumed since."}
	case holds:
		parts = []string{"It was paused again since."}
	}
	for _, other := range now {
		// A pause of all covers one target, and a resume of all ends no pause of one target.
		if other.What == p.What && !same(other) && !p.Paused && (p.Target == "" || other.Target == "") {
			parts = append(parts, "Still, "+other.Text()+".")
		}
	}
	return strings.ToUpper(parts[0][:1]) + strings.Join(parts, " ")[1:]
}

func (a *API) listPauses(ctx context.Context, _ *struct{}) (*pausesOutput, error) {
	found, err := a.deps.Ledger.Pauses(ctx)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &pausesOutput{}
	out.Body.Pauses = make([]PauseDetail, len(found))
	for i, p := range found {
		out.Body.Pauses[i] = pauseDetail(p)
	}
	return out, nil
}
