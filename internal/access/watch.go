package access

import (
	"slices"
	"time"
)

// ChangeDetection is how a request learns that a human changed its ticket.
type ChangeDetection string

// The modes.
const (
	// DetectByWatch: one workflow per desk asks which tickets changed, and tells the requests. For thousands of open
	// requests.
	DetectByWatch ChangeDetection = "watch"
	// DetectByPoll: each request looks at its own ticket, at growing intervals.
	DetectByPoll ChangeDetection = "poll"
)

// ChangesQuery asks for usher's tickets that changed.
type ChangesQuery struct {
	// Since is in the desk's own time. What changed at Since is included; a desk whose times are coarse gives what
	// changed in the whole of that grain. The zero time asks for nothing but the desk's clock.
	Since time.Time `json:"since,omitzero"`
	// Page is ChangesPage.Next of the page before; "" for the first. It belongs to the same Since.
	Page string `json:"page,omitempty"`
	// Limit is how many tickets a page holds at most, 1 to 100; the desk may give fewer.
	Limit int `json:"limit"`
}

// ChangesPage is one page of tickets that changed, the oldest change first.
type ChangesPage struct {
	Tickets []TicketSnapshot `json:"tickets,omitempty"`
	// Next asks for the next page; "" on the last one.
	Next string `json:"next,omitempty"`
	// Now is the desk's own clock when it answered; zero when the desk does not tell.
	Now time.Time `json:"now,omitzero"`
	// CompleteUntil matters where there is a next page: all that changed before it, in the desk's own time, is on this page
	// or on those before. Zero for no such promise. It is not the newest of the changes: a search that lags behind shows a
	// ticket among the old ones, with a time that is new.
	CompleteUntil time.Time `json:"complete_until,omitzero"`
	// None is true where the desk has no such tickets by its configuration, and was not asked.
	None bool `json:"none,omitempty"`
}

// TicketsRead is the answer to a question about many tickets.
type TicketsRead struct {
	Tickets []TicketSnapshot `json:"tickets,omitempty"`
	// Missing do not exist or are hidden; the credentials were proved good in the same call.
	Missing []TicketID `json:"missing,omitempty"`
}

// TicketFingerprint is a ticket's fingerprint: what others than usher have done to it, as far as a request may have to know.
// A mark of which only the key is known is that of a ticket nobody has looked at since usher opened it.
type TicketFingerprint struct {
	Key      TicketKey `json:"key,omitempty"`
	Project  string    `json:"project,omitempty"`
	Assignee AccountID `json:"assignee,omitempty"`
	// StatusChangedBy, StatusChangedAt and Status are the last move that was not usher's own; zero while there was none.
	StatusChangedBy AccountID `json:"status_changed_by,omitempty"`
	StatusChangedAt time.Time `json:"status_changed_at,omitzero"`
	Status          string    `json:"status,omitempty"`
	// Decisions are the keys of the TicketSnapshot.DecisionMoves that were seen, the last maxDecisions of them.
	Decisions []string `json:"decisions,omitempty"`
	// SeenAt is TicketSnapshot.UpdatedAt of what the mark was made from: a desk's search may show again what was earlier.
	SeenAt time.Time `json:"seen_at,omitzero"`
}

// After returns the mark of a ticket that looks like now, and whether that is news: whether somebody else than usher has
// changed it since this mark was made. usher's own writes are no news, and neither is a look that is older than the mark.
func (m TicketFingerprint) After(now TicketSnapshot) (TicketFingerprint, bool) {
	if now.UpdatedAt.Before(m.SeenAt) {
		// The ticket is older, its answers may be younger: they do not change it.
		return m.afterAnswers(now)
	}
	next := m
	next.Key, next.Project, next.Assignee, next.SeenAt = now.Ref.Key, now.Project, now.Assignee, now.UpdatedAt
	news := (m.Key != "" && m.Key != next.Key) || (m.Project != "" && m.Project != next.Project)
	if !now.AssignedByUsher && next.Assignee != m.Assignee {
		news = true
	}
	if now.StatusChangedBy != "" && !now.StatusChangedByUsher {
		next.StatusChangedBy, next.StatusChangedAt, next.Status = now.StatusChangedBy, now.StatusChangedAt, now.Status
		if next.StatusChangedBy != m.StatusChangedBy || !next.StatusChangedAt.Equal(m.StatusChangedAt) || next.Status != m.Status {
			news = true
		}
	}
	if moves := m.Decided(now); len(moves) > 0 {
		news, next = true, next.with(moves)
	}
	return next, news
}

// afterAnswers returns the mark with the answers to desk approvals that are not in it, and reports whether there are any.
func (m TicketFingerprint) afterAnswers(now TicketSnapshot) (TicketFingerprint, bool) {
	answers := slices.DeleteFunc(m.Decided(now), func(move TicketMove) bool { return !move.IsAnswer() })
	return m.with(answers), len(answers) > 0
}

