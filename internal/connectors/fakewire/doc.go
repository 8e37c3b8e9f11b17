// Package fakewire is what every fake of a product's API shares, as far as it is about HTTP and not about the product:
// it knows no tickets and no directory.
//
// A fake makes a Wire, wraps each operation of its API in Wire.Handler, and serves the result. A call runs through these
// stations: a hold may make it wait (hold.go); a rule of the faults may answer in its place (faults.go); the fake's own
// operation runs; a rule may spoil the answer of what has been done; the call is logged and counted (log.go); a hold may
// make the answer wait; the answer is sent, whole or as the fault leaves it (answer.go).
//
// Wire.Control and ControlFaults serve what outsiders look at and switch, without credentials:
//
//	GET  /_sim/faults     the faults that are switched on; PUT replaces them
//	GET  /_sim/holds      the calls that shall wait, or do; POST adds one, DELETE releases all
//	GET  /_sim/calls      {"total":n,"by_operation":{...}}; DELETE begins to count anew
//	GET  /_sim/requests   how often each operation was called
//	GET  /_sso/login      the page to which a spoilt call is redirected
//
// A Limiter counts rates, and a Journal keeps a fake's state in a file.
package fakewire
