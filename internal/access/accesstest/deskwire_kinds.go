package accesstest

import (
	"cmp"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// unclear reports whether the other side may have acted before it answered so.
func unclear(status int) bool {
	switch status {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	case http.StatusRequestTimeout, 499: // The call ended between the gateway and the desk.
		return true
	}
	return status >= http.StatusInternalServerError
}

// unclear is the kind of a failure after which nobody knows whether the desk acted.
func (m DeskWireMode) unclear() access.Kind {
	if m == DeskCreate || m == DeskCreated {
		return access.Unknown
	}
	return access.Transient
}

// kindOf is what a status means for the call.
func (w *deskWire) kindOf(t *testing.T, status int) access.Kind {
	t.Helper()
	if w.call.Mode.unclear() == access.Unknown && (w.call.Mode == DeskCreated || unclear(status) || status == http.StatusSeeOther) {
		return access.Unknown
	}
	kind := w.h.Kind(w.call, status, w.usualKind(status))
	require.NotEqual(t, access.Unknown, kind, "no refusal is unknown, and no other call than a create")
	return kind
}

// usualKind is what a status means by HTTP and by the port, where it says for certain whether the call was refused.
func (w *deskWire) usualKind(status int) access.Kind {
	kind := cmp.Or(refusalKinds()[status], access.Invalid)
	switch {
	case status < http.StatusBadRequest:
		return access.Forbidden // Nobody follows a redirect: it leads to a log-in, or the address is wrong.
	case unclear(status):
		return access.Transient
	case kind == access.NotFound && !mayMiss(w.call.Method):
		return access.Invalid // What is missing is the address of the call.
	}
	return kind
}

// mayMiss reports whether the port has a meaning for NotFound of that method. For FindTicket it means that a ticket may be created.
func mayMiss(method string) bool {
	switch method {
	case "ReadTicket", "ReadComments", "AddComments", "TransitionTicket", "AssignTicket", "SetApprovals", "ReadAsked", "BindTicket":
		return true
	}
	return false
}

// refusalKinds are the certain refusals that are not Invalid.
func refusalKinds() map[int]access.Kind {
	return map[int]access.Kind{
		http.StatusUnauthorized: access.Forbidden, http.StatusPaymentRequired: access.Forbidden, http.StatusForbidden: access.Forbidden,
		http.StatusProxyAuthRequired: access.Forbidden, http.StatusUnavailableForLegalReasons: access.Forbidden,
		http.StatusNotFound: access.NotFound, http.StatusGone: access.NotFound,
		http.StatusConflict: access.Conflict, http.StatusPreconditionFailed: access.Conflict, http.StatusLocked: access.Conflict,
		http.StatusMisdirectedRequest: access.Transient, http.StatusTooEarly: access.Transient,
		http.StatusTooManyRequests: access.RateLimited,
	}
}
