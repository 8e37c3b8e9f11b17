package accesstest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// ServiceDeskSetup is how the desk of one case differs from the ordinary one. The zero value is the ordinary one.
type ServiceDeskSetup struct {
	// NoWayTo is a phase that no transition leads to; "" for none.
	NoWayTo access.TicketPhase
	// DemandsFieldAt is a phase whose transitions demand a field that the configuration does not provide; "" for none.
	DemandsFieldAt access.TicketPhase
	// Approvals lets usher use the desk's own approvals, where the desk has them.
	Approvals bool
}

// ServiceDeskHarness is a fresh, empty desk behind the connector under test, with the hands of humans and with the
// faults that the port cannot make. Its funcs fail the test themselves when they cannot do what they are asked for.
// Between a ticket's phases these moves are open: waiting to approved, denied, working, done and wont_do; working to
// done; denied and done to waiting.
type ServiceDeskHarness struct {
	Desk access.ServiceDesk
	// SummaryLimit and BodyLimit are how many characters the desk takes.
	SummaryLimit, BodyLimit int
	// DemandedField is the name of the field that a desk with DemandsFieldAt demands.
	DemandedField string
	// ClosingStatus is what the desk calls a status in which a ticket is done; "" for "done". Case makes no difference.
	ClosingStatus string

	// AddAccount returns a person an active account with the person's e-mail; called twice, it gives two.
	AddAccount func(access.Person) access.AccountID
	// MakeUnassignable lets an account exist but not be assigned.
	MakeUnassignable func(access.AccountID)
	// MoveAs moves a ticket as that account's human does.
	MoveAs func(by access.AccountID, id access.TicketID, to access.TicketPhase)
	// AssignAs assigns a ticket as that account's human does; to is "" for nobody.
	AssignAs func(by access.AccountID, id access.TicketID, to access.AccountID)
	// CommentAs adds a comment as that account's human does.
	CommentAs func(by access.AccountID, id access.TicketID, text string)
	// ReplyAs adds a comment as that account's human does, which whoever asked for access may read; nil where that is CommentAs. NoteAs
	// adds one that only those who work on the ticket may read; nil for a desk that does not tell them apart.
	ReplyAs, NoteAs func(by access.AccountID, id access.TicketID, text string)
	// OpenAs opens a ticket as that account's human does, where usher opens its own; it carries no marker.
	OpenAs func(by access.AccountID) access.TicketID
	// AskAs opens a ticket by which that account's human asks for access; nil for a desk that takes no tickets in.
	AskAs func(by access.AccountID, summary, text string) access.TicketID
	// AnswerAs answers usher's question of a round, asked by an approval of the desk's own, as that account's human can; nil for a desk
	// without approvals, and then NoApprovals is why. Approvals are the states of usher's questions to an account, in their order.
	AnswerAs    func(by access.AccountID, id access.TicketID, asked access.AccountID, round int, state access.ApprovalState)
	Approvals   func(id access.TicketID, asked access.AccountID) []access.ApprovalState
	NoApprovals string
	// EditTextAs changes a ticket's description as that account's human does; its summary where FixedText.
	EditTextAs func(by access.AccountID, id access.TicketID, text string)
	// FixedText: nobody can change a ticket's description on this desk.
	FixedText bool
	// PlantMarker puts a marker on a ticket, as that account's human can.
	PlantMarker func(by access.AccountID, id access.TicketID, marker access.Marker)
	// Delete deletes a ticket for good; Rekey moves it to another project and gives its new key.
	Delete func(access.TicketID)
	Rekey  func(access.TicketID) access.TicketKey
	// Seen is what lies in the desk; Count is how many tickets carry a marker there, whatever a search sees.
	Seen  func(access.TicketID) SeenTicket
	Count func(access.Marker) int
	// DropAnswerOnce lets the next call of the port's method do its work and lose the answer. The methods are
	// "CreateTicket", "AddComments", "TransitionTicket", "AssignTicket" and "SetApprovals": of that it is a call that asks somebody.
	DropAnswerOnce func(method string)
	// SearchLags hides from searches what is created and changed from now on, until it is called with false.
	SearchLags func(bool)
	// RefuseCredentials makes the desk treat the connector's credentials as wrong, in whatever way it does that.
	RefuseCredentials func()
}

// SeenTicket is a ticket as people see it, in plain text.
type SeenTicket struct {
	Summary, Body string
	Reporter      access.AccountID
	Assignee      access.AccountID
	Phase         access.TicketPhase
	// Comments are the texts, oldest first.
	Comments []string
}

