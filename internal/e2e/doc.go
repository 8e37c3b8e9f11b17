// Package e2e holds tests only: usher's real programs on a real Temporal server, beside the simulated desk and
// directory. They ask as people do, over HTTP; they kill processes; and they look at the result from outside, at the
// desk's tickets, the directory's change log and the audit trail.
//
// A row is one request, and what was found of it at its end (row_test.go): how many tickets carry its marker, grants
// that no recorded decision came before, members that no lease explains and leases that no member explains, and audit
// rows that are missing. kill_test.go kills the worker and Temporal at chosen points; equal_test.go says the same
// thing twenty times at once; events_test.go does to tickets what people do; restart_test.go stops everything and
// starts it again; faults_test.go brings 200 requests through a desk that spoils every fifth call, and storm_intake_test.go tickets
// by which people ask; outages_test.go takes the desk, a target and the ledger away for a while; watch_test.go is about the watch of a
// desk, and about Data Center;
// queued_test.go delivers messages in one workflow task, near the end of a run. It is a sweep: a sample of its rows is played,
// from a seed that is printed; FULL=1 plays all, and sweep_test.go says what else there is. reset_test.go is another sweep:
// it resets workflows to every end of a task. freeze_test.go is the third: it freezes one of two workers past the time-out of
// an activity that writes, and thaws it.
// record_test.go writes the histories that package workflows replays.
package e2e
