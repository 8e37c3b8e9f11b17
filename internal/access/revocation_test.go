package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

var revokedAt = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func revocation(scope access.RevocationScope) access.Revocation {
	return access.Revocation{
		ID: "rev-1", Subject: "p-bo", Scope: scope, By: "p-hal", Role: access.RevokedByHelpDesk, Reason: "stolen laptop", At: revokedAt,
	}
}

func TestRevocationCovers(t *testing.T) {
	before, after := revokedAt.Add(-time.Second), revokedAt.Add(time.Second)
	asked := func(change func(*access.Asked)) access.Asked {
		a := access.Asked{Lease: "r-1:1", Entitlement: "wiki/editor", SubmittedAt: before}
		if change != nil {
			change(&a)
		}
		return a
	}
	later := func(a *access.Asked) { a.SubmittedAt = after }
	all, wiki, editor := access.RevocationScope{}, access.RevocationScope{Application: "wiki"}, access.RevocationScope{Entitlement: "wiki/editor"}
	lease := access.RevocationScope{Lease: "r-1:1"}
	for name, row := range map[string]struct {
		scope access.RevocationScope
		asked access.Asked
		want  bool
	}{
		"everything that was asked for before":             {all, asked(nil), true},
		"everything that was asked for at that time":       {all, asked(func(a *access.Asked) { a.SubmittedAt = revokedAt }), true},
		"nothing that is asked for later":                  {all, asked(later), false},
		"the application":                                  {wiki, asked(nil), true},
		"the application, asked for later":                 {wiki, asked(later), false},
		"another application":                              {access.RevocationScope{Application: "wik"}, asked(nil), false},
		"an application whose name begins like it":         {wiki, asked(func(a *access.Asked) { a.Entitlement = "wiki2/editor" }), false},
		"the entitlement":                                  {editor, asked(nil), true},
		"the entitlement, asked for later":                 {editor, asked(later), false},
		"another entitlement of the application":           {editor, asked(func(a *access.Asked) { a.Entitlement = "wiki/reader" }), false},
		"the lease":                                        {lease, asked(nil), true},
		"the lease, by a clock that is behind":             {lease, asked(later), true},
		"another lease":                                    {lease, asked(func(a *access.Asked) { a.Lease = "r-1:2" }), false},
		"granted before, by a request nobody knows":        {all, access.Asked{Lease: "r-1:1", Entitlement: "wiki/editor", GrantedAt: &before}, true},
		"granted later, by a request nobody knows":         {all, access.Asked{Lease: "r-1:1", Entitlement: "wiki/editor", GrantedAt: &after}, false},
		"never granted, and by a request nobody knows":     {all, access.Asked{Lease: "r-1:1", Entitlement: "wiki/editor"}, false},
		"asked for later, and granted before all the same": {all, asked(func(a *access.Asked) { a.SubmittedAt, a.GrantedAt = after, &before }), true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, row.want, revocation(row.scope).Covers(row.asked)) })
	}
}

func TestRevokedBy(t *testing.T) {
	a := access.Asked{Lease: "r-1:1", Entitlement: "wiki/editor", SubmittedAt: revokedAt}
	single, wide, other := revocation(access.RevocationScope{Lease: "r-1:1"}), revocation(access.RevocationScope{}), revocation(access.RevocationScope{Application: "crm"})
	single.ID, wide.ID = "single", "wide"
	_, found := access.RevokedBy([]access.Revocation{other}, a)
	require.False(t, found)
	got, found := access.RevokedBy([]access.Revocation{other, single}, a)
	require.True(t, found)
	require.Equal(t, access.RevokedLease{
		Lease: "r-1:1", Revocation: "single", Reason: "it was revoked by the help desk (p-hal): stolen laptop", Single: true,
	}, got)
	for _, order := range [][]access.Revocation{{single, wide}, {wide, single}} {
		got, found = access.RevokedBy(order, a)
		require.True(t, found)
		require.Equal(t, access.RevocationID("wide"), got.Revocation)
		require.False(t, got.Single, "what takes more back counts more")
	}
}

