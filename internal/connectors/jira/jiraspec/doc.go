// Package jiraspec holds what goes over the wire between usher and Jira against the vendor's own OpenAPI documents.
//
// Load reads the documents of an edition and mends their known defects (patch.go). Contract.Middleware stands in front of
// a fake Jira: it lets every exchange pass unchanged and judges it afterwards (exchange.go) - the request's path, query,
// headers and body, the answer's status, content type and body. An answer that the fake marks as spoiled on purpose
// (FaultHeader) is not judged. Contract.Report tells which operations were seen, which of them were validated, and what
// broke the contract. With JIRA_CONTRACT_OUT every process leaves its report in one folder, and the command
// internal/tools/contract adds the reports up and fails where one is not clean.
//
// What a document does not say is not checked: which members an answer must have, which fields a screen has, who may see
// what, the texts of errors. A clean report says that nothing contradicts the documents, no more.
//
// The documents are the vendor's and are not part of usher: JIRA_SPECS names the folder in which they lie. Without it
// nothing is checked, and that is said.
package jiraspec
