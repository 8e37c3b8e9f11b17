// Package httpapi is usher's HTTP face: routes, the caller's identity, the OpenAPI document, webhooks.
//
// The flow of a call: middleware (request id, log, panics, limits) -> Authenticator -> huma, which checks the input
// against the schema that the document shows -> one handler. Who may do what is one table, in roles.go: what depends on roles alone is decided before
// the body is read, what depends on a thing by the handler's look-up of it, in relations.go. Handlers change things only through the Gateway, and read
// from the Ledger; what the ledger has no row of yet, or does not show to the caller, they ask the Gateway for, also while it is away.
//
// Every error is a problem document (RFC 9457, application/problem+json) that names fields and expectations. The kinds
// of access.Error become HTTP statuses in one table, in problem.go.
//
// A desk's webhook is a hint: it is checked (HMAC or shared secret), its ticket id is taken, and the request looks at
// the ticket itself. Nothing else in it is read.
package httpapi
