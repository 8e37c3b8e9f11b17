package jiratest

import (
	"bytes"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// Faults are the ways in which the fake misbehaves: those of every fake, and Jira's own. The zero value is none. A number
// of times counts down as it is used up. It is JSON at PUT /_sim/faults, where unknown keys are refused.
type Faults struct {
	fakewire.Faults
	desktest.HookFaults
	desktest.StoreFaults
	// Limits are counted out as the vendor counts them; nil counts nothing.
	Limits *Limits `json:"limits,omitempty"`
	// RepeatPageToken makes the search answer with the token that it was asked with, for ever; OmitIsLast leaves
	// isLast out; ExpirePageTokens refuses every token.
	RepeatPageToken  bool `json:"repeat_page_token,omitempty"`
	OmitIsLast       bool `json:"omit_is_last,omitempty"`
	ExpirePageTokens bool `json:"expire_page_tokens,omitempty"`
	// BulkIssueErrors makes so many issues of bulk fetches come as errors, as happens when they cannot be read just now.
	BulkIssueErrors int `json:"bulk_issue_errors,omitempty"`
	// ChangelogTextTimes makes the bulk of histories tell times as text, as the vendor's document says; without it they
	// are milliseconds, as recorded from real sites and as in that document's own example.
	ChangelogTextTimes bool `json:"changelog_text_times,omitempty"`
	// Anonymous treats all credentials as wrong: 401 where an account is needed, emptiness everywhere else; at the gateway
	// 401 everywhere.
	Anonymous bool `json:"anonymous,omitempty"`
	// BasicOff switches basic authentication off (Data Center).
	BasicOff bool `json:"basic_off,omitempty"`
	// Captcha refuses every basic authentication until a human has solved a puzzle; CaptchaAfter does so for one account,
	// after so many wrong passwords in a row (Data Center), until the faults are set again.
	Captcha      bool `json:"captcha,omitempty"`
	CaptchaAfter int  `json:"captcha_after,omitempty"`
	// ReporterRefused: the caller may not set a reporter.
	ReporterRefused bool `json:"reporter_refused,omitempty"`
	// IgnoreOwnerWrites answers every write of an assignee or a reporter with success and keeps nothing.
	IgnoreOwnerWrites bool `json:"ignore_owner_writes,omitempty"`
	// TransitionConflicts answers so many transitions with 409; nothing is committed.
	TransitionConflicts int `json:"transition_conflicts,omitempty"`
	// HideEmails leaves emailAddress out of every answer.
	HideEmails bool `json:"hide_emails,omitempty"`
	// HideUsers leaves accounts, by their ids, out of the list of all users. IgnoreUserWrites answers every write to users and groups with
	// success and keeps nothing. ReadOnlyDirectory refuses these writes, as a Data Center does that has its users from elsewhere.
	HideUsers         []string `json:"hide_users,omitempty"`
	IgnoreUserWrites  bool     `json:"ignore_user_writes,omitempty"`
	ReadOnlyDirectory bool     `json:"read_only_directory,omitempty"`
	// HideMembers leaves accounts, by their ids, out of the members of every group, and counts them all the same. HideGroups is what a caller
	// sees who may not browse groups.
	HideMembers []string `json:"hide_members,omitempty"`
	HideGroups  bool     `json:"hide_groups,omitempty"`
	// HideCommentProperties keeps comments from showing their properties, which no document promises.
	HideCommentProperties bool `json:"hide_comment_properties,omitempty"`
}

// SetFaults replaces all faults; counters begin again, and so do log-ins that were closed. A shorter index lag applies to
// earlier changes as well; a longer one does not.
func (s *Server) SetFaults(f Faults) {
	s.SwitchFaults(f.Faults, f.StoreFaults, f.HookFaults, func() {
		if f.Limits != nil {
			limits := *f.Limits
			f.Limits = &limits
		}
		s.faults, s.failedLogins = f, map[string]int{}
		s.limiter, s.quota = fakewire.Limiter{}, quota{}
	})
}

// Faults returns what is switched on now, with the counters as far as they have counted down.
func (s *Server) Faults() (f Faults) {
	_ = s.With(func() error {
		f = s.faults
		f.Faults, f.HookFaults, f.StoreFaults = s.Wire.Faults(), s.Hooks.Faults(), s.store.Faults()
		return nil
	})
	return f
}

func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

// ParseFaults reads the JSON that PUT /_sim/faults takes. Unknown keys and rules that cannot be are errors.
func ParseFaults(raw []byte) (Faults, error) {
	return fakewire.ParseFaults[Faults](bytes.NewReader(raw))
}
