package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
)

// byBoss is the decision that somebody else was too late for.
func byBoss() access.Decision {
	return access.Decision{
		ID: "boss:d1", By: "boss", Name: "Boss", Verdict: access.Deny, Reason: "not now", Channel: access.ChannelAPI,
		Items: []access.ItemID{"1"}, At: time.Date(2026, 6, 1, 9, 30, 0, 0, time.UTC),
	}
}

// decided is a request that boss, or owner, could decide: boss has.
func decided(v *access.RequestView) {
	v.State, v.WaitingOn, v.Approvers = access.StateFulfilling, nil, []access.PersonID{"boss", "owner"}
	v.Decisions = []access.Decision{byBoss(), {ID: "x:1", By: "x", Verdict: access.Approve, Items: []access.ItemID{"2"}}}
}

func over(v *access.RequestView) {
	decided(v)
	at := v.Since.Add(time.Hour)
	v.State, v.EndedAt = access.OutcomeDenied, &at
}

func settledAlready() error {
	return &gateway.RefusedError{
		Op: "decide", Kind: access.Conflict, Message: "every item is decided already",
		Refusals: []access.Refusal{{Field: "state", Problem: "every item is decided already"}},
	}
}

func notAnApprover() error {
	return &gateway.RefusedError{
		Op: "decide", Kind: access.Forbidden, Message: "you are not an approver of this request; awaited: Mia (manager)",
		Refusals: []access.Refusal{{Field: "by", Problem: "you are not an approver of this request; awaited: Mia (manager)"}},
	}
}

// TestDecide_too_late has a second approver decide after a peer.
func TestDecide_too_late(t *testing.T) {
	ended := access.Errorf(access.Conflict, "decide", "the request has ended")
	forgotten := access.Errorf(access.NotFound, "decide", "there is no request")
	for name, row := range map[string]struct {
		person  string
		how     func(*access.RequestView)
		err     error
		status  int
		problem string
		detail  string
		told    int
	}{
		"the loser is told who decided":                    {"owner", decided, settledAlready(), 409, "conflict", "every item is decided already", 1},
		"the loser is told when the request has ended":     {"owner", over, ended, 409, "ended", "The request has already ended: denied.", 1},
		"the loser is told when Temporal has forgotten it": {"owner", over, forgotten, 409, "ended", "The request has already ended: denied.", 1},
		"an approver is told why not":                      {"owner", decided, notAnApprover(), 403, "forbidden", "you are not an approver of this request; awaited: Mia (manager)", 0},
		"the requester is told why not":                    {"ana", decided, notAnApprover(), 403, "forbidden", "Only the approvers of a request decide on it.", 0},
		"an auditor is told why not":                       {"audra", decided, notAnApprover(), 403, "forbidden", "Only the approvers of a request decide on it.", 0},
		"a stranger learns nothing":                        {"eve", decided, notAnApprover(), 404, "not-found", "", 0},
		"a stranger learns nothing of what is decided":     {"eve", decided, settledAlready(), 404, "not-found", "", 0},
		"a stranger learns nothing of what has ended":      {"eve", over, ended, 404, "not-found", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			view := w.recorded("r1", row.how)
			w.gateway.err, w.gateway.view, w.gateway.viewErr = row.err, view, nil
			got := w.call(row.person, "POST", "/v1/requests/r1/decisions", `{"verdict":"approve","items":["1"]}`)
			require.Equal(t, row.status, got.status, got.body)
			require.Equal(t, row.problem, strings.TrimPrefix(got.problem.Type, "urn:usher:problem:"))
			if row.detail == "" {
				never := newWorld(t)
				never.gateway.err = forgotten
				unknown := never.call(row.person, "POST", "/v1/requests/r1/decisions", `{"verdict":"approve"}`)
				unknown.problem.HTTPRequestID, got.problem.HTTPRequestID = "", ""
				unknown.problem.Instance, got.problem.Instance = "", ""
				require.Equal(t, unknown.problem, got.problem, "it is as if there were no such request")
			} else {
				require.Equal(t, row.detail, got.problem.Detail)
			}
			require.Len(t, got.problem.Decisions, row.told)
			if row.told > 0 {
				require.Equal(t, byBoss(), got.problem.Decisions[0])
			}
			require.Equal(t, http.StatusOK, w.call("owner", "GET", "/v1/requests/r1", "").status, "an approver keeps sight of it")
		})
	}
}

