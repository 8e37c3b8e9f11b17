package scim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// ownFor is for how long a member whom this Target removed is not counted as lost: longer than any call lasts.
	ownFor = 10 * time.Minute
	// shownLost is how many lost members an evidence names.
	shownLost = 20
)

// lost returns the members whom the list showed before a change of somebody else's membership, and does not show after it. nil also
// where that cannot be known: where no list was read after the change, or one that may be cut.
//
// usher changes one membership and writes no list, so whoever else is missing was removed by the directory's fault (one that takes
// an operation for a new list) or by others in between, who may do so. Nobody can tell the two apart by reading, so a loss is
// reported, and is no reason to fail or to undo anything: the change that was asked for is there. What would be reported in
// vain most often is left out: members whom this Target removed itself, who have ended for another person meanwhile, and those whom a
// second read shows, for a directory may answer from a copy that lags. Other workers' removals cannot be seen here. Of a list that was cut
// before the change, those who were shown are compared.
func (t *Target) lost(ctx context.Context, op string, before, now membership) []string {
	missing := t.missing(before, now)
	if len(missing) == 0 {
		return nil
	}
	again, err := t.client.readMembership(ctx, op, now)
	if err != nil || !again.listed {
		// The first read stands.
		return missing
	}
	return slices.DeleteFunc(missing, func(id string) bool { return slices.Contains(again.others, id) })
}

func (t *Target) missing(before, now membership) []string {
	if !now.listed {
		return nil
	}
	shown := make(map[string]bool, len(now.others))
	for _, id := range now.others {
		shown[id] = true
	}
	var missing []string
	for _, id := range before.others {
		if !shown[id] && !t.removed.has(before.group, id) {
			missing = append(missing, id)
		}
	}
	return missing
}

// withLost adds to the evidence who is not listed any more.
func (m membership) withLost(lost []string) membership {
	if m.othersLost = len(lost); m.othersLost > 0 {
		m.evidence += fmt.Sprintf("; %d other members who were listed before the change are not listed after it: %s",
			len(lost), strings.Join(lost[:min(len(lost), shownLost)], ", "))
		if len(lost) > shownLost {
			m.evidence += ", ..."
		}
	}
	return m
}

// removals remembers for ownFor whom a Target removed from which group. Its zero value knows none. Safe for concurrent use.
type removals struct {
	mu sync.Mutex
	at map[[2]string]time.Time
}

func (r *removals) add(group, account string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for known, at := range r.at {
		if now.Sub(at) > ownFor {
			delete(r.at, known)
		}
	}
	if r.at == nil {
		r.at = map[[2]string]time.Time{}
	}
	r.at[[2]string{group, account}] = now
}

func (r *removals) has(group, account string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known := r.at[[2]string{group, account}]
	return known && time.Since(at) <= ownFor
}
