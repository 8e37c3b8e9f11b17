package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// readyWithin is how long one question of /readyz may take.
const readyWithin = 3 * time.Second

type healthOutput struct {
	Body struct {
		Status string            `json:"status" doc:"ok, or degraded when a part is unavailable that usher can do without for a time."`
		Checks map[string]string `json:"checks,omitempty" doc:"Each part: ok or unavailable."`
	}
}

func (a *API) registerHealth() {
	open := []map[string][]string{}
	huma.Register(a.huma, a.operation(http.MethodGet, "/livez", huma.Operation{
		OperationID: "live", Summary: "Does the process live?", Tags: []string{"operations"}, Security: open,
		Description: "Answers as long as the process does; it asks nobody.",
	}), a.live)
	huma.Register(a.huma, a.operation(http.MethodGet, "/readyz", huma.Operation{
		OperationID: "ready", Summary: "Can calls be answered?", Tags: []string{"operations"}, Security: open,
		Description: "503 while Temporal or the identity issuer is unavailable. An unavailable ledger only degrades: requests and decisions go on.",
	}), a.ready)
}

func (a *API) live(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status = "ok"
	return out, nil
}

func (a *API) ready(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	out := &healthOutput{}
	out.Body.Status, out.Body.Checks = "ok", map[string]string{}
	var away []ProblemField
	for _, part := range []struct {
		name   string
		needed bool
		ask    func(context.Context) error
	}{
		{"temporal", true, a.deps.Gateway.Ready},
		{"identity", true, a.deps.Authenticator.Ready},
		{"ledger", false, a.deps.Ledger.Ping},
	} {
		err := part.ask(ctx)
		if err == nil {
			out.Body.Checks[part.name] = "ok"
			continue
		}
		a.logged(ctx, err)
		out.Body.Checks[part.name], out.Body.Status = "unavailable", "degraded"
		if part.needed {
			away = append(away, ProblemField{Location: part.name, Message: "expected an answer"})
		}
	}
	if len(away) > 0 {
		return nil, newProblem(kindUnavailable(), "A required service is unavailable", away...).with("Retry-After", "5")
	}
	return out, nil
}
