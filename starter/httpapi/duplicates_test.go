package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

func duplicatesAre(d httpapi.Duplicates) func(*httpapi.Config, *httpapi.Deps) {
	return func(c *httpapi.Config, _ *httpapi.Deps) { c.Duplicates = d }
}

// forSub asks for access of sub.
func forSub(entitlements ...string) string {
	items := ""
	for i, e := range entitlements {
		if i > 0 {
			items += ","
		}
		items += fmt.Sprintf(`{"entitlement":"%s"}`, e)
	}
	return `{"subject":"sub","items":[` + items + `],"reason":"again"}`
}

// holdsForever records a lease of sub's on the CRM, of a request of ana's that has ended.
func (w *world) holdsForever(change ...func(*access.LeaseView)) {
	w.t.Helper()
	granted := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	l := access.LeaseView{
		Lease: access.Lease{ID: "held:1", Request: "held", Item: "1", Subject: access.Person{ID: "sub"}, Entitlement: "crm/user"},
		State: access.LeaseActive, DesiredState: access.Present, GrantedAt: &granted, Version: 1,
	}
	for _, one := range change {
		one(&l)
	}
	w.recorded("held", ended, func(v *access.RequestView) {
		v.Ticket.ID = "10009"
		v.Request.Items[0].Entitlement, v.Items[0].Item.Entitlement = "crm/user", "crm/user"
	})
	require.NoError(w.t, w.store.Record(w.t.Context(), access.Entry{Lease: &l}))
}

// revokedAt takes back what sub holds and has asked for up to a time.
func (w *world) revokedAt(at time.Time) {
	w.t.Helper()
	_, err := w.store.SaveRevocation(w.t.Context(), access.Revocation{
		ID: "rev1", Subject: "sub", By: "hal", Role: access.RevokedByHelpDesk, Reason: "stolen laptop", At: at,
	}, nil)
	require.NoError(w.t, err)
}

