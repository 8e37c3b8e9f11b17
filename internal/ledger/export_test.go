package ledger

// OpenTicketsQuery is the statement of OpenTickets, for tests that ask a database how it would run it.
const OpenTicketsQuery = openTickets

// LiveLeasesQuery and LiveSubjectsQuery are the statements of LiveLeases and LiveSubjects.
const (
	LiveLeasesQuery   = liveLeases
	LiveSubjectsQuery = liveSubjects
)

// SaveFingerprintsQuery is the statement of SaveFingerprints for the desk $1 and so many tickets and marks, $2 and $3, $4 and $5, ...
func SaveFingerprintsQuery(tickets int) string {
	c, given := &conditions{args: []any{""}}, make([]string, tickets)
	for i := range given {
		given[i] = c.row("", "")
	}
	return saveFingerprints("$1", given)
}

// ForgetAtOnce is how many changes and problems, or rows of users, the end of a run forgets at most.
const ForgetAtOnce = forgetAtOnce

// TableGrants returns what the worker's role may do besides reading, by table.
func TableGrants() map[string]string {
	grants := map[string]string{}
	for _, g := range tableGrants() {
		grants[g.table] = g.worker
	}
	return grants
}
