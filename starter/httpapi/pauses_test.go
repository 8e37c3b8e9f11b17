package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
)

const repair = `{"what":"grants","target":"wiki","reason":"repair"}`

var pausedAt = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

func pauseOf(what access.PausedWork, target access.TargetName) access.Pause {
	return access.Pause{
		ID: access.PauseID(string(what) + "-" + string(target)), What: what, Target: target, Paused: true, By: "adam", Evidence: "a token", Reason: "repair", At: pausedAt,
	}
}

// TestPause_roles is the table of who may pause, and see what is paused.
func TestPause_roles(t *testing.T) {
	for person, row := range map[string]struct{ pause, list int }{
		"adam": {201, 200}, "hal": {403, 200}, "audra": {403, 200}, "ana": {403, 403}, "": {401, 401},
	} {
		t.Run("as "+person, func(t *testing.T) {
			w := newWorld(t)
			w.gateway.pauseOf.Created = true
			for path, body := range map[string]string{"/v1/pauses": repair, "/v1/pauses/resume": `{"what":"revokes"}`} {
				w.gateway.paused = nil
				got := w.call(person, "POST", path, body)
				require.Equal(t, row.pause, got.status, got.body)
				if row.pause != 201 {
					require.Empty(t, w.gateway.paused)
					continue
				}
				p := w.gateway.paused[0]
				require.Equal(t, path == "/v1/pauses", p.Paused)
				require.Equal(t, access.PersonID(person), p.By)
				require.Equal(t, "development header", p.Evidence)
				require.Empty(t, p.Problem(), "the ledger takes it")
			}
			require.Equal(t, row.list, w.call(person, "GET", "/v1/pauses", "").status)
		})
	}
}

func TestPause_refused(t *testing.T) {
	for name, row := range map[string]struct {
		path, body string
		err        error
		status     int
		text       string
	}{
		"without a reason":           {"/v1/pauses", `{"what":"grants","reason":""}`, nil, 422, "body.reason"},
		"no reason at all":           {"/v1/pauses", `{"what":"grants"}`, nil, 422, "reason"},
		"blanks for a reason":        {"/v1/pauses", `{"what":"grants","reason":" \n "}`, nil, 422, "not blanks alone"},
		"blanks for a resume":        {"/v1/pauses/resume", `{"what":"grants","reason":" "}`, nil, 422, "not blanks alone"},
		"a reason that is too long":  {"/v1/pauses", `{"what":"grants","reason":"` + strings.Repeat("x", 2001) + `"}`, nil, 422, "body.reason"},
		"of what nobody knows":       {"/v1/pauses", `{"what":"tickets","reason":"x"}`, nil, 422, "body.what"},
		"of nothing":                 {"/v1/pauses/resume", `{}`, nil, 422, "what"},
		"a target that is too long":  {"/v1/pauses/resume", `{"what":"grants","target":"` + strings.Repeat("x", 257) + `"}`, nil, 422, "body.target"},
		"a field that nobody knows":  {"/v1/pauses", `{"what":"grants","reason":"x","until":"noon"}`, nil, 400, "/until"},
		"a target that is not there": {"/v1/pauses", repair, &gateway.RefusedError{Op: "pause", Kind: access.Invalid, Message: `there is no target "wiki"`}, 422, "there is no target"},
		"Temporal is away":           {"/v1/pauses", repair, access.Errorf(access.Transient, "pause", "away"), 503, "unavailable"},
		"an operator has stopped it": {"/v1/pauses/resume", `{"what":"grants"}`, access.Errorf(access.Conflict, "pause", "the change was stopped"), 409, "was stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.gateway.err = row.err
			got := w.call("adam", "POST", row.path, row.body)
			require.Equal(t, row.status, got.status, got.body)
			require.Contains(t, got.body, row.text)
			require.Equal(t, row.err == nil, len(w.gateway.paused) == 0)
		})
	}
}

// A caller's id is the same call, of a pause as of a resume, and is nobody else's; no key is another's id.
func TestPause_ids(t *testing.T) {
	w := newWorld(t)
	id := func(path, body string, header ...string) access.PauseID {
		w.gateway.paused = nil
		got := w.call("adam", "POST", path, body, header...)
		require.Equal(t, http.StatusOK, got.status, got.body)
		return w.gateway.paused[0].ID
	}
	first := id("/v1/pauses", `{"id":"n1","what":"grants","reason":"x"}`)
	require.Equal(t, first, id("/v1/pauses", `{"id":"n1","what":"grants","reason":"x"}`))
	require.Equal(t, first, id("/v1/pauses/resume", `{"id":"n1","what":"grants"}`), "the worker refuses it")
	require.NotEqual(t, first, id("/v1/pauses", `{"what":"grants","reason":"x"}`, "Idempotency-Key", "n1"))
	fresh := id("/v1/pauses", `{"what":"grants","reason":"x"}`)
	require.NotEqual(t, fresh, id("/v1/pauses", `{"what":"grants","reason":"x"}`))
}