func TestRevocationProblem(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*access.Revocation)
		want   string
	}{
		"nothing":                       {func(*access.Revocation) {}, ""},
		"an approver, one lease":        {func(r *access.Revocation) { r.Role, r.Scope.Lease = access.RevokedByApprover, "r-1:1" }, ""},
		"an approver, everything":       {func(r *access.Revocation) { r.Role = access.RevokedByApprover }, "role: an approver revokes one lease only"},
		"an owner, one lease":           {func(r *access.Revocation) { r.Role, r.Scope.Lease = access.RevokedByOwner, "r-1:1" }, ""},
		"an owner, everything":          {func(r *access.Revocation) { r.Role = access.RevokedByOwner }, "role: an owner revokes one lease only"},
		"the subject":                   {func(r *access.Revocation) { r.Role, r.By = access.RevokedBySubject, "p-bo" }, ""},
		"somebody as the subject":       {func(r *access.Revocation) { r.Role = access.RevokedBySubject }, "role: only the subject"},
		"no role":                       {func(r *access.Revocation) { r.Role = "auditor" }, "role: expected one of"},
		"no id":                         {func(r *access.Revocation) { r.ID = "" }, "id: expected"},
		"an id with a slash":            {func(r *access.Revocation) { r.ID = "a/b" }, "id: expected"},
		"nobody":                        {func(r *access.Revocation) { r.Subject = "" }, "subject: is empty"},
		"a long subject":                {func(r *access.Revocation) { r.Subject = access.PersonID(strings.Repeat("s", 513)) }, "subject: expected at most"},
		"by nobody":                     {func(r *access.Revocation) { r.By = "" }, "by: is empty"},
		"by somebody with a NUL":        {func(r *access.Revocation) { r.By = "a\x00" }, "by: expected text"},
		"two scopes":                    {func(r *access.Revocation) { r.Scope.Lease, r.Scope.Application = "r-1:1", "wiki" }, "scope: expected at most one"},
		"a long lease":                  {func(r *access.Revocation) { r.Scope.Lease = access.LeaseID(strings.Repeat("s", 513)) }, "scope.lease: expected"},
		"an entitlement as application": {func(r *access.Revocation) { r.Scope.Application = "wiki/editor" }, "scope.application: expected the id"},
		"a long application":            {func(r *access.Revocation) { r.Scope.Application = strings.Repeat("s", 513) }, "scope.application: expected"},
		"a long entitlement":            {func(r *access.Revocation) { r.Scope.Entitlement = access.EntitlementID(strings.Repeat("s", 513)) }, "scope.entitlement: expected"},
		"no reason":                     {func(r *access.Revocation) { r.Reason = "" }, "reason: is empty"},
		"blanks for a reason":           {func(r *access.Revocation) { r.Reason = " \n\t" }, "reason: is empty"},
		"a reason that is too long":     {func(r *access.Revocation) { r.Reason = strings.Repeat("s", 2001) }, "reason: expected at most 2000"},
		"no time":                       {func(r *access.Revocation) { r.At = time.Time{} }, "at: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			r := revocation(access.RevocationScope{})
			row.change(&r)
			if row.want == "" {
				require.Empty(t, r.Problem())
				return
			}
			require.Contains(t, r.Problem(), row.want)
		})
	}
}

func TestRevocationSame(t *testing.T) {
	first, again := revocation(access.RevocationScope{Application: "wiki"}), revocation(access.RevocationScope{Application: "wiki"})
	again.At, again.Evidence, again.Role, again.Leases = revokedAt.Add(time.Hour), "another token", access.RevokedByAdministrator, []access.LeaseID{"r-1:1"}
	require.True(t, first.Same(again))
	for name, change := range map[string]func(*access.Revocation){
		"subject": func(r *access.Revocation) { r.Subject = "p-di" }, "scope": func(r *access.Revocation) { r.Scope = access.RevocationScope{} },
		"by": func(r *access.Revocation) { r.By = "p-di" }, "reason": func(r *access.Revocation) { r.Reason = "another" },
	} {
		other := again
		change(&other)
		require.False(t, first.Same(other), name)
	}
}
