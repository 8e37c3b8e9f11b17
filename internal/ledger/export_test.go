package ledger

// OpenTicketsQuery is the statement of OpenTickets, for the tests that ask a database how it runs it.
const OpenTicketsQuery = openTickets
