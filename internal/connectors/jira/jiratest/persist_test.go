package jiratest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/jira/jiratest"
)

func kept(file string) func(*jiratest.Config) {
	return func(c *jiratest.Config) { c.StateFile = file }
}

func TestRestart_tickets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.jsonl")
	d := newDesk(t, kept(file))
	one := d.create(object{"labels": []string{"l"}, "description": "Text.", "customfield_10048": object{"value": "Low"}})
	two := d.create(nil)
	require.NoError(t, d.MoveAs("acc-ana", one, "Done"))
	require.NoError(t, d.CommentAs("acc-ana", one, "Done."))
	require.NoError(t, d.Delete(two))
	_, err := d.MoveToProject(one, "OTHER")
	require.NoError(t, err)
	want := d.Tickets()

	// The first server is not closed: this is what a killed process leaves, with half a line at the end.
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"last_id":10099,"issue":{"id":`)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	again := newDesk(t, kept(file))
	require.Equal(t, want, again.Tickets())
	require.Equal(t, []string{"OTHER-1"}, again.keys("labels = l"))
	require.Equal(t, "ACCESS-3", again.create(nil), "the number of a deleted issue is not used again")
	third := newDesk(t, kept(file))
	require.Len(t, third.Tickets(), 2)
	fresh, _ := third.Ticket("ACCESS-3")
	require.Greater(t, fresh.ID, want[0].ID)
}

func TestState_bad_file(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.jsonl")
	require.NoError(t, os.WriteFile(file, []byte("hello\n"), 0o600))
	s := jiratest.New(jiratest.Config{StateFile: file})
	require.ErrorContains(t, s.Restore(), "line 1 is no record of an issue")
	require.NoError(t, s.Close())
}

func TestRestoreShortensTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.jsonl")
	d := newDesk(t, kept(file))
	key := d.create(nil)
	for range 20 {
		require.NoError(t, d.CommentAs("acc-ana", key, "again"))
	}
	before, err := os.Stat(file)
	require.NoError(t, err)
	newDesk(t, kept(file))
	after, err := os.Stat(file)
	require.NoError(t, err)
	require.Less(t, after.Size()*5, before.Size())
}
