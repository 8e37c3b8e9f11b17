package desk_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// later is a store whose clock goes on between two pages.
type later struct {
	*store
	ahead time.Duration
}

func (l *later) Search(ctx context.Context, op string, q desk.Search) (desk.Page, error) {
	page, err := l.store.Search(ctx, op, q)
	page.Now = page.Now.Add(l.ahead)
	return page, err
}

// What a user loses: an answer, until the full scan an hour later. A poll of several pages asks on the first one which approvals have
// changed. An answer that is given while the other pages are read is on none of them, and the poll ends with a cursor that follows the
// desk's clock. If reading takes longer than the overlap (after an outage, or with a low rate), the next poll looks back to after it.
func TestAttackApprovals_answer_while_pages_are_read(t *testing.T) {
	const overlap = 3 * time.Minute
	for _, lasts := range []time.Duration{time.Minute, 3 * time.Minute, 10 * time.Minute} {
		t.Run(lasts.String(), func(t *testing.T) {
			s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
			l := &later{store: s}
			d := desk.New(l, desk.Config{Approvals: true}, "queue")
			var asked access.TicketID
			for n := range 5 {
				ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: access.Marker(string(rune('a' + n))), Summary: "Wiki"})
				require.NoError(t, err)
				if n == 0 {
					asked = ref.ID
				}
			}
			askMia(t, d, asked)
			began := now()
			one := s.find(asked)
			one.Updated, one.approvals[0].At = began.Add(-time.Hour), began.Add(-time.Hour)
			s.list()

			view := access.WatchPosition{Cursor: began.Add(-time.Minute)}
			told := false
			q := access.ChangesQuery{Since: view.Cursor.Add(-overlap), Limit: 3}
			look := func() access.ChangesPage {
				page, err := d.ChangedTickets(t.Context(), q)
				require.NoError(t, err)
				for _, ticket := range page.Tickets {
					told = told || (ticket.Ref.ID == asked && len(ticket.DecisionMoves) > 0)
				}
				view = view.Advanced(page, began)
				return page
			}
			page := look()
			require.NotEmpty(t, page.Next, "the poll has more than one page")
			s.answer(one, "mia", "mia", 1, access.ApprovalApproved)
			l.ahead = lasts
			for page.Next != "" {
				q.Page = page.Next
				page = look()
			}
			q = access.ChangesQuery{Since: view.Cursor.Add(-overlap), Limit: 3}
			for page = look(); page.Next != ""; page = look() {
				q.Page = page.Next
			}
			require.True(t, told, "Mia's answer was told neither by that poll nor by the next; the cursor is %s after it", view.Cursor.Sub(one.approvals[0].At))
		})
	}
}

// What a user loses: the question that an answer is to. Somebody tidies up and deletes the first approval, which was not required any more.
// The second one, which Mia has before her, must not count as the first.
func TestAttackApprovals_deleted_approval(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(s, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	wanted := access.DeskApprovals{Summary: "Wiki", All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}}}
	ids, err := d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	wanted.All = []access.DeskApproval{
		{Key: "1", ID: ids["1"], Approver: "mia", State: access.ApprovalNotRequired}, {Key: "2", Approver: "mia", State: access.ApprovalRequested},
	}
	ids, err = d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	wanted.All[1].ID = ids["2"]
	one := s.find(ref.ID)
	s.answer(one, "mia", "mia", 2, access.ApprovalDenied)
	one.approvals = one.approvals[1:]
	got, err := d.ReadTicket(t.Context(), ref.ID)
	require.NoError(t, err)
	require.Len(t, got.DecisionMoves, 1)
	require.Equal(t, ids["2"], got.DecisionMoves[0].Approval)
	_, err = d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	require.Len(t, one.approvals, 1)
	require.Equal(t, access.ApprovalDenied, one.approvals[0].State)
}

// askMia asks Mia about a ticket.
func askMia(t *testing.T, d *desk.Desk, ticket access.TicketID) {
	t.Helper()
	_, err := d.SetApprovals(t.Context(), ticket, access.DeskApprovals{
		Summary: "Wiki", All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}},
	})
	require.NoError(t, err)
}

// What a user loses: a denial. One account that may answer or open approvals floods what a snapshot shows; before desk approvals it took ten
// accounts to do so, because of each the last approval and the last denial count.
func TestAttackApprovals_flood_of_one_account(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	moves := []access.TicketMove{{At: at, By: "mia", Phase: access.TicketDenied, Status: "denied", Asked: "mia"}}
	for n := range access.MaxDecisionMoves {
		moves = append(moves, access.TicketMove{
			ID: string(rune('a' + n)), At: at.Add(time.Duration(n+1) * time.Second), By: "eve", Phase: access.TicketApproved, Status: "approved",
			Asked: access.AccountID(rune('a' + n)),
		})
	}
	kept := access.DecisionMoves(moves)
	require.Equal(t, access.AccountID("mia"), kept[0].By)
}

// forbids is a store with a rule that forbids to ask one account.
type forbids struct {
	*store
	account access.AccountID
}

func (f forbids) RequestApproval(ctx context.Context, op string, ticket access.TicketID, approver access.AccountID, what desk.Question) (desk.Approval, error) {
	if approver == f.account {
		return desk.Approval{}, access.Errorf(access.Forbidden, op, "a business rule aborted the insert")
	}
	return f.store.RequestApproval(ctx, op, ticket, approver, what)
}

// What a user loses: to be asked. A rule of the desk forbids to ask Mia (ServiceNow answers 403 when a business rule aborts an insert). Whoever
// cannot be asked shall keep nobody else from being asked, but Omar is not asked either.
func TestAttackApprovals_forbidden_for_one(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(forbids{s, "mia"}, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	_, err = d.SetApprovals(t.Context(), ref.ID, access.DeskApprovals{Summary: "Wiki", All: []access.DeskApproval{
		{Key: "1", Approver: "mia", State: access.ApprovalRequested}, {Key: "2", Approver: "omar", State: access.ApprovalRequested},
	}})
	require.Error(t, err)
	require.Len(t, s.find(ref.ID).approvals, 1, "Omar is asked all the same")
}

// What a user loses: the search itself. A page of tickets that the search showed earlier carries answers that are younger than the ticket:
// what takes an older look for no news passes over them (see TestAttackApprovals_answer_on_an_older_page in workflows).
func TestAttackApprovals_answer_younger_than_its_ticket(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(s, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	askMia(t, d, ref.ID)
	one := s.find(ref.ID)
	one.Updated = now().Add(-time.Minute)
	s.list()
	// From here on the search shows the ticket as it was; it is changed, read by the request, and Mia answers.
	s.lags = true
	one.Updated = now()
	read, err := d.ReadTicket(t.Context(), ref.ID)
	require.NoError(t, err)
	seen, _ := access.TicketFingerprint{Key: ref.Key}.After(read)
	s.answer(one, "mia", "mia", 1, access.ApprovalApproved)
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: now().Add(-time.Hour), Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
	require.Len(t, page.Tickets[0].DecisionMoves, 1, "the watch has seen Mia's answer")
	_, news := seen.After(page.Tickets[0])
	require.True(t, news, "and the request passes over it")
}
