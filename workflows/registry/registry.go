// Package registry names every workflow to a worker, a replayer or a test.
package registry

import (
	"go.temporal.io/sdk/workflow"

	"usher/workflows"
	"usher/workflows/doctor"
	"usher/workflows/incident"
	"usher/workflows/intake"
	"usher/workflows/integrationusers"
	"usher/workflows/lease"
	"usher/workflows/leasescan"
	"usher/workflows/people"
	"usher/workflows/reopened"
	"usher/workflows/request"
	"usher/workflows/usersync"
	"usher/workflows/watch"
)

// Registry takes workflows; worker.Worker is one, and so are the test environment and the replayer.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers every workflow under its name. Every run goes on with the current build: a request lives for days
// and a person's access for years, over many builds, so none is pinned. A change that would replay differently is guarded by
// workflow.GetVersion.
func Register(r Registry) {
	register := func(w any, name string) {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	}
	register(request.Workflow, workflows.AccessRequestType)
	register(lease.Workflow, workflows.SubjectAccessType)
	register(lease.Revoke, workflows.LeaseRevocationType)
	register(lease.Pause, workflows.TargetPauseType)
	register(watch.Workflow, workflows.TicketWatchType)
	register(leasescan.Workflow, workflows.LeaseScanType)
	register(reopened.Workflow, workflows.ReopenedTicketType)
	register(intake.Workflow, workflows.AskedTicketType)
	register(doctor.Workflow, workflows.DoctorType)
	register(people.Workflow, workflows.PeopleRunType)
	register(usersync.Workflow, workflows.UserSyncType)
	register(usersync.Unlink, workflows.UserUnlinkType)
	register(incident.Workflow, workflows.IncidentTicketType)
	register(integrationusers.Workflow, workflows.IntegrationUsersType)
}
