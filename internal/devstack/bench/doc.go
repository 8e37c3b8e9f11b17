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
// would all be back in one task, and the floor's histories would be shorter than usher's. Messages are led the same way: a
// signal or an update comes in the turn in which the record has it.
//
// The fixed floor is a play that stands in the source. It never changes, so it compares usher with itself over time.
//
// # Calls to the desk
//
// The fake Jira counts its calls. An hour without news is put together from three parts, each measured by itself:
//   - rounds of the watch, at the usual settings and by the clock, on a system in which nothing happens while all the rest is
//     measured: a connector proves its credentials every so many seconds, so compressed hours would show too few calls. A
//     round asks what changed, so its cost does not depend on how many tickets are open;
//   - full scans, on another system. There the time between two sweeps is divided, and what one full scan cost is told;
//   - staleness checks of real requests there, with their times divided too: how many there were, and how many of them asked the
//     desk. Those of as many requests as the figure is for are reckoned from that.
//
// The tickets of these two systems have no workflows. They are rows of the ledger and issues of the fake Jira, hours to
// months old, because that is all that a watch sees of a request. What the watch costs just after a thousand real requests
// were opened is told as well, and so is what one change by a person costs.
//
// With Options.Full, a whole hour is counted as well, with a thousand and more real requests and nothing divided.
//
// # Leases that end at once
//
// SubjectAccess runs in the SDK's test environment with 250, 1,000 and 2,000 leases that end at once. What is told is the wall
// time from their end to the end of the run, and how much more each lease takes among 2,000 than among 250: 1.0 is linear.
//
// # The users of a desk
//
// A run over the users of the fake ServiceNow is measured at 1,000, 10,000 and 100,000 people, each on a system of its own. The
// simulator's staff have a user each; the snapshot and the links are written into the ledger before. The desk's calls are the
// fake's own counters, the time is from the beginning of the run to its end as the ledger has them, the memory is the most that the
// worker's process had in use since just before the run, and events are those of the run's history. The fake is on the same
// machine and answers at once, so the times are of usher, its ledger and the fake, and not of a desk; the processor time of the fake
// is told beside them. Nothing slows the calls to it down, but rows are applied at the configured rate, which a first load is
// measured against: from the desk's first write to its last.
//
// # Changes of a directory
//
// Samba as a domain controller of Active Directory has as many people, in a folder of its own: 1 % of them get another title there, a run over
// people lists the changes, and a run over the users applies them. Each of these runs is compared with what it had to find. In the same
// system everybody is listed then, with nothing changed, and the share of the one in the other is told. Samba is one process on the
// same machine, and most of the time in which everybody is listed is its own.
//
// # Memory
//
// The memory of the worker is what its process holds. It is read some minutes after the last request was opened, when the
// runtime has collected what is garbage and has given back a part of it; how many runs are cached is told beside it, for
// the cache is bounded.
package bench
