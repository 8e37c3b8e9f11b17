package servicenow

import (
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// histories remembers the histories of tickets that have not changed since they were read: the full scan reads every open ticket each hour,
// and most of them lie. Safe for concurrent use; the zero value is empty.
type histories struct {
	mu    sync.Mutex
	known map[access.TicketID]knownHistory
}

// knownHistory is the history of a ticket as it was in that state.
type knownHistory struct {
	as      ticketState
	changes []desk.Change
}

// ticketState is what a change of a ticket changes, as its record shows it.
type ticketState struct {
	revision string
	updated  time.Time
	status   string
	assignee access.AccountID
}

func stateNow(t desk.Ticket) ticketState {
	return ticketState{t.Revision, t.Updated, t.Status.ID, t.Assignee}
}

const (
	// historyRests is how old the last change of a ticket must be for its history to be remembered: sys_audit may lag behind the record.
	historyRests = 15 * time.Minute
	// historiesAtMost bounds the memory; beyond it everything is forgotten.
	historiesAtMost = 20_000
)

// get returns the history of a ticket, if the ticket is as it was when that was read.
func (h *histories) get(t desk.Ticket) ([]desk.Change, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, there := h.known[t.ID]
	return k.changes, there && k.as == stateNow(t) && !t.Answered
}

// put remembers the history of a ticket that has rested.
func (h *histories) put(t desk.Ticket, changes []desk.Change, now time.Time) {
	if t.Revision == "" || now.Sub(t.Updated) < historyRests {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil || len(h.known) >= historiesAtMost {
		h.known = map[access.TicketID]knownHistory{}
	}
	h.known[t.ID] = knownHistory{stateNow(t), changes}
}