// with returns the mark with moves added.
func (m TicketFingerprint) with(moves []TicketMove) TicketFingerprint {
	m.Decisions = slices.Clone(m.Decisions)
	for _, move := range moves {
		m.Decisions = append(m.Decisions, move.Name())
	}
	m.Decisions = m.Decisions[max(0, len(m.Decisions)-maxDecisions):]
	return m
}

// maxDecisions is how many keys a mark holds: a move that a snapshot no longer shows may be shown again.
const maxDecisions = 5 * (MaxDecisionMoves + MaxAnswers)

// Decided returns those of a ticket's decision moves that are not in the mark, each once.
func (m TicketFingerprint) Decided(now TicketSnapshot) []TicketMove {
	known := slices.Clone(m.Decisions)
	var moves []TicketMove
	for _, move := range now.DecisionMoves {
		if key := move.Name(); !slices.Contains(known, key) {
			known, moves = append(known, key), append(moves, move)
		}
	}
	return moves
}

// Equal reports whether two marks are the same.
func (m TicketFingerprint) Equal(other TicketFingerprint) bool {
	return m.Key == other.Key && m.Project == other.Project && m.Assignee == other.Assignee && m.StatusChangedBy == other.StatusChangedBy &&
		m.StatusChangedAt.Equal(other.StatusChangedAt) && m.Status == other.Status && m.SeenAt.Equal(other.SeenAt) &&
		slices.Equal(m.Decisions, other.Decisions)
}

// WatchedTicket is what the ledger knows of one ticket.
type WatchedTicket struct {
	Link        TicketLink        `json:"link"`
	Fingerprint TicketFingerprint `json:"fingerprint"`
}

// WatchPosition is how far the watch of one desk has come.
type WatchPosition struct {
	Desk DeskName `json:"desk"`
	// Cursor is in the desk's own time: everything that changed before it has been told. Zero before the first poll.
	Cursor time.Time `json:"cursor,omitzero"`
	// LastPollAt is when the last poll was complete, LastScanAt when the last full scan was, both in usher's time.
	LastPollAt time.Time `json:"last_poll_at,omitzero"`
	LastScanAt time.Time `json:"last_scan_at,omitzero"`
	// AskedCursor is the cursor of the search for tickets that ask for access. Zero before the first.
	AskedCursor time.Time `json:"asked_cursor,omitzero"`
}

// TicketChange is a ticket as it is after somebody other than usher changed it.
type TicketChange struct {
	Snapshot TicketSnapshot `json:"snapshot"`
	// Missing is true when the ticket could not be found: the snapshot then holds nothing but where it was. One miss proves
	// nothing, so the request looks itself.
	Missing bool `json:"missing,omitempty"`
}

// WatchSettings are the settings of the watch of one desk.
type WatchSettings struct {
	// Interval is the time between two polls.
	Interval Duration `json:"interval"`
	// Overlap is how far each poll looks back behind the cursor. It must be longer than the lag of the desk's search
	// and the grain of its times together.
	Overlap Duration `json:"overlap"`
	// FullScanInterval is the time between two full scans, which read all open tickets.
	FullScanInterval Duration `json:"full_scan_interval"`
	// StaleAfter is how old the last complete poll may be. A request that finds it older, in its staleness check, reads its
	// ticket itself.
	StaleAfter Duration `json:"stale_after"`
	// StalenessCheckInterval is how long a request goes without news before it asks how old the last poll is. Each answer
	// that brings nothing new doubles it, up to eight times its length.
	StalenessCheckInterval Duration `json:"staleness_check_interval"`
}

// clockSlack is how far behind the desk's clock the cursor stays when nothing has changed: clocks of one desk's machines
// differ, and the times of changes are another clock's than that of answers.
const clockSlack = time.Minute

// Advanced is the view after one page of changes that came at a time of usher's. On the way the cursor moves no further
// than the page promises: a poll that fails is begun again from there. After the last page the poll is complete: the
// cursor moves to the newest change, and where the desk tells its time the cursor follows it, so that a quiet desk is not
// asked again and again for what changed long ago.
func (v WatchPosition) Advanced(page ChangesPage, at time.Time) WatchPosition {
	if page.Next != "" {
		v.Cursor = later(v.Cursor, page.CompleteUntil)
		return v
	}
	for _, t := range page.Tickets {
		v.Cursor = later(v.Cursor, t.UpdatedAt)
	}
	v.LastPollAt = at
	switch {
	case !page.Now.IsZero():
		v.Cursor = later(v.Cursor, page.Now.Add(-clockSlack))
	case v.Cursor.IsZero():
		v.Cursor = at.Add(-clockSlack)
	}
	return v
}

// AdvancedAsked is the view after one page of tickets that ask for access, as Advanced is for changes.
func (v WatchPosition) AdvancedAsked(page ChangesPage, at time.Time) WatchPosition {
	v.AskedCursor = WatchPosition{Cursor: v.AskedCursor}.Advanced(page, at).Cursor
	return v
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// StaleAt reports whether the watch has told nothing for too long.
func (v WatchPosition) StaleAt(now time.Time, after Duration) bool {
	return v.LastPollAt.IsZero() || now.Sub(v.LastPollAt) > after.Std()
}
