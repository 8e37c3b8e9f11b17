// Package apispec holds what goes over the wire between usher and a desk against OpenAPI documents: those of Jira are the
// vendor's own; those of ServiceNow are the community's and, for what usher uses, usher's own (servicenow.yaml).
//
// Load reads the documents of an edition and mends their known defects (patch.go). Contract.Middleware stands in front of
// a fake: it lets every exchange pass unchanged and judges it afterwards (exchange.go) - the request's path, query,
// headers and body, the answer's status, content type and body. An answer that the fake marks as spoiled on purpose
// (FaultHeader) is not judged. Contract.Report tells which operations were seen, which of them were validated, and what
// broke the contract. With CONTRACT_OUT every process leaves its report in one folder, and the command
// internal/tools/contract adds the reports up and fails where one is not clean.
//
// What a document does not say is not checked: which members an answer must have, which fields a screen has, who may see
// what, the texts of errors. A clean report says that nothing contradicts the documents, no more.
//
// The documents of others are not part of usher: JIRA_SPECS and SERVICENOW_SPECS name the folders in which they lie. Without it
// nothing of Jira's is checked, and that is said; ServiceNow's is checked against usher's own document alone.
package apispec
