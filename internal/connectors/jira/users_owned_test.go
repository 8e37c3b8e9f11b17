package jira_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// ownedSite is a site whose issues are handed over: the kind "tickets" is that of a field in the project ACCESS, and "all" that of the assignee in OTHER and
// ACCESS.
type ownedSite struct {
	*site
	users *jira.Users
	field jira.OwnerField
	// agent is who works on the desk.
	agent access.AccountID
}

func newOwned(t *testing.T, edition jiratest.Edition, field jira.OwnerField, change func(*jira.Config)) *ownedSite {
	t.Helper()
	s, users := newUsers(t, edition, func(c *jira.Config) {
		if edition == jiratest.Cloud {
			withGroups(c)
		}
		c.Users.Owned = map[string]jira.OwnedConfig{
			"tickets": {Projects: []string{"ACCESS"}, Field: field}, "all": {Projects: []string{"OTHER", "access"}, Types: []string{"access request"}},
		}
		if change != nil {
			change(c)
		}
	})
	return &ownedSite{site: s, users: users, field: field, agent: s.addAccount(access.Person{ID: "agent", Email: "agent@example.com", DisplayName: "Agent"})}
}

// put opens an issue of an owner as a person does who works on the desk, and returns its id.
func (s *ownedSite) put(t *testing.T, title string, owner access.DeskUser) string {
	t.Helper()
	id := string(s.createAs(t, s.agent, fmt.Sprintf(`"summary":%q`, title)))
	s.give(t, id, owner.ID)
	return id
}

// give makes a user the owner as people do.
func (s *ownedSite) give(t *testing.T, id string, owner access.UserID) {
	t.Helper()
	if s.field != jira.OwnerReporter {
		require.NoError(t, s.AssignAs(string(s.agent), id, s.idOf(owner)))
		return
	}
	who := map[string]string{"accountId": string(owner)}
	if s.edition == jiratest.DataCenter {
		who = map[string]string{"key": string(owner)}
	}
	require.NoError(t, s.Edit(string(s.agent), id, map[string]any{"reporter": who}))
}

// owner is whose an issue is, by the id that usher knows.
func (s *ownedSite) owner(id string) access.UserID {
	i, _ := s.Ticket(id)
	who := i.Assignee
	if s.field == jira.OwnerReporter {
		who = i.Reporter
	}
	for _, a := range s.Accounts() {
		if a.ID == who && s.edition == jiratest.DataCenter {
			return access.UserID(a.Key)
		}
	}
	return access.UserID(who)
}

// list is what a user owns of a kind, in pages of two.
func (s *ownedSite) list(t *testing.T, kind string, owner access.DeskUser) []string {
	t.Helper()
	var ids []string
	q := access.OwnedQuery{Kind: kind, Owner: owner, Limit: 2}
	for {
		page, err := s.users.ListOwned(t.Context(), q)
		require.NoError(t, err)
		for _, o := range page {
			ids = append(ids, o.ID)
		}
		if len(page) < q.Limit {
			return ids
		}
		q.After = page[len(page)-1].ID
	}
}

// writes are the writes of owners that reached the site.
func (s *ownedSite) writes() int {
	n := 0
	for _, c := range s.tap.Calls("") {
		if c.Method == http.MethodPut && (strings.HasSuffix(c.Path, "/assignee") || strings.Contains(c.Body, `"reporter"`)) {
			n++
		}
	}
	return n
}

// adopt makes an issue that a person has opened the ticket of a request.
func (s *ownedSite) adopt(t *testing.T, id string) {
	t.Helper()
	asked, err := s.desk(t, nil).ReadAsked(t.Context(), access.TicketID(id))
	require.NoError(t, err)
	marker := access.NewMarker(access.AskedRequestID("jira", access.TicketID(id)), "run-1")
	_, err = s.desk(t, nil).BindTicket(t.Context(), access.TicketID(id), asked.Creator.ID, marker)
	require.NoError(t, err)
}

