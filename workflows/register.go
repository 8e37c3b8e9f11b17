package workflows

import "go.temporal.io/sdk/workflow"

// Registry takes workflows; worker.Worker is one, and so are the test environment and the replayer.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers every workflow under its name. Every run goes on with the current build: a request lives for days
// and a person's access for years, over many builds, so none is pinned; what would replay differently is patched.
func Register(r Registry) {
	register := func(w any, name string) {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	}
	register(AccessRequest, AccessRequestType)
	register(SubjectAccess, SubjectAccessType)
	register(TicketWatch, TicketWatchType)
	register(ReopenedTicket, ReopenedTicketType)
	register(Doctor, DoctorType)
}
