// Package memory holds every port in memory: for tests of what uses the ports, and for a first look at usher without
// any other system. Each passes its port's conformance suite in package accesstest.
//
// They are deterministic and safe for concurrent use. Beside the port they have what a port cannot do: the hands of
// humans (a ticket is moved, deleted, given another key) and the faults of the world, which a test scripts one by one
// (the next call fails, the next answer is lost, everything is down).
package memory
