// Package servicenow is the connector to ServiceNow: package desk's service desk, over a driver for its Table API and its Service
// Catalog API.
//
// A ticket is a record of one table that extends task: an incident, whose correlation_id carries the marker, or a requested item
// that is ordered from the catalog, whose marker is in a variable. A comment carries its marker in a last line. Accounts are known by
// their user names.
//
// What a reader of ServiceNow's documents would not expect:
//
//   - Parts of a query that it does not understand, or by which the account may not search, are left out without a word. So every
//     row is held against the conditions again (query.go).
//   - The limit of a page is taken before rows are left out that the account may not see: a short or an empty page may have others
//     behind it (list.go).
//   - An order answers with the request; the item in it is looked for. It stands where its state, stage, approval and all of its tasks
//     say together, and who closed the task closed it (status.go, history.go).
//   - Fields that the account may not write are ignored without a word, and rules change or undo what was written: what matters is
//     read back.
//   - By the Table API whoever may write a record can write who has created and changed it, unless a property of the instance forbids it. So
//     tickets of people are taken in, and answers to approvals are believed, only where it does (intake_check.go).
//   - The answer to an approval changes the column approval of its ticket as well, where the instance rolls answers up (read.go).
//   - A ticket that a mail opened is its sender's, whom nobody has proved. By which way it came stands in contact_type, which people can change,
//     so every value counts that it ever had (intake.go).
//   - An answer may be 200 with a page of HTML (a hibernating instance), or with an error beside a part of the result (errors.go).
//   - A refusal because of a mandatory field, because of a rule, and because of missing rights are all 403.
//
// Times are UTC and in seconds, values are as they are stored: no answer is asked for in the words or in the zone of an account,
// save the journal of a ticket where its table may not be read (comment.go).
package servicenow
