package scim_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim/scimtest"
)

// TestFilter_that_goes_wrong: the filter of a group has proved itself, and then the directory changes.
func TestFilter_that_goes_wrong(t *testing.T) {
	// swallowed takes PATCHes for done without doing them, and answers the searches by a member before and after.
	swallowed := func(before, after []string) func(http.ResponseWriter, *http.Request, http.Handler) {
		var changed atomic.Bool
		return func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
			switch {
			case r.Method == http.MethodPatch:
				_, _ = io.Copy(io.Discard, r.Body)
				changed.Store(true)
				w.WriteHeader(http.StatusNoContent)
			case aboutMembers(r) && changed.Load():
				answerList(w, r, after...)
			case aboutMembers(r):
				answerList(w, r, before...)
			default:
				directory.ServeHTTP(w, r)
			}
		}
	}
	for _, row := range []struct {
		name    string
		between func(http.ResponseWriter, *http.Request, http.Handler)
		calls   []string
		kind    access.Kind
		method  string
	}{
		{
			"it is ignored", ignoringFilters,
			[]string{
				"account", byValue, valueOfNobody,
				"list", byValue, valueOfNobody, byMember, memberOfNobody,
				"change", "list",
			},
			"", byList,
		},
		{
			"it is refused", refusingFilters,
			[]string{"account", byValue, "list", byValue, byMember, "change", "list"},
			"", byList,
		},
		{
			"it finds nobody any more", findingNobody,
			[]string{"account", byValue, "change", byValue, "list"},
			"", byList,
		},
		{
			"the change is not done", swallowed(nil, nil),
			[]string{"account", byValue, "change", byValue, "list", byValue},
			access.Transient, "",
		},
		{
			"the change is not done, and a listing that ignores filters has the group only the second time",
			swallowed([]string{"g-read"}, []string{"g-edit"}),
			[]string{
				// Where an answer has others only, the next page is asked for.
				"account", byValue, byValue, "list", byValue, byValue, "change",
				"list", byValue, valueOfNobody, byMember, memberOfNobody,
			},
			access.Transient, "",
		},
		{
			"the change is not done, and the filter is ignored from then on",
			swallowed(nil, []string{"g-read", "g-edit"}),
			[]string{
				"account", byValue, "change", byValue,
				"list", byValue, valueOfNobody, byMember, memberOfNobody,
			},
			access.Transient, "",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			directory := scimtest.New(crowded(500, scimtest.Quirks{}))
			wires := &rewired{directory: directory}
			m := &meter{directory: wires}
			target := serve(t, m, rolesByID)
			_, err := target.Grant(t.Context(), editor("u-ada"))
			require.NoError(t, err)
			m.taken()

			wires.put(row.between)
			verification, err := target.Grant(t.Context(), editor("u-bob"))
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.Equal(t, row.method, verification.Method)
			require.Equal(t, row.calls, m.taken())

			wires.put(untouched)
			_, err = target.Grant(t.Context(), editor("u-bob"))
			require.NoError(t, err)
			require.Contains(t, m.taken(), "list", "the filter has to prove itself again")
			require.Contains(t, directory.Members("g-edit"), "u-bob")
		})
	}
}

func TestStaleReadsOfALongGroup(t *testing.T) {
	for _, row := range []struct {
		name   string
		stale  int
		kind   access.Kind
		method string
	}{
		{"the filter lags behind, the list does not", 1, "", byList},
		{"the filter and the list lag behind, once", 2, "", byFilter},
		{"nothing shows the change yet", 3, access.Transient, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			directory := scimtest.New(crowded(500, scimtest.Quirks{}))
			target := serve(t, directory, rolesByID)
			_, err := target.Grant(t.Context(), editor("u-ada"))
			require.NoError(t, err)

			directory.SetFaults(scimtest.Faults{StaleReads: row.stale})
			verification, err := target.Grant(t.Context(), editor("u-bob"))
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.Equal(t, row.method, verification.Method)
			require.Equal(t, err == nil, verification.Present)
			verification, err = target.Grant(t.Context(), editor("u-bob"))
			require.NoError(t, err)
			require.True(t, verification.Unchanged)
		})
	}
}

