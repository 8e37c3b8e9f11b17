package workflows_test

import (
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// leaves is ana, who leaves at a calm hour. Her requests go on wanting what they wanted.
func (p *personStorm) leaves() {
	p.away = false
	rows, err := p.holder.ledger.LeasesOf(p.t.Context(), "ana")
	require.NoError(p.t, err)
	for _, row := range rows {
		if row.GrantedAt != nil && row.State != access.LeaseEnded && row.Lease.Binding != nil {
			p.gone[row.Lease.Title] = true
		}
	}
	left := hasLeft(pick(p.storm, nil, []access.TargetName{"directory"}, []access.TargetName{"elsewhere", "directory"})...)
	p.left = true
	p.runs.signal(workflows.SignalStanding, left)
}
