package workflows

import "go.temporal.io/sdk/workflow"

// Registry takes workflows; worker.Worker is one, and so are the test environment and the replayer.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers every workflow under its name.
func Register(r Registry) {
	r.RegisterWorkflowWithOptions(AccessRequest, workflow.RegisterOptions{Name: AccessRequestType})
	r.RegisterWorkflowWithOptions(SubjectAccess, workflow.RegisterOptions{Name: SubjectAccessType})
	r.RegisterWorkflowWithOptions(TicketWatch, workflow.RegisterOptions{Name: TicketWatchType})
	r.RegisterWorkflowWithOptions(ReopenedTicket, workflow.RegisterOptions{Name: ReopenedTicketType})
	r.RegisterWorkflowWithOptions(Doctor, workflow.RegisterOptions{Name: DoctorType})
}
