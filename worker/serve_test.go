package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/config"
)

// queuesOf puts a worker together and gives the queues that it would poll.
func queuesOf(t *testing.T, c workerConfig) []string {
	t.Helper()
	var all *workers
	require.NoError(t, fx.New(module(t.Context(), &c, slog.New(slog.DiscardHandler)), fx.Populate(&all)).Err())
	return all.queues
}

func TestServe(t *testing.T) {
	const edges = "desks:\n  plant: {edge: true}"
	rows := []struct {
		name   string
		change []string
		want   []string
	}{
		{"everything, without a word", nil, []string{"usher-desk-jira", "usher-target-directory", "usher-source-directory", "usher"}},
		{
			"everything but what is at the edge",
			[]string{"desks:", edges},
			[]string{"usher-desk-jira", "usher-target-directory", "usher-source-directory", "usher"},
		},
		{
			"no desk",
			[]string{"desk: jira", "serve: {desks: []}\ndesk: jira"},
			[]string{"usher-target-directory", "usher-source-directory", "usher"},
		},
		{
			"workflows alone",
			[]string{"desk: jira", "serve: {desks: [], targets: [], sources: []}\ndesk: jira"},
			[]string{"usher"},
		},
		{
			"connectors alone",
			[]string{"desk: jira", "serve: {workflows: false, sources: []}\ndesk: jira"},
			[]string{"usher-desk-jira", "usher-target-directory"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c, err := load(t, row.change...)
			require.NoError(t, err)
			require.Equal(t, row.want, queuesOf(t, c))
		})
	}
}

func TestEdge_needs_no_catalog(t *testing.T) {
	c := example(t, "usher-worker-edge.yaml")
	require.Empty(t, c.Catalog)
	require.Empty(t, c.Ledger.URL)
	// The client's certificate is on the edge's own disk.
	c.Temporal.TLS.CertFile, c.Temporal.TLS.KeyFile = "", ""
	require.Equal(t, []string{"usher-target-plant"}, queuesOf(t, c))
}

func TestEdge_known_by_name(t *testing.T) {
	c, err := load(t, "desk: jira", "desk: plant", "source: directory", "source: hr", "desks:", "desks:\n  plant: {edge: true}",
		"targets:", "targets:\n  plant: {edge: true}", "sources:", "sources:\n  hr: {edge: true}")
	require.NoError(t, err)
	require.Equal(t, activities.Connectors{
		Desks:   []access.DeskName{"jira", "plant"},
		Targets: []access.TargetName{"directory", "plant"},
		Sources: []access.SourceName{"directory", "hr"},
		Watched: map[access.DeskName]access.Duration{"jira": access.Duration(5 * time.Minute), "plant": access.Duration(5 * time.Minute)},
	}, c.connectors())
	require.Equal(t, access.DeskName("plant"), c.Desk)

	require.NoError(t, os.WriteFile(c.Catalog, []byte(strings.Replace(goodCatalog, "target: directory", "target: plant", 1)), 0o600))
	_, err = readCatalog(&c)
	require.NoError(t, err, "a target at the edge is one that the catalog may name")
}

func TestWatch_desk_at_the_edge(t *testing.T) {
	for _, mode := range []string{"watch", "poll"} {
		_, err := load(t, "desk: jira", "desk: plant", "desks:", "desks:\n  plant: {edge: true, change_detection: "+mode+"}")
		require.NoError(t, err, mode)
	}
}

func TestConfig_empty_list(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.yaml")
	require.NoError(t, os.WriteFile(path, []byte("serve: {workflows: false, desks: []}\ntargets: {}\n"), 0o600))
	c := defaults()
	require.ErrorContains(t, config.Load(path, nil, &c), "serve: names nothing")
	require.NotNil(t, c.Serve.Desks)
	require.Nil(t, c.Serve.Targets)
}
