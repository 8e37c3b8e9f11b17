package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
)

func (a *API) registerCatalog() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/catalog", huma.Operation{
		OperationID: "list-catalog", Summary: "List what can be asked for", Tags: []string{"requests"},
		Description: "The entitlements of the catalog that a worker has published, by id, with what a request for them needs. For every caller. What is not in it cannot be asked for; policy decides all the same.",
	}), a.listCatalog)
}

type catalogInput struct {
	Text        string `query:"text" maxLength:"100" doc:"Only what has every one of these words in its id, its title or its application's name, in whatever case."`
	Application string `query:"application" maxLength:"64" doc:"Only entitlements of this application, by id."`
	Limit       int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Cursor      string `query:"cursor" maxLength:"512" doc:"What next said in the answer before."`
}

// Resolve implements huma.Resolver.
func (in *catalogInput) Resolve(huma.Context) []error {
	limits := access.Limits()
	problems := fittingID("query.text", in.Text, limits.ID)
	problems = append(problems, fittingID("query.application", in.Application, limits.ID)...)
	return append(problems, fittingID("query.cursor", in.Cursor, limits.ID)...)
}

// CatalogPage is a part of the catalog.
type CatalogPage struct {
	Hash         string                        `json:"hash" doc:"Which catalog this is. It changes with the catalog, so that pages with different hashes are of different catalogs."`
	PublishedAt  time.Time                     `json:"published_at" doc:"Since when it is the one that counts here."`
	Entitlements []access.PublishedEntitlement `json:"entitlements" nullable:"false" doc:"What can be asked for, by id."`
	Next         string                        `json:"next,omitempty" doc:"The cursor of the next page; absent on the last one."`
}

type catalogOutput struct {
	Body CatalogPage
}

func (a *API) listCatalog(ctx context.Context, in *catalogInput) (*catalogOutput, error) {
	which, err := a.deps.Ledger.PublishedCatalog(ctx)
	if access.IsKind(err, access.NotFound) {
		return nil, newProblem(kindUnavailable(), "No worker has published the catalog yet; try again.").with("Retry-After", "10")
	}
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	found, err := a.deps.Ledger.CatalogEntitlements(ctx, access.CatalogQuery{
		Text: in.Text, Application: in.Application, After: access.EntitlementID(in.Cursor), Limit: in.Limit,
	})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &catalogOutput{Body: CatalogPage{
		Hash: which.Hash, PublishedAt: which.PublishedAt, Entitlements: append([]access.PublishedEntitlement{}, found...),
	}}
	if len(found) == in.Limit {
		out.Body.Next = string(found[len(found)-1].ID)
	}
	return out, nil
}