// RunServiceDesk checks every promise of access.ServiceDesk, one case each. newHarness is called once per case; what
// it opens it closes by t.Cleanup.
func RunServiceDesk(t *testing.T, newHarness func(*testing.T, ServiceDeskSetup) ServiceDeskHarness) {
	t.Helper()
	for _, cases := range [][]deskCase{deskOpenCases(), deskReadCases(), deskChangeCases(), deskWriteCases(), deskIntakeCases(), deskApprovalCases(), deskCommentCases()} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Logf("promise: %s", c.name) // For the table of make promises.
				c.run(t, newHarness(t, c.setup))
			})
		}
	}
}

// deskCase is one promise of the port.
type deskCase struct {
	name  string
	setup ServiceDeskSetup
	run   func(*testing.T, ServiceDeskHarness)
}

func deskOpenCases() []deskCase {
	return []deskCase{
		{name: "a ticket that was never created is not found", run: findNothing},
		{name: "a created ticket is found by its marker", run: findAfterCreate},
		{name: "a ticket that the search does not see yet is not found, and found later", run: findAfterLag},
		{name: "the oldest of two tickets with one marker is found", run: findOldest},
		{name: "a ticket of somebody else is not found, though it carries the marker", run: findOnlyOwn},
		{name: "markers that share a beginning are different markers", run: findExactMarker},
		{name: "a create whose answer is lost is unknown, and found as exactly one ticket", run: createWithLostAnswer},
		{name: "tickets created at the same time are different tickets", run: createConcurrently},
		{name: "a summary with line breaks becomes one line", run: createOneLineSummary},
		{name: "texts at the desk's limit are kept whole", run: createAtLimit},
		{name: "texts beyond the desk's limit are cut between characters", run: createBeyondLimit},
		{name: "a body's text cannot act as markup", run: createPlainText},
		{name: "the requester becomes the reporter", run: createWithReporter},
		{name: "nothing is created without a marker", run: createWithoutMarker},
		{name: "a ticket is assigned from its first moment", run: createAssigned},
		{name: "an assignee whom the desk refuses is left out, and the ticket exists once", run: createWithRefusedAssignee},
	}
}

func deskReadCases() []deskCase {
	return []deskCase{
		{name: "a new ticket waits, and nobody has moved it", run: readNew},
		{name: "reading tells who moved the ticket, and when", run: readMovedByHuman},
		{name: "reading tells usher's own moves apart", run: readMovedByUsher},
		{name: "the last of several moves counts", run: readLastMove},
		{name: "reading tells every decision, also one that other moves followed", run: readDecisionMoves},
		{name: "reading tells who changed the text", run: readTextChanged},
		{name: "a deleted ticket is not found", run: readDeleted},
		{name: "a ticket that never was is not found", run: readNever},
		{name: "a moved ticket keeps its id and changes its key", run: readRekeyed},
		{name: "bad credentials are forbidden, never emptiness", run: refuseCredentials},
		{name: "a context that has ended ends the call", run: endContext},
		{name: "many tickets are read in the order of the call, each once", run: readManyInOrder},
		{name: "many tickets tell apart what is missing", run: readManyMissing},
		{name: "many tickets are the same as each by itself", run: readManyAlike},
		{name: "a move behind many other changes is still told", run: readManyLongHistory},
		{name: "a hundred tickets are read at once", run: readHundred},
		{name: "no tickets at all are read without asking", run: readNone},
		{name: "many tickets that never were are forbidden with bad credentials", run: readManyRefused},
		{name: "reading tells whether usher assigned the ticket", run: readAssignedOwn},
		{name: "how the desk is set up is shown, as often as it is asked", run: deskInspect},
		{name: "an account is found by the whole e-mail address", run: deskFindAccount},
		{name: "no account and two accounts are both none", run: findNoAccount},
		{name: "a desk that is in order has no findings", run: checkClean},
	}
}

func deskChangeCases() []deskCase {
	return []deskCase{
		{name: "what changed is told, the oldest change first", run: changesAscend},
		{name: "what humans did to a ticket is a change", run: changesByHumans},
		{name: "a change at the very moment is included, in any time zone", run: changesAtTheMoment},
		{name: "nothing has changed later than the last change", run: changesAfterAll},
		{name: "short pages hold everything between them", run: changesInShortPages},
		{name: "changes between two pages hide nothing", run: changesBetweenPages},
		{name: "a change that the search does not see yet is told later", run: changesAfterLag},
		{name: "no time asks for the clock alone", run: changesClock},
		{name: "tickets of others do no harm", run: changesOfOthers},
		{name: "a deleted ticket does no harm", run: changesWithoutDeleted},
		{name: "a moved ticket is told with its new key", run: changesOfRekeyed},
		{name: "a page that nobody knows is invalid", run: changesUnknownPage},
	}
}

