package jira

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
)

// feedCursor is how far a walk over changed tickets has come: all changes before at were told, and of those since then the
// ones in told. The zero place is the beginning.
type feedCursor struct {
	at   time.Time
	seen []seenChange
}

// seenChange is one ticket as it was told, by the time of its last change.
type seenChange struct {
	id      string
	updated time.Time
}

// maxIndexLag is how young a change may be for its place in the search to be uncertain: the index lags behind the issues,
// by seconds as a rule, by minutes after mass changes, so an issue can stand where its change before the last one was.
const maxIndexLag = 10 * time.Minute

// mostTold bounds the place's size. Only a mass change of many more tickets within minutes reaches it, and costs no more
// than the certainty of unsettled.
const mostTold = 500

// since is where the search begins.
func (p feedCursor) since(asked time.Time) time.Time {
	if p.at.After(asked) {
		return p.at
	}
	return asked
}

// fresh are the issues that were not told as they are now.
func (p feedCursor) fresh(issues []issue) []issue {
	var out []issue
	for _, i := range issues {
		if !slices.ContainsFunc(p.seen, func(t seenChange) bool { return t.id == i.ID && t.updated.Equal(i.Fields.Updated.Time) }) {
			out = append(out, i)
		}
	}
	return out
}

// after is the place behind a page.
func (p feedCursor) after(page changed, asked time.Time) feedCursor {
	next := feedCursor{at: p.since(asked), seen: slices.Clone(p.seen)}
	for _, i := range page.issues {
		at := i.Fields.Updated.Time
		next.seen = append(next.seen, seenChange{id: i.ID, updated: at})
		if !page.now.IsZero() && at.After(next.at) && at.Before(page.now.Add(-maxIndexLag)) {
			next.at = at
		}
	}
	// Searches have the grain of a second; a coarser one must not tell the same for ever.
	next.at = next.at.Truncate(time.Minute)
	slices.SortStableFunc(next.seen, func(a, b seenChange) int { return a.updated.Compare(b.updated) })
	if surplus := len(next.seen) - mostTold; surplus > 0 && next.seen[surplus].updated.After(next.at) {
		next.at = next.seen[surplus].updated.Truncate(time.Second)
	}
	next.seen = slices.DeleteFunc(next.seen, func(t seenChange) bool { return t.updated.Before(next.at) })
	return next
}

// String is what parsePlace reads: "1767323045000;10001-250,10002-1000", milliseconds since 1970, then the ids with the
// milliseconds from there on.
func (p feedCursor) String() string {
	texts := make([]string, len(p.seen))
	for n, t := range p.seen {
		texts[n] = fmt.Sprintf("%s-%d", t.id, t.updated.Sub(p.at).Milliseconds())
	}
	return strconv.FormatInt(p.at.UnixMilli(), 10) + ";" + strings.Join(texts, ",")
}

var errUnknownPage = errors.New("expected what the page before named")

func parsePlace(page string) (feedCursor, error) {
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
		id, text, _ := strings.Cut(entry, "-")
		offset, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !isNumber(id) {
			return feedCursor{}, errUnknownPage
		}
		p.seen = append(p.seen, seenChange{id: id, updated: p.at.Add(time.Duration(offset) * time.Millisecond)})
	}
	return p, nil
}

// clampLimit is how many tickets a page holds.
func clampLimit(q access.ChangesQuery) int {
	return min(cmp.Or(max(q.Limit, 0), manyTickets), manyTickets)
}
