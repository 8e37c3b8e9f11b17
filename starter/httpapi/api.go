package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"usher/internal/access"
)

// Config is who may read what, and which desks may send hints.
type Config struct {
	// Auditors may read everything and run the doctor, beside those whom the Authenticator calls auditors.
	Auditors []access.PersonID
	// Administrators may start runs over people and release what one held back, beside those whom the Authenticator calls administrators.
	Administrators []access.PersonID
	// TicketCallers may hand in incidents, beside those whom the Authenticator calls so.
	TicketCallers []access.PersonID
	// HelpDesk may take back what others hold, beside those whom the Authenticator calls so.
	HelpDesk []access.PersonID
	// OpenReads lets everybody who is authenticated read every request and lease.
	OpenReads bool
	// Duplicates is what becomes of a request for what is asked for, or held, already.
	Duplicates Duplicates
	// Quotas are what one caller may ask.
	Quotas Quotas
	// Webhooks are the desks that may send hints.
	Webhooks map[access.DeskName]Webhook
}

// Deps are the parts that the API is made of; none may be nil.
type Deps struct {
	Gateway       Gateway
	Ledger        Ledger
	Authenticator Authenticator
	Logger        *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// API answers HTTP calls. It is safe for concurrent use.
type API struct {
	config  Config
	deps    Deps
	mux     *http.ServeMux
	huma    huma.API
	handler http.Handler
	// documents are written once, when they are asked for: that takes longer than all the rest of the start.
	documents func() (documents, error)
	tokens    tokenChecks
	readers   deskReaders
	pacer     *pacer
	// routed are the routes, as the table of permissions names them.
	routed map[string]bool
}

// New makes the API. It calls nobody.
func New(config Config, deps Deps) *API {
	deps.Ledger = timeoutLedger{deps.Ledger}
	a := &API{
		config: config, deps: deps, mux: http.NewServeMux(), readers: newDeskReaders(config.Webhooks), pacer: newPacer(config.Quotas),
		routed: map[string]bool{},
	}
	a.huma = humago.New(a.mux, humaConfig())
	a.registerRequests()
	a.registerReads()
	a.registerCatalog()
	a.registerSelf()
	a.registerRevocations()
	a.registerPauses()
	a.registerDesks()
	a.registerDeskViews()
	a.registerPeople()
	a.registerSyncs()
	a.registerIncidents()
	a.registerIntegrationUsers()
	a.registerHealth()
	describe(a.huma.OpenAPI())
	a.documents = sync.OnceValues(func() (documents, error) { return documentsOf(a.huma.OpenAPI()) })
	a.registerDocuments()
	a.complete()
	a.mux.HandleFunc("/", a.unrouted)
	a.handler = a.watched(limited(a.mux))
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// OpenAPI is the OpenAPI 3.1 document, as JSON.
func (a *API) OpenAPI() []byte {
	all, err := a.documents()
	if err != nil {
		// It is written of the types of this package, so it is the same in every program.
		panic(err)
	}
	return slices.Clone(all.asJSON)
}

func humaConfig() huma.Config {
	config := huma.DefaultConfig("usher", "v1")
	config.Info.Description = "Access requests from the question to the closed ticket, and to the moment the access is gone again. " +
		"Every call that changes something may be repeated with the same id or Idempotency-Key. Every error is a problem document (RFC 9457)."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "An access token (RFC 9068) of the configured OpenID Connect issuer. In development mode the header X-Usher-Person takes its place.",
		},
	}
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{shapeErrors}
	return config
}

// operation is one route. The statuses are the problems that it may answer with, beside those that every route has.
func (a *API) operation(method, path string, o huma.Operation, statuses ...int) huma.Operation {
	o.Method, o.Path = method, path
	rows := a.rowsOf(method+" "+path, o.Security != nil)
	if o.Security == nil {
		o.Security = []map[string][]string{{"bearer": {}}}
		o.Middlewares = huma.Middlewares{a.authenticated, a.paced, a.permitted(rows), queried}
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
	}
	if method == http.MethodPost {
		if !o.SkipValidateBody {
			o.Middlewares = append(o.Middlewares, a.strict())
		}
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType)
	}
	statuses = append(statuses, http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge, http.StatusInternalServerError,
		http.StatusServiceUnavailable)
	// The middleware has read the body under its own limit, and huma's deadline would end the call of a slow handler.
	o.MaxBodyBytes, o.BodyReadTimeout = -1, -1
	if o.Responses == nil {
		o.Responses = map[string]*huma.Response{}
	}
	schema := a.huma.OpenAPI().Components.Schemas.Schema(problemType(), true, "Problem")
	for _, status := range statuses {
		o.Responses[fmt.Sprint(status)] = &huma.Response{
			Description: problemText(status),
			Content:     map[string]*huma.MediaType{problemContentType: {Schema: schema}},
		}
	}
	return o
}

