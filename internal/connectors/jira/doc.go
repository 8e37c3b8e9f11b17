// Package jira is the connector to Jira Cloud: access.ServiceDesk over the platform REST API, with an e-mail address
// and an API token.
//
// A ticket is an issue of one project and one type. It carries its marker as a label, which a search can find, and as
// an issue property, which a copy of the issue does not inherit. A comment carries its marker as a comment property.
// Texts go out as Atlassian documents (API version 3), made of nothing but paragraphs and text, because there plain
// text needs no escaping: the wiki text of version 2 has no complete rule for that.
//
// The files: config.go is what a human sets; desk.go holds the Desk and how it calls, through go-jira's client and
// package rest; errors.go reads Jira's refusals; find.go, create.go, read.go, comment.go, move.go and account.go are
// the port's methods; contact.go and check.go compare the configuration with the project; document.go and fields.go
// translate values.
//
// Vendor facts come from Atlassian's OpenAPI document of the Cloud platform, version 3 (December 2025), and from the
// pages and issues that the comments name.
package jira
