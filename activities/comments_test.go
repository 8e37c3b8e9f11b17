package activities_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// newCommented is a lookout that records comments.
func newCommented(t *testing.T, count int) *lookout {
	t.Helper()
	l := newLookout(t, count)
	l.watch.Comments = &activities.Comments{Port: l.port, Ledger: l.store}
	return l
}

func (l *lookout) says(t *testing.T, n int, text string) {
	t.Helper()
	require.NoError(t, l.port.CommentBy("ada", l.refs[n-1].ID, text))
}

// comments are the events of a request that tell comments, and said is what they say.
func (l *lookout) comments(t *testing.T, id access.RequestID) []access.Event {
	t.Helper()
	events, err := l.store.Store.Events(t.Context(), id)
	require.NoError(t, err)
	var out []access.Event
	for _, e := range events {
		if e.Type == access.EventTicketCommented {
			out = append(out, e)
		}
	}
	return out
}

func (l *lookout) said(t *testing.T, id access.RequestID) []string {
	t.Helper()
	out := []string{}
	for _, e := range l.comments(t, id) {
		out = append(out, strings.TrimPrefix(e.Text, "ada commented: "))
	}
	return out
}

// unrecorded is a ledger that records nothing while err is set.
type unrecorded struct {
	activities.LedgerStore
	err error
}

func (u *unrecorded) Record(ctx context.Context, entries ...access.Entry) error {
	if u.err != nil {
		return u.err
	}
	return u.LedgerStore.Record(ctx, entries...)
}

// unmarked is a ledger that cannot save fingerprints while err is set.
type unmarked struct {
	activities.WatchStore
	err error
}

func (u *unmarked) SaveFingerprints(ctx context.Context, desk access.DeskName, marks map[access.TicketID]access.TicketFingerprint) error {
	if u.err != nil {
		return u.err
	}
	return u.WatchStore.SaveFingerprints(ctx, desk, marks)
}

// reader reads comments with a func before it.
type reader struct {
	access.TicketReader
	before func(context.Context)
}

func (r reader) ReadComments(ctx context.Context, id access.TicketID, since time.Time) ([]access.TicketComment, error) {
	r.before(ctx)
	return r.TicketReader.ReadComments(ctx, id, since)
}

func TestComments_event(t *testing.T) {
	l := newCommented(t, 2)
	ada := l.port.AddAccount(access.Person{ID: "ada", DisplayName: "Ada Lovelace"})
	require.NoError(t, l.port.CommentBy(ada, l.refs[0].ID, "Who needs this?\n\x00Tell me."))
	at := l.judge(t, l.refs[0].ID).Tickets[0].UpdatedAt
	require.Zero(t, l.judged(t).Notified, "a comment is no news for the request")
	got := l.comments(t, "r1")
	require.Len(t, got, 1)
	require.Regexp(t, `^request/r1#ticket_commented/[0-9a-f]{32}$`, got[0].ID)
	got[0].ID = ""
	require.Equal(t, access.Event{
		Request: "r1", Type: access.EventTicketCommented, At: at, Channel: access.ChannelTicket,
		Evidence: "desk account " + string(ada) + ", comment 1 on MEM-1", Text: "Ada Lovelace commented: Who needs this?\n Tell me.",
	}, got[0])
	require.Empty(t, l.comments(t, "r2"))
	require.Equal(t, []string{"tickets", "record", "fingerprints"}, l.read())
}

func TestComments_text(t *testing.T) {
	l := newCommented(t, 1)
	l.says(t, 1, strings.Repeat("界", 3000))
	l.says(t, 1, "")
	l.judged(t)
	got := l.comments(t, "r1")
	require.Len(t, got, 2)
	require.True(t, access.Limits().Comment.Fits(got[0].Text))
	require.True(t, strings.HasSuffix(got[0].Text, "界 [cut]"))
	require.Equal(t, "ada commented, without a text that usher can read.", got[1].Text)
}

func TestComments_off(t *testing.T) {
	l := newLookout(t, 1)
	l.says(t, 1, "hello")
	l.judged(t)
	require.Empty(t, l.comments(t, "r1"))
	require.Zero(t, l.port.Calls(memory.OpReadComments))
	require.Equal(t, []string{"tickets", "fingerprints"}, l.read())
}