func TestPause_answers(t *testing.T) {
	resumed := func(target access.TargetName) access.Pause {
		p := pauseOf(access.PausedGrants, target)
		p.ID, p.Paused = "resumed", false
		return p
	}
	all, wiki := pauseOf(access.PausedGrants, ""), pauseOf(access.PausedGrants, "wiki")
	const still = " are paused by adam since 2026-06-01 09:00:00Z: repair."
	for name, row := range map[string]struct {
		receipt gateway.PauseReceipt
		status  int
		text    string
	}{
		"paused":                        {gateway.PauseReceipt{Pause: wiki, Now: []access.Pause{all, wiki}, Created: true}, 201, "Grants on wiki are paused. A call that is under way may still end."},
		"paused, once more":             {gateway.PauseReceipt{Pause: wiki, Now: []access.Pause{wiki}}, 200, "Grants on wiki are paused. A call that is under way may still end."},
		"revokes of all":                {gateway.PauseReceipt{Pause: pauseOf(access.PausedRevokes, ""), Now: []access.Pause{pauseOf(access.PausedRevokes, "")}, Created: true}, 201, "Revokes on all targets are paused. A call that is under way may still end. Revokes on targets at the edge go on: those workers do not know the ledger."},
		"paused, and resumed since":     {gateway.PauseReceipt{Pause: wiki, Now: []access.Pause{all}}, 200, "It was resumed since."},
		"resumed":                       {gateway.PauseReceipt{Pause: resumed("wiki"), Now: []access.Pause{pauseOf(access.PausedGrants, "crm"), pauseOf(access.PausedRevokes, "")}, Created: true}, 201, "Grants on wiki go on within five minutes."},
		"resumed, and all is paused":    {gateway.PauseReceipt{Pause: resumed("wiki"), Now: []access.Pause{all}, Created: true}, 201, "Grants on wiki go on within five minutes. Still, grants on all targets" + still},
		"all resumed, but not a target": {gateway.PauseReceipt{Pause: resumed(""), Now: []access.Pause{wiki}, Created: true}, 201, "Grants on all targets go on within five minutes. Still, grants on wiki" + still},
		"resumed, and paused since":     {gateway.PauseReceipt{Pause: resumed("wiki"), Now: []access.Pause{wiki}}, 200, "It was paused again since."},
		"pending":                       {gateway.PauseReceipt{Pause: wiki, Pending: true}, 202, "It is taken, but not recorded yet: the worker or the ledger does not answer. It holds once it is recorded."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.gateway.pauseOf = row.receipt
			got := w.call("adam", "POST", "/v1/pauses", repair)
			require.Equal(t, row.status, got.status, got.body)
			answer := decode[httpapi.PauseAnswer](t, got)
			require.Equal(t, row.text, answer.StatusText)
			require.Equal(t, row.status != 202, answer.Recorded)
			require.Equal(t, row.receipt.Pause.ID, answer.ID)
			require.NotContains(t, got.body, "a token")
		})
	}
}

func TestPauses_listed(t *testing.T) {
	w := newWorld(t)
	require.Contains(t, w.call("adam", "GET", "/v1/pauses", "").body, `"pauses":[]`)
	for _, p := range []access.Pause{pauseOf(access.PausedRevokes, "wiki"), pauseOf(access.PausedGrants, "")} {
		_, err := w.store.SavePause(t.Context(), p)
		require.NoError(t, err)
	}
	got := w.call("hal", "GET", "/v1/pauses", "")
	require.NotContains(t, got.body, "a token")
	listed := decode[struct{ Pauses []httpapi.PauseDetail }](t, got).Pauses
	require.Len(t, listed, 2)
	require.Equal(t, httpapi.PauseDetail{ID: "revokes-wiki", What: access.PausedRevokes, Target: "wiki", Paused: true, By: "adam", Reason: "repair", At: pausedAt}, listed[1])
	away := newWorld(t, ledgerAway)
	require.Equal(t, http.StatusServiceUnavailable, away.call("hal", "GET", "/v1/pauses", "").status)
	require.Equal(t, http.StatusOK, away.call("adam", "POST", "/v1/pauses", repair).status, "the ledger's record is the worker's")
}

// What is taken back while revokes are paused waits, and the answer says so before the lease has asked.
func TestRevoke_while_paused(t *testing.T) {
	w := newWorld(t)
	held := w.holds(access.LeaseActive)
	held.Lease.Binding, held.Version = &access.Binding{Target: "wiki", Role: "editors"}, 4
	require.NoError(t, w.store.Record(t.Context(), access.Entry{Lease: &held}))
	w.gateway.receipt = gateway.RevocationReceipt{Created: true, Revocation: access.Revocation{ID: "rev-1", Subject: "sub", Leases: []access.LeaseID{"r1:1"}}}
	problem := func() string {
		return decode[httpapi.RevocationDetail](t, w.call("hal", "POST", leasePath, stolen)).Leases[0].Problem
	}
	require.Empty(t, problem())
	_, err := w.store.SavePause(t.Context(), pauseOf(access.PausedRevokes, ""))
	require.NoError(t, err)
	require.Equal(t, "revokes on all targets are paused by adam since 2026-06-01 09:00:00Z: repair", problem())
	held.State, held.Version = access.LeaseEnded, 5
	require.NoError(t, w.store.Record(t.Context(), access.Entry{Lease: &held}))
	require.Empty(t, problem(), "what has ended does not wait")
}
