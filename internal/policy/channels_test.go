package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

// What an application says of its approvers holds for its entitlements, save those that say it themselves.
func TestParse_decision_channels_of_an_application(t *testing.T) {
	const text = `
applications:
  - id: payroll
    name: Payroll
    decision_channels: [ticket]
    entitlements:
      - {role: reader, title: Reader, fulfilment: manual, stages: [manager]}
      - {role: writer, title: Writer, fulfilment: manual, stages: [manager], decision_channels: [api]}
  - id: wiki
    name: Wiki
    entitlements:
      - {role: reader, title: Reader, fulfilment: manual, stages: [manager]}
`
	all := parse(t, text).Entitlements()
	require.Equal(t, []access.Channel{access.ChannelTicket}, all[0].DecisionChannels)
	require.Equal(t, []access.Channel{access.ChannelAPI}, all[1].DecisionChannels)
	require.Empty(t, all[2].DecisionChannels)

	_, err := policy.Parse([]byte("applications:\n  - {id: a, name: A, decision_channels: [mail], entitlements: [{role: r, title: R, fulfilment: manual, stages: [manager]}]}\n"))
	require.ErrorContains(t, err, `applications[0].decision_channels[0] (line 2): found "mail", expected api or ticket`)
}
