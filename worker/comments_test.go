package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/memory"
	"usher/internal/ledger"
	"usher/internal/telemetry"
)

func TestDeskWatch_comments(t *testing.T) {
	c, err := load(t, "kind: jira", "kind: jira, comments: true")
	require.NoError(t, err)
	desk := memory.NewDesk("jira")
	edge := workerParts{Config: &c, Metrics: telemetry.NewMetrics()}
	require.Nil(t, edge.deskWatch(c.Desks["jira"].Changes, desk))
	whole := edge
	whole.Store = &ledger.Store{}
	require.NotNil(t, whole.deskWatch(c.Desks["jira"].Changes, desk).Comments)
	require.Nil(t, whole.deskWatch(changesConfig{}, desk).Comments)
	require.Nil(t, whole.watch().Comments, "the worker of the usher queue does not know the desk")
}
