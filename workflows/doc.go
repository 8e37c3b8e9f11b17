// Package workflows holds what all workflows and those who speak to them share: the names of workflows, queues, signals,
// updates and queries, their parameters, and the one table of timeouts and retries.
//
// What happens, in order, is in one folder per workflow: request (AccessRequest) takes one request from the question to the
// closed ticket; lease (SubjectAccess) is the single writer of one person's access; watch (TicketWatch) finds what people do
// on tickets; reopened (ReopenedTicket) answers a ticket that is opened again; doctor asks every connector whether it can do
// its work. They stand on durable (the loop), outbox (facts and messages) and ticket (one ticket, and every text on it), and
// never import one another: workflows speak by messages. registry names them all to a worker.
//
// The code is deterministic: no I/O, no clock but the workflow's, no configuration; whatever it needs of the world comes from
// activities and stands in the history.
package workflows
