package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"usher/internal/access"
)

// Desk is a service desk in memory: access.ServiceDesk, with humans (desk_humans.go) and scripted faults
// (desk_faults.go). Every status moves to every other unless CloseOff says otherwise. Safe for concurrent use.
type Desk struct {
	writeClock

	name access.DeskName

	mu       sync.Mutex
	clock    deskClock
	tickets  []*DeskTicket
	byID     map[access.TicketID]*DeskTicket
	accounts []deskAccount
	// fallback is whom the desk assigns a new ticket to when nobody is asked for.
	fallback access.AccountID
	// filesFor are those who file tickets for others, fulfillers those who say on a ticket that something was done by hand.
	filesFor   []access.AccountID
	approvals  bool
	fulfillers []access.AccountID
	closed     map[access.TicketPhase]bool
	reopen     access.TicketPhase
	demanded   map[access.TicketPhase]string
	faults     deskFaults
	feed       deskFeed
	writes     int
}

var _ access.ServiceDesk = (*Desk)(nil)

// DeskTicket is a ticket as it lies in the desk. Own moves are those of DeskSelf. A ticket that a human opened has no
// marker in New, and a human's comment has none either.
type DeskTicket struct {
	Ref      access.TicketRef
	Project  string
	New      access.NewTicket
	Reporter access.AccountID
	// Creator is who opened it: DeskSelf for usher.
	Creator  access.AccountID
	Phase    access.TicketPhase
	Assignee access.AccountID
	// AssignedByOther is true when somebody else than usher changed the assignee last.
	AssignedByOther bool
	StatusChangedBy access.AccountID
	// TextChangedBy is the human who changed the text last, at TextChangedAt; "" for nobody.
	TextChangedBy access.AccountID
	TextChangedAt time.Time
	// Asks is true for a ticket of the kind by which people ask for access.
	Asks bool
	// RequesterField is what its field says about who asks; it counts on tickets of accounts that file for others.
	RequesterField string
	MovedAt        time.Time
	// DecisionMoves are those of humans, as in access.TicketSnapshot.
	DecisionMoves []access.TicketMove
	UpdatedAt     time.Time
	Comments      []access.Comment
	// said are the comments of humans.
	said    []access.TicketComment
	Deleted bool
	// Hidden is true while usher may not see the ticket.
	Hidden    bool
	approvals []*deskApproval
	// approvalsOpened numbers them.
	approvalsOpened int
	approvalsAt     time.Time
	// PriorKeys are the keys that the ticket had before it was moved, oldest first.
	PriorKeys []access.TicketKey
}

// deskAccount is a person's account; several may have one e-mail.
type deskAccount struct {
	id       access.AccountID
	name     string
	email    string
	unfit    bool
	personID access.PersonID
}

// What the desk allows, in characters; longer texts are cut with DeskCut at their end.
const (
	DeskSummaryLimit = 255
	DeskBodyLimit    = 32767
	DeskCut          = " [cut]"
	// DeskSelf is usher's own account.
	DeskSelf access.AccountID = "usher-self"
	// DeskProject is the project that tickets are opened in.
	DeskProject = "MEM"
)

// NewDesk makes an empty desk. Its clock starts on 2026-01-02 03:04:05 UTC and goes on by one second with each change,
// until SetClock gives it another.
func NewDesk(name access.DeskName) *Desk {
	return &Desk{
		name:     name,
		clock:    deskClock{last: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		byID:     map[access.TicketID]*DeskTicket{},
		closed:   map[access.TicketPhase]bool{},
		demanded: map[access.TicketPhase]string{},
		faults:   newDeskFaults(),
		feed:     newDeskFeed(),
	}
}

// FindTicket implements access.TicketOpener.
func (d *Desk) FindTicket(ctx context.Context, marker access.Marker) (access.TicketRef, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "find ticket"
	if err := d.begin(ctx, OpFindTicket, op); err != nil {
		return access.TicketRef{}, err
	}
	for _, t := range d.tickets {
		if t.New.Marker != marker || marker == "" || t.Creator != DeskSelf {
			continue
		}
		if _, visible := d.found(t); visible {
			return t.Ref, d.end(OpFindTicket, op)
		}
	}
	return access.TicketRef{}, access.Errorf(access.NotFound, op, "no ticket carries %q", marker)
}

// CreateTicket implements access.TicketOpener.
func (d *Desk) CreateTicket(ctx context.Context, n access.NewTicket) (access.TicketRef, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "create ticket"
	if err := d.begin(ctx, OpCreateTicket, op); err != nil {
		return access.TicketRef{}, err
	}
	if n.Marker == "" {
		return access.TicketRef{}, access.Errorf(access.Invalid, op, "marker: expected one")
	}
	if err := d.inTime(ctx, op); err != nil {
		return access.TicketRef{}, err
	}
	t := d.add(n)
	t.Creator = DeskSelf
	if account := d.accountOf(n.Requester); account != nil {
		t.Reporter = account.id
	}
	if d.assignable(n.Assignee) {
		t.Assignee = n.Assignee
	}
	d.changed(t, true)
	if err := d.end(OpCreateTicket, op); err != nil {
		return access.TicketRef{}, err
	}
	return t.Ref, nil
}

// ReadTicket implements access.TicketReader.
func (d *Desk) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "read ticket"
	t, err := d.open(ctx, OpReadTicket, op, id)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	if err := d.end(OpReadTicket, op); err != nil {
		return access.TicketSnapshot{}, err
	}
	return d.snapshot(t), nil
}