// TestComments_once plays each situation against each fault, after which the same is judged again.
func TestComments_once(t *testing.T) {
	situations := map[string]struct {
		do   func(*testing.T, *lookout)
		want []string
	}{
		"one comment": {func(t *testing.T, l *lookout) { l.says(t, 1, "one") }, []string{"one"}},
		"the same words twice": {func(t *testing.T, l *lookout) {
			l.says(t, 1, "one")
			l.says(t, 1, "one")
		}, []string{"one", "one"}},
		"usher's own comment": {func(t *testing.T, l *lookout) {
			require.NoError(t, l.port.AddComments(t.Context(), l.refs[0].ID, access.Comment{Marker: "c", Text: "reminder"}))
		}, []string{}},
		"a comment and a move": {func(t *testing.T, l *lookout) {
			l.says(t, 1, "one")
			l.moved(t, 1, access.TicketApproved)
		}, []string{"one"}},
		"an ended request": {func(t *testing.T, l *lookout) {
			l.post.ended["request/r1"] = true
			require.NoError(t, l.port.TransitionTicket(t.Context(), l.refs[0].ID, access.TicketDone))
			l.says(t, 1, "thank you")
		}, []string{"thank you"}},
	}
	transient := access.Errorf(access.Transient, "trial", "it is away")
	faults := map[string]func(*lookout) (mend func()){
		"none":                      func(*lookout) func() { return func() {} },
		"the desk does not answer":  func(l *lookout) func() { l.port.FailNext(memory.OpReadComments, transient); return func() {} },
		"the desk's answer is lost": func(l *lookout) func() { l.port.DropAnswerNext(memory.OpReadComments); return func() {} },
		"the ledger records nothing": func(l *lookout) func() {
			store := &unrecorded{l.store, transient}
			l.watch.Comments.Ledger = store
			return func() { store.err = nil }
		},
		"a crash before the ticket counts as seen": func(l *lookout) func() {
			store := &unmarked{l.store, transient}
			l.watch.Ledger = store
			return func() { store.err = nil }
		},
	}
	for situation, s := range situations {
		for fault, begin := range faults {
			t.Run(situation+", "+fault, func(t *testing.T) {
				l := newCommented(t, 1)
				l.judged(t)
				s.do(t, l)
				mend := begin(l)
				_, _ = l.watch.NotifyChanges(t.Context(), l.judge(t, l.ids()...))
				mend()
				for range 3 {
					require.Empty(t, l.judged(t).CommentsProblem)
				}
				require.Equal(t, s.want, l.said(t, "r1"))
			})
		}
	}
}

func TestComments_one_call_per_change(t *testing.T) {
	l := newCommented(t, 2)
	l.judged(t)
	before := l.port.Calls(memory.OpReadComments)
	l.says(t, 1, "one")
	l.says(t, 1, "two")
	for range 3 {
		l.judged(t)
	}
	require.Equal(t, before+1, l.port.Calls(memory.OpReadComments))
	require.Equal(t, []string{"one", "two"}, l.said(t, "r1"))
}

func TestComments_edited(t *testing.T) {
	l := newCommented(t, 1)
	l.says(t, 1, "one")
	l.judged(t)
	require.NoError(t, l.port.EditComment(l.refs[0].ID, 1, "two"))
	l.judged(t)
	l.says(t, 1, "three")
	l.judged(t)
	require.Equal(t, []string{"one", "two", "three"}, l.said(t, "r1"))
}

// TestComments_hold_up_nothing: what cannot be read keeps its time, and nothing else waits for it.
func TestComments_hold_up_nothing(t *testing.T) {
	l := newCommented(t, 2)
	l.judged(t)
	before := l.marks(t)
	l.says(t, 1, "one")
	l.moved(t, 1, access.TicketApproved)
	l.says(t, 2, "two")
	l.port.FailNext(memory.OpReadComments, access.Errorf(access.Forbidden, "read comments", "no right"))
	call := l.judge(t, l.ids()...)
	call.Position = access.WatchPosition{Desk: "jira", Cursor: monday, LastPollAt: monday}
	judged, err := l.watch.NotifyChanges(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, call.Position, judged.Position)
	require.Equal(t, 1, judged.Notified)
	require.Contains(t, judged.CommentsProblem, "MEM-1")
	require.Contains(t, judged.CommentsProblem, "no right")
	require.Equal(t, []string{"two"}, l.said(t, "r2"), "the next ticket is read all the same")
	marks := l.marks(t)
	require.Equal(t, before[0].SeenAt, marks[0].SeenAt)
	require.Equal(t, access.AccountID("human"), marks[0].StatusChangedBy, "what the request was told is not told again")
	require.True(t, marks[1].SeenAt.After(before[1].SeenAt))
	view, err := l.store.Store.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, call.Position, view)

	require.Zero(t, l.judged(t).Notified)
	require.Equal(t, []string{"one"}, l.said(t, "r1"))
}

func TestComments_after_the_requests_are_told(t *testing.T) {
	l := newCommented(t, 2)
	l.moved(t, 1, access.TicketApproved)
	l.moved(t, 2, access.TicketApproved)
	reads := 0
	l.watch.Comments.Port = reader{l.port, func(context.Context) {
		reads++
		require.Equal(t, []string{"request/r1", "request/r2"}, l.told())
	}}
	l.says(t, 2, "two")
	l.post.deaf["request/r2"] = true
	_, err := l.watch.NotifyChanges(t.Context(), l.judge(t, l.ids()...))
	require.Error(t, err)
	require.Zero(t, reads)
	require.Zero(t, l.marks(t)[0].SeenAt, "its comments have not been read")
	l.post.deaf["request/r2"] = false
	l.judged(t)
	require.Equal(t, 2, reads)
	require.Equal(t, []string{"two"}, l.said(t, "r2"))
	require.Equal(t, []string{"request/r1", "request/r2"}, l.told())
}

