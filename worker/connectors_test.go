package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/requesttracker"
	"usher/internal/connectors/servicenow"
)

func TestDeskKinds_requesttracker(t *testing.T) {
	c := deskConfig{Kind: "requesttracker", RequestTracker: requesttracker.Config{
		BaseURL: "http://127.0.0.1:1", Token: "1-14-0123456789abcdef", Queue: "Access", MarkerField: "External Id",
	}}
	c.SetDefaults()
	require.NoError(t, c.validate())
	opened, err := c.open("rt")
	require.NoError(t, err)
	require.NotNil(t, opened)
	require.True(t, c.fulfilledByNobody())
	c.RequestTracker.FulfilledBy = []access.AccountID{"anna"}
	require.False(t, c.fulfilledByNobody())
	c.RequestTracker.Queue = ""
	require.ErrorContains(t, c.validate(), "queue: expected the name of a queue")
}

// sharedDesks are desks of every kind that people ask on.
func sharedDesks() map[string]deskConfig {
	in := desk.Config{Intake: &desk.Intake{Kind: "Access"}}
	all := map[string]deskConfig{
		"jira":           {Kind: "jira", Jira: jira.Config{Config: in}},
		"requesttracker": {Kind: "requesttracker", RequestTracker: requesttracker.Config{Config: in}},
		"servicenow":     {Kind: "servicenow", ServiceNow: servicenow.Config{Config: in}},
	}
	for kind, c := range all {
		c.SetDefaults()
		all[kind] = c
	}
	return all
}

// Only the watch finds tickets that ask, and the ids of their requests begin with the desk's name.
func TestValidateShared_intake(t *testing.T) {
	for kind, c := range sharedDesks() {
		t.Run(kind, func(t *testing.T) {
			require.NoError(t, c.validateShared("desk"))
			require.ErrorContains(t, c.validateShared(access.DeskName(strings.Repeat("d", 40))), kind+".intake: the ids of requests begin with the name of their desk")
			c.Changes.ChangeDetection = access.DetectByPoll
			require.ErrorContains(t, c.validateShared("desk"), kind+".intake: only the watch finds tickets that ask; expected change_detection: watch")
		})
	}
}

func TestValidateShared_approvals(t *testing.T) {
	for kind, c := range sharedDesks() {
		t.Run(kind, func(t *testing.T) {
			c.Changes.Approvals = true
			if kind != "jira" {
				require.NoError(t, c.validateShared("desk"))
				return
			}
			require.ErrorContains(t, c.validateShared("desk"), "approvals: a desk of the kind jira has none that usher can use; expected false")
		})
	}
	at := deskConfig{Queue: queueConfig{Edge: true}}
	at.Changes.Approvals = true
	require.NoError(t, at.validateShared("desk"), "the worker at the edge knows the kind")
}
