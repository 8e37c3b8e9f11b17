package jiratest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Faults are the ways in which the fake misbehaves; the zero value is none. A number of times counts down as it is
// used up. It is JSON at PUT /_sim/faults, where unknown keys are refused.
type Faults struct {
	// Only limits Down, SlowMS, SlowBodyMS, FailEvery, RateLimit, HTML, Redirect, Truncate and Cut to these operations;
	// empty is all.
	Only []Operation `json:"only,omitempty"`
	// Down closes every connection without an answer, or answers DownStatus where that is not 0; nothing is committed.
	Down       bool `json:"down,omitempty"`
	DownStatus int  `json:"down_status,omitempty"`
	// SlowMS commits, then waits so many milliseconds before it answers; SlowBodyMS sends the headers at once, and the
	// body in pieces over that time.
	SlowMS     int `json:"slow_ms,omitempty"`
	SlowBodyMS int `json:"slow_body_ms,omitempty"`
	// DropAfterCommit does what was asked, so many times, and closes the connection without an answer.
	DropAfterCommit map[Operation]int `json:"drop_after_commit,omitempty"`
	// FailEvery answers every N-th call with FailStatus (503 when 0) and commits nothing, unless FailCommitted.
	FailEvery     int  `json:"fail_every,omitempty"`
	FailStatus    int  `json:"fail_status,omitempty"`
	FailCommitted bool `json:"fail_committed,omitempty"`
	// FailRetryAfter is the Retry-After of those answers and of DownStatus, "" for none.
	FailRetryAfter string `json:"fail_retry_after,omitempty"`
	// RateLimit answers 429.
	RateLimit *RateLimit `json:"rate_limit,omitempty"`
	// Rules spoil calls in any mixture; the first rule whose turn it is decides. They come after the faults above.
	Rules []Rule `json:"rules,omitempty"`
	// Limits are counted out as the vendor counts them; nil counts nothing.
	Limits *Limits `json:"limits,omitempty"`
	// HTML answers so many calls with status 200 and a page of HTML, Redirect with 302 to such a page; nothing is
	// committed.
	HTML     int `json:"html,omitempty"`
	Redirect int `json:"redirect,omitempty"`
	// Truncate commits, so many times, and answers with the first half of the JSON; Cut announces the whole length and
	// closes the connection after half of it.
	Truncate int `json:"truncate,omitempty"`
	Cut      int `json:"cut,omitempty"`
	// IndexLagSeconds is how long the search does not see a change; IssueLagSeconds says so for single issues, by id or
	// key.
	IndexLagSeconds float64            `json:"index_lag_seconds,omitempty"`
	IssueLagSeconds map[string]float64 `json:"issue_lag_seconds,omitempty"`
	// ClockSkewSeconds is how far the site's own clock is ahead: in Date, in all its times and in JQL.
	ClockSkewSeconds float64 `json:"clock_skew_seconds,omitempty"`
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
	// ExpireTokens treats all tokens as expired.
	ExpireTokens bool `json:"expire_tokens,omitempty"`
	// BasicOff switches basic authentication off (Data Center).
	BasicOff bool `json:"basic_off,omitempty"`
	// Captcha refuses every basic authentication until a human has solved a puzzle; CaptchaAfter does so for one account,
	// after so many wrong passwords in a row (Data Center), until the faults are set again.
	Captcha      bool `json:"captcha,omitempty"`
	CaptchaAfter int  `json:"captcha_after,omitempty"`
	// HiddenProjects (by key) and HiddenIssues (by id or key) cannot be seen in the API any more; ReadOnlyProjects can be
	// read, and no longer be changed.
	HiddenProjects   []string `json:"hidden_projects,omitempty"`
	HiddenIssues     []string `json:"hidden_issues,omitempty"`
	ReadOnlyProjects []string `json:"read_only_projects,omitempty"`
	// InactiveAccounts are switched off, by id or e-mail address.
	InactiveAccounts []string `json:"inactive_accounts,omitempty"`
	// ReporterRefused: the caller may not set a reporter.
	ReporterRefused bool `json:"reporter_refused,omitempty"`
	// RequiredFields are demanded, beside those of the project, when an issue is created or closed.
	RequiredFields []string `json:"required_fields,omitempty"`
	// TwoStepClose puts a status before each closed one; NoResolutionScreen takes the resolution from all screens.
	TwoStepClose       bool `json:"two_step_close,omitempty"`
	NoResolutionScreen bool `json:"no_resolution_screen,omitempty"`
	// TransitionConflicts answers so many transitions with 409; nothing is committed.
	TransitionConflicts int `json:"transition_conflicts,omitempty"`
	// HideEmails leaves emailAddress out of every answer.
	HideEmails bool `json:"hide_emails,omitempty"`
	// HideCommentProperties keeps comments from showing their properties, which no document promises.
	HideCommentProperties bool `json:"hide_comment_properties,omitempty"`
	// LoseWebhooks loses so many events, all when negative; DoubleWebhooks delivers each twice with one identifier;
	// ReorderWebhooks delivers each second event before the first; ForgeWebhooks signs with a wrong secret;
	// DelayWebhooksMS delivers so many milliseconds later.
	LoseWebhooks    int  `json:"lose_webhooks,omitempty"`
	DoubleWebhooks  bool `json:"double_webhooks,omitempty"`
	ReorderWebhooks bool `json:"reorder_webhooks,omitempty"`
	ForgeWebhooks   bool `json:"forge_webhooks,omitempty"`
	DelayWebhooksMS int  `json:"delay_webhooks_ms,omitempty"`
}