func (s *ownedSite) harness(t *testing.T) accesstest.UserBelongingsHarness {
	write := jiratest.OpAssign
	if s.field == jira.OwnerReporter {
		write = jiratest.OpEditIssue
	}
	return accesstest.UserBelongingsHarness{
		Belongings: s.users, Kind: "tickets", Unknown: "999999", PutUser: s.putUser, Owner: s.owner, Writes: s.writes,
		PutOwned: func(title string, owner access.DeskUser) string { return s.put(t, title, owner) },
		SetOwner: func(id string, owner access.DeskUser) { s.give(t, id, owner.ID) },
		PutOther: func(owner access.DeskUser) string {
			id := s.put(t, "elsewhere", owner)
			_, err := s.MoveToProject(id, "OTHER")
			require.NoError(t, err)
			return id
		},
		Adopt:             func(id string) { s.adopt(t, id) },
		Close:             func(id string) { require.NoError(t, s.MoveAs(string(s.agent), id, desktest.StatusDone)) },
		RefuseCredentials: func() { s.faults(func(f *jiratest.Faults) { f.Anonymous = true }) },
		CutShort: func() {
			s.spoil(fakewire.Rule{Times: 1, Only: []jiratest.Operation{jiratest.OpSearch}, Of: []fakewire.Fault{{Kind: fakewire.Cut}}})
		},
		LoseAnswer: func() {
			s.spoil(fakewire.Rule{Times: 1, Succeeded: true, Only: []jiratest.Operation{write}, Of: []fakewire.Fault{{Kind: fakewire.Drop}}})
		},
		IgnoreWrites: func() { s.faults(func(f *jiratest.Faults) { f.IgnoreOwnerWrites = true }) },
	}
}

func TestUserBelongings(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		for _, field := range []jira.OwnerField{"", jira.OwnerReporter} {
			t.Run("by "+string(field), func(t *testing.T) {
				accesstest.RunUserBelongings(t, func(t *testing.T) accesstest.UserBelongingsHarness {
					return newOwned(t, edition, field, nil).harness(t)
				})
			})
		}
	})
}

// TestListOwned_projects: Jira goes on behind an issue within its project alone, so each project is listed by itself, and all of them by id.
func TestListOwned_projects(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newOwned(t, edition, "", nil)
		ana := s.putUser(person("ana"))
		var here, there []string
		const several = 5
		for n := range several {
			here = append(here, s.put(t, fmt.Sprint("here ", n), ana))
			there = append(there, s.put(t, fmt.Sprint("there ", n), ana))
			_, err := s.MoveToProject(there[n], "OTHER")
			require.NoError(t, err)
		}
		all := append(there, here...)
		slices.Sort(all)
		require.Equal(t, all, s.list(t, "all", ana))
		require.Equal(t, here, s.list(t, "tickets", ana))
	})
}

// TestListOwned_end_of_page: a page goes on behind an issue that is gone.
func TestListOwned_end_of_page(t *testing.T) {
	for name, change := range map[string]func(*ownedSite, string) error{
		"deleted": func(s *ownedSite, id string) error { return s.Delete(id) },
		"hidden":  func(s *ownedSite, id string) error { return s.Hide(id, true) },
		"moved": func(s *ownedSite, id string) error {
			_, err := s.MoveToProject(id, "OTHER")
			return err
		},
	} {
		onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
			t.Run(name, func(t *testing.T) {
				s := newOwned(t, edition, "", nil)
				ana := s.putUser(person("ana"))
				q := access.OwnedQuery{Kind: "tickets", Owner: ana, After: s.put(t, "first", ana), Limit: 2}
				second := s.put(t, "second", ana)
				require.NoError(t, change(s, q.After))
				page, err := s.users.ListOwned(t.Context(), q)
				require.NoError(t, err)
				require.Len(t, page, 1)
				require.Equal(t, second, page[0].ID)
				require.Equal(t, []string{second}, s.list(t, "tickets", ana))
			})
		})
	}
}

