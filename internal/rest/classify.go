package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
)

// Mode is what may be concluded when a call fails.
type Mode string

// The modes.
const (
	// Read changes nothing.
	Read Mode = "read"
	// Write changes something, and repeating it is harmless.
	Write Mode = "write"
	// Create changes something and must not be repeated blindly: whenever the other side may have acted and did not
	// say so clearly, the error is access.Unknown.
	Create Mode = "create"
)

// unclear is the kind of a failure after which nobody knows whether the other side acted.
func (m Mode) unclear() access.Kind {
	if m == Create {
		return access.Unknown
	}
	return access.Transient
}

// MaxRetryAfter caps how long the other side can make us wait by its Retry-After header: a vendor's hourly quota is the
// longest wait that makes sense, and a wrong clock must not stop a desk for a year.
const MaxRetryAfter = time.Hour

// Classify returns the kind of an answer: "" for 2xx, one of access's kinds for everything else, including statuses that
// HTTP does not know. It looks at no body. RateLimited: 429, and 503 with a Retry-After for what may be repeated. A
// redirect is Forbidden: nothing here follows one, and what sends one is a login page or a wrong base URL.
func Classify(mode Mode, status int, header http.Header) access.Kind {
	switch {
	case status >= 200 && status <= 299:
		return ""
	case status == http.StatusSeeOther && mode == Create:
		// 303 answers a create that worked and names another place to look at.
		return access.Unknown
	case status >= 300 && status <= 399:
		return access.Forbidden
	case status >= 400 && status <= 499:
		return classifyRefusal(mode, status)
	case status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported:
		return access.Invalid
	case status == http.StatusServiceUnavailable && mode != Create && header.Get("Retry-After") != "":
		return access.RateLimited
	default:
		return mode.unclear()
	}
}

// classifyRefusal is Classify for 4xx.
func classifyRefusal(mode Mode, status int) access.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden,
		http.StatusProxyAuthRequired, http.StatusUnavailableForLegalReasons:
		return access.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return access.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusLocked:
		return access.Conflict
	case http.StatusTooManyRequests:
		return access.RateLimited
	case http.StatusTooEarly, http.StatusMisdirectedRequest:
		return access.Transient
	case http.StatusRequestTimeout, statusClientClosed:
		// A gateway gave up in the middle; what is behind it may have acted.
		return mode.unclear()
	default:
		return access.Invalid
	}
}

// statusClientClosed is what nginx and its kin answer when the connection ends before the answer is there.
const statusClientClosed = 499

// RetryAfter reads how long the header asks us to wait: seconds, or an HTTP date compared with now. 0 when it does not
// say, or says something unreadable or past; never more than MaxRetryAfter.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0
	}
	wait := time.Duration(0)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if seconds >= MaxRetryAfter.Seconds() {
			return MaxRetryAfter
		}
		wait = time.Duration(seconds * float64(time.Second))
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	// NaN compares false with everything; it becomes no wait at all.
	if wait > 0 {
		return min(wait, MaxRetryAfter)
	}
	return 0
}
