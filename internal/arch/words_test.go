package arch_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// retired is every word that docs/architecture.md's glossary has replaced, and the word to use. Only words that mean nothing
// else are here: identifiers, keys and texts.
var retired = map[string]string{
	"AnswerCall": "LeaseStatusMessage", "DecideBy": "ApprovalDeadline", "DecideWithin": "ApprovalTimeout", "DeskSettles": "SearchIndexDelay",
	"EnsureCall": "ApplyLeaseMessage", "EventGrantAsked": "EventGrantRequested", "EventLeaseStuck": "EventRevocationFailing",
	"EventTicketSeen": "EventTicketChanged", "JudgeCall": "NotifyChangesInput", "LeaseAnswer": "LeaseStatus", "LeaseHeld": "LeaseActive",
	"LookAtMost": "PollMaxInterval", "LookAtTicket": "ReadTicket", "LookFirst": "PollInitialInterval", "MeansFulfilled": "ActionConfirmGrant",
	"MoveTicket": "TransitionTicket", "MovedBy": "StatusChangedBy", "OpenCall": "OpenTicketInput", "RecordCall": "RecordInput",
	"RemindAfter": "ReminderInterval", "SafetyLook": "StalenessCheckInterval", "ShownRequest": "RequestDetail",
	"SignalEnsure": "SignalApplyLease", "SignalLeaseState": "SignalLeaseStatus", "StateAwaitingApprove": "StateAwaitingApproval",
	"StateClosing": "StateRevoking", "SubmitCall": "SubmitInput", "TicketContract": "TicketActions", "TicketMark": "TicketFingerprint",
	"TicketMode": "ChangeDetection", "TicketNews": "TicketChange", "TicketUpdate": "UpdateTicketInput", "WatchTerms": "WatchSettings",
	"WatchView": "WatchPosition", "WithdrawCall": "WithdrawInput",
	"answer_within": "call_timeout", "assigned_own": "assigned_by_usher", "decide_by": "approval_deadline", "decide_within": "approval_timeout",
	"desk_settles": "search_index_delay", "doctor_within": "doctor_timeout", "grant_asked": "grant_requested", "lease_state": "lease_status",
	"lease_stuck": "revocation_failing", "look_at_most": "poll_max_interval", "look_first": "poll_initial_interval", "looked_at": "last_poll_at",
	"moved_by": "status_changed_by", "remind_after": "reminder_interval", "safety_look": "staleness_check_interval", "swept_at": "last_scan_at",
	"ticket_marks": "ticket_fingerprints", "ticket_seen": "ticket_changed", "try_ticket": "test_ticket", "try-ticket": "test-ticket",
	"usher_connector_token_wait_seconds": "usher_connector_rate_wait_seconds", "usher_metrics_refused_total": "usher_metrics_dropped_total",
	"USHER_TERMS":        "USHER_REQUEST_SETTINGS",
	"came too late: the": "has already ended:", "made a mistake; the log": "Internal error", "is as good as away": "counts as unavailable",
	"what became of it": "track", "whoever works the ticket": "the ticket's assignee", "presence sweep": "full scan",
}

// docForm is a doc comment that is not in Go's form: "returns", "reports whether", "is".
var docForm = regexp.MustCompile(`(?m)^\s*// \w+ (gives|tells|says)\b.*$`)

// sentence is a test's name that is a sentence: a name is the subject, and after a line the case.
var sentence = regexp.MustCompile(`(?m)^func (Test(An?|The|What|Who|Whoever|That|Every|Nobody)[A-Z]\w*)\(`)

// elsewhere are files that quote old words for a reason: decisions as they were made, recorded runs, and this list.
var elsewhere = regexp.MustCompile(`^(docs/adr/|workflows/testdata/histories/|internal/arch/words_test\.go$)`)

func TestRetiredWords(t *testing.T) {
	var words []string
	for word := range retired {
		words = append(words, regexp.QuoteMeta(word))
	}
	used := regexp.MustCompile(`(?:^|[^A-Za-z0-9_])(` + strings.Join(words, "|") + `)(?:[^A-Za-z0-9]|$)`)
	files := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if (strings.HasPrefix(entry.Name(), ".") && name != ".") || entry.Name() == "node_modules" || name == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".md", ".yaml", ".yml", ".json", ".sql", ".sh", ".patch", ".html":
		default:
			return nil
		}
		if elsewhere.MatchString(filepath.ToSlash(name)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, match := range used.FindAllStringSubmatch(string(text), -1) {
			t.Errorf("%s: found %q, expected %q", name, match[1], retired[match[1]])
		}
		if filepath.Ext(name) == ".go" {
			for _, line := range docForm.FindAllString(string(text), -1) {
				t.Errorf("%s: %q, expected a doc comment with returns, reports whether, or is", name, strings.TrimSpace(line))
			}
			for _, match := range sentence.FindAllStringSubmatch(string(text), -1) {
				t.Errorf("%s: %s, expected TestSubject or TestSubject_case", name, match[1])
			}
		}
		return nil
	}))
	require.Greater(t, files, 500, "files that were read")
}