// TestComments_bounded: a desk that hangs must not take the time of the changes.
func TestComments_bounded(t *testing.T) {
	l := newCommented(t, 1)
	l.says(t, 1, "one")
	l.watch.Comments.Port = reader{l.port, func(ctx context.Context) {
		deadline, bounded := ctx.Deadline()
		require.True(t, bounded)
		require.LessOrEqual(t, time.Until(deadline), 10*time.Second)
	}}
	l.judged(t)
	require.Equal(t, []string{"one"}, l.said(t, "r1"))
}

func TestComments_removal_ticket(t *testing.T) {
	l := newCommented(t, 0)
	ref, err := l.port.CreateTicket(t.Context(), access.NewTicket{Marker: "removal", Summary: "s"})
	require.NoError(t, err)
	l.refs = append(l.refs, ref)
	entry := submitted("r1")
	entry.Ticket = &access.TicketLink{Ref: ref, Request: "r1", Lease: "r1:1", Marker: "removal"}
	require.NoError(t, l.store.Store.Record(t.Context(), entry))
	l.says(t, 1, "I have removed it")
	l.judged(t)
	require.Empty(t, l.comments(t, "r1"))
	require.Zero(t, l.port.Calls(memory.OpReadComments))
	require.False(t, l.marks(t)[0].SeenAt.IsZero(), "its mark is kept all the same")
}

// TestComments_of_another_key: the event of a comment names the ticket's key of then, which must not make it another one, nor
// hinder others.
func TestComments_of_another_key(t *testing.T) {
	l := newCommented(t, 1)
	l.says(t, 1, "one")
	store := &unmarked{l.store, access.Errorf(access.Transient, "trial", "it is away")}
	l.watch.Ledger = store
	_, err := l.watch.NotifyChanges(t.Context(), l.judge(t, l.ids()...))
	require.Error(t, err)
	store.err = nil
	_, err = l.port.Rekey(l.refs[0].ID, "OTHER")
	require.NoError(t, err)
	l.says(t, 1, "two")
	require.Empty(t, l.judged(t).CommentsProblem)
	require.Equal(t, []string{"one", "two"}, l.said(t, "r1"))
	require.Contains(t, l.comments(t, "r1")[0].Evidence, "MEM-1")
}

// TestComments_of_bound_ticket: what was said before the request began is none of its course.
func TestComments_of_bound_ticket(t *testing.T) {
	l := newCommented(t, 0)
	ref := l.port.AskAs("ada", "Wiki", "Access: wiki/editor")
	l.refs = append(l.refs, ref)
	l.says(t, 1, "before")
	began := l.judge(t, ref.ID).Tickets[0].UpdatedAt.Add(time.Second)
	id := access.AskedRequestID("jira", ref.ID)
	entry := submitted(id)
	entry.View.Request.SubmittedAt = began
	entry.Ticket = &access.TicketLink{Ref: ref, Request: id, Marker: access.MarkerOf(id)}
	require.NoError(t, l.store.Store.Record(t.Context(), entry))
	l.says(t, 1, "after")
	l.judged(t)
	l.says(t, 1, "later")
	l.judged(t)
	require.Equal(t, []string{"after", "later"}, l.said(t, id))
}

// TestComments_of_one_second: a desk that tells seconds gives a second comment the time of the first one.
func TestComments_of_one_second(t *testing.T) {
	l := newCommented(t, 1)
	l.says(t, 1, "one")
	call := l.judge(t, l.ids()...)
	call.At = call.Tickets[0].UpdatedAt.Add(time.Second)
	_, err := l.watch.NotifyChanges(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, l.said(t, "r1"))
	l.says(t, 1, "two")
	call.At = call.At.Add(30 * time.Second)
	_, err = l.watch.NotifyChanges(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, []string{"one", "two"}, l.said(t, "r1"), "though the ticket shows no later time")
	_, err = l.watch.NotifyChanges(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 2, l.port.Calls(memory.OpReadComments), "twice, and then no more")
}

// TestComments_late: a comment that the desk shows later than another change is not lost.
func TestComments_late(t *testing.T) {
	l := newCommented(t, 1)
	l.says(t, 1, "one")
	hidden := l.judge(t, l.ids()...).Tickets[0].UpdatedAt
	l.watch.Comments.Port = shadowed{l.port, hidden}
	l.moved(t, 1, access.TicketWaiting)
	l.judged(t)
	require.Empty(t, l.said(t, "r1"))
	l.watch.Comments.Port = l.port
	l.says(t, 1, "two")
	l.judged(t)
	require.Equal(t, []string{"one", "two"}, l.said(t, "r1"))
}

// shadowed does not show the comment of one moment.
type shadowed struct {
	access.TicketReader
	at time.Time
}

func (s shadowed) ReadComments(ctx context.Context, id access.TicketID, since time.Time) ([]access.TicketComment, error) {
	all, err := s.TicketReader.ReadComments(ctx, id, since)
	var shown []access.TicketComment
	for _, c := range all {
		if !c.At.Equal(s.at) {
			shown = append(shown, c)
		}
	}
	return shown, err
}