// TestFilter_empty_before_the_first_change: a directory with an index that lags behind, which ignores the
// part of the filter that is about members, and does not do what it is told.
func TestFilter_empty_before_the_first_change(t *testing.T) {
	var indexed atomic.Bool
	wires := &rewired{directory: scimtest.New(crowded(500, scimtest.Quirks{}))}
	wires.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
		switch {
		case r.Method == http.MethodPatch:
			_, _ = io.Copy(io.Discard, r.Body)
			indexed.Store(true)
			w.WriteHeader(http.StatusNoContent)
		case aboutMembers(r) && indexed.Load():
			answerList(w, r, "g-edit")
		case aboutMembers(r):
			answerList(w, r)
		default:
			directory.ServeHTTP(w, r)
		}
	})
	_, err := serve(t, wires, rolesByID).Grant(t.Context(), editor("u-ada"))
	require.Equal(t, access.Transient, access.KindOf(err), "%v", err)
}

// TestFilter_with_other_groups: a directory that looks at the member and not at the id.
func TestFilter_with_other_groups(t *testing.T) {
	config := crowded(500, scimtest.Quirks{CutMembers: 100})
	config.Groups[1].Members = []string{"u-ada", "u-bob"}
	wires := &rewired{directory: scimtest.New(config)}
	wires.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
		if query := r.URL.Query(); aboutMembers(r) {
			_, byMember, _ := strings.Cut(query.Get("filter"), " and ")
			query.Set("filter", byMember)
			r.URL.RawQuery = query.Encode()
		}
		directory.ServeHTTP(w, r)
	})
	m := &meter{directory: wires}
	target := serve(t, m, rolesByID)
	for _, account := range []access.PersonID{"u-ada", "u-bob"} {
		verification, err := target.Grant(t.Context(), editor(account))
		require.NoError(t, err)
		require.True(t, verification.Present)
		// Where an answer has others only, the next page is asked for.
		require.Equal(t, []string{"account", "list", byValue, byValue, "change", "list", byValue, valueOfNobody}, m.taken())
	}
}

func TestFilter_failure_is_no_refusal(t *testing.T) {
	for _, row := range []struct {
		name string
		// after is how many questions are answered before they fail.
		after int64
		calls []string
	}{
		{"before the change", 0, []string{"account", byValue}},
		{"after the change", 1, []string{"account", byValue, "change", byValue}},
	} {
		t.Run(row.name, func(t *testing.T) {
			wires := &rewired{directory: scimtest.New(crowded(500, scimtest.Quirks{}))}
			m := &meter{directory: wires}
			target := serve(t, m, rolesByID)
			_, err := target.Grant(t.Context(), editor("u-ada"))
			require.NoError(t, err)
			m.taken()

			var asked atomic.Int64
			wires.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
				if aboutMembers(r) && asked.Add(1) > row.after {
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				directory.ServeHTTP(w, r)
			})
			_, err = target.Grant(t.Context(), editor("u-bob"))
			require.Equal(t, access.RateLimited, access.KindOf(err), "%v", err)
			require.Equal(t, row.calls, m.taken(), "it is no time to read the list")
		})
	}
}

func TestFilter_question_for_nobody(t *testing.T) {
	for _, row := range []struct {
		name, method string
		status       int
		kind         access.Kind
	}{
		// Who refuses the value has looked at the filter.
		{"it is refused", byFilter, http.StatusBadRequest, ""},
		{"it fails", "", http.StatusTooManyRequests, access.RateLimited},
	} {
		t.Run(row.name, func(t *testing.T) {
			wires := &rewired{directory: scimtest.New(crowded(500, scimtest.Quirks{}))}
			wires.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
				if strings.HasSuffix(what(r), "for nobody") {
					w.WriteHeader(row.status)
					return
				}
				directory.ServeHTTP(w, r)
			})
			verification, err := serve(t, wires, rolesByID).Grant(t.Context(), editor("u-ada"))
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.Equal(t, row.method, verification.Method)
		})
	}
}