func TestDuplicates(t *testing.T) {
	for name, row := range map[string]struct {
		mode   httpapi.Duplicates
		person string
		change func(*access.RequestView)
		body   string
		status int
		joined bool
	}{
		"as ever":                                 {"", "ana", nil, forSub("wiki/editor"), 201, false},
		"allowed":                                 {httpapi.AllowDuplicates, "ana", nil, forSub("wiki/editor"), 201, false},
		"joined by the requester":                 {httpapi.JoinDuplicates, "ana", nil, forSub("wiki/editor"), 200, true},
		"joined by the subject":                   {httpapi.JoinDuplicates, "sub", nil, `{"items":[{"entitlement":"wiki/editor"}],"reason":"again"}`, 200, true},
		"joined by who approves it":               {httpapi.JoinDuplicates, "boss", nil, forSub("wiki/editor"), 200, true},
		"not joined by a stranger":                {httpapi.JoinDuplicates, "eve", nil, forSub("wiki/editor"), 201, false},
		"refused":                                 {httpapi.RefuseDuplicates, "ana", nil, forSub("wiki/editor"), 409, false},
		"not refused to a stranger":               {httpapi.RefuseDuplicates, "eve", nil, forSub("wiki/editor"), 201, false},
		"refused to an auditor":                   {httpapi.RefuseDuplicates, "audra", nil, forSub("wiki/editor"), 409, false},
		"for somebody else":                       {httpapi.JoinDuplicates, "ana", nil, `{"items":[{"entitlement":"wiki/editor"}],"reason":"again"}`, 201, false},
		"another entitlement of the application":  {httpapi.JoinDuplicates, "ana", nil, forSub("wiki/reader"), 201, false},
		"one item of two is not asked for":        {httpapi.JoinDuplicates, "ana", nil, forSub("wiki/reader", "wiki/editor"), 409, false},
		"the request has ended":                   {httpapi.JoinDuplicates, "ana", ended, forSub("wiki/editor"), 201, false},
		"its item was denied":                     {httpapi.JoinDuplicates, "ana", func(v *access.RequestView) { v.Items[0].State = access.ItemDenied }, forSub("wiki/editor"), 201, false},
		"it is taken back":                        {httpapi.JoinDuplicates, "ana", func(v *access.RequestView) { v.State = access.StateRevoking }, forSub("wiki/editor"), 201, false},
		"policy has not answered it":              {httpapi.JoinDuplicates, "ana", func(v *access.RequestView) { v.State, v.Items = access.StateEvaluating, nil }, forSub("wiki/editor"), 200, true},
		"it asks for as long as it may be":        {httpapi.JoinDuplicates, "ana", nil, `{"subject":"sub","items":[{"entitlement":"wiki/editor","duration":"90d"}],"reason":"again"}`, 200, true},
		"it asks for less time":                   {httpapi.JoinDuplicates, "ana", func(v *access.RequestView) { v.Request.Items[0].Duration = access.Duration(time.Hour) }, forSub("wiki/editor"), 409, false},
		"it asks for as much time":                {httpapi.JoinDuplicates, "ana", func(v *access.RequestView) { v.Request.Items[0].Duration = access.Duration(time.Hour) }, `{"subject":"sub","items":[{"entitlement":"wiki/editor","duration":"1h"}],"reason":"again"}`, 200, true},
		"what is held without an end is refused":  {httpapi.JoinDuplicates, "sub", nil, forSub("crm/user"), 409, false},
		"what is held is refused to who asked":    {httpapi.RefuseDuplicates, "ana", nil, forSub("crm/user"), 409, false},
		"what is held is refused to the helpdesk": {httpapi.RefuseDuplicates, "hal", nil, forSub("crm/user"), 409, false},
		"what is held is no matter of a stranger": {httpapi.RefuseDuplicates, "eve", nil, forSub("crm/user"), 201, false},
		"one is held and one is asked for":        {httpapi.JoinDuplicates, "ana", nil, forSub("wiki/editor", "crm/user"), 409, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, duplicatesAre(row.mode))
			w.gateway.submission.Created = true
			w.recorded("first", func(v *access.RequestView) {
				if row.change != nil {
					row.change(v)
				}
			})
			w.holdsForever()
			got := w.call(row.person, "POST", "/v1/requests", row.body)
			require.Equal(t, row.status, got.status, got.body)
			require.Equal(t, row.status == http.StatusCreated, len(w.gateway.submitted) == 1, "another request begins, or none")
			switch row.status {
			case http.StatusOK:
				answer := decode[httpapi.SubmittedView](t, got)
				require.Equal(t, row.joined, answer.Joined)
				require.Equal(t, access.RequestID("first"), answer.Request.ID)
				require.Equal(t, "/v1/requests/first", got.header.Get("Location"))
			case http.StatusConflict:
				require.Equal(t, "urn:usher:problem:duplicate", got.problem.Type)
			default:
				require.NotContains(t, got.body+fmt.Sprint(got.header), "first", "whoever may not read it learns nothing of it")
				require.NotContains(t, got.body, "held")
				require.NotContains(t, got.body, "joined")
			}
		})
	}
}

func TestDuplicates_named(t *testing.T) {
	w := newWorld(t, duplicatesAre(httpapi.JoinDuplicates))
	w.recorded("first")
	w.holdsForever()
	got := w.call("ana", "POST", "/v1/requests", forSub("wiki/reader", "crm/user", "wiki/editor"))
	require.Equal(t, http.StatusConflict, got.status, got.body)
	require.Equal(t, []httpapi.ProblemDuplicate{{Entitlement: "crm/user", Lease: "held:1"}, {Entitlement: "wiki/editor", Request: "first"}}, got.problem.Duplicates)
	require.Len(t, got.problem.Errors, 2)
	require.Equal(t, "/items/1/entitlement", got.problem.Errors[0].Pointer)
	require.Contains(t, got.problem.Errors[0].Message, "held:1")
	require.Equal(t, "/items/2/entitlement", got.problem.Errors[1].Pointer)
	require.Contains(t, got.problem.Errors[1].Message, "first")
}

// Of several open requests each caller who joins gets the same one, the oldest, whichever process answers.
func TestDuplicates_the_oldest_is_joined(t *testing.T) {
	w := newWorld(t, duplicatesAre(httpapi.JoinDuplicates))
	for i, id := range []access.RequestID{"second", "oldest", "third"} {
		w.recorded(id, func(v *access.RequestView) {
			v.Ticket.ID = access.TicketID(fmt.Sprint(i))
			if id != "oldest" {
				v.Request.SubmittedAt = v.Request.SubmittedAt.Add(time.Hour)
			}
		})
	}
	for range 3 {
		require.Equal(t, access.RequestID("oldest"), decode[httpapi.SubmittedView](t, w.call("ana", "POST", "/v1/requests", forSub("wiki/editor"))).Request.ID)
	}
}

