// Package activities holds the side effects of usher's workflows, one struct for each thing that a worker serves: Records
// (the ledger, and signals to other workflows), Policy, Watch, and Desk, Target and Source, each over one port.
//
// An activity does one thing that is safe to run twice: it finds before it creates, and what is already so is success.
// The one exception, OpenTicket, says so. An activity that writes to a desk or a target does so only while its attempt
// lasts by the server's clock (see fenced). Activities call the port, translate its error once (see translate), and
// return facts. They never decide, and never retry or sleep, except Desk within one attempt (see steadily). The exported
// methods of the structs become activities by registration, so nothing else is exported on them.
package activities
