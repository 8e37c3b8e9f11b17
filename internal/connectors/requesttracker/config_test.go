package requesttracker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

const everyKey = `
base_url: https://rt.example.com/rt
token: ` + secretToken + `
queue: Access Requests
marker_field: External Id
approvals_queue: Questions
statuses: {approved: [approved], denied: [denied]}
closing_fields: {done: {Cost centre: "4711"}}
fields: {Role: items}
fulfilled_by: [ada]
text_editors: [bot]
accounts: {p-ada: ada}
match: email
reporter: true
intake: {kind: Help, fields: {Access: access}, channels: [email]}
request_timeout: 30s
rate: 5.5
users: {person_field: CF.Person, manager_field: CF.Manager, privileged: true}
`

func TestConfig_yaml(t *testing.T) {
	var got requesttracker.Config
	decoder := yaml.NewDecoder(strings.NewReader(everyKey))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&got))
	require.NoError(t, got.Validate())
	require.Equal(t, requesttracker.Config{
		BaseURL: "https://rt.example.com/rt", Token: secretToken, Queue: "Access Requests", MarkerField: "External Id",
		ApprovalsQueue: "Questions", Users: requesttracker.UsersConfig{PersonField: "CF.Person", ManagerField: "CF.Manager", Privileged: true},
		Config: desk.Config{
			Statuses:      map[access.TicketPhase][]string{access.TicketApproved: {"approved"}, access.TicketDenied: {"denied"}},
			ClosingFields: map[access.TicketPhase]map[string]any{access.TicketDone: {"Cost centre": "4711"}},
			Fields:        map[string]access.TicketField{"Role": access.FieldItems},
			FulfilledBy:   []access.AccountID{"ada"}, TextEditors: []access.AccountID{"bot"},
			Accounts: map[access.PersonID]access.AccountID{"p-ada": "ada"}, Match: desk.MatchEmail, Reporter: true,
			Intake:         &desk.Intake{Kind: "Help", Fields: map[string]access.AskedField{"Access": access.AskedAccess}, Channels: []string{"email"}},
			RequestTimeout: access.Duration(30 * time.Second), Rate: 5.5,
		},
	}, got)
}

func TestConfig_wrong_keys(t *testing.T) {
	good := requesttracker.Config{
		BaseURL: "https://rt.example.com/rt", Token: secretToken, Queue: "Access Requests", MarkerField: "External Id",
	}
	require.NoError(t, good.Validate())
	for key, spoil := range map[string]func(*requesttracker.Config){
		"base_url": func(c *requesttracker.Config) { c.BaseURL = "rt.example.com" },
		"base_url: expected the address where people open RT": func(c *requesttracker.Config) { c.BaseURL += "/REST/2.0" },
		"token":                               func(c *requesttracker.Config) { c.Token = "sekrit of another kind" },
		"rate: found 1.5, expected 2 or more": func(c *requesttracker.Config) { c.Rate = 1.5 },
		"queue":                               func(c *requesttracker.Config) { c.Queue = " " },
		"marker_field":                        func(c *requesttracker.Config) { c.MarkerField = "" },
		"marker_field: ":                      func(c *requesttracker.Config) { c.MarkerField = "a} = 'x' OR CF.{b" },
		"approvals_queue":                     func(c *requesttracker.Config) { c.ApprovalsQueue = "___approvals" },
		"rate":                                func(c *requesttracker.Config) { c.Rate = -1 },
		"fields.External Id": func(c *requesttracker.Config) {
			c.Fields = map[string]access.TicketField{"External Id": access.FieldReason}
		},
		"fields.Subject": func(c *requesttracker.Config) {
			c.Fields = map[string]access.TicketField{"Subject": access.FieldReason}
		},
		"intake.kind": func(c *requesttracker.Config) { c.Intake = &desk.Intake{} },
		`intake.channels: unknown value "e-mail"; expected "email" or none`: func(c *requesttracker.Config) {
			c.Intake = &desk.Intake{Kind: "Help", Channels: []string{"e-mail"}}
		},
		"intake.fields.External Id": func(c *requesttracker.Config) {
			c.Intake = &desk.Intake{Kind: "Help", Fields: map[string]access.AskedField{"External Id": access.AskedAccess}}
		},
		"intake.fields.Status": func(c *requesttracker.Config) {
			c.Intake = &desk.Intake{Kind: "Help", Fields: map[string]access.AskedField{"Status": access.AskedAccess}}
		},
		"intake.fields.Role": func(c *requesttracker.Config) {
			c.Intake = &desk.Intake{Kind: "Help", Fields: map[string]access.AskedField{"Role": "rolle"}}
		},
		"users.person_field":           func(c *requesttracker.Config) { c.Users.PersonField = "CF." },
		"users.person_field: ":         func(c *requesttracker.Config) { c.Users.PersonField = "CF.7" },
		"users.person_field: expected": func(c *requesttracker.Config) { c.Users.PersonField = "NickName" },
		"users.manager_field":          func(c *requesttracker.Config) { c.Users.ManagerField = "Organization" },
		"users.manager_field: found": func(c *requesttracker.Config) {
			c.Users = requesttracker.UsersConfig{PersonField: "CF.A", ManagerField: "CF.A"}
		},
		"statuses.gone": func(c *requesttracker.Config) { c.Statuses = map[access.TicketPhase][]string{"gone": {"x"}} },
	} {
		t.Run(key, func(t *testing.T) {
			c := good
			c.Config = desk.Config{}
			spoil(&c)
			err := c.Validate()
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), key), "%v", err)
			require.NotContains(t, err.Error(), c.Token)
			_, err = requesttracker.New(c, "rt")
			require.Error(t, err)
		})
	}
	require.Error(t, requesttracker.Config{}.Validate())
	for _, key := range []string{"base_url", "token", "queue", "marker_field"} {
		require.ErrorContains(t, requesttracker.Config{}.Validate(), key+": ")
	}
}
