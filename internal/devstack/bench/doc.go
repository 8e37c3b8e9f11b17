// Package bench measures what usher costs: Temporal events and actions, throughput beside a floor, calls to the desk, and
// the worker's processor time and memory.
//
// Every figure is a ratio or a count that is measured in the run that prints it. The machine may be busy with other
// things, so whatever depends on time is measured in interleaved pairs, and the median is told with its spread.
//
// # Events and actions
//
// Count reads a history and counts its events and the Temporal Cloud actions that it shows, by the documented list
// (docs.temporal.io/evaluate/cloud/actions, read 2026-11). What a history cannot show is not counted: queries, refused
// updates, heartbeats, and the retries of an activity that is still pending. The server's own counter, the metric
// "action", is printed beside it for the same requests.
//
// # The floor
//
// The floor answers: how fast can any program on this server be, if it writes the histories that usher writes, and does
// nothing else? Derive reads the histories of one request and makes a Play of them: for each workflow task, what it waits
// for and which commands it gives, with the payloads, timeouts and search attributes of the record. A worker process of
// its own performs plays: its workflows interpret the play, its activities return the recorded result at once. Where an
// activity of the record sent a signal to another workflow, the floor's sends it too. Nothing of usher's shape is written
// down here, so the floor follows usher whenever its workflows change; and what the floor performed is compared with what
// usher did, event type by event type.
//
// In one thing the floor is led: an activity's answer waits until the workflow has had the tasks that came before it in
// the record, and answers that arrived together in the record arrive together. Without that, activities that do nothing
// would all be back in one task, and the floor's histories would be shorter than usher's.
//
// The fixed floor is a play that stands in the source. It never changes, so it compares usher with itself over time.
package bench
