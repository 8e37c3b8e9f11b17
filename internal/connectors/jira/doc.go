// Package jira is the connector to Jira: package desk's service desk, over a driver for the platform REST API of Jira Cloud
// and of Jira Data Center (and Server).
//
// A ticket is an issue of one project and one type. It carries its marker as a label, which a search can find, and as
// an issue property, which a copy of the issue does not inherit; beside the marker it carries one common label, by which
// the feed finds what changed. A comment carries its marker as a comment property, on Data Center in a last line.
//
// Nothing in a text can act as markup: on Cloud texts go out as Atlassian documents made of nothing but paragraphs and
// text, on Data Center as wiki text within {noformat}, because nothing less than that is complete there.
//
// What the editions differ in is one interface, dialect. It writes calls and reads answers and calls nobody; cloud.go and
// datacenter.go are its two sides, and edition.go tells which one a site speaks.
//
// The other files: config.go and auth.go are what a human sets; desk.go holds the driver and how it calls, through go-jira's
// client and package rest; errors.go reads Jira's refusals, and limits.go remembers its rate limits; search.go, create.go,
// read.go, history.go, comment.go, move.go and account.go are the driver's methods, and stamp.go is the markers that Jira
// keeps as properties; contact.go, check.go and webhook.go read what the configuration is compared with; document.go,
// fields.go and jql.go translate values.
//
// A ticket that was moved keeps its id. One that is archived can be read, and every change of it is a Conflict. One that
// was deleted, or is hidden from usher's account, is NotFound once Jira has accepted the credentials.
//
// Vendor facts come from Atlassian's OpenAPI documents of the Cloud platform, version 3 (December 2025), and of Jira Data
// Center 10.0, and from the pages and issues that the comments name.
package jira