// SetFaults replaces all faults; counters begin again, and so do log-ins that were closed. A shorter index lag applies to
// earlier changes as well; a longer one does not.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f.clone()
	s.callsSinceFaults, s.rules = 0, make([]ruleCount, len(f.Rules))
	s.failedLogins = map[string]int{}
	s.limits = newLimiter()
	s.skew.Store(int64(seconds(f.ClockSkewSeconds)))
	s.projects = f.projects(s.cfg.Projects)
	s.releaseHeld()
	s.shortenLag()
}

// Faults is what is switched on now, with the counters as far as they have counted down.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.clone()
}

func (f Faults) clone() Faults {
	f.Only = slices.Clone(f.Only)
	drops := make(map[Operation]int, len(f.DropAfterCommit))
	maps.Copy(drops, f.DropAfterCommit)
	f.DropAfterCommit = drops
	f.RateLimit, f.Limits = copyOf(f.RateLimit), copyOf(f.Limits)
	f.Rules = slices.Clone(f.Rules)
	f.IssueLagSeconds = maps.Clone(f.IssueLagSeconds)
	f.HiddenProjects, f.HiddenIssues = slices.Clone(f.HiddenProjects), slices.Clone(f.HiddenIssues)
	f.ReadOnlyProjects, f.InactiveAccounts = slices.Clone(f.ReadOnlyProjects), slices.Clone(f.InactiveAccounts)
	f.RequiredFields = slices.Clone(f.RequiredFields)
	return f
}

func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func (f Faults) concerns(op Operation) bool { return len(f.Only) == 0 || slices.Contains(f.Only, op) }

// takeDrop reports whether this committed operation loses its answer. The caller holds the lock.
func (s *Server) takeDrop(op Operation) bool {
	n := s.faults.DropAfterCommit[op]
	if !take(&n) {
		return false
	}
	s.faults.DropAfterCommit[op] = n
	return true
}

func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

// decodeFaults reads the control endpoint's JSON strictly, so that a typing error is not a fault that never comes.
func decodeFaults(d *json.Decoder) (Faults, error) {
	var f Faults
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, err
	}
	return f, f.check()
}

// ParseFaults reads the JSON that PUT /_sim/faults takes. Unknown keys and rules that cannot be are errors.
func ParseFaults(raw []byte) (Faults, error) {
	return decodeFaults(json.NewDecoder(bytes.NewReader(raw)))
}
