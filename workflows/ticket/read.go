package ticket

import (
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// StartRead reads the ticket, beside whatever else goes on.
func (k *Keeper) StartRead() {
	if k.Off || k.Ref == nil || k.reading {
		return
	}
	k.ReadNow, k.reading = false, true
	ref, writes := *k.Ref, k.writes
	k.read(func(look activities.ReadTicketResult, err error) {
		k.reading = false
		switch {
		case k.Off || k.Ref == nil || k.Ref.ID != ref.ID:
		case err != nil:
			k.unreadable(err)
		case k.writes != writes || k.busy:
			// A write came in between: what was read no longer is.
			k.ReadNow = true
		case look.Missing:
			k.missed()
		default:
			k.saw(look.Snapshot)
		}
	})
}

func (k *Keeper) read(done func(activities.ReadTicketResult, error)) {
	var desk *activities.Desk
	options := workflows.Ticket(k.Desk, "read "+string(k.Ref.Key))
	start(k, options, desk.ReadTicket, activities.ReadTicketInput{Ticket: k.Ref.ID}, done)
}

func (k *Keeper) unreadable(err error) {
	if k.loop.Leaving() {
		k.ReadNow = true
		return
	}
	k.trouble("the ticket cannot be read: " + workflows.ErrorText(err))
	k.ReadFailures++
	k.readLater()
	// Why it was read may be told only once. A ticket that was closed is not waited for very long.
	const afterClosing = 8
	k.Unread = !k.WasClosed || k.ReadFailures < afterClosing
	if again := k.loop.Now().Add(workflows.RetryConnector.After(k.ReadFailures)); k.ReadAt.IsZero() || again.Before(k.ReadAt) {
		k.ReadAt = again
	}
}

func (k *Keeper) saw(now access.TicketSnapshot) {
	if len(k.Pending) == 0 && k.ApprovalsAt.IsZero() {
		k.Problem = ""
	}
	k.Misses, k.Unread, k.ReadFailures = 0, false, 0
	if k.owner.Read(now) {
		k.UnchangedReads = 0
	} else {
		k.UnchangedReads++
	}
	k.readLater()
}

// readLater sets when the ticket is read next.
func (k *Keeper) readLater() {
	k.ReadAt = time.Time{}
	if k.First > 0 {
		k.ReadAt = k.loop.Now().Add(workflows.Backoff{First: k.First, Max: k.Max}.After(k.UnchangedReads + 1))
	}
}

// Unchanged takes that there is nothing new, without a read.
func (k *Keeper) Unchanged() {
	k.UnchangedReads++
	k.readLater()
}

// News takes that there was something new: the next read comes soon.
func (k *Keeper) News() {
	k.UnchangedReads = 0
	k.readLater()
}

// missed counts a read that found no ticket; when they prove that it is gone, the owner says what that means.
func (k *Keeper) missed() {
	k.Misses++
	k.ReadAt = k.loop.Now().Add(max(k.Recheck, time.Second))
	if k.Misses < missesProve {
		return
	}
	k.Misses, k.Failures, k.RetryAt = 0, 0, time.Time{}
	k.owner.Missing()
}

// Busy reports whether a write or a read is in flight.
func (k *Keeper) Busy() bool { return k.busy || k.reading }
