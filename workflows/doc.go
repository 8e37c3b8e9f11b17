// Package workflows says what happens, in order. Its code is deterministic: no I/O, no clock but workflow.Now, no
// configuration; whatever it needs of the world comes from activities and stands in the history.
//
// AccessRequest takes one request from the question to the closed ticket: evaluate policy, open the ticket, collect
// decisions, have the access granted, verify it, close the ticket. SubjectAccess is the single writer of one person's
// leases. ReopenedTicket answers a hint about the ticket of a request that has ended. Doctor asks every connector
// whether it can do its work.
//
// A file a subject: access_request.go tells the story; evaluate.go, approval.go, fulfilment.go and ending.go are its
// chapters; tally.go, clocks.go and contract.go are pure; ticket_mirror.go brings the ticket up to date, look.go reads
// it, tickettext.go holds every text that usher writes on a ticket; recorder.go writes the ledger; options.go is the
// one table of time-outs and retries.
package workflows
