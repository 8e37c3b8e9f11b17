package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"usher/internal/access"
)

// NextVersion returns the version that follows another. It is made from the time, in microseconds since 1970: a run that was
// reset forgets how far it had counted, and what it says must still count as newer than what it said before.
func NextVersion(last int, now time.Time) int { return max(last+1, int(now.UnixMicro())) }

// EventID returns the id of an audit event of a workflow. A key names the event within its type; where there is none, the id
// comes from all that the event says, save its time. So the same fact has the same id whenever it is recorded: again after a
// lost answer, or after a reset of the workflow.
func EventID(workflowID, key string, e access.Event) string {
	id := EventIDPrefix(workflowID, e.Type)
	if key != "" {
		return id + key
	}
	e.ID, e.At = "", time.Time{}
	text, err := json.Marshal(e)
	if err != nil {
		// Strings always marshal; a failure here is a programming error.
		panic(err)
	}
	sum := sha256.Sum256(text)
	const bytes = 8
	return id + hex.EncodeToString(sum[:bytes])
}

// EventIDPrefix returns the id of an event of a type as far as it is known before its key.
func EventIDPrefix(workflowID string, t access.EventType) string {
	return workflowID + "#" + string(t) + "/"
}

// EvidenceText returns a verification in one line; "" for nil.
func EvidenceText(p *access.Verification) string {
	if p == nil {
		return ""
	}
	return Sentence(p.Method, p.Evidence)
}

// The bounds of a search attribute: the server terminates a run whose value is longer than 2,048 bytes as it is stored, and
// a visibility store in SQL keeps 255 characters of a keyword. A keyword needs its quotes and a comma besides.
const (
	maxKeyword     = 255
	maxKeywordList = 1900
)

// CappedKeywords returns the keywords for a search attribute: each once, those that are too long left out, and only so many
// that the server takes the list. The list is for finding runs; the ledger knows all of it.
func CappedKeywords(all []string) []string {
	seen := map[string]bool{}
	kept, size := []string{}, 0
	for _, word := range all {
		quoted, err := json.Marshal(word)
		if err != nil || seen[word] || len(word) > maxKeyword || size+len(quoted)+1 > maxKeywordList {
			continue
		}
		seen[word] = true
		size += len(quoted) + 1
		kept = append(kept, word)
	}
	return kept
}
