package accesstest

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// DeskWireMode is what may be concluded when a call to a desk fails.
type DeskWireMode string

// The modes.
const (
	// DeskRead changes nothing.
	DeskRead DeskWireMode = "read"
	// DeskWrite changes something, and the port's method is safe to repeat.
	DeskWrite DeskWireMode = "write"
	// DeskCreate opens a ticket: it must not be repeated blindly.
	DeskCreate DeskWireMode = "create"
	// DeskCreated reads what has been created: whatever fails now, there may be a ticket.
	DeskCreated DeskWireMode = "created"
)

// DeskWireCall is a call to the desk by which a method of the port does its work, or a part of it.
type DeskWireCall struct {
	// Method is the port's: "CreateTicket".
	Method string
	// Wire is the call's HTTP method and the end of its path: "POST /issue".
	Wire string
	Mode DeskWireMode
	// NoAnswer: the desk answers without a body, so there is nothing to be read in one.
	NoAnswer bool
}

// DeskWireAnswer is an answer of a kind of desk that HTTP alone does not explain.
type DeskWireAnswer struct {
	Name   string
	Answer http.HandlerFunc
	// Kind is what it means for every call; "" where it does not tell whether the call was made.
	Kind access.Kind
}

// DeskWireHarness is a connector and a desk that works, both fresh.
type DeskWireHarness struct {
	// Desk answers as the desk does when nothing is wrong. The suite stands before it, and answers calls in its place.
	Desk http.Handler
	// New returns the connector of a desk at that address. No call to the desk takes longer than the time-out.
	New func(url string, timeout time.Duration) access.ServiceDesk
	// Secrets are what the connector was given to prove itself by. None may stand in any error.
	Secrets []string
	// Refusal is the body, in JSON, in which this desk says why it refuses. The text has no quotes in it.
	Refusal func(text string) string
	// Hollow is JSON in which each list of this desk's answers has one item with nothing in it.
	Hollow string

	// Ticket is usher's own, in no phase but access.TicketWaiting; Asked is one by which the account Asker asks for access.
	Ticket, Asked access.TicketID
	Asker         access.AccountID
	// Account can be assigned and asked for an approval.
	Account access.AccountID

	// Calls are those by which the methods do their work. Each method has one at least, or its reason in Without.
	Calls   []DeskWireCall
	Without map[string]string
	// Kind returns what a status means by this desk's own rules, given what it would mean without them.
	Kind func(c DeskWireCall, status int, usual access.Kind) access.Kind
	// Answers are such as only this desk gives.
	Answers []DeskWireAnswer
}

// RunDeskWire checks what every connector of a service desk promises about its calls: what each status means for each of
// them, that no answer is trusted that cannot be read, that a call ends in its time, that a create of which nobody knows is
// Unknown, that nothing is sent too late or again, and that no error holds a secret. newHarness is called once for each call.
func RunDeskWire(t *testing.T, newHarness func(*testing.T) DeskWireHarness) {
	t.Helper()
	first := newHarness(t)
	requireEveryMethod(t, first)
	var rows atomic.Int64
	t.Cleanup(func() { t.Logf("rows: %d calls, %d answers and failures", len(first.Calls), rows.Load()) })
	for n, call := range first.Calls {
		t.Run(call.Method+" by "+call.Wire, func(t *testing.T) {
			t.Parallel()
			fresh := func(t *testing.T) *deskWire {
				h := newHarness(t)
				return newDeskWire(t, h, h.Calls[n], &rows)
			}
			w := fresh(t)
			for _, row := range deskWireRows() {
				t.Run(row.name, func(t *testing.T) { row.run(t, w) })
			}
			wireWorks(t, w)
			wireBefore(t, fresh)
		})
	}
}

type deskWireRow struct {
	name string
	run  func(*testing.T, *deskWire)
}

// deskWireRows are the ways in which a call is spoilt. None changes anything on the desk.
func deskWireRows() []deskWireRow {
	return []deskWireRow{
		{"statuses", wireStatuses},
		{"a desk that asks to wait", wirePatience},
		{"answers of this desk", wireOwn},
		{"unreadable answers", wireUnreadable},
		{"unreadable refusals", wireRefusals},
		{"lost connections", wireLost},
		{"a desk that is not there", wireRefused},
		{"calls that take too long", wireSlow},
		{"contexts that end", wireContexts},
		{"the end of the time for writes", wireTooLate},
	}
}

// wireWorks makes sure that the suite has spoilt a call by which the method does its work.
func wireWorks(t *testing.T, w *deskWire) {
	t.Helper()
	w.tap.AnswerInstead("", nil)
	w.tap.Forget()
	_, err := w.run(t.Context(), w.desk(30*time.Second))
	require.NoError(t, err, "with a desk that works")
	require.NotEmpty(t, w.tap.Calls(w.call.Wire), "the method does not make the call")
}

// requireEveryMethod wants a call or a reason for each method of the port.
func requireEveryMethod(t *testing.T, h DeskWireHarness) {
	t.Helper()
	methods := slices.Collect(maps.Keys(deskMethods()))
	port := reflect.TypeFor[access.ServiceDesk]()
	for n := range port.NumMethod() {
		name := port.Method(n).Name
		require.Contains(t, methods, name, "RunDeskWire does not know the method")
		called := slices.ContainsFunc(h.Calls, func(c DeskWireCall) bool { return c.Method == name })
		require.NotEqual(t, called, h.Without[name] != "", "expected either a call or a reason for the method %s", name)
	}
}
