package jira_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

func TestServiceDesk(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		accesstest.RunServiceDesk(t, harness(edition, nil))
	})
}

func TestServiceDesk_own_token(t *testing.T) {
	t.Run("a bearer token at Cloud's gateway", func(t *testing.T) {
		accesstest.RunServiceDesk(t, harness(jiratest.Cloud, func(c *jira.Config) {
			c.Email, c.Auth, c.SiteURL = "", jira.AuthBearer, c.BaseURL
			c.BaseURL += "/ex/jira/" + jiratest.DefaultCloudID
		}))
	})
	t.Run("a personal access token at Data Center", func(t *testing.T) {
		accesstest.RunServiceDesk(t, harness(jiratest.DataCenter, func(c *jira.Config) { c.User, c.Auth = "", jira.AuthPAT }))
	})
	t.Run("a service account at Cloud's gateway", func(t *testing.T) {
		tokens := newTokens(t)
		accesstest.RunServiceDesk(t, harness(jiratest.Cloud, oauth(func(c *jira.Config) {
			c.SiteURL, c.TokenURL = c.BaseURL, tokens.url
			c.BaseURL += "/ex/jira/" + jiratest.DefaultCloudID
		})))
		require.Positive(t, tokens.given.Load())
	})
	t.Run("a service account at Data Center", func(t *testing.T) {
		tokens := newTokens(t)
		accesstest.RunServiceDesk(t, harness(jiratest.DataCenter, oauth(func(c *jira.Config) {
			c.TokenURL, c.Scopes = tokens.url, []string{"WRITE"}
		})))
		require.Positive(t, tokens.given.Load())
	})
}

// harness makes the suite's desks of one edition.
func harness(
	edition jiratest.Edition, change func(*jira.Config),
) func(*testing.T, accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
	return func(t *testing.T, setup accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
		// Short pages, so that every list of the suite has several.
		site := newSite(t, jiratest.Config{Edition: edition, PageLimit: 3, Projects: projectsFor(setup)})
		limit := 32767
		if edition == jiratest.DataCenter {
			limit -= len("{noformat}\n\n{noformat}")
		}
		return accesstest.ServiceDeskHarness{
			Desk: site.desk(t, change), SummaryLimit: 255, BodyLimit: limit, DemandedField: "Cost centre",
			AddAccount:       site.addAccount,
			MakeUnassignable: site.deactivate,
			MoveAs: func(by access.AccountID, id access.TicketID, to access.TicketPhase) {
				require.NoError(t, site.MoveAs(string(by), string(id), statusOf(to)))
			},
			AssignAs: func(by access.AccountID, id access.TicketID, to access.AccountID) {
				require.NoError(t, site.AssignAs(string(by), string(id), string(to)))
			},
			CommentAs: func(by access.AccountID, id access.TicketID, text string) {
				require.NoError(t, site.CommentAs(string(by), string(id), text))
			},
			NoteAs: func(by access.AccountID, id access.TicketID, text string) {
				require.NoError(t, site.NoteAs(string(by), string(id), text))
			},
			OpenAs: func(by access.AccountID) access.TicketID { return site.openAs(t, by) },
			NoApprovals: "only projects of Jira Service Management have approvals, by an API of their own " +
				"(https://developer.atlassian.com/cloud/jira/service-desk/rest/api-group-request/), which usher does not use",
			AskAs: func(by access.AccountID, summary, text string) access.TicketID {
				return site.askAs(t, by, summary, text)
			},
			EditTextAs: func(by access.AccountID, id access.TicketID, text string) {
				require.NoError(t, site.Edit(string(by), string(id), map[string]any{"description": text}))
			},
			PlantMarker: func(by access.AccountID, id access.TicketID, marker access.Marker) {
				require.NoError(t, site.Edit(string(by), string(id), map[string]any{"labels": []string{string(marker)}}))
			},
			Delete: func(id access.TicketID) { require.NoError(t, site.Delete(string(id))) },
			Rekey: func(id access.TicketID) access.TicketKey {
				key, err := site.MoveToProject(string(id), "OTHER")
				require.NoError(t, err)
				return access.TicketKey(key)
			},
			Seen:  func(id access.TicketID) accesstest.SeenTicket { return site.seen(t, id) },
			Count: func(m access.Marker) int { return site.CountLabel(string(m)) },
			DropAnswerOnce: func(method string) {
				site.faults(func(f *jiratest.Faults) {
					f.Faults = fakewire.Rules(fakewire.Rule{
						Times: 1, Only: []jiratest.Operation{operationOf(t, method)}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}},
					})
				})
			},
			SearchLags: func(lags bool) {
				site.faults(func(f *jiratest.Faults) {
					f.IndexLagSeconds = 0
					if lags {
						f.IndexLagSeconds = 3600
					}
				})
			},
			RefuseCredentials: func() { site.faults(func(f *jiratest.Faults) { f.Anonymous = true }) },
		}
	}
}