// TestListOwned_stands_still: a search that does not go on ends, and is not taken for the whole.
func TestListOwned_stands_still(t *testing.T) {
	s := cloudScript(t)
	s.on("GET /rest/api/3/user", okay(`{"accountId":"ana","accountType":"atlassian","active":true}`))
	s.on("POST /rest/api/3/search/jql", okay(`{"nextPageToken":"x","isLast":false,"issues":[{"id":"10001","key":"ACCESS-1","fields":{"project":{"key":"ACCESS"}}}]}`))
	c := jira.Config{BaseURL: s.url, Edition: jira.Cloud, Auth: jira.AuthBearer, Token: "t", Project: "ACCESS", IssueType: "x"}
	c.Rate, c.Users.Owned = 10_000, map[string]jira.OwnedConfig{"tickets": {Projects: []string{"ACCESS"}}}
	users, err := jira.NewUsers(c, "jira", nil)
	require.NoError(t, err)
	_, err = users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: access.DeskUser{ID: "ana"}, Limit: 2})
	requireKind(t, access.Transient, err)
	require.Equal(t, 2, s.count("POST /rest/api/3/search/jql"))
}

// TestListOwned_leaver: whoever has left is switched off, and on Data Center may have another name by now.
func TestListOwned_leaver(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newOwned(t, edition, "", nil)
		ana, bob := s.putUser(person("ana")), s.putUser(person("bob"))
		id := s.put(t, "first", ana)
		for _, a := range s.Accounts() {
			if a.ID == s.idOf(ana.ID) {
				a.Inactive, a.Name = true, "renamed"
				s.AddAccount(a)
			}
		}
		require.Equal(t, []string{id}, s.list(t, "tickets", ana))
		require.NoError(t, s.users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob))
		require.Equal(t, bob.ID, s.owner(id))
	})
}

// TestHandOver_changed: an issue that is none of the kind by the time of the write stays with its owner, and is not listed any more.
func TestHandOver_changed(t *testing.T) {
	const field = "customfield_10041"
	for name, change := range map[string]func(*ownedSite, string) error{
		"closed": func(s *ownedSite, id string) error { return s.MoveAs(string(s.agent), id, desktest.StatusDone) },
		"moved": func(s *ownedSite, id string) error {
			_, err := s.MoveToProject(id, "OTHER")
			return err
		},
		"archived":       func(s *ownedSite, id string) error { return s.Archive(id, true) },
		"made a request": func(s *ownedSite, id string) error { return s.label(id, "usher-r1:0123456789abcdef") },
		"labelled":       func(s *ownedSite, id string) error { return s.label(id, "usher") },
		"marked in a field": func(s *ownedSite, id string) error {
			return s.Edit(string(s.agent), id, map[string]any{field: "usher-r1:0123456789abcdef"})
		},
	} {
		onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
			t.Run(name, func(t *testing.T) {
				s := newOwned(t, edition, "", func(c *jira.Config) {
					if strings.Contains(name, "field") {
						c.MarkerField = field
						delete(c.Fields, field)
					}
				})
				ana, bob := s.putUser(person("ana")), s.putUser(person("bob"))
				id := s.put(t, "first", ana)
				require.Equal(t, []string{id}, s.list(t, "tickets", ana))
				require.NoError(t, change(s, id))
				require.Empty(t, s.list(t, "tickets", ana))
				requireKind(t, access.Conflict, s.users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob))
				require.Equal(t, ana.ID, s.owner(id))
			})
		})
	}
}

func (s *ownedSite) label(id, label string) error {
	return s.Edit(string(s.agent), id, map[string]any{"labels": []string{label}})
}

// TestHandOver_ushers: what usher has opened is left alone, also if somebody has taken the labels away, or usher has another account by now.
func TestHandOver_ushers(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		for name, by := range map[string]string{"its own account": jiratest.DefaultAccountID, "an account before": "agent"} {
			t.Run(name, func(t *testing.T) {
				s := newOwned(t, edition, "", nil)
				ana, bob := s.putUser(person("ana")), s.putUser(person("bob"))
				var id string
				if by == jiratest.DefaultAccountID {
					id = string(s.createAs(t, jiratest.DefaultAccountID, `"summary":"usher's own"`))
				} else {
					id = string(s.createAs(t, s.agent, `"summary":"usher's own"`))
					s.stamp(t, id)
				}
				s.give(t, id, ana.ID)
				if edition == jiratest.Cloud || by == jiratest.DefaultAccountID {
					// Data Center's search shows no properties.
					require.Empty(t, s.list(t, "tickets", ana))
				}
				requireKind(t, access.Conflict, s.users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob))
				require.Equal(t, ana.ID, s.owner(id))
				require.Zero(t, s.writes())
			})
		}
	})
}

