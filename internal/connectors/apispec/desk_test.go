package apispec_test

import (
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/apispec"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// operations are all that the connector uses of each edition; what it learns to use shall be driven here as well.
func operations() map[apispec.Edition][]string {
	both := func(root string, more ...string) []string {
		list := []string{"GET /rest/api/2/serverInfo"}
		more = append(more,
			"GET myself", "GET mypermissions", "GET project/{projectIdOrKey}", "GET project/{projectIdOrKey}/statuses",
			"GET issue/createmeta/{projectIdOrKey}/issuetypes", "GET issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}",
			"GET user", "POST user", "GET user/search", "GET user/assignable/search", "GET group/member", "POST group/user", "DELETE group/user", "POST issue", "GET issue/{issueIdOrKey}",
			"GET issue/{issueIdOrKey}/comment", "POST issue/{issueIdOrKey}/comment", "PUT issue/{issueIdOrKey}/assignee",
			"GET issue/{issueIdOrKey}/transitions", "POST issue/{issueIdOrKey}/transitions",
		)
		for _, name := range more {
			method, path, _ := strings.Cut(name, " ")
			list = append(list, method+" "+root+path)
		}
		slices.Sort(list)
		return list
	}
	return map[apispec.Edition][]string{
		apispec.Cloud: both("/rest/api/3/", "POST search/jql", "POST issue/bulkfetch", "POST changelog/bulkfetch",
			"PUT issue/{issueIdOrKey}/comment/{id}", "GET users/search", "GET user/groups", "GET group/bulk"),
		apispec.DataCenter: both("/rest/api/2/", "POST search",
			"GET issue/{issueIdOrKey}/properties/{propertyKey}", "PUT issue/{issueIdOrKey}/properties/{propertyKey}",
			"GET user/list", "PUT user", "GET groups/picker"),
	}
}

func TestContract_connector_and_fake(t *testing.T) {
	load(t, apispec.Cloud)
	for edition, want := range operations() {
		t.Run(string(edition), func(t *testing.T) {
			c := load(t, edition)
			desk, users, fake := newDesk(t, c, edition)
			drive(t, desk, fake)
			driveUsers(t, users, fake, edition)
			r := c.Report()
			require.Empty(t, r.Broken())
			require.Empty(t, r.NotValidated())
			var seen []string
			for _, o := range r.Operations {
				seen = append(seen, o.Name)
			}
			require.Equal(t, want, seen)
			require.NotEmpty(t, slices.Collect(maps.Keys(r.Outside)), "the list of webhooks")
			require.NoError(t, c.Close())
		})
	}
}

func newDesk(t *testing.T, c *apispec.Contract, edition apispec.Edition) (*jira.Desk, *jira.Users, *jiratest.Server) {
	t.Helper()
	fake := jiratest.New(jiratest.Config{
		Edition: jiratest.Edition(edition), Version: "10.3.0", PageLimit: 2, Groups: []jiratest.Group{{ID: "g-1", Name: "jira-software-users"}, {ID: "g-2", Name: "network"}},
	})
	server := httptest.NewServer(c.Middleware(fake))
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, fake.Close())
	})
	fake.AddAccount(jiratest.Account{ID: "acc-ada", Email: "ada@example.test", DisplayName: "Ada"})
	config := jira.Config{
		BaseURL: server.URL, Email: jiratest.DefaultEmail, Token: jiratest.DefaultToken,
		Project: "ACCESS", IssueType: "Access request", Webhook: jira.WebhookConfig{URL: "https://usher.test/hooks/jira"},
	}
	config.Users.Products = []string{"jira-software"}
	config.Users.Owned = map[string]jira.OwnedConfig{"tickets": {Projects: []string{"ACCESS"}, Types: []string{"Access request"}}}
	config.Reporter, config.Rate, config.Match = true, 10_000, "email"
	config.Statuses = map[access.TicketPhase][]string{
		access.TicketApproved: {desktest.StatusApproved}, access.TicketDenied: {desktest.StatusDenied},
		access.TicketWontDo: {desktest.StatusWontDo},
	}
	config.Fields = map[string]access.TicketField{
		"customfield_10041": access.FieldRequestID, "customfield_10047": access.FieldReason,
	}
	if edition == apispec.DataCenter {
		config.Email, config.User, config.Users.Notify = "", jiratest.DefaultAccountID, true
	} else {
		config.Users.Groups = []string{"g-1"}
	}
	desk, err := jira.New(config, "jira")
	require.NoError(t, err)
	users, err := jira.NewUsers(config, "jira", nil)
	require.NoError(t, err)
	return desk, users, fake
}

