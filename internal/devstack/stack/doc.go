// Package stack runs the whole system on one machine: a Temporal server, the simulator (a fake Jira and a small SCIM
// directory), the worker under a supervisor, and the HTTP API. The program above it and the end-to-end tests use it.
//
// Start builds what is missing, picks ports, writes the configuration of worker and starter into the folder of the
// stack, starts the four processes and waits until each of them answers. Everything that shall outlive the stack is in
// that folder, so a later Start goes on where Stop (or a kill) left off. Client talks to the running system from the
// outside, as a person does: over HTTP.
//
// No child outlives the program that started it: each has a process group of its own, so that a terminal's Ctrl-C does
// not reach it before its turn, and on Linux the kernel kills it when the program dies without having stopped it.
package stack
