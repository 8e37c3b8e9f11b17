package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

// An item is decided on the channels that the catalog names; elsewhere its approver decides nothing, and is told where to.
func TestDecisionChannels(t *testing.T) {
	api, ticket, operator := access.ChannelAPI, access.ChannelTicket, access.ChannelOperator
	for name, row := range map[string]struct {
		by      []access.Channel
		allowed []access.Channel
		says    string
	}{
		"nothing means both": {nil, []access.Channel{api, ticket, operator}, ""},
		"both":               {[]access.Channel{api, ticket}, []access.Channel{api, ticket, operator}, ""},
		"the API":            {[]access.Channel{api}, []access.Channel{api, operator}, "Wiki editor is decided with usher only, not on the ticket"},
		"the ticket":         {[]access.Channel{ticket}, []access.Channel{ticket, operator}, "Wiki editor is decided on the ticket only"},
	} {
		need := access.Requirement{
			Requester: access.Person{ID: "rita"}, Subject: access.Person{ID: "sam"},
			Items: []access.ItemRequirement{{
				Item: access.Item{ID: "1"}, Title: "Wiki editor", DecisionChannels: row.by,
				Stages: []access.Stage{{Name: access.StageOwner, Approvers: []access.Person{{ID: "anna"}}}},
			}},
		}
		for _, channel := range []access.Channel{api, ticket, operator} {
			for _, verdict := range []access.Verdict{access.Approve, access.Deny} {
				t.Run(name+", by "+string(channel)+", "+string(verdict), func(t *testing.T) {
					d := access.Decision{By: "anna", Verdict: verdict, Channel: channel, Items: []access.ItemID{"1"}, Stages: []string{access.StageOwner}}
					allowed := slices.Contains(row.allowed, channel)
					open, why := policy.Approval(need, nil, time.Time{}, time.Time{}).Judge(need, nil, d)
					require.Equal(t, allowed, why == nil)
					require.Equal(t, allowed, len(open) == 1)
					if !allowed {
						require.Equal(t, &policy.Rejection{Kind: access.Forbidden, Field: "channel", Problem: row.says}, why)
					}
					recorded := policy.Approval(need, []access.Decision{d}, time.Time{}, time.Time{})
					require.Equal(t, !allowed, recorded.Pending(), "a recorded decision counts only on its channels")
				})
			}
		}
	}
}
