package ledger_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// submitted is a request that was submitted so many microseconds after noon.
func submitted(id access.RequestID, micros int) access.RequestView {
	v := view(id, 1)
	v.Request.SubmittedAt = noon.Add(time.Duration(micros) * time.Microsecond)
	return v
}

func testFilters(t *testing.T, d databases) {
	s := d.open(t)
	waiting, granted, denied, other := submitted("r-waiting", 4), submitted("r-granted", 3), submitted("r-denied", 2), submitted("r-other", 1)
	granted.State, granted.WaitingOn = access.OutcomeGranted, nil
	denied.State, denied.WaitingOn = access.OutcomeDenied, nil
	other.Request.Requester, other.Request.Subject = "p-cyd", "p-cyd"
	other.Request.Items = []access.Item{{ID: "1", Entitlement: "wiki/admin"}, {ID: "2", Entitlement: "crm/user"}, {ID: "3", Entitlement: "crm/user"}}
	other.WaitingOn = []access.Waiting{{Person: "p-mara"}, {Person: "p-olu"}, {Person: "p-mara"}, {Stage: "fulfilment"}}
	other.State = access.StateFulfilling
	for _, v := range []access.RequestView{denied, waiting, other, granted} {
		record(t, s, access.Entry{View: &v})
	}
	cases := map[string]struct {
		filter ledger.Filter
		ids    []string
	}{
		"no filter lists all, the newest first":   {ledger.Filter{}, []string{"r-waiting", "r-granted", "r-denied", "r-other"}},
		"one state":                               {ledger.Filter{States: []access.RequestState{access.OutcomeDenied}}, []string{"r-denied"}},
		"any of several states":                   {ledger.Filter{States: []access.RequestState{access.OutcomeDenied, access.OutcomeGranted}}, []string{"r-granted", "r-denied"}},
		"a requester":                             {ledger.Filter{Requester: "p-ada"}, []string{"r-waiting", "r-granted", "r-denied"}},
		"a subject":                               {ledger.Filter{Subject: "p-cyd"}, []string{"r-other"}},
		"a requester or a subject":                {ledger.Filter{Party: "p-bo"}, []string{"r-waiting", "r-granted", "r-denied"}},
		"a party who is both":                     {ledger.Filter{Party: "p-cyd"}, []string{"r-other"}},
		"a party that is neither":                 {ledger.Filter{Party: "p-mara"}, nil},
		"the person who is awaited":               {ledger.Filter{WaitingOn: "p-mara"}, []string{"r-waiting", "r-other"}},
		"one of two persons who are awaited":      {ledger.Filter{WaitingOn: "p-olu"}, []string{"r-other"}},
		"one of several entitlements":             {ledger.Filter{Entitlement: "crm/user"}, []string{"r-other"}},
		"open requests":                           {ledger.Filter{Open: true}, []string{"r-waiting", "r-other"}},
		"all fields together":                     {ledger.Filter{States: []access.RequestState{access.StateAwaitingApproval}, Requester: "p-ada", Subject: "p-bo", WaitingOn: "p-mara", Entitlement: "wiki/editor", Open: true}, []string{"r-waiting"}},
		"open requests in an outcome are none":    {ledger.Filter{States: []access.RequestState{access.OutcomeGranted}, Open: true}, nil},
		"somebody who never asked":                {ledger.Filter{Requester: "p-nobody"}, nil},
		"a requester who looks like a statement":  {ledger.Filter{Requester: "' OR 1=1 --"}, nil},
		"an id is compared with its case":         {ledger.Filter{Requester: "P-ADA"}, nil},
		"a person who is not awaited any more":    {ledger.Filter{WaitingOn: "p-bo"}, nil},
		"a state that no request is in, as typed": {ledger.Filter{States: []access.RequestState{"parked"}}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, err := s.Views(t.Context(), c.filter)
			require.NoError(t, err)
			require.Equal(t, c.ids, viewIDs(page.Views))
			require.Empty(t, page.Next)
		})
	}
	waiting.WaitingOn, waiting.Version = []access.Waiting{{Person: "p-olu"}}, 2
	record(t, s, access.Entry{View: &waiting})
	page, err := s.Views(t.Context(), ledger.Filter{WaitingOn: "p-mara"})
	require.NoError(t, err)
	require.Equal(t, []string{"r-other"}, viewIDs(page.Views), "a newer view replaces whom it waits for")
}

func testBadFilters(t *testing.T, d databases) {
	s := d.open(t)
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	cases := map[string]struct {
		filter ledger.Filter
		field  string
	}{
		"a limit above the highest":         {ledger.Filter{Limit: 201}, "limit"},
		"a limit below one":                 {ledger.Filter{Limit: -1}, "limit"},
		"an empty state":                    {ledger.Filter{States: []access.RequestState{"revoking", ""}}, "state[1]"},
		"a requester with a NUL":            {ledger.Filter{Requester: "p\x00"}, "requester"},
		"a subject that is not UTF-8":       {ledger.Filter{Subject: "\xff"}, "subject"},
		"a party with a NUL":                {ledger.Filter{Party: "p\x00"}, "party"},
		"an awaited person who is too long": {ledger.Filter{WaitingOn: access.PersonID(strings.Repeat("p", 513))}, "waiting_on"},
		"an entitlement with a NUL":         {ledger.Filter{Entitlement: "\x00"}, "entitlement"},
		"a cursor that is no base64":        {ledger.Filter{Cursor: "%%%"}, "cursor"},
		"a cursor without an id":            {ledger.Filter{Cursor: encoded("12")}, "cursor"},
		"a cursor with an empty id":         {ledger.Filter{Cursor: encoded("12 ")}, "cursor"},
		"a cursor without a time":           {ledger.Filter{Cursor: encoded("noon r-1")}, "cursor"},
		"a cursor with a NUL":               {ledger.Filter{Cursor: encoded("12 r\x00")}, "cursor"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := s.Views(t.Context(), c.filter)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, c.field+": ")
		})
	}
}

func testPaging(t *testing.T, d databases) {
	s := d.open(t)
	const count = 60
	var want []string
	for n := count - 1; n >= 0; n-- {
		want = append(want, fmt.Sprintf("r-%02d", n))
	}
	for n := range count { // three requests share each microsecond
		record(t, s, access.Entry{View: pointer(submitted(access.RequestID(fmt.Sprintf("r-%02d", n)), n/3))})
	}
	first, err := s.Views(t.Context(), ledger.Filter{})
	require.NoError(t, err)
	require.Equal(t, want[:ledger.DefaultLimit], viewIDs(first.Views))
	whole, err := s.Views(t.Context(), ledger.Filter{Limit: count})
	require.NoError(t, err)
	require.Equal(t, want, viewIDs(whole.Views))
	require.Empty(t, whole.Next, "a last page that is full has no next")

	var got []string
	filter := ledger.Filter{Limit: 7, Open: true}
	for round := 0; ; round++ {
		page, err := s.Views(t.Context(), filter)
		require.NoError(t, err)
		got = append(got, viewIDs(page.Views)...)
		if page.Next == "" {
			break
		}
		filter.Cursor = page.Next
		// Newer requests arrive, and the last one listed changes.
		record(t, s, access.Entry{View: pointer(submitted(access.RequestID(fmt.Sprintf("r-new-%d", round)), 1000+round))})
		seen := page.Views[len(page.Views)-1]
		seen.Version++
		record(t, s, access.Entry{View: &seen})
	}
	require.Equal(t, want, got)
}
