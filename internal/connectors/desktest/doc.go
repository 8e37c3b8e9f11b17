// Package desktest is what fakes of service desks share, beside what package fakewire brings for every fake.
//
// A Store is the memory of a desk: tickets, projects, accounts, and what its search sees (store.go, ticket.go, project.go,
// accounts.go, change.go, view.go), workflows (workflow.go), and the file that keeps all that (persist.go). A Desk is a Store that
// runs (desk.go): with webhooks (hooks.go, deliver.go), with what people do as methods for tests (people.go), with pages for
// people who click (pages.go, board.go), and with what outsiders look at (control.go, seed.go):
//
//	GET  /board, /browse/{key}      the pages; POST /board/{action} their forms: see routePages
//	GET  /_sim/issues               every ticket, as JSON; POST /_sim/issues/{key}/archive and /restore
//	POST /_sim/seed                 opens many tickets at once: see Seed
//	GET  /_sim/revision             a number that grows with every change
//
// It knows no desk's API. What differs between the tickets of two vendors is a Dialect (dialect.go); a vendor's fake embeds the
// Desk, and brings its own routes, authentication, refusals, rendering and queries.
package desktest
