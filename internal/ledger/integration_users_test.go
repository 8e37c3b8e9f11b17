package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// integrationUserCases are the promises about the register of integration users.
func integrationUserCases() []suiteCase {
	return []suiteCase{
		{"an integration user is read back, who added the user stays, and a check puts nobody back", testIntegrationUsers},
		{"pages of the register are the whole, with what each user has", testIntegrationUserPages},
		{"a check undoes nothing that was changed while it asked", testIntegrationUserBesideChange},
	}
}

// integrationUser is a user of the desk jira who is in the group "ops".
func integrationUser(id access.UserID) access.IntegrationUser {
	return access.IntegrationUser{
		Desk: "jira", ID: id, Account: access.AccountID("acc-" + id), Name: "Zoë " + string(id), Email: string(id) + "@example.com", UserName: string(id),
		Integration: "jira", Tenant: "https://desk.example", Groups: []string{"ops"}, AddedBy: "p-mara", AddedAt: noon, CheckedAt: noon,
	}
}

// userEvent is the n-th event of a user.
func userEvent(id access.UserID, n int) access.DeskEvent {
	return access.DeskEvent{
		ID: fmt.Sprintf("user/%s#%d", id, n), Desk: "jira", User: id, Type: access.DeskUserAdded, At: noon, Actor: "p-mara", Text: "Mara added Zoë.",
	}
}

func registerUsers(t testing.TB, s *ledger.Store, ids ...access.UserID) {
	t.Helper()
	for _, id := range ids {
		require.NoError(t, s.SaveIntegrationUser(t.Context(), integrationUser(id), userEvent(id, 1)))
	}
}

func register(t testing.TB, s *ledger.Store) []access.IntegrationUser {
	t.Helper()
	return registerPages(t, s, access.IntegrationUsersQuery{Limit: access.MaxIntegrationUsers})
}

func registerPages(t testing.TB, s *ledger.Store, q access.IntegrationUsersQuery) []access.IntegrationUser {
	t.Helper()
	return pages(t, q.Limit, func(last *access.IntegrationUser) ([]access.IntegrationUser, error) {
		if last != nil {
			q.AfterDesk, q.After = last.Desk, last.ID
		}
		return s.IntegrationUsers(t.Context(), q)
	})
}