// openAs opens a ticket of a human's own, with usher's label but without a marker.
func (s *site) openAs(t *testing.T, by access.AccountID) access.TicketID {
	t.Helper()
	return s.createAs(t, by, `"summary":"by hand","labels":["usher"]`)
}

// askAs opens an issue by which a person asks for access.
func (s *site) askAs(t *testing.T, by access.AccountID, summary, text string) access.TicketID {
	t.Helper()
	id := s.createAs(t, by, fmt.Sprintf(`"summary":%q`, summary))
	require.NoError(t, s.Edit(string(by), string(id), map[string]any{"description": text}))
	return id
}

func (s *site) createAs(t *testing.T, by access.AccountID, fields string) access.TicketID {
	t.Helper()
	var created struct{ ID access.TicketID }
	body := `{"fields":{"project":{"key":"ACCESS"},"issuetype":{"name":"Access request"},` + fields + `}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.api()+"issue", strings.NewReader(body))
	require.NoError(t, err)
	for _, a := range s.Accounts() {
		if a.ID == string(by) {
			r.Header.Set("Authorization", "Bearer "+a.Token)
			if s.edition == jiratest.Cloud {
				r.SetBasicAuth(a.Email, a.Token)
			}
		}
	}
	r.Header.Set("Content-Type", "application/json")
	s.do(t, r, http.StatusCreated, &created)
	return created.ID
}

// config is a configuration that fits the fake's default project.
func (s *site) config() jira.Config {
	email, user := jiratest.DefaultEmail, ""
	if s.edition == jiratest.DataCenter {
		email, user = "", jiratest.DefaultAccountID
	}
	c := jira.Config{
		BaseURL: s.url, Email: email, User: user, Token: jiratest.DefaultToken, Project: "ACCESS", IssueType: "Access request",
	}
	c.Reporter, c.Rate, c.Match = true, 10_000, desk.MatchEmail
	c.Intake = &desk.Intake{Kind: "Access request"}
	c.Statuses = map[access.TicketPhase][]string{
		access.TicketApproved: {desktest.StatusApproved}, access.TicketDenied: {desktest.StatusDenied},
		access.TicketWontDo: {desktest.StatusWontDo},
	}
	c.Fields = map[string]access.TicketField{
		"customfield_10041": access.FieldRequestID, "customfield_10047": access.FieldReason,
	}
	return c
}

// desk is a desk over the fake, with what change does to the configuration; nil changes nothing.
func (s *site) desk(t *testing.T, change func(*jira.Config)) *jira.Desk {
	t.Helper()
	c := s.config()
	if change != nil {
		change(&c)
	}
	desk, err := jira.New(c, "jira")
	require.NoError(t, err)
	return desk
}

func (s *site) faults(change func(*jiratest.Faults)) {
	f := s.Faults()
	change(&f)
	s.SetFaults(f)
}

func (s *site) addAccount(p access.Person) access.AccountID {
	id := fmt.Sprintf("557058:%d-%s", len(s.Accounts()), p.ID)
	s.AddAccount(jiratest.Account{ID: id, Email: p.Email, DisplayName: p.DisplayName, Token: "human-" + id})
	return access.AccountID(id)
}

func (s *site) deactivate(id access.AccountID) {
	for _, a := range s.Accounts() {
		if a.ID == string(id) {
			a.Inactive = true
			s.AddAccount(a)
		}
	}
}

// seen reads the ticket as it lies there, the texts from the documents themselves.
func (s *site) seen(t *testing.T, id access.TicketID) accesstest.SeenTicket {
	t.Helper()
	i, there := s.Ticket(string(id))
	require.True(t, there)
	var issue struct {
		Fields struct {
			Description rich
		}
	}
	s.get(t, "issue/"+string(id)+"?fields=description", &issue)
	out := accesstest.SeenTicket{
		Summary: i.Summary, Body: string(issue.Fields.Description), Assignee: access.AccountID(i.Assignee),
		Reporter: access.AccountID(i.Reporter), Phase: phaseOf(i.Status),
	}
	for n := range i.Comments {
		var page struct{ Comments []struct{ Body rich } }
		s.get(t, fmt.Sprintf("issue/%s/comment?startAt=%d&maxResults=1", id, n), &page)
		out.Comments = append(out.Comments, string(page.Comments[0].Body))
	}
	return out
}

func (s *site) get(t *testing.T, path string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.api()+path, nil)
	require.NoError(t, err)
	c := s.config()
	r.SetBasicAuth(c.Email+c.User, c.Token)
	s.do(t, r, http.StatusOK, into)
}

func (s *site) do(t *testing.T, r *http.Request, want int, into any) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	if resp.StatusCode != want {
		body, _ := io.ReadAll(resp.Body)
		require.Equal(t, want, resp.StatusCode, "%s", body)
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}

// rich is a rich text, a document or wiki text.
type rich string

// UnmarshalJSON implements json.Unmarshaler.
func (r *rich) UnmarshalJSON(raw []byte) error {
	var wiki string
	if json.Unmarshal(raw, &wiki) == nil {
		text, framed := strings.CutPrefix(wiki, "{noformat}\n")
		text, closed := strings.CutSuffix(text, "\n{noformat}")
		if wiki != "" && (!framed || !closed || strings.Contains(text, "{noformat}")) {
			text = "<wiki text>"
		}
		// Where comments show no properties, their last line is usher's own.
		if at := strings.LastIndex(text, "\n\n(reference "); at >= 0 {
			text = text[:at]
		}
		*r = rich(text)
		return nil
	}
	var document adf
	err := json.Unmarshal(raw, &document)
	*r = rich(document.plain())
	return err
}

// adf is an Atlassian document, as far as a plain text needs one.
type adf struct {
	Type    string
	Text    string
	Marks   []any
	Content []adf
}

// plain is the text as people read it: an empty line between paragraphs. Anything but plain text shows as "<type>".
func (n adf) plain() string {
	var parts []string
	for _, child := range n.Content {
		parts = append(parts, child.plain())
	}
	switch {
	case n.Type == "doc" || n.Type == "":
		return strings.Join(parts, "\n\n")
	case n.Type == "paragraph":
		return strings.Join(parts, "")
	case n.Type == "hardBreak":
		return "\n"
	case n.Type == "text" && len(n.Marks) == 0:
		return n.Text
	default:
		return "<" + n.Type + ">"
	}
}

// statuses are the fake's statuses by the phase that config gives them.
func statuses() map[access.TicketPhase]string {
	return map[access.TicketPhase]string{
		access.TicketWaiting: desktest.StatusWaiting, access.TicketApproved: desktest.StatusApproved,
		access.TicketDenied: desktest.StatusDenied, access.TicketWorking: desktest.StatusInProgress,
		access.TicketDone: desktest.StatusDone, access.TicketWontDo: desktest.StatusWontDo,
	}
}

func statusOf(p access.TicketPhase) string { return statuses()[p] }

func phaseOf(status string) access.TicketPhase {
	for phase, name := range statuses() {
		if name == status {
			return phase
		}
	}
	return access.TicketOther
}

func projectsFor(setup accesstest.ServiceDeskSetup) []jiratest.Project {
	projects := jiratest.DefaultProjects()
	var ways []desktest.Transition
	for _, way := range projects[0].Transitions {
		switch way.To {
		case statusOf(setup.NoWayTo):
			continue
		case statusOf(setup.DemandsFieldAt):
			way.Screen = append([]desktest.ScreenField{{ID: "customfield_10049", Required: true}}, way.Screen...)
		}
		ways = append(ways, way)
	}
	projects[0].Transitions = ways
	return projects
}

func operationOf(t *testing.T, method string) jiratest.Operation {
	t.Helper()
	operation := map[string]jiratest.Operation{
		"CreateTicket": jiratest.OpCreateIssue, "AddComments": jiratest.OpAddComment,
		"TransitionTicket": jiratest.OpTransition, "AssignTicket": jiratest.OpAssign,
	}[method]
	require.NotEmpty(t, operation)
	return operation
}
