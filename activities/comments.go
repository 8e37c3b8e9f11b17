package activities

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"usher/internal/access"
)

// Comments puts what people write as comments on the tickets of requests into the audit trail.
type Comments struct {
	Port   access.TicketReader
	Ledger LedgerStore
	// Now is the clock of the events whose comment has no time; nil is time.Now.
	Now func() time.Time
	// Within and OfOneWithin replace commentsWithin and commentsOfOneWithin; 0 does not.
	Within, OfOneWithin time.Duration

	mu sync.Mutex
	// failed are the tickets whose last reading failed: they come last, so that they hide no other.
	failed map[access.TicketID]bool
}

// inTurn returns tickets with those last whose last reading failed.
func (m *Comments) inTurn(tickets []access.TicketSnapshot) []access.TicketSnapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	sorted := slices.Clone(tickets)
	slices.SortStableFunc(sorted, func(a, b access.TicketSnapshot) int {
		return cmp.Compare(order(m.failed[a.Ref.ID]), order(m.failed[b.Ref.ID]))
	})
	return sorted
}

func order(failed bool) int {
	if failed {
		return 1
	}
	return 0
}

// remember takes whether the reading of a ticket's comments failed.
func (m *Comments) remember(id access.TicketID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		delete(m.failed, id)
		return
	}
	if m.failed == nil || len(m.failed) > maxFailedRemembered {
		m.failed = map[access.TicketID]bool{}
	}
	m.failed[id] = true
}

const (
	// commentsWithin is how long the reading of comments may take along with one page of changes. What is left waits for the next.
	commentsWithin = 10 * time.Second
	// commentsOfOneWithin is how long that of one ticket may take, so that it hides no other.
	commentsOfOneWithin = 4 * time.Second
	// commentsOverlap is how much further back comments are read than the ticket was seen: clocks of one desk differ, and a comment
	// may show later than another change.
	commentsOverlap = 5 * time.Minute
	// commentsSettle is how young a change may be for another one to follow with the same time: many desks tell seconds only.
	commentsSettle = 5 * time.Second
	// maxFailedRemembered is how many tickets are remembered whose reading failed.
	maxFailedRemembered = 10_000
)

// recordComments records the comments on the tickets that have changed, when the requests have been told, and returns what went wrong
// first; "" for nothing. A ticket whose comments are not all recorded keeps the time until which it was seen, in marks: so
// the next look at it reads them again. With told false nothing is read, and all of them keep it.
func (a *Watch) recordComments(
	ctx context.Context, c NotifyChangesInput, known map[access.TicketID]access.WatchedTicket, marks map[access.TicketID]access.TicketFingerprint, told bool,
) string {
	if a.Comments == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(a.Comments.Within, commentsWithin))
	defer cancel()
	problem := ""
	for _, now := range a.Comments.inTurn(c.Tickets) {
		ticket, mark := known[now.Ref.ID], marks[now.Ref.ID]
		if ticket.Link.Lease != "" || !mark.SeenAt.After(ticket.Fingerprint.SeenAt) {
			continue
		}
		var err error
		switch {
		case !told:
		case ctx.Err() != nil:
			// There was no time for it: it is among the first when the next page comes.
			err = ctx.Err()
		default:
			err = a.Comments.record(ctx, c.Names, ticket, now.Ref)
			a.Comments.remember(now.Ref.ID, err)
		}
		if err != nil && problem == "" {
			problem = fmt.Sprintf("%s: %v", now.Ref.Key, err)
		}
		if settled := c.At.IsZero() || now.UpdatedAt.Before(c.At.Add(-commentsSettle)); told && err == nil && settled {
			continue
		}
		if mark.SeenAt = ticket.Fingerprint.SeenAt; mark.Equal(ticket.Fingerprint) {
			delete(marks, now.Ref.ID)
		} else {
			marks[now.Ref.ID] = mark
		}
	}
	return problem
}

// record records the comments on a ticket since it was seen last. Safe to repeat: the same comment is the same event.
func (m *Comments) record(ctx context.Context, n Names, ticket access.WatchedTicket, ref access.TicketRef) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(m.OfOneWithin, commentsOfOneWithin))
	defer cancel()
	since, err := m.since(ctx, ticket)
	if err != nil {
		return err
	}
	comments, err := m.Port.ReadComments(ctx, ref.ID, since)
	if err != nil {
		return err
	}
	var entry access.Entry
	for _, c := range comments {
		entry.Events = append(entry.Events, m.event(n, ticket.Link.Request, ref, c))
	}
	if entry.Empty() {
		return nil
	}
	if err = m.Ledger.Record(ctx, entry); !access.IsKind(err, access.Conflict) {
		return err
	}
	for _, one := range entry.Events {
		// A comment that is there already has told who wrote it, and where, by the names of that time. They may have others now.
		err := m.Ledger.Record(ctx, access.Entry{Events: []access.Event{one}})
		if err != nil && !access.IsKind(err, access.Conflict) {
			return err
		}
	}
	return nil
}

// since is from when on comments are read: from when the ticket was seen last, or all. What was said on a ticket of a person before it
// became that of a request is none of the request's course.
func (m *Comments) since(ctx context.Context, ticket access.WatchedTicket) (time.Time, error) {
	var since time.Time
	if seen := ticket.Fingerprint.SeenAt; !seen.IsZero() {
		since = seen.Add(-commentsOverlap)
	}
	if ticket.Link.Request != access.AskedRequestID(ticket.Link.Ref.Desk, ticket.Link.Ref.ID) {
		return since, nil
	}
	view, err := m.Ledger.View(ctx, ticket.Link.Request)
	if began := view.Request.SubmittedAt.Truncate(time.Second); since.Before(began) {
		since = began
	}
	return since, err
}

// event is what the audit trail says of a comment. Its id comes from the comment and its text: an edited comment is another event.
func (m *Comments) event(n Names, request access.RequestID, ref access.TicketRef, c access.TicketComment) access.Event {
	who := c.ByName
	if who == "" {
		who = string(c.By)
	}
	text := who + " commented, without a text that usher can read."
	if c.Text != "" {
		text = who + " commented: " + c.Text
	}
	at := c.At.UTC()
	if at.IsZero() {
		at = m.now()
	}
	said := strings.Join([]string{string(ref.Desk), string(ref.ID), c.ID, c.Text}, "\x00")
	sum := sha256.Sum256([]byte(said))
	const bytes = 16
	return access.Event{
		ID:      n.RequestPrefix + string(request) + "#" + string(access.EventTicketCommented) + "/" + hex.EncodeToString(sum[:bytes]),
		Request: request, Type: access.EventTicketCommented, At: at, Channel: access.ChannelTicket,
		Evidence: fmt.Sprintf("desk account %s, comment %s on %s", c.By, c.ID, ref.Key), Text: kept(text, access.Limits().Comment.Runes),
	}
}

func (m *Comments) now() time.Time {
	if m.Now != nil {
		return m.Now().UTC()
	}
	return time.Now().UTC()
}

// commentCut ends a text that was cut.
const commentCut = " [cut]"

// kept is a text as the ledger takes it: valid, without control characters, in at most so many characters.
func kept(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:most-len(commentCut)]), " \n\t") + commentCut
}