// answersToo adds the answers that a route gives besides its usual one, each with the same body.
func (a *API) answersToo(o *huma.Operation, body reflect.Type, says map[int]string) {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(body, true, body.Name())
	for status, text := range says {
		o.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: text, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
	}
}

type callerKey struct{}

// callerOf is who calls; every handler behind authenticated has one.
func callerOf(ctx context.Context) Caller {
	caller, _ := ctx.Value(callerKey{}).(Caller)
	return caller
}

// authenticated lets only known callers through.
func (a *API) authenticated(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	caller, err := a.deps.Authenticator.Authenticate(r)
	if err != nil {
		a.refuse(ctx, err)
		return
	}
	caller.Auditor = caller.Auditor || slices.Contains(a.config.Auditors, caller.Person)
	caller.Administrator = caller.Administrator || slices.Contains(a.config.Administrators, caller.Person)
	caller.Tickets = caller.Tickets || slices.Contains(a.config.TicketCallers, caller.Person)
	caller.HelpDesk = caller.HelpDesk || slices.Contains(a.config.HelpDesk, caller.Person)
	traceOf(ctx.Context()).person = caller.key()
	next(huma.WithValue(ctx, callerKey{}, caller))
}

func (a *API) refuse(ctx huma.Context, err error) {
	r, w := humago.Unwrap(ctx)
	a.logged(ctx.Context(), err)
	problemOf(err).write(w, r)
}

// failed turns an error into the problem that is answered.
func (a *API) failed(ctx context.Context, err error) error {
	a.logged(ctx, err)
	return problemOf(err)
}

// logged writes down what an answer does not tell: the causes of our own failures.
func (a *API) logged(ctx context.Context, err error) {
	problem := problemOf(err)
	if problem.Status < http.StatusInternalServerError {
		return
	}
	a.deps.Logger.WarnContext(ctx, "call failed", "http_request_id", traceOf(ctx).id, "error", err.Error(), "cause", deepest(err))
}

// deepest is the text at the bottom of an error's chain.
func deepest(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// documents are the API's document. as30 is in the older form of OpenAPI 3.0, which many generators of clients need.
type documents struct{ asJSON, asYAML, as30 []byte }

// documentsOf writes the documents of an API.
func documentsOf(api *huma.OpenAPI) (documents, error) {
	var d documents
	var err error
	if d.asJSON, err = json.MarshalIndent(api, "", "  "); err != nil {
		return d, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	if d.asYAML, err = api.YAML(); err != nil {
		return d, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	if d.as30, err = api.Downgrade(); err != nil {
		return d, fmt.Errorf("write the document of OpenAPI 3.0: %w", err)
	}
	return d, nil
}

// registerDocuments serves the documents, which are written when somebody asks for the first one.
func (a *API) registerDocuments() {
	serve := func(pattern, contentType string, which func(documents) []byte) {
		a.rowsOf("GET "+pattern, true)
		a.mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			all, err := a.documents()
			if err != nil {
				a.logged(r.Context(), err)
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
			serveBytes(contentType, "default-src 'none'; frame-ancestors 'none'", which(all))(w, r)
		})
	}
	serve("/openapi.json", "application/openapi+json", func(d documents) []byte { return d.asJSON })
	serve("/openapi.yaml", "application/openapi+yaml", func(d documents) []byte { return d.asYAML })
	serve("/openapi-3.0.json", "application/openapi+json", func(d documents) []byte { return d.as30 })
	a.registerDocs()
}

func serveBytes(contentType, policy string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", policy)
		// The client may be gone; there is nobody to tell.
		_, _ = w.Write(body)
	}
}
