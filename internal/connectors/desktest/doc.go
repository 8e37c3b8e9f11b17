// Package desktest is what fakes of service desks share, beside what package fakewire brings for every fake: the delivery
// of webhooks (hooks.go, deliver.go), a view of the tickets that lags behind their changes, as a desk's search does
// (view.go), workflows (workflow.go), and pages for people who click (pages.go). It knows no desk's API: a fake brings its
// own routes, tickets, events and headers.
package desktest
