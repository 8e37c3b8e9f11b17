package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// store is a desk in memory, as unlike Jira as a desk can be: its ids do not grow, its history costs a call and has no ids,
// every status can be set at any time, and a comment carries its marker in its text only. It answers three things a page.
type store struct {
	noWayTo, demandsAt access.TicketPhase

	mu       sync.Mutex
	items    []*stored
	users    []desk.User
	names    map[access.AccountID]string
	unfit    map[access.AccountID]bool
	index    []desk.Ticket
	lags     bool
	refused  bool
	dropNext string
}

// stored is a ticket with what is asked for by itself.
type stored struct {
	desk.Ticket
	summary, body string
	reporter      access.AccountID
	history       []desk.Change
	comments      []desk.Comment
	public        []desk.PublicComment
	approvals     []desk.Approval
}

const (
	storePage    = 3
	storeSummary = 60
	storeBody    = 400
	demanded     = "Reason for closing"
)

// statuses are those of the store; a new ticket is in the first.
func (s *store) statuses() []desk.Status {
	return []desk.Status{
		{ID: "new", Name: "new", Phase: access.TicketWaiting},
		{ID: "open", Name: "open", Phase: access.TicketWorking},
		{ID: "resolved", Name: "done", Phase: access.TicketDone},
		{ID: "rejected", Name: "rejected", Phase: access.TicketWontDo},
		{ID: "yes", Name: "yes"},
		{ID: "no", Name: "no"},
	}
}

func (s *store) Traits() desk.Traits {
	return desk.Traits{
		Place: "queue", IsID: func(id access.TicketID) bool { return opaque.MatchString(string(id)) },
		Unit: func(rune) int { return 1 }, SummaryLimit: storeSummary, CommentRoom: 2000, Grain: time.Second, Lag: time.Minute,
		StatusField: "Status", AssigneeField: "Owner", TextFields: []string{"Subject", "Content"},
	}
}

// enter begins every call. A desk that refuses credentials answers with emptiness where hidden is true.
func (s *store) enter(ctx context.Context, op string, hidden bool) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, access.Errorf(access.Transient, op, "%w", err)
	}
	s.mu.Lock()
	if s.refused && !hidden {
		s.mu.Unlock()
		return nil, access.Errorf(access.Forbidden, op, "who are you?")
	}
	return s.mu.Unlock, nil
}

// enterWrite is enter for a call that writes.
func (s *store) enterWrite(ctx context.Context, op string) (func(), error) {
	if err := access.InTime(ctx, time.Now(), 0); err != nil {
		return nil, access.Errorf(access.Transient, op, "%w", err)
	}
	return s.enter(ctx, op, false)
}

// lost is the error of an answer that a test wants lost.
func (s *store) lost(op string, kind access.Kind) error {
	if s.dropNext != op {
		return nil
	}
	s.dropNext = ""
	return access.Errorf(kind, op, "the answer is lost")
}

func (s *store) find(id access.TicketID) *stored {
	for _, t := range s.items {
		if t.ID == id && !s.refused {
			return t
		}
	}
	return nil
}

func missing(op string) error { return access.Errorf(access.NotFound, op, "there is none") }

// now has the grain of the store's times.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// changed writes a change of one field into the history.
func (s *store) changed(t *stored, by access.AccountID, field, to string) {
	t.Updated = now()
	t.history = append(t.history, desk.Change{At: t.Updated, By: by, ByName: s.names[by], Items: []desk.Item{{Name: field, To: to}}})
	s.list()
}

// list brings the search up to date.
func (s *store) list() {
	if s.lags {
		return
	}
	s.index = nil
	for _, t := range s.items {
		s.index = append(s.index, t.Ticket)
	}
	slices.SortStableFunc(s.index, func(a, b desk.Ticket) int { return a.Updated.Compare(b.Updated) })
}

func (s *store) Self(ctx context.Context, op string) (desk.Self, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return desk.Self{}, err
	}
	defer leave()
	return desk.Self{Account: me, Clock: now()}, nil
}

// Search compares markers without regard to case, and counts its pages.
func (s *store) Search(ctx context.Context, op string, q desk.Search) (desk.Page, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return desk.Page{}, err
	}
	defer leave()
	var found []desk.Ticket
	for _, t := range s.index {
		carries := slices.ContainsFunc(t.Markers, func(m access.Marker) bool { return strings.EqualFold(string(m), string(q.Marker)) })
		if (q.Marker != "" && carries) || (q.Marker == "" && !t.Updated.Before(q.Since.Truncate(time.Second))) {
			found = append(found, t)
		}
	}
	start, _ := strconv.Atoi(q.Page)
	end := min(start+min(q.Limit, storePage), len(found))
	page := desk.Page{Tickets: slices.Clone(found[min(start, end):end]), Now: now()}
	if end < len(found) {
		page.Next = strconv.Itoa(end)
	}
	return page, nil
}

func (s *store) Ticket(ctx context.Context, op string, id access.TicketID) (desk.Ticket, error) {
	leave, err := s.enter(ctx, op, true)
	if err != nil {
		return desk.Ticket{}, err
	}
	defer leave()
	if t := s.find(id); t != nil {
		return t.Ticket, nil
	}
	return desk.Ticket{}, missing(op)
}

