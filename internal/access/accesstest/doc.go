// Package accesstest is the definition of each port: one conformance suite per port, with a case for every promise in
// the port's doc comments. The in-memory implementations and every connector pass the same suite, each over a harness
// that makes a fresh system and does what the port cannot: the acts of humans and the faults of the world. The cases
// assert on what reached that system, not only on what the port answered.
package accesstest