func testIntegrationUsers(t *testing.T, d databases) {
	s := d.open(t)
	for _, id := range []access.UserID{"", "u-1", "u\x00"} {
		_, err := s.IntegrationUser(t.Context(), "jira", id)
		requireKind(t, access.NotFound, err)
	}
	first := integrationUser("u-1")
	first.AddedAt, first.CheckedAt = noon.In(time.FixedZone("far away", 5*3600)), noon.Add(time.Minute).In(time.FixedZone("far away", 5*3600))
	first.Open = 7
	for range 2 {
		require.NoError(t, s.SaveIntegrationUser(t.Context(), first, userEvent("u-1", 1)))
		want := integrationUser("u-1")
		want.CheckedAt = noon.Add(time.Minute)
		got, err := s.IntegrationUser(t.Context(), "jira", "u-1")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	second := access.IntegrationUser{
		Desk: "jira", ID: "u-1", Account: "acc-2", Name: "Ana", Email: "ana@example.com", UserName: "ana", Integration: "servicenow",
		Tenant: "https://other.example", Groups: []string{"night"}, Flagged: "The account is inactive.", FlaggedAt: noon.Add(time.Hour), CheckedAt: noon.Add(time.Hour),
	}
	for n, save := range []func(access.IntegrationUser, access.DeskEvent) error{
		func(u access.IntegrationUser, e access.DeskEvent) error {
			return s.SaveIntegrationUser(t.Context(), u, e)
		},
		func(u access.IntegrationUser, e access.DeskEvent) error {
			return s.UpdateIntegrationUser(t.Context(), u, e)
		},
	} {
		second.Name, second.AddedBy, second.AddedAt = fmt.Sprint("Ana ", n), "p-bo", noon.Add(time.Hour)
		require.NoError(t, save(second, userEvent("u-1", 2+n)))
		want := second
		want.AddedBy, want.AddedAt = "p-mara", noon
		got, err := s.IntegrationUser(t.Context(), "jira", "u-1")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	elsewhere := integrationUser("u-1")
	elsewhere.Desk = "servicenow"
	twin := integrationUser("u-2")
	twin.Email = strings.ToUpper(second.Email)
	for _, u := range []access.IntegrationUser{elsewhere, twin} {
		require.NoError(t, s.SaveIntegrationUser(t.Context(), u, userEvent("u-1", 1)))
	}
	require.Len(t, register(t, s), 3, "two users may have one address, and two desks users of one id")
	require.Equal(t, []access.DeskEvent{userEvent("u-1", 3), userEvent("u-1", 2), userEvent("u-1", 1)}, deskEvents(t, s, access.DeskEventsQuery{}))
	for _, u := range register(t, s) {
		require.NoError(t, s.RemoveIntegrationUser(t.Context(), u.Desk, u.ID, userEvent("u-1", 4)))
	}
	testIntegrationUserRemoved(t, s)
}

func testIntegrationUserBesideChange(t *testing.T, d databases) {
	s := d.open(t)
	registerUsers(t, s, "u-1")
	before := register(t, s)[0]
	changed := before
	changed.Groups, changed.CheckedAt = []string{"night", "ops"}, before.CheckedAt.Add(time.Minute)
	require.NoError(t, s.SaveIntegrationUser(t.Context(), changed, userEvent("u-1", 2)))

	late := before
	late.Flagged, late.FlaggedAt = "The account is inactive.", before.CheckedAt
	require.NoError(t, s.UpdateIntegrationUser(t.Context(), late, userEvent("u-1", 3)))
	require.Equal(t, []access.IntegrationUser{changed}, register(t, s), "the desk has said something else since")
	require.Len(t, deskEvents(t, s, access.DeskEventsQuery{}), 2)

	late.CheckedAt = changed.CheckedAt
	require.NoError(t, s.UpdateIntegrationUser(t.Context(), late, userEvent("u-1", 3)))
	want := late
	want.Groups = changed.Groups
	require.Equal(t, []access.IntegrationUser{want}, register(t, s), "the groups are the administrator's")
	require.Len(t, deskEvents(t, s, access.DeskEventsQuery{}), 3)
}

func testIntegrationUserRemoved(t *testing.T, s *ledger.Store) {
	before := deskEvents(t, s, access.DeskEventsQuery{})
	registerUsers(t, s, "r-1", "r-2")
	saveIncidents(t, s, openIncident("i-1", 1, "1", "r-1"))
	requireKind(t, access.NotFound, s.RemoveIntegrationUser(t.Context(), "servicenow", "r-1", userEvent("r-1", 9)))
	require.NoError(t, s.RemoveIntegrationUser(t.Context(), "jira", "r-1", userEvent("r-1", 2)))
	requireKind(t, access.NotFound, s.RemoveIntegrationUser(t.Context(), "jira", "r-1", userEvent("r-1", 3)))
	for _, id := range []access.UserID{"r-1", "r-3"} {
		requireKind(t, access.NotFound, s.UpdateIntegrationUser(t.Context(), integrationUser(id), userEvent(id, 4)))
		_, err := s.IntegrationUser(t.Context(), "jira", id)
		requireKind(t, access.NotFound, err)
	}
	require.Equal(t, []access.IntegrationUser{integrationUser("r-2")}, register(t, s))
	told := append([]access.DeskEvent{userEvent("r-1", 2), userEvent("r-2", 1), userEvent("r-1", 1)}, before...)
	require.Equal(t, told, deskEvents(t, s, access.DeskEventsQuery{}), "nothing is recorded of what was not done")
	require.Equal(t, []access.IncidentID{"i-1"}, incidentsOf(t, s, "r-1", 10), "whose incidents are still to be assigned to others")
	again := integrationUser("r-1")
	again.AddedBy, again.AddedAt = "p-bo", noon.Add(time.Hour)
	require.NoError(t, s.SaveIntegrationUser(t.Context(), again, userEvent("r-1", 5)))
	again.Open = 1
	got, err := s.IntegrationUser(t.Context(), "jira", "r-1")
	require.NoError(t, err)
	require.Equal(t, again, got, "who is added again has been added by somebody else")
}

func testIntegrationUserPages(t *testing.T, d databases) {
	s := d.open(t)
	var want []access.IntegrationUser
	number := 0
	for _, desk := range []access.DeskName{"Jira", "jira", "jíra"} {
		for n, id := range []access.UserID{"B", "a", "b", "é"} {
			u := integrationUser(id)
			u.Desk = desk
			require.NoError(t, s.SaveIntegrationUser(t.Context(), u, userEvent(id, 1)))
			for range n {
				number++
				v := openIncident(access.IncidentID(fmt.Sprint("i-", number)), 1, "1", id)
				over := endedIncident(openIncident(access.IncidentID(fmt.Sprint("over-", number)), 1, "2", id))
				v.Desk, over.Desk = desk, desk
				saveIncidents(t, s, v, over)
			}
			u.Open = n
			want = append(want, u)
		}
	}
	for limit := 1; limit <= len(want)+1; limit++ {
		require.Equal(t, want, registerPages(t, s, access.IntegrationUsersQuery{Limit: limit}), "pages of %d", limit)
		require.Equal(t, want[4:8], registerPages(t, s, access.IntegrationUsersQuery{Desk: "jira", Limit: limit}), "pages of %d", limit)
	}
	for _, desk := range []access.DeskName{"none", "jira\x00"} {
		require.Empty(t, registerPages(t, s, access.IntegrationUsersQuery{Desk: desk, Limit: 1}))
	}
	for field, q := range map[string]access.IntegrationUsersQuery{
		"limit: expected 1 to 200, found 0":   {},
		"limit: expected 1 to 200, found 201": {Limit: access.MaxIntegrationUsers + 1},
		"after: ":                             {Limit: 1, After: "\x00"},
		"after_desk: ":                        {Limit: 1, AfterDesk: "\xff"},
	} {
		_, err := s.IntegrationUsers(t.Context(), q)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, field)
	}
}

func testIntegrationUserKeys(t *testing.T, s *ledger.Store) {
	for field, change := range map[string]func(*access.IntegrationUser){
		"user.desk":     func(u *access.IntegrationUser) { u.Desk = "" },
		"user.id":       func(u *access.IntegrationUser) { u.ID = "\x00" },
		"user.account":  func(u *access.IntegrationUser) { u.Account = "\xff" },
		"user.email":    func(u *access.IntegrationUser) { u.Email = strings.Repeat("e", 513) },
		"user.added_by": func(u *access.IntegrationUser) { u.AddedBy = "\x00" },
	} {
		u := integrationUser("u-1")
		change(&u)
		calls := []error{s.SaveIntegrationUser(t.Context(), u, userEvent("u-1", 2)), s.UpdateIntegrationUser(t.Context(), u, userEvent("u-1", 2))}
		if field == "user.desk" || field == "user.id" {
			calls = append(calls, s.RemoveIntegrationUser(t.Context(), u.Desk, u.ID, userEvent("u-1", 2)))
		}
		for _, err := range calls {
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, field+": ")
		}
	}
	require.ErrorContains(t, s.RemoveIntegrationUser(t.Context(), "jira", "u-1", access.DeskEvent{}), "events[0].id: ")
}
