package accesstest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// closes ends the connection without an answer.
func closes(rw http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(rw).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// wireLost is a connection that ends: once the desk has read the call, on a connection that was used before and on a new one, and
// before it has read anything. usher cannot tell these apart.
func wireLost(t *testing.T, w *deskWire) {
	_, err := w.spoilt(t, w.desk(5*time.Second), closes)
	w.requireKind(t, err, w.call.Mode.unclear())

	_, d := w.newLonely(t)
	_, err = w.spoilt(t, d, closes)
	w.requireKind(t, err, w.call.Mode.unclear())

	if w.call.Mode == DeskCreated {
		return // There was no create.
	}
	l, d := w.newLonely(t)
	l.dropped.Store(true)
	_, err = w.run(t.Context(), d)
	kinds := []access.Kind{w.call.Mode.unclear()}
	if w.call.Method != "CreateTicket" {
		kinds = append(kinds, access.Transient) // Another call went before, and was lost.
	}
	w.requireKind(t, err, kinds...)
	w.requireNoSecret(t, nil, err)
	require.Empty(t, w.tap.Calls(""))
	w.rows.Add(1)
}

// wireRefused is a desk that takes no connection: nothing was sent, and so not even a create is unknown.
func wireRefused(t *testing.T, w *deskWire) {
	l, d := w.newLonely(t)
	l.close()
	for _, d := range []access.ServiceDesk{d, w.h.New(l.url, 5*time.Second)} {
		got, err := w.run(t.Context(), d)
		w.requireKind(t, err, access.Transient)
		w.requireNoSecret(t, got, err)
		w.rows.Add(1)
	}
}

// hang does not answer as long as somebody waits.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// hangWithin begins an answer and does not end it.
func hangWithin(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(rw, `{"result":[`)
	_ = http.NewResponseController(rw).Flush()
	<-r.Context().Done()
}

// longest is how much later than it should a call may end on a machine that has much to do.
const longest = 20 * time.Second

// short is how long a call may take that is not answered.
const short = 300 * time.Millisecond

// met returns a connector that has asked all that it asks only once.
func (w *deskWire) met(t *testing.T, d access.ServiceDesk) access.ServiceDesk {
	t.Helper()
	_, err := w.spoilt(t, d, w.refuse(http.StatusServiceUnavailable))
	require.Error(t, err)
	return d
}

// wireSlow is a desk that does not answer, and one that never comes to an end.
func wireSlow(t *testing.T, w *deskWire) {
	for name, answer := range map[string]http.HandlerFunc{"no answer": hang, "no end": hangWithin} {
		t.Run(name, func(t *testing.T) {
			d := w.met(t, w.desk(short))
			_, err := w.spoilt(t, d, answer)
			w.requireKind(t, err, w.call.Mode.unclear())
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

// wireContexts is a caller who does not wait any longer, or does not even begin.
func wireContexts(t *testing.T, w *deskWire) {
	ctx, cancel := context.WithCancel(t.Context())
	w.tap.AnswerInstead(w.call.Wire, func(rw http.ResponseWriter, r *http.Request) {
		cancel()
		hang(rw, r)
	})
	begun := time.Now()
	got, err := w.run(ctx, w.desk(time.Minute))
	w.requireKind(t, err, w.call.Mode.unclear())
	w.requireNoSecret(t, got, err)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(begun), longest)

	w.tap.Forget()
	got, err = w.run(ctx, w.desk(time.Minute))
	w.requireKind(t, err, access.Transient)
	w.requireNoSecret(t, got, err)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, w.tap.Calls(""))

	d := w.met(t, w.desk(time.Minute))
	ctx, cancel = context.WithTimeout(t.Context(), short)
	defer cancel()
	w.tap.AnswerInstead(w.call.Wire, hang)
	begun = time.Now()
	got, err = w.run(ctx, d)
	w.requireKind(t, err, w.call.Mode.unclear())
	w.requireNoSecret(t, got, err)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begun), longest)
	w.rows.Add(3)
}

// wireBefore spoils the calls that a fresh connector makes before the one that does the work. The method may do without what they
// say. Where it fails nothing was written, so that is never unknown.
func wireBefore(t *testing.T, fresh func(*testing.T) *deskWire) {
	t.Helper()
	w := fresh(t)
	_, err := w.spoilt(t, w.desk(5*time.Second), w.refuse(http.StatusBadRequest))
	require.Error(t, err)
	var before []string
	for _, one := range w.tap.Calls("") {
		if one.Is(w.call.Wire) {
			break
		}
		before = append(before, one.Method+" "+one.Path)
	}
	slices.Sort(before)
	for _, call := range slices.Compact(before) {
		for name, answer := range map[string]http.HandlerFunc{
			"400": w.refuse(http.StatusBadRequest), "401": w.refuse(http.StatusUnauthorized), "403": w.refuse(http.StatusForbidden),
			"404": w.refuse(http.StatusNotFound), "429": w.refuse(http.StatusTooManyRequests), "500": w.refuse(http.StatusInternalServerError),
			"a page": body("text/html", "<html>log in</html>"), "somebody else": body("application/json", `{"ok":true}`), "closed": closes,
		} {
			t.Run("before it "+call+", "+name, func(t *testing.T) { wireSpoiltBefore(t, fresh(t), call, answer) })
		}
	}
}

func wireSpoiltBefore(t *testing.T, w *deskWire, call string, answer http.HandlerFunc) {
	t.Helper()
	mode := w.call.Mode
	w.call.Wire = call
	_, err := w.spoilt(t, w.desk(5*time.Second), answer)
	if err == nil {
		return
	}
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Op)
	if mode != DeskCreated {
		require.NotEqual(t, access.Unknown, e.Kind, "%v", err)
	}
	if !mayMiss(w.call.Method) {
		require.NotEqual(t, access.NotFound, e.Kind, "%v", err)
	}
}

// wireTooLate is a task whose time for writes is over: nothing is written. What reads is not concerned.
func wireTooLate(t *testing.T, w *deskWire) {
	w.tap.AnswerInstead("", nil)
	w.tap.Forget()
	got, err := w.run(over(t), w.desk(5*time.Second))
	w.rows.Add(1)
	switch w.call.Method {
	case "CreateTicket", "AddComments", "TransitionTicket", "AssignTicket", "SetApprovals", "BindTicket":
		requireNotSent(t, err)
		w.requireNoSecret(t, got, err)
		if w.call.Mode == DeskWrite || w.call.Mode == DeskCreate {
			require.Empty(t, w.tap.Calls(w.call.Wire))
		}
	default:
		if err != nil {
			// Some desks take questions by POST, and such a call is taken for a write.
			requireNotSent(t, err)
			require.False(t, strings.HasPrefix(w.call.Wire, http.MethodGet+" ") && len(w.tap.Calls(w.call.Wire)) == 0, "%v", err)
		}
	}
}
