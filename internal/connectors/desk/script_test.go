package desk_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// me is usher's own account in these tests.
const me access.AccountID = "usher"

// script is a driver that answers what a test says, and remembers what it was asked. Its ids are as opaque as ids get.
type script struct {
	traits desk.Traits

	mu    sync.Mutex
	calls []string

	self        func() (desk.Self, error)
	search      func(desk.Search) (desk.Page, error)
	tickets     map[access.TicketID]desk.Ticket
	later       []access.TicketID
	histories   map[access.TicketID][]desk.Change
	historyErr  error
	create      func(desk.Draft) (desk.Ref, desk.Refused, error)
	comments    []desk.Comment
	commentPage int
	add         func(desk.CommentDraft) error
	ways        []desk.Transition
	transition  func(desk.Move) (bool, error)
	assign      func(access.AccountID) error
	users       []desk.User
	schema      *desk.Schema
	findings    []access.Finding
	schemaErr   error
	more        []access.Finding
}

var opaque = regexp.MustCompile(`^id:[^\s]+$`)

func newScript() *script {
	return &script{
		traits: desk.Traits{
			Place: "desk", IsID: func(id access.TicketID) bool { return opaque.MatchString(string(id)) },
			Unit: desk.UTF16, SummaryLimit: 20, CommentRoom: 100, Grain: time.Second, Lag: time.Minute,
			StatusField: "State", AssigneeField: "Owner", TextFields: []string{"Subject"}, FieldsByName: []string{"cf-1"},
		},
		self:    func() (desk.Self, error) { return desk.Self{Account: me, Clock: minute(9)}, nil },
		search:  func(desk.Search) (desk.Page, error) { return desk.Page{}, nil },
		tickets: map[access.TicketID]desk.Ticket{},
		schema:  &desk.Schema{Fields: map[string]desk.Field{}},
		create: func(d desk.Draft) (desk.Ref, desk.Refused, error) {
			return desk.Ref{ID: "id:1", Key: access.TicketKey(d.Marker)}, desk.Refused{}, nil
		},
	}
}

// minute is a time in these tests' only hour.
func minute(n int) time.Time { return time.Date(2026, 1, 2, 3, n, 0, 0, time.UTC) }

// open is a ticket in a status that is open by itself.
func open(id access.TicketID, changes ...desk.Change) desk.Ticket {
	return desk.Ticket{
		Ref: desk.Ref{ID: id, Key: "K-" + access.TicketKey(id)}, Status: desk.Status{ID: "2", Name: "open", Phase: access.TicketWorking},
		Changes: changes, Whole: true,
	}
}

// change is one change of one field, without an id, as desks have it whose ids do not grow.
func change(at int, by access.AccountID, field, to string) desk.Change {
	return desk.Change{At: minute(at), By: by, ByName: "name of " + string(by), Items: []desk.Item{{Name: field, To: to}}}
}

func (s *script) desk(c desk.Config) *desk.Desk { return desk.New(s, c, "d") }

func (s *script) called(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

// asked returns the calls since the last time, in order.
func (s *script) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *script) Traits() desk.Traits { return s.traits }

func (s *script) Self(context.Context, string) (desk.Self, error) {
	s.called("self")
	return s.self()
}

func (s *script) Search(_ context.Context, _ string, q desk.Search) (desk.Page, error) {
	s.called("search")
	return s.search(q)
}

func (s *script) Ticket(_ context.Context, op string, id access.TicketID) (desk.Ticket, error) {
	s.called("ticket %s", id)
	t, there := s.tickets[id]
	if !there {
		return t, access.Errorf(access.NotFound, op, "there is none")
	}
	return t, nil
}

func (s *script) Tickets(_ context.Context, _ string, ids []access.TicketID) ([]desk.Ticket, []access.TicketID, error) {
	s.called("tickets %v", ids)
	var out []desk.Ticket
	for _, id := range ids {
		if t, there := s.tickets[id]; there && !slices.Contains(s.later, id) {
			out = append(out, t)
		}
	}
	return out, s.later, nil
}

func (s *script) History(
	_ context.Context, _ string, tickets []desk.Ticket, fields []string,
) (map[access.TicketID][]desk.Change, error) {
	var ids []access.TicketID
	for _, t := range tickets {
		ids = append(ids, t.ID)
	}
	s.called("history %v of %v", fields, ids)
	return s.histories, s.historyErr
}

func (s *script) Create(_ context.Context, _ string, d desk.Draft) (desk.Ref, desk.Refused, error) {
	s.called("create")
	return s.create(d)
}

func (s *script) Comments(_ context.Context, _ string, _ access.TicketID, page string) (desk.CommentPage, error) {
	s.called("comments %s", page)
	start := len(page)
	if s.commentPage == 0 || start+s.commentPage >= len(s.comments) {
		return desk.CommentPage{Comments: s.comments[start:]}, nil
	}
	return desk.CommentPage{Comments: s.comments[start : start+s.commentPage], Next: page + "ppppp"[:s.commentPage]}, nil
}

func (s *script) AddComment(_ context.Context, _ string, _ access.TicketID, c desk.CommentDraft) error {
	s.called("add")
	return s.add(c)
}

func (s *script) Transitions(context.Context, string, desk.Ticket) ([]desk.Transition, error) {
	s.called("ways")
	return s.ways, nil
}

func (s *script) Transition(_ context.Context, _ string, m desk.Move) (bool, error) {
	s.called("go %s", m.Way.ID)
	return s.transition(m)
}

func (s *script) Assign(_ context.Context, _ string, _ desk.Ticket, to access.AccountID) error {
	s.called("assign %s", to)
	return s.assign(to)
}

func (s *script) Users(context.Context, string, string) ([]desk.User, error) {
	s.called("users")
	return s.users, nil
}

func (s *script) Schema(context.Context, string) (*desk.Schema, []access.Finding, error) {
	s.called("schema")
	return s.schema, s.findings, s.schemaErr
}

func (s *script) Check(context.Context, string, *desk.Schema) ([]access.Finding, error) {
	s.called("check")
	return s.more, nil
}

// stamping is a script that can be asked which ticket is the original.
type stamping struct {
	*script
	original access.TicketID
}

func (s *stamping) Original(_ context.Context, _ string, id access.TicketID, _ access.Marker) (bool, error) {
	s.called("original %s", id)
	return id == s.original, nil
}

func requireKind(t *testing.T, want access.Kind, err error) {
	t.Helper()
	require.Equal(t, want, access.KindOf(err), "%v", err)
}

// bad is an answer to credentials that are not good any more.
func bad() (desk.Self, error) {
	return desk.Self{}, access.Errorf(access.Forbidden, "self", "who are you?")
}
