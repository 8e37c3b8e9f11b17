// Package access holds usher's words and its ports.
//
// The words are plain values that travel through the API, the workflow histories, the ledger and the ticket
// texts: Request, Item, Requirement, Decision, Ticket, Lease, Person, Event. They are JSON-stable: fields are
// added, never renamed or re-typed, because recorded histories are replayed by every later build.
//
// The ports are what usher needs from the world: ServiceDesk, Provisioner and IdentitySource. Each port's
// doc comments are its contract, and each contract is a conformance suite in package accesstest, which the
// in-memory implementation and every connector pass.
//
// Package access imports nothing of ours, so every other package may speak its words.
package access