// A lease that ends, or is not there, is no reason to refuse: who asks wants it for longer, or back.
func TestDuplicates_of_other_leases(t *testing.T) {
	ends := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, change := range map[string]func(*access.LeaseView){
		"it ends":              func(l *access.LeaseView) { l.EndsAt = &ends },
		"it will end":          func(l *access.LeaseView) { l.Duration = access.Duration(time.Hour) },
		"it has ended":         func(l *access.LeaseView) { l.State = access.LeaseEnded },
		"it is being revoked":  func(l *access.LeaseView) { l.State = access.LeaseRevoking },
		"it shall not be":      func(l *access.LeaseView) { l.DesiredState = access.Absent },
		"it is not there yet":  func(l *access.LeaseView) { l.State = access.LeaseGranting },
		"it is of another one": func(l *access.LeaseView) { l.Lease.Entitlement = "crm/admin" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, duplicatesAre(httpapi.RefuseDuplicates))
			w.gateway.submission.Created = true
			w.holdsForever(change)
			got := w.call("sub", "POST", "/v1/requests", forSub("crm/user"))
			require.Equal(t, http.StatusCreated, got.status, got.body)
		})
	}
}

// What was asked for before it was taken back is never granted: who joined it would wait for nothing.
func TestDuplicates_taken_back(t *testing.T) {
	for name, row := range map[string]struct {
		at     time.Time
		status int
	}{
		"since":     {time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC), http.StatusCreated},
		"before it": {time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), http.StatusConflict},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, duplicatesAre(httpapi.RefuseDuplicates))
			w.gateway.submission.Created = true
			w.recorded("first")
			w.holdsForever()
			w.revokedAt(row.at)
			for _, entitlement := range []string{"wiki/editor", "crm/user"} {
				got := w.call("sub", "POST", "/v1/requests", forSub(entitlement))
				require.Equal(t, row.status, got.status, got.body)
			}
		})
	}
}

// A call that is repeated gets what it began, and not what somebody else began meanwhile.
func TestDuplicates_a_call_again(t *testing.T) {
	w := newWorld(t, duplicatesAre(httpapi.JoinDuplicates))
	w.recorded("first")
	same := `{"id":"first","subject":"sub","items":[{"entitlement":"wiki/editor"}],"reason":"docs"}`
	got := w.call("ana", "POST", "/v1/requests", same)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.False(t, decode[httpapi.SubmittedView](t, got).Joined)

	for name, err := range map[string]error{"it runs, and is not recorded yet": nil, "nobody knows": errAway} {
		w.gateway.viewErr, w.gateway.submitted = err, nil
		w.call("ana", "POST", "/v1/requests", forSub("wiki/editor"), "Idempotency-Key", "k1")
		require.Len(t, w.gateway.submitted, 1, name)
	}
	w.gateway.viewErr, w.gateway.submitted = notFoundErr(), nil
	got = w.call("ana", "POST", "/v1/requests", forSub("wiki/editor"), "Idempotency-Key", "k1")
	require.True(t, decode[httpapi.SubmittedView](t, got).Joined)
	require.Empty(t, w.gateway.submitted)
}

func TestDuplicates_without_the_ledger(t *testing.T) {
	w := newWorld(t, duplicatesAre(httpapi.RefuseDuplicates), ledgerAway)
	w.gateway.submission.Created = true
	got := w.call("ana", "POST", "/v1/requests", forSub("wiki/editor"))
	require.Equal(t, http.StatusCreated, got.status, "requests go on while the ledger is unavailable")
	require.Contains(t, w.log.String(), "the ledger does not answer")
}

// Whoever joins begins nothing, so the quota of open requests does not matter.
func TestDuplicates_and_quota(t *testing.T) {
	w := newWorld(t, duplicatesAre(httpapi.JoinDuplicates), func(c *httpapi.Config, _ *httpapi.Deps) { c.Quotas.OpenRequests = 1 })
	w.recorded("first")
	require.Equal(t, http.StatusTooManyRequests, w.call("ana", "POST", "/v1/requests", forSub("wiki/reader")).status)
	require.Equal(t, http.StatusOK, w.call("ana", "POST", "/v1/requests", forSub("wiki/editor")).status)
}
