// Package jiratest is a fake of Jira's REST API, faithful on the wire, in two editions. Jira Cloud speaks the versions 2
// (wiki text) and 3 (Atlassian Document Format) of the platform API, by account ids, at the site and at the gateway's
// path /ex/jira/{cloudId}. Jira Data Center speaks version 2, by user names, with its older search. The fake refuses what
// Jira refuses, in Jira's own sentences where those are known.
//
// It is a dialect of package desktest, whose Desk keeps the issues and does what is not Jira's. A call comes through the
// stations of package fakewire, which holds, spoils, logs and counts calls. Between these it runs through Jira's own, under
// the desk's one lock: the credentials name the account, make the caller anonymous, or are refused (auth.go); the vendor's
// limits are counted (limits.go); the operation (routes.go) gives a changed issue to the desk's store, which keeps it and
// announces it to the webhooks (webhooks.go).
//
// Besides the API it serves:
//
//	GET  /board, /browse/{key}   pages for people who click
//	POST /board/move             form key, to (status name), as (account id or e-mail)
//	POST /board/comment          form key, as, text
//	POST /board/assign           form key, as, to (account id, e-mail, or "" for nobody)
//	POST /board/delete           form key, as
//	POST /board/project          form key, as, to (project key): the issue gets another key
//	GET  /_sim/issues            every issue, as JSON; POST /_sim/issues/{key}/archive and /restore
//	POST /_sim/seed              opens many issues at once (desktest.Seed): {"count":10000}
//	     /_sim/faults, /_sim/holds, /_sim/calls, /_sim/requests: see package fakewire
//
// Those pages ask for no credentials: the package is for tests and for the simulator, on a loopback address.
//
// The behaviour follows Atlassian's OpenAPI documents of the Cloud platform (version 3 of December 2025, version 2 of
// April 2025) and of Data Center 10.0, and what they leave open follows recordings in public projects. Where neither says
// anything, the harsher of the plausible behaviours was chosen, so that a client that is right here is right there; the
// comments say where. Every answer of the API carries the site's own clock in Date.
package jiratest
