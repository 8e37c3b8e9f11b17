// Package desktest is what fakes of service desks share, beside what package fakewire brings for every fake: the memory of
// tickets and accounts (store.go, ticket.go, project.go, accounts.go, change.go), the file that keeps it (persist.go),
// workflows (workflow.go), a view of the tickets that lags behind their changes, as a desk's search does (view.go), the
// delivery of webhooks (hooks.go, deliver.go), and pages for people who click (pages.go). It knows no desk's API: what
// differs between the tickets of two vendors is a Dialect (dialect.go), and a fake brings its own routes, authentication,
// refusals, rendering and queries.
package desktest