func deskWriteCases() []deskCase {
	noWay := ServiceDeskSetup{NoWayTo: access.TicketWorking}
	demands := ServiceDeskSetup{DemandsFieldAt: access.TicketDone}
	return []deskCase{
		{name: "a comment is added once per marker", run: commentTwice},
		{name: "a comment whose answer is lost is not added again", run: commentWithLostAnswer},
		{name: "a comment is found again behind many others", run: commentBehindOthers},
		{name: "comments that go out together are each said once and in order", run: commentsTogether},
		{name: "comments whose answer is lost are not said again in other company", run: commentsWithLostAnswer},
		{name: "a comment's text cannot act as markup", run: commentPlainText},
		{name: "a ticket moves through its phases", run: moveThrough},
		{name: "moving to where the ticket is succeeds", run: moveTwice},
		{name: "a move whose answer is lost is repeated without harm", run: moveWithLostAnswer},
		{name: "a move without a transition is a conflict that lists what exists", setup: noWay, run: moveWithoutWay},
		{name: "a move that demands a field is invalid and names it", setup: demands, run: moveDemandsField},
		{name: "a ticket is assigned, assigned again and unassigned", run: deskAssign},
		{name: "an assignment whose answer is lost is repeated without harm", run: assignWithLostAnswer},
		{name: "an account that cannot be assigned is invalid", run: assignUnassignable},
		{name: "writing to a deleted ticket is not found", run: writeDeleted},
		{name: "a write whose time is over is not made, and reading goes on", run: writeAfterItsTime},
		{name: "a write that ends in its time is made", run: writeInItsTime},
	}
}

// deskRequireKind wants an error of a kind that says what was attempted.
func deskRequireKind(t *testing.T, want access.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "%v", err)
	require.NotEmpty(t, e.Op)
}

// deskTicketOf is a small ticket that carries the marker of a request.
func deskTicketOf(request access.RequestID) access.NewTicket {
	return access.NewTicket{
		Marker:    access.MarkerOf(request),
		Summary:   "Wiki editor for Ada Lovelace",
		Body:      "Ada Lovelace asks for Wiki editor.",
		Fields:    map[access.TicketField]string{access.FieldRequestID: string(request)},
		Requester: deskAda(),
	}
}

func deskOpen(t *testing.T, h ServiceDeskHarness, request access.RequestID) access.TicketRef {
	t.Helper()
	ref, err := h.Desk.CreateTicket(t.Context(), deskTicketOf(request))
	require.NoError(t, err)
	return ref
}

func deskRead(t *testing.T, h ServiceDeskHarness, id access.TicketID) access.TicketSnapshot {
	t.Helper()
	snapshot, err := h.Desk.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	return snapshot
}

// deskEventuallyFound waits for a search that sees the marker; a desk's search may lag by itself.
func deskEventuallyFound(t *testing.T, h ServiceDeskHarness, marker access.Marker) access.TicketRef {
	t.Helper()
	var ref access.TicketRef
	require.Eventually(t, func() bool {
		found, err := h.Desk.FindTicket(t.Context(), marker)
		if err != nil {
			require.Equal(t, access.NotFound, access.KindOf(err), "%v", err)
			return false
		}
		ref = found
		return true
	}, 10*time.Second, 10*time.Millisecond)
	return ref
}

func deskAda() access.Person {
	return access.Person{ID: "p-ada", DisplayName: "Ada Lovelace", Email: "ada+work@example.test", Active: true}
}

func deskBob() access.Person {
	return access.Person{ID: "p-bob", DisplayName: "Bob O'Neil", Email: "bob@example.test", Active: true}
}

// deskTrickyText is full of what desks take for markup, in two paragraphs. No line begins or ends with a space.
func deskTrickyText() string {
	return strings.Join([]string{
		`*bold* _italic_ -gone- +new+ ^up^ ~down~ {code}rm -rf{code} {color:red}red{color} [link|https://example.test/?a=1&b=2]`,
		`[~accountid:abc] !image.png! h1. no heading | no | table || "quotes" 'single' \back \\ slash <b>html</b> &amp; @ada ((x)) :) C#`,
		"",
		`# not a list \n ---- {quote} ${jndi:x} {{mono}} %s 100% __init__ naïve 日本語 👩🏽‍💻 e` + "\u0301",
	}, "\n")
}
