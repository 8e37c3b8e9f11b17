package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

func TestEventID(t *testing.T) {
	event := access.Event{Request: "r1", Type: access.EventFulfilment, Text: "Wiki editor is held.", At: chainStart}
	id := workflows.EventID("request/r1", "", event)
	later, other := event, event
	later.At, later.ID = event.At.Add(time.Hour), id
	other.Text = "Wiki editor is ended."
	require.Equal(t, id, workflows.EventID("request/r1", "", later), "the same fact later")
	require.NotEqual(t, id, workflows.EventID("request/r1", "", other), "another fact")
	require.NotEqual(t, id, workflows.EventID("request/r2", "", event), "another workflow")
	require.Equal(t, workflows.EventID("request/r1", "k", event), workflows.EventID("request/r1", "k", other), "the same key")
}