// AddComments implements access.TicketWriter. Each text is a comment of its own, and counts as a call (see FailNext).
func (d *Desk) AddComments(ctx context.Context, id access.TicketID, all ...access.Comment) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range all {
		if err := d.comment(ctx, id, c); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) comment(ctx context.Context, id access.TicketID, c access.Comment) error {
	const op = "add comment"
	t, err := d.open(ctx, OpAddComments, op, id)
	if err != nil {
		return err
	}
	if c.Marker == "" {
		return access.Errorf(access.Invalid, op, "marker: expected one")
	}
	already := slices.ContainsFunc(t.Comments, func(have access.Comment) bool { return have.Marker == c.Marker })
	if !already {
		if err := d.inTime(ctx, op); err != nil {
			return err
		}
		t.Comments = append(t.Comments, access.Comment{Marker: c.Marker, Text: deskShorten(c.Text, DeskBodyLimit)})
		d.changed(t, true)
	}
	return d.end(OpAddComments, op)
}

// TransitionTicket implements access.TicketWriter.
func (d *Desk) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "move ticket"
	t, err := d.open(ctx, OpTransitionTicket, op, id)
	if err != nil {
		return err
	}
	if t.Phase == to {
		return d.end(OpTransitionTicket, op)
	}
	if d.noWay(t, to) {
		return access.Errorf(access.Conflict, op, "no transition leads from %q to %q; there are: %s",
			t.Phase, to, strings.Join(d.transitions(t), ", "))
	}
	if field := d.demanded[to]; field != "" {
		return access.Errorf(access.Invalid, op, "the transition to %q demands the field %q", to, field)
	}
	if err := d.inTime(ctx, op); err != nil {
		return err
	}
	d.move(t, DeskSelf, to)
	return d.end(OpTransitionTicket, op)
}

// AssignTicket implements access.TicketWriter.
func (d *Desk) AssignTicket(ctx context.Context, id access.TicketID, to access.AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "assign ticket"
	t, err := d.open(ctx, OpAssignTicket, op, id)
	if err != nil {
		return err
	}
	if to != "" && !d.assignable(to) {
		return access.Errorf(access.Invalid, op, "account %q cannot be assigned", to)
	}
	if t.Assignee != to {
		if err := d.inTime(ctx, op); err != nil {
			return err
		}
		t.Assignee, t.AssignedByOther = to, false
		d.changed(t, true)
	}
	return d.end(OpAssignTicket, op)
}

// FindAccount implements access.AccountFinder.
func (d *Desk) FindAccount(ctx context.Context, p access.Person) (access.Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "find account"
	if err := d.begin(ctx, OpFindAccount, op); err != nil {
		return access.Account{}, err
	}
	found := access.Account{Person: p.ID}
	if account := d.accountOf(p); account != nil {
		found.ID, found.How = account.id, "search"
	}
	return found, d.end(OpFindAccount, op)
}

// Check implements access.Checker. It finds nothing wrong.
func (d *Desk) Check(ctx context.Context) ([]access.Finding, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "check desk"
	if err := d.begin(ctx, OpCheck, op); err != nil {
		return nil, err
	}
	return nil, d.end(OpCheck, op)
}

// Inspect implements access.Inspector.
func (d *Desk) Inspect(ctx context.Context) (access.DeskView, []access.Finding, error) {
	view := access.DeskView{Account: DeskSelf, Place: "list of tickets"}
	findings, err := d.Check(ctx)
	return view, findings, err
}

// open begins an operation on one ticket.
func (d *Desk) open(ctx context.Context, name, op string, id access.TicketID) (*DeskTicket, error) {
	if err := d.begin(ctx, name, op); err != nil {
		return nil, err
	}
	t, err := d.ticket(id)
	if err == nil && t.Hidden {
		err = fmt.Errorf("ticket %q is hidden", id)
	}
	if err != nil {
		return nil, &access.Error{Kind: access.NotFound, Op: op, Err: err}
	}
	return t, nil
}

// ticket returns a ticket that exists, hidden or not.
func (d *Desk) ticket(id access.TicketID) (*DeskTicket, error) {
	if t := d.byID[id]; t != nil && !t.Deleted {
		return t, nil
	}
	return nil, fmt.Errorf("ticket %q does not exist", id)
}