// TestDecide_loser_of_a_race: the ledger is behind, and the workflow that judged knows who was faster.
func TestDecide_loser_of_a_race(t *testing.T) {
	w := newWorld(t)
	now := w.recorded("r1")
	decided(&now)
	w.gateway.err, w.gateway.view, w.gateway.viewErr = settledAlready(), now, nil
	got := w.call("owner", "POST", "/v1/requests/r1/decisions", `{"verdict":"approve"}`)
	require.Equal(t, http.StatusConflict, got.status, got.body)
	require.Len(t, got.problem.Decisions, 2, "no item was named, so all of them count")
}

// TestDecide_before_policy: nobody knows yet who decides, so that it is nobody's to read but of those who take part. They are asked to try again.
func TestDecide_before_policy(t *testing.T) {
	evaluating := func(v *access.RequestView) { v.State, v.WaitingOn = access.StateEvaluating, nil }
	refused := &gateway.RefusedError{
		Op: "decide", Kind: access.Conflict, Message: "policy has not answered yet; try again in a moment",
		Refusals: []access.Refusal{{Field: "state", Problem: "policy has not answered yet; try again in a moment"}},
	}
	for name, row := range map[string]struct {
		recorded     bool
		method, path string
	}{
		"deciding":                       {true, "POST", "/decisions"},
		"reading":                        {true, "GET", ""},
		"reading the audit trail":        {true, "GET", "/audit"},
		"deciding before the ledger has": {false, "POST", "/decisions"},
		"reading before the ledger has":  {false, "GET", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			view := access.RequestView{Request: access.Request{ID: "r1", Requester: "ana", Subject: "sub"}, State: access.StateEvaluating}
			if row.recorded {
				view = w.recorded("r1", evaluating)
			}
			w.gateway.err, w.gateway.view, w.gateway.viewErr = refused, view, nil
			body := map[string]string{"POST": `{"verdict":"approve"}`}[row.method]
			got := w.call("boss", row.method, "/v1/requests/r1"+row.path, body)
			require.Equal(t, http.StatusNotFound, got.status, got.body)
			require.Empty(t, w.gateway.decided)
			got = w.call("ana", row.method, "/v1/requests/r1"+row.path, body)
			if row.method == "GET" {
				require.Equal(t, http.StatusOK, got.status, "the requester reads it")
				return
			}
			require.Equal(t, http.StatusConflict, got.status, got.body)
			require.Equal(t, "policy has not answered yet; try again", got.problem.Detail)
			require.NotEmpty(t, got.header.Get("Retry-After"))
		})
	}
	t.Run("a request that never was", func(t *testing.T) {
		w := newWorld(t)
		w.gateway.err = access.Errorf(access.NotFound, "decide", "there is no request")
		require.Equal(t, http.StatusNotFound, w.call("boss", "POST", "/v1/requests/none/decisions", `{"verdict":"approve"}`).status)
		require.Equal(t, http.StatusNotFound, w.call("boss", "GET", "/v1/requests/none", "").status)
	})
}

// TestWithdraw_not_yours makes no difference between what there is not and what somebody may not touch.
func TestWithdraw_not_yours(t *testing.T) {
	w := newWorld(t)
	w.gateway.view, w.gateway.viewErr = w.recorded("r1"), nil
	w.gateway.err = &gateway.RefusedError{
		Op: "withdraw", Kind: access.Forbidden, Message: "only the requester or the subject may withdraw this request",
		Refusals: []access.Refusal{{Field: "by", Problem: "only the requester or the subject may withdraw this request"}},
	}
	require.Equal(t, http.StatusNotFound, w.call("eve", "POST", "/v1/requests/r1/withdraw", "").status)
	got := w.call("boss", "POST", "/v1/requests/r1/withdraw", "")
	require.Equal(t, http.StatusForbidden, got.status, "who may read it is told why")
	require.Contains(t, got.problem.Detail, "Only the requester or the subject")
}
