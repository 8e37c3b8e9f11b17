// Program simulator serves a fake Jira, of Cloud or of Data Center (-edition), and a small SCIM directory, with the same
// people in both, so that usher can be tried and tested on one machine.
//
//	Jira       http://<jira>/board        the board; /browse/KEY is a ticket; the REST API is under /rest/api/2 and, on
//	                                      Cloud, /rest/api/3 and the gateway's /ex/jira/<cloud id>
//	directory  http://<scim>/directory    groups and members; SCIM 2.0 is under /scim/v2
//
// With -servicenow-addr it also serves a fake ServiceNow: /board has its tickets, and /api/now and /api/sn_sc are the API. There
// "usher.bot" with the password "sim-token" is the integration account, and people log in by their addresses.
//
// With -requesttracker-addr it also starts a real Request Tracker 5 there, which must be installed. People log in by their addresses,
// with the password token-of-<person>; root, with the password "password", is its administrator. usher's token is in
// requesttracker/usher-token below the folder of -state, and usher's queue is "Access".
//
// Jira and the directory let the integration account "usher-bot@example.test" in with the token "sim-token" (for the directory it is the
// bearer token), unless the flags or the environment variables SIM_JIRA_TOKEN and SIM_SCIM_TOKEN name others. On Data
// Center it is a personal access token (bearer), and also the password of the user "usher-bot". That token is no secret:
// it opens nothing but a simulator. The pages ask for nothing at all, so the addresses should be on loopback, which is the
// default.
//
// The faults of both are switched while they run, with PUT /_sim/faults (package fakewire has the language), those of Jira
// also from the start with -faults; -seed opens many tickets for a load test, and -staff adds people.
//
// With -state both go on where they were when they are started again. SIGINT and SIGTERM end the program; a kill loses
// nothing that has been answered.
package main
