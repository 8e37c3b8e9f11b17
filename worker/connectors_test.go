package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/requesttracker"
)

func TestDeskKinds_requesttracker(t *testing.T) {
	c := deskConfig{Kind: "requesttracker", RequestTracker: requesttracker.Config{
		BaseURL: "http://127.0.0.1:1", Token: "1-14-0123456789abcdef", Queue: "Access", MarkerField: "External Id",
	}}
	c.SetDefaults()
	require.NoError(t, c.validate())
	desk, err := c.open("rt")
	require.NoError(t, err)
	require.NotNil(t, desk)
	require.True(t, c.fulfilledByNobody())
	c.RequestTracker.FulfilledBy = []access.AccountID{"anna"}
	require.False(t, c.fulfilledByNobody())
	c.RequestTracker.Queue = ""
	require.ErrorContains(t, c.validate(), "queue: expected the name of a queue")
}