// driveUsers uses the whole port of users.
func driveUsers(t *testing.T, users *jira.Users, fake *jiratest.Server, edition apispec.Edition) {
	t.Helper()
	ctx := t.Context()
	_, err := users.UserSchema(ctx)
	require.NoError(t, err)
	values := map[string]string{access.UserFieldEmail: "new@example.test"}
	if edition == apispec.DataCenter {
		values[access.UserFieldName], values[access.UserFieldDisplayName] = "new", "Somebody New"
	}
	made, err := users.CreateUser(ctx, access.NewUser{Values: values})
	require.NoError(t, err)
	_, err = users.CreateUser(ctx, access.NewUser{Values: values})
	require.True(t, access.IsKind(err, access.Conflict), err)
	count, err := users.ListUsers(ctx, func([]access.DeskUser) error { return nil })
	require.NoError(t, err)
	require.Equal(t, 3, count)
	for _, q := range []access.UserQuery{{UserName: made.Values[access.UserFieldName]}, {Email: "nobody@example.test"}} {
		_, err = users.FindUsers(ctx, q)
		require.NoError(t, err)
	}
	for _, active := range []bool{false, true} {
		_, err = users.SetUserActive(ctx, made.ID, active)
		require.NoError(t, err)
	}
	_, err = users.ReadUser(ctx, "nobody")
	require.True(t, access.IsKind(err, access.NotFound), err)
	driveGroups(t, users, made.ID)
	driveOwned(t, users, made)
	if edition == apispec.DataCenter {
		fake.SetFaults(jiratest.Faults{ReadOnlyDirectory: true})
		_, err = users.UpdateUser(ctx, made.ID, access.UserChange{Values: map[string]string{access.UserFieldDisplayName: "Else"}})
		require.True(t, access.IsKind(err, access.Invalid), err)
	}
}

// driveGroups uses the whole port of groups.
func driveGroups(t *testing.T, users *jira.Users, member access.UserID) {
	t.Helper()
	ctx := t.Context()
	group, err := users.FindGroup(ctx, "network")
	require.NoError(t, err)
	require.NoError(t, users.AddGroupMember(ctx, group.ID, member))
	require.NoError(t, users.RemoveGroupMember(ctx, group.ID, member))
	require.NoError(t, users.AddGroupMember(ctx, group.ID, member))
	members, err := users.GroupMembers(ctx, group.ID)
	require.NoError(t, err)
	require.Contains(t, members, member)
	_, err = users.FindGroup(ctx, "nobodies")
	require.True(t, access.IsKind(err, access.NotFound), err)
	require.NoError(t, users.RemoveGroupMember(ctx, group.ID, member))
}

// driveOwned uses what of the port of belongings reads. Who may be handed something has opened no ticket here.
func driveOwned(t *testing.T, users *jira.Users, owner access.DeskUser) {
	t.Helper()
	_, err := users.OwnedKinds(t.Context())
	require.NoError(t, err)
	owned, err := users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: owner, Limit: access.MaxOwnedPage})
	require.NoError(t, err)
	require.Empty(t, owned)
}

// drive uses the whole port, with the values that are special on the wire: nobody, null, texts with markup.
func drive(t *testing.T, desk *jira.Desk, fake *jiratest.Server) {
	t.Helper()
	ctx := t.Context()
	_, err := desk.Check(ctx)
	require.NoError(t, err)
	ada := access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"}
	account, err := desk.FindAccount(ctx, ada)
	require.NoError(t, err)
	start, err := desk.ChangedTickets(ctx, access.ChangesQuery{})
	require.NoError(t, err)
	ticket := access.NewTicket{
		Marker: "usher-r1", Summary: "Wiki editor for *Ada*", Body: "Please.\n\nThank you.", Requester: ada, Assignee: account.ID,
		Fields: map[access.TicketField]string{access.FieldRequestID: "r1", access.FieldReason: "because"},
	}
	ref, err := desk.CreateTicket(ctx, ticket)
	require.NoError(t, err)
	// Of two with one marker, the properties tell which is the real one.
	_, err = desk.CreateTicket(ctx, ticket)
	require.NoError(t, err)
	_, err = desk.FindTicket(ctx, "usher-r1")
	require.NoError(t, err)
	require.NoError(t, desk.AssignTicket(ctx, ref.ID, ""))
	require.NoError(t, desk.AssignTicket(ctx, ref.ID, account.ID))
	fake.SetFaults(jiratest.Faults{HideCommentProperties: true})
	require.NoError(t, desk.AddComments(ctx, ref.ID, access.Comment{Marker: "c1", Text: "first\n\nsecond"}))
	require.NoError(t, desk.AddComments(ctx, ref.ID, access.Comment{Marker: "c2", Text: "third"}))
	for _, phase := range []access.TicketPhase{access.TicketApproved, access.TicketWorking, access.TicketDone} {
		require.NoError(t, desk.TransitionTicket(ctx, ref.ID, phase))
		_, err = desk.ReadTicket(ctx, ref.ID)
		require.NoError(t, err)
	}
	require.NoError(t, fake.MoveAs("acc-ada", string(ref.ID), desktest.StatusWaiting))
	read, err := desk.ReadTickets(ctx, []access.TicketID{ref.ID, "99999"})
	require.NoError(t, err)
	require.Len(t, read.Tickets, 1)
	page, err := desk.ChangedTickets(ctx, access.ChangesQuery{Since: start.Now})
	require.NoError(t, err)
	require.NotEmpty(t, page.Tickets)
}
