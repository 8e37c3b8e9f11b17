// Package activities holds the side effects of usher's workflows, one struct per room that a worker serves: Records
// (ledger), Policy, Messages (signals to other workflows), and Desk, Target and Source, each over one port.
//
// An activity does one thing that is safe to run twice: it finds before it creates, and what is already so is success.
// The one exception, OpenTicket, says so. Activities call the port, translate its error once (see translate), and
// return facts; they never decide, retry or sleep. The exported methods of the structs become activities by
// registration, so nothing else is exported on them.
package activities
