package scim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

const (
	byList   = "scim group member list"
	byFilter = "scim group member filter"
)

// longAnswer is between the length of a small answer and that of a list of 100 members.
const longAnswer = 5_000

// The calls by their names in a meter.
const (
	byValue        = "filter by members.value"
	byMember       = "filter by member"
	valueOfNobody  = byValue + " for nobody"
	memberOfNobody = byMember + " for nobody"
	longList       = "list, long"
	// longChange is a PATCH that the directory answers with the whole group.
	longChange = "change, long"
)

// crowded is the wiki with so many members in the editors' group, of whom neither ada nor bob is one.
func crowded(size int, quirks scimtest.Quirks) scimtest.Config {
	config := wiki(quirks)
	config.Groups[0].Members = crowd(size)
	return config
}

func rolesByID(c *scim.Config) { c.RolesBy = scim.RolesByID }

// editor assigns the editors' group by its id.
func editor(account access.PersonID) access.Assignment {
	return access.Assignment{Role: "g-edit", Subject: access.Person{ID: account}}
}

// rewired is a directory behind a handler that a test can put between while it runs.
type rewired struct {
	directory http.Handler
	between   atomic.Pointer[func(w http.ResponseWriter, r *http.Request, directory http.Handler)]
}

func (d *rewired) put(between func(w http.ResponseWriter, r *http.Request, directory http.Handler)) {
	d.between.Store(&between)
}

func (d *rewired) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if between := d.between.Load(); between != nil {
		(*between)(w, r, d.directory)
		return
	}
	d.directory.ServeHTTP(w, r)
}

// aboutMembers reports whether a call is a search by a member.
func aboutMembers(r *http.Request) bool { return strings.HasPrefix(what(r), "filter by") }

// ignoringFilters lists every group, whatever is asked.
func ignoringFilters(w http.ResponseWriter, r *http.Request, directory http.Handler) {
	if aboutMembers(r) {
		query := r.URL.Query()
		query.Del("filter")
		r.URL.RawQuery = query.Encode()
	}
	directory.ServeHTTP(w, r)
}

// findingNobody knows no member by filter, and says so without an error.
func findingNobody(w http.ResponseWriter, r *http.Request, directory http.Handler) {
	if aboutMembers(r) {
		answerList(w, r)
		return
	}
	directory.ServeHTTP(w, r)
}

// refusingFilters answers searches by a member with 400.
func refusingFilters(w http.ResponseWriter, r *http.Request, directory http.Handler) {
	if aboutMembers(r) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	directory.ServeHTTP(w, r)
}

// refusingLists answers the read of a group with 413.
func refusingLists(w http.ResponseWriter, r *http.Request, directory http.Handler) {
	if what(r) == "list" {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	directory.ServeHTTP(w, r)
}

// answerList answers a search with one page of groups.
func answerList(w http.ResponseWriter, r *http.Request, groups ...string) {
	var records []string
	if r.URL.Query().Has("startIndex") {
		groups = nil
	}
	for _, id := range groups {
		records = append(records, fmt.Sprintf(`{"id":%q}`, id))
	}
	_, _ = fmt.Fprintf(w, `{"totalResults":%d,"Resources":[%s]}`, len(groups), strings.Join(records, ","))
}

// untouched is nothing between.
func untouched(w http.ResponseWriter, r *http.Request, directory http.Handler) {
	directory.ServeHTTP(w, r)
}
