package access_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestDuration_same_everywhere(t *testing.T) {
	rows := []struct {
		text string
		want time.Duration
		back string
	}{
		{"45s", 45 * time.Second, "45s"},
		{"90s", 90 * time.Second, "1m30s"},
		{"8h", 8 * time.Hour, "8h"},
		{"2h30m", 150 * time.Minute, "2h30m"},
		{"24h", 24 * time.Hour, "1d"},
		{"30d", 30 * 24 * time.Hour, "30d"},
		{"1d12h", 36 * time.Hour, "1d12h"},
		{"0s", 0, "0s"},
		{"250ms", 250 * time.Millisecond, "250ms"},
		{"1700000h", 1700000 * time.Hour, "70833d8h"},
		{"2562047h47m16s", 2562047*time.Hour + 47*time.Minute + 16*time.Second, "106751d23h47m16s"},
	}
	for _, row := range rows {
		t.Run(row.text, func(t *testing.T) {
			d, err := access.ParseDuration(row.text)
			require.NoError(t, err)
			require.Equal(t, row.want, d.Std())
			require.Equal(t, row.back, d.String())
			text, err := json.Marshal(d)
			require.NoError(t, err)
			var again access.Duration
			require.NoError(t, json.Unmarshal(text, &again))
			require.Equal(t, d, again)
		})
	}
}

func TestDuration_bad(t *testing.T) {
	for _, text := range []string{"", "7", "-1h", "d", "1.5d", "2w", "1d-2h", "99999999d", "106752d", "106751d23h48m", "18446744073709551615d"} {
		t.Run(text, func(t *testing.T) {
			_, err := access.ParseDuration(text)
			require.ErrorContains(t, err, `expected a duration such as "45s"`)
		})
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("1d12h")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := access.ParseDuration(text)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, d, access.Duration(0))
		again, err := access.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}

func TestKindOf(t *testing.T) {
	inner := access.Errorf(access.RateLimited, "read", "slow down")
	inner.RetryAfter = 3 * time.Second
	wrapped := fmt.Errorf("outside: %w", inner)
	require.Equal(t, access.RateLimited, access.KindOf(wrapped))
	require.Equal(t, 3*time.Second, access.RetryAfterOf(wrapped))
	require.Equal(t, access.Transient, access.KindOf(errors.New("nobody classified it")))
	require.Empty(t, access.KindOf(nil))
	require.False(t, access.IsKind(nil, ""), "no error has no kind")
	require.Zero(t, access.RetryAfterOf(nil))
	cause := errors.New("cause")
	require.ErrorIs(t, access.Errorf(access.Invalid, "op", "wrap: %w", cause), cause)
}

func TestDigest(t *testing.T) {
	base := access.Request{
		ID: "r1", Requester: "ana", Subject: "ana", Reason: "why",
		Items: []access.Item{{ID: "1", Entitlement: "wiki/editor"}}, SubmittedAt: time.Unix(1, 0), Evidence: "p",
	}
	same := base
	same.ID, same.SubmittedAt, same.Evidence = "r2", time.Unix(2, 0), "q"
	require.Equal(t, base.Digest(), same.Digest())
	for name, change := range map[string]func(*access.Request){
		"requester": func(r *access.Request) { r.Requester = "ben" },
		"subject":   func(r *access.Request) { r.Subject = "ben" },
		"service":   func(r *access.Request) { r.Service = "portal" },
		"reason":    func(r *access.Request) { r.Reason = "because" },
		"items":     func(r *access.Request) { r.Items = []access.Item{{ID: "1", Entitlement: "wiki/editor", Duration: 1}} },
	} {
		other := base
		change(&other)
		require.NotEqual(t, base.Digest(), other.Digest(), name)
	}
}

func TestTicketActions_defaults(t *testing.T) {
	for event, meanings := range access.AllowedTicketActions() {
		require.NotEmpty(t, meanings, event)
		require.Equal(t, meanings[0], access.TicketActions(nil).Action(event))
		require.Equal(t, access.ActionRecordOnly, access.TicketActions{event: access.ActionRecordOnly}.Action(event))
	}
}

func TestRequestState_ended(t *testing.T) {
	for _, s := range []access.RequestState{
		access.OutcomeGranted, access.OutcomePartlyGranted, access.OutcomeDenied,
		access.OutcomeWithdrawn, access.OutcomeExpired, access.OutcomeCancelled, access.OutcomeRefused,
	} {
		require.True(t, s.Ended(), s)
		require.Equal(t, s == access.OutcomeGranted || s == access.OutcomePartlyGranted, s.KeepsAccess(), s)
	}
	for _, s := range []access.RequestState{access.StateEvaluating, access.StateAwaitingApproval, access.StateFulfilling, access.StateRevoking, ""} {
		require.False(t, s.Ended(), s)
	}
}

func TestRequestIDs(t *testing.T) {
	for _, good := range []string{"r", "R-1_2.3", "0192f0c1-aaaa-7bbb-8ccc-0123456789ab"} {
		require.True(t, access.ValidRequestID(good), good)
	}
	for _, bad := range []string{"", ".", "..", "a b", "a/b", "ä", string(make([]byte, 65))} {
		require.False(t, access.ValidRequestID(bad), bad)
	}
}

func TestURL_of_a_request(t *testing.T) {
	require.Equal(t, "https://x/r1?y", access.RequestSettings{RequestURL: "https://x/{id}?y"}.URL("r1"))
	require.Equal(t, "https://x", access.RequestSettings{RequestURL: "https://x"}.URL("r1"))
	require.Empty(t, access.RequestSettings{}.URL("r1"))
}