// stamp writes the property by which usher knows an original issue from a copy.
func (s *ownedSite) stamp(t *testing.T, id string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+"/rest/api/2/issue/"+id+"/properties/usher", strings.NewReader(`{"marker":"usher-r1:0123456789abcdef"}`))
	require.NoError(t, err)
	c := s.config()
	r.SetBasicAuth(c.Email+c.User, c.Token)
	r.Header.Set("Content-Type", "application/json")
	var none map[string]any
	s.do(t, r, http.StatusCreated, &none)
}

// TestHandOver_type: an issue of another type than those of the kind stays.
func TestHandOver_type(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		projects := jiratest.DefaultProjects()
		projects[1].IssueType = desktest.IssueType{ID: "10011", Name: "Incident"}
		s := &ownedSite{site: newSite(t, jiratest.Config{Edition: edition, Projects: projects})}
		s.agent = s.addAccount(access.Person{ID: "agent", Email: "agent@example.com"})
		c := s.config()
		c.Users.Owned = map[string]jira.OwnedConfig{"all": {Projects: []string{"OTHER", "ACCESS"}, Types: []string{"Access Request"}}}
		var err error
		s.users, err = jira.NewUsers(c, "jira", nil)
		require.NoError(t, err)
		ana, bob := s.putUser(person("ana")), s.putUser(person("bob"))
		request, incident := s.put(t, "request", ana), s.put(t, "incident", ana)
		_, err = s.MoveToProject(incident, "OTHER")
		require.NoError(t, err)
		_, err = s.users.OwnedKinds(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{request}, s.list(t, "all", ana))
		requireKind(t, access.Conflict, s.users.HandOver(t.Context(), access.Owned{Kind: "all", ID: incident}, ana, bob))
		require.NoError(t, s.users.HandOver(t.Context(), access.Owned{Kind: "all", ID: request}, ana, bob))
	})
}

// TestHandOver_refused: what Jira refuses is a refusal of this one issue, in Jira's words, as long as the credentials are good.
func TestHandOver_refused(t *testing.T) {
	const said = "User 'The person bob' cannot be assigned issues."
	field := `{"errorMessages":[],"errors":{"assignee":"` + said + `"}}`
	for name, row := range map[string]struct {
		code int
		body string
		want access.Kind
	}{
		"the new owner cannot be assigned":     {http.StatusBadRequest, field, access.Invalid},
		"the new owner is not there":           {http.StatusNotFound, field, access.Invalid},
		"usher may not":                        {http.StatusForbidden, `{"errorMessages":["` + said + `"]}`, access.Invalid},
		"usher may not, said by Data Center":   {http.StatusUnauthorized, `{"errorMessages":["` + said + `"]}`, access.Invalid},
		"another change of the issue is going": {http.StatusConflict, `{"errorMessages":["` + said + `"]}`, access.Transient},
	} {
		onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
			t.Run(name, func(t *testing.T) {
				s := newOwned(t, edition, "", nil)
				ana, bob := s.putUser(person("ana")), s.putUser(person("bob"))
				o := access.Owned{Kind: "tickets", ID: s.put(t, "first", ana)}
				s.tap.AnswerInstead("PUT /assignee", status(row.code, row.body))
				err := s.users.HandOver(t.Context(), o, ana, bob)
				requireKind(t, row.want, err)
				require.ErrorContains(t, err, said)
				s.tap.AnswerInstead("", nil)
				require.NoError(t, s.users.HandOver(t.Context(), o, ana, bob))
			})
		})
	}
}

