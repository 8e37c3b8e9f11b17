// Package httpapi is usher's HTTP face: routes, the caller's identity, the OpenAPI document, webhooks.
//
// The flow of a call: middleware (request id, log, panics, limits) -> Authenticator -> huma, which checks the input
// against the schema that the document shows -> one handler. Handlers change things only through the Gateway, and read
// from the Ledger; where the ledger has no row yet or is away, they ask the Gateway.
//
// Every error is a problem document (RFC 9457, application/problem+json) that names fields and expectations. The kinds
// of access.Error become HTTP statuses in one table, in problem.go.
//
// A desk's webhook is a hint: it is checked (HMAC or shared secret), its ticket id is taken, and the request looks at
// the ticket itself. Nothing else in it is read.
package httpapi