func (s *store) Tickets(ctx context.Context, op string, ids []access.TicketID) ([]desk.Ticket, []access.TicketID, error) {
	leave, err := s.enter(ctx, op, true)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	var out []desk.Ticket
	for _, id := range slices.Backward(ids) {
		if t := s.find(id); t != nil {
			out = append(out, t.Ticket)
		}
	}
	return out, nil, nil
}

func (s *store) History(
	ctx context.Context, op string, tickets []desk.Ticket, _ []string,
) (map[access.TicketID][]desk.Change, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	out := map[access.TicketID][]desk.Change{}
	for _, one := range tickets {
		if t := s.find(one.ID); t != nil {
			out[one.ID] = slices.Clone(t.history)
		}
	}
	return out, nil
}

// Create makes ids that shrink.
func (s *store) Create(ctx context.Context, op string, d desk.Draft) (desk.Ref, desk.Refused, error) {
	leave, err := s.enterWrite(ctx, op)
	if err != nil {
		return desk.Ref{}, desk.Refused{}, err
	}
	defer leave()
	if d.Assignee != "" && (s.unfit[d.Assignee] || s.names[d.Assignee] == "") {
		return desk.Ref{}, desk.Refused{Assignee: true}, access.Errorf(access.Invalid, op, "owner: nobody")
	}
	t := s.open(me, d.Marker)
	t.summary, t.body, t.reporter, t.Assignee = d.Summary, s.Traits().Unit.Shorten(desk.Tidy(d.Body), storeBody), d.Reporter, d.Assignee
	s.list()
	return t.Ref, desk.Refused{}, s.lost(op, access.Unknown)
}

func (s *store) open(by access.AccountID, markers ...access.Marker) *stored {
	n := len(s.items)
	t := &stored{Ticket: desk.Ticket{
		Ref:     desk.Ref{ID: access.TicketID(fmt.Sprintf("id:%d-%c", 9_999-n, 'z'-n%26)), Key: access.TicketKey(fmt.Sprintf("T%d", n))},
		Project: "access", Status: s.statuses()[0], Updated: now(), Created: now().Add(time.Duration(n)), Creator: by, Markers: markers,
	}}
	s.items = append(s.items, t)
	s.list()
	return t
}

// Comments names pages by positions from the newest.
func (s *store) Comments(ctx context.Context, op string, id access.TicketID, page string) (desk.CommentPage, error) {
	leave, err := s.enter(ctx, op, true)
	if err != nil {
		return desk.CommentPage{}, err
	}
	defer leave()
	t := s.find(id)
	if t == nil {
		return desk.CommentPage{}, missing(op)
	}
	newest := slices.Clone(t.comments)
	slices.Reverse(newest)
	start, _ := strconv.Atoi(page)
	end := min(start+storePage, len(newest))
	out := desk.CommentPage{Comments: newest[start:end]}
	if end < len(newest) {
		out.Next = strconv.Itoa(end)
	}
	return out, nil
}

func (s *store) AddComment(ctx context.Context, op string, id access.TicketID, c desk.CommentDraft) error {
	leave, err := s.enterWrite(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	t := s.find(id)
	if t == nil {
		return missing(op)
	}
	t.comments = append(t.comments, desk.Comment{By: me, Lines: strings.Split(c.Text+"\n\n"+c.Reference, "\n")})
	t.Updated = now()
	s.say(t, me, c.Text)
	s.list()
	return s.lost(op, access.Transient)
}

func (s *store) Transitions(ctx context.Context, op string, t desk.Ticket) ([]desk.Transition, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	var ways []desk.Transition
	for _, to := range s.statuses() {
		if to.ID != t.Status.ID && (to.Phase != s.noWayTo || s.noWayTo == "") {
			ways = append(ways, desk.Transition{ID: to.ID, Name: "set " + to.Name, To: to, DoneOnly: "has one meaning"})
		}
	}
	return ways, nil
}

func (s *store) Transition(ctx context.Context, op string, m desk.Move) (bool, error) {
	if m.To == s.demandsAt {
		return false, access.Errorf(access.Invalid, op, "%s has no value", demanded)
	}
	leave, err := s.enterWrite(ctx, op)
	if err != nil {
		return false, err
	}
	defer leave()
	t := s.find(m.Ticket.ID)
	if t == nil {
		return false, missing(op)
	}
	t.Status = m.Way.To
	s.changed(t, me, "Status", m.Way.To.ID)
	return false, s.lost(op, access.Transient)
}

func (s *store) Assign(ctx context.Context, op string, one desk.Ticket, to access.AccountID) error {
	leave, err := s.enterWrite(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	t := s.find(one.ID)
	switch {
	case t == nil:
		return missing(op)
	case to != "" && (s.unfit[to] || s.names[to] == ""):
		return access.Errorf(access.Invalid, op, "account %q cannot be assigned", to)
	}
	t.Assignee = to
	s.changed(t, me, "Owner", string(to))
	return s.lost(op, access.Transient)
}

// Users finds beginnings of addresses.
func (s *store) Users(ctx context.Context, op, email string) ([]desk.User, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []desk.User
	for _, u := range s.users {
		if strings.HasPrefix(strings.ToLower(u.Email), strings.ToLower(email)) {
			out = append(out, u)
		}
	}
	return out, nil
}

func (s *store) Schema(ctx context.Context, op string) (*desk.Schema, []access.Finding, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	return &desk.Schema{Statuses: s.statuses()}, nil, nil
}

func (s *store) Check(context.Context, string, *desk.Schema) ([]access.Finding, error) {
	return nil, nil
}