// TestHandOver_locked_out: where the credentials are bad by the time of the write, no single issue is to blame.
func TestHandOver_locked_out(t *testing.T) {
	s := newOwned(t, jiratest.DataCenter, "", nil)
	ana, bob := s.putUser(person("ana")), s.putUser(person("bob"))
	id := s.put(t, "first", ana)
	wrote := false
	s.tap.Instead(func(w http.ResponseWriter, r *http.Request) bool {
		if wrote = wrote || r.Method == http.MethodPut; wrote {
			status(http.StatusUnauthorized, `{"errorMessages":["no"]}`)(w, r)
		}
		return wrote
	})
	requireKind(t, access.Forbidden, s.users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob))
}

// TestHandOver_reporter_refused: the reporter is often not on the screen.
func TestHandOver_reporter_refused(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newOwned(t, edition, jira.OwnerReporter, nil)
		ana, bob := s.putUser(person("ana")), s.putUser(person("bob"))
		id := s.put(t, "first", ana)
		s.faults(func(f *jiratest.Faults) { f.ReporterRefused = true })
		err := s.users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, "reporter: Field 'reporter' cannot be set")
		require.Equal(t, ana.ID, s.owner(id))
	})
}

// TestOwnedKinds_wrong names what the site does not have, and what usher may not write.
func TestOwnedKinds_wrong(t *testing.T) {
	for want, row := range map[string]struct {
		kind  jira.OwnedConfig
		fault func(*jiratest.Faults)
	}{
		`tickets.projects: Jira shows usher's account no project "NO"`: {kind: jira.OwnedConfig{Projects: []string{"ACCESS", "NO"}}},
		`tickets.types: none of the projects has an issue type "Bug"`:  {kind: jira.OwnedConfig{Projects: []string{"ACCESS"}, Types: []string{"access request", "Bug"}}},
		`tickets.field: usher's account needs ASSIGN_ISSUES in the project ACCESS`: {
			jira.OwnedConfig{Projects: []string{"ACCESS"}}, func(f *jiratest.Faults) { f.ReadOnlyProjects = []string{"ACCESS"} },
		},
		`tickets.field: usher's account needs MODIFY_REPORTER in the project ACCESS`: {
			jira.OwnedConfig{Projects: []string{"ACCESS"}, Field: jira.OwnerReporter}, func(f *jiratest.Faults) { f.ReporterRefused = true },
		},
	} {
		onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
			t.Run(want, func(t *testing.T) {
				s := newOwned(t, edition, "", func(c *jira.Config) { c.Users.Owned["tickets"] = row.kind })
				if row.fault != nil {
					s.faults(row.fault)
				}
				_, err := s.users.OwnedKinds(t.Context())
				requireKind(t, access.Invalid, err)
				require.ErrorContains(t, err, "desks.jira.users.owned."+want)
			})
		})
	}
}

// TestOwnedConfig names every key that is wrong.
func TestOwnedConfig(t *testing.T) {
	c := newSite(t, jiratest.Config{}).config()
	good := map[string]jira.OwnedConfig{"tickets": {Projects: []string{"ACCESS", "OTHER"}, Field: jira.OwnerReporter, Types: []string{"Bug"}}}
	c.Users.Owned = good
	require.NoError(t, c.Validate())
	for want, kind := range map[string]jira.OwnedConfig{
		"users.owned.x.projects: expected the keys of projects": {},
		`users.owned.x.projects: found "A B"`:                   {Projects: []string{"A B"}},
		`users.owned.x.projects: found "access"`:                {Projects: []string{"ACCESS", "access"}},
		`users.owned.x.field: found "creator"`:                  {Projects: []string{"ACCESS"}, Field: "creator"},
		`users.owned.x.types: found " "`:                        {Projects: []string{"ACCESS"}, Types: []string{" "}},
		`users.owned.x.types: found "bug"`:                      {Projects: []string{"ACCESS"}, Types: []string{"Bug", "bug"}},
		`users.owned. x: found the name " x"`:                   {Projects: []string{"ACCESS"}},
	} {
		c.Users.Owned = maps.Clone(good)
		name := "x"
		if strings.Contains(want, "the name") {
			name = " x"
		}
		c.Users.Owned[name] = kind
		require.ErrorContains(t, c.Validate(), want)
	}
}