// add puts a new ticket into the desk's project; the caller says that it has changed.
func (d *Desk) add(n access.NewTicket) *DeskTicket {
	n.Fields = maps.Clone(n.Fields)
	n.Summary = deskShorten(strings.Join(strings.Fields(n.Summary), " "), DeskSummaryLimit)
	n.Body = deskShorten(n.Body, DeskBodyLimit)
	number := len(d.tickets) + 1
	t := &DeskTicket{
		Ref:     access.TicketRef{Desk: d.name, ID: access.TicketID(fmt.Sprintf("%d", 10000+number)), Key: deskKey(DeskProject, number)},
		Project: DeskProject, New: n, Phase: access.TicketWaiting, Assignee: d.fallback,
	}
	d.tickets = append(d.tickets, t)
	d.byID[t.Ref.ID] = t
	return t
}

// changed lets the desk's clock go on and remembers what the ticket looks like from now on.
func (d *Desk) changed(t *DeskTicket, own bool) {
	t.UpdatedAt = d.clock.tick()
	if own {
		d.writes++
	}
	d.remember(t)
}

func (d *Desk) move(t *DeskTicket, by access.AccountID, to access.TicketPhase) {
	t.UpdatedAt = d.clock.tick()
	t.Phase, t.StatusChangedBy, t.MovedAt = to, by, t.UpdatedAt
	switch {
	case by == DeskSelf:
		d.writes++
	case to == access.TicketApproved || to == access.TicketDenied:
		t.DecisionMoves = append(t.DecisionMoves, access.TicketMove{At: t.UpdatedAt, By: by, ByName: d.nameOf(by), Status: string(to), Phase: to})
	}
	d.remember(t)
}

func (d *Desk) snapshot(t *DeskTicket) access.TicketSnapshot {
	textChange := ""
	if t.TextChangedBy != "" {
		textChange = access.ChangeName("", t.TextChangedAt, t.TextChangedBy, "")
	}
	return access.TicketSnapshot{
		TextChange: textChange,
		Ref:        t.Ref, Project: t.Project, Phase: t.Phase, Status: string(t.Phase),
		Assignee: t.Assignee, AssignedByUsher: !t.AssignedByOther,
		StatusChangedBy: t.StatusChangedBy, StatusChangedByName: d.nameOf(t.StatusChangedBy), StatusChangedAt: t.MovedAt,
		StatusChangedByUsher: t.StatusChangedBy == DeskSelf, TextChangedBy: t.TextChangedBy,
		StatusChangedByFulfiller: slices.Contains(d.fulfillers, t.StatusChangedBy),
		UpdatedAt:                t.UpdatedAt,
		DecisionMoves:            access.DecisionMoves(deskMoves(t.DecisionMoves, t.answers(d.nameOf))),
	}
}

func (d *Desk) assignable(id access.AccountID) bool {
	account := d.account(id)
	return account != nil && !account.unfit
}

func (d *Desk) account(id access.AccountID) *deskAccount {
	for i := range d.accounts {
		if d.accounts[i].id == id {
			return &d.accounts[i]
		}
	}
	return nil
}

// accountOf is nil when there is no account, or more than one, for the person's e-mail.
func (d *Desk) accountOf(p access.Person) *deskAccount {
	var found *deskAccount
	for i := range d.accounts {
		if p.Email == "" || !strings.EqualFold(d.accounts[i].email, p.Email) {
			continue
		}
		if found != nil {
			return nil
		}
		found = &d.accounts[i]
	}
	return found
}

func (d *Desk) nameOf(id access.AccountID) string {
	if account := d.account(id); account != nil {
		return cmp.Or(account.name, string(id))
	}
	return string(id)
}

// noWay reports whether no transition leads there from where the ticket is.
func (d *Desk) noWay(t *DeskTicket, to access.TicketPhase) bool {
	reopens := t.Phase.Closed() && !to.Closed()
	return d.closed[to] || !slices.Contains(deskPhases(), to) || (reopens && d.reopen != "" && to != d.reopen)
}

func (d *Desk) transitions(t *DeskTicket) []string {
	var names []string
	for _, p := range deskPhases() {
		if p != t.Phase && !d.noWay(t, p) {
			names = append(names, string(p))
		}
	}
	return names
}

// deskPhases are the statuses of the desk; each phase is its own status.
func deskPhases() []access.TicketPhase {
	return []access.TicketPhase{
		access.TicketWaiting, access.TicketApproved, access.TicketDenied, access.TicketWorking,
		access.TicketDone, access.TicketWontDo, access.TicketOther,
	}
}

func deskKey(project string, number int) access.TicketKey {
	return access.TicketKey(fmt.Sprintf("%s-%d", project, number))
}

func deskShorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	keep := limit - utf8.RuneCountInString(DeskCut)
	return string([]rune(text)[:keep]) + DeskCut
}
