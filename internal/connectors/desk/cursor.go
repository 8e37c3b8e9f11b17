package desk

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
)

// feedCursor is how far a walk over changed tickets has come: all changes before at were told, and of those since then the
// ones in seen. The zero cursor is the beginning.
type feedCursor struct {
	at   time.Time
	seen []seenChange
}

// seenChange is one ticket as it was told, by the time of its last change.
type seenChange struct {
	id      access.TicketID
	updated time.Time
}

// mostTold bounds the cursor's size. Only a mass change of many more tickets within minutes reaches it, and costs no more
// than the certainty of what is not settled.
const mostTold = 500

// since is where the search begins.
func (p feedCursor) since(asked time.Time) time.Time {
	if p.at.After(asked) {
		return p.at
	}
	return asked
}

// fresh are the tickets that were not told as they are now.
func (p feedCursor) fresh(tickets []Ticket) []Ticket {
	var out []Ticket
	for _, t := range tickets {
		if !slices.ContainsFunc(p.seen, func(s seenChange) bool { return s.id == t.ID && s.updated.Equal(t.Updated) }) {
			out = append(out, t)
		}
	}
	return out
}

// after is the cursor behind a page.
func (p feedCursor) after(page changed, asked time.Time, traits Traits) feedCursor {
	next := feedCursor{at: p.since(asked), seen: slices.Clone(p.seen)}
	for _, t := range page.tickets {
		next.seen = append(next.seen, seenChange{id: t.ID, updated: t.Updated})
		if !page.now.IsZero() && t.Updated.After(next.at) && t.Updated.Before(page.now.Add(-traits.Lag)) {
			next.at = t.Updated
		}
	}
	// A search that is coarser than the cursor must not tell the same for ever.
	next.at = next.at.Truncate(max(time.Minute, traits.Grain))
	slices.SortStableFunc(next.seen, func(a, b seenChange) int { return a.updated.Compare(b.updated) })
	if surplus := len(next.seen) - mostTold; surplus > 0 && next.seen[surplus].updated.After(next.at) {
		next.at = next.seen[surplus].updated.Truncate(traits.Grain)
	}
	next.seen = slices.DeleteFunc(next.seen, func(s seenChange) bool { return s.updated.Before(next.at) })
	return next
}

// String is what parseCursor reads: "1767323045000;10001-250,10002-1000", milliseconds since 1970, then the ids with the
// milliseconds from there on. Ids are escaped, for they may be any text.
func (p feedCursor) String() string {
	texts := make([]string, len(p.seen))
	for n, s := range p.seen {
		id := strings.ReplaceAll(url.QueryEscape(string(s.id)), "-", "%2D")
		texts[n] = fmt.Sprintf("%s-%d", id, s.updated.Sub(p.at).Milliseconds())
	}
	return strconv.FormatInt(p.at.UnixMilli(), 10) + ";" + strings.Join(texts, ",")
}

var errUnknownPage = errors.New("expected what the page before named")

// parseCursor reads what String wrote; isID refuses the ids that the desk cannot have.
func parseCursor(page string, isID func(access.TicketID) bool) (feedCursor, error) {
	if page == "" {
		return feedCursor{}, nil
	}
	start, list, there := strings.Cut(page, ";")
	millis, err := strconv.ParseInt(start, 10, 64)
	if err != nil || !there {
		return feedCursor{}, errUnknownPage
	}
	p := feedCursor{at: time.UnixMilli(millis).UTC()}
	for entry := range strings.SplitSeq(list, ",") {
		if entry == "" {
			continue
		}
		escaped, text, _ := strings.Cut(entry, "-")
		id, err := url.QueryUnescape(escaped)
		if err != nil || !isID(access.TicketID(id)) {
			return feedCursor{}, errUnknownPage
		}
		offset, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return feedCursor{}, errUnknownPage
		}
		p.seen = append(p.seen, seenChange{id: access.TicketID(id), updated: p.at.Add(time.Duration(offset) * time.Millisecond)})
	}
	return p, nil
}
