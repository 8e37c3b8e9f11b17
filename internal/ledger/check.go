package ledger

import (
	"fmt"

	"usher/internal/access"
)

// usableKey reports whether both databases can keep s as an id, and tell it from others.
func usableKey(s string) bool { return access.Limits().ID.Fits(s) }

// keys collects what is wrong with the ids of an entry: the first problem stays. Entry goes before the names of fields.
type keys struct {
	entry   string
	problem error
}

func (k *keys) optional(field, id string) {
	if problem := access.Limits().ID.Problem(id); problem != "" && k.problem == nil {
		k.problem = access.Errorf(access.Invalid, opRecord, "%s%s: %s", k.entry, field, problem)
	}
}

func (k *keys) required(field, id string) {
	if k.problem == nil && id == "" {
		k.problem = access.Errorf(access.Invalid, opRecord, "%s%s: is empty", k.entry, field)
	}
	k.optional(field, id)
}

// checkEntries names the entry as well where there are several.
func checkEntries(entries []access.Entry) error {
	for i, e := range entries {
		k := keys{}
		if len(entries) > 1 {
			k.entry = fmt.Sprintf("entries[%d].", i)
		}
		if k.check(e); k.problem != nil {
			return k.problem
		}
	}
	return nil
}

func (k *keys) check(e access.Entry) {
	for i, event := range e.Events {
		at := fmt.Sprintf("events[%d].", i)
		k.required(at+"id", event.ID)
		k.required(at+"request", string(event.Request))
		k.optional(at+"lease", string(event.Lease))
		k.required(at+"type", string(event.Type))
		k.optional(at+"actor", string(event.Actor))
		k.optional(at+"channel", string(event.Channel))
	}
	if e.View != nil {
		k.checkView(*e.View)
	}
	if e.Lease != nil {
		k.required("lease.lease.id", string(e.Lease.Lease.ID))
		k.required("lease.lease.request", string(e.Lease.Lease.Request))
		k.required("lease.lease.subject.id", string(e.Lease.Lease.Subject.ID))
		k.optional("lease.lease.entitlement", string(e.Lease.Lease.Entitlement))
		k.optional("lease.state", string(e.Lease.State))
	}
	if e.Ticket != nil {
		k.required("ticket.ref.desk", string(e.Ticket.Ref.Desk))
		k.required("ticket.ref.id", string(e.Ticket.Ref.ID))
		k.required("ticket.request", string(e.Ticket.Request))
		k.optional("ticket.lease", string(e.Ticket.Lease))
	}
}

func (k *keys) checkView(v access.RequestView) {
	k.required("view.request.id", string(v.Request.ID))
	k.optional("view.request.requester", string(v.Request.Requester))
	k.optional("view.request.subject", string(v.Request.Subject))
	k.required("view.state", string(v.State))
	for i, item := range v.Request.Items {
		k.optional(fmt.Sprintf("view.request.items[%d].entitlement", i), string(item.Entitlement))
	}
	for i, id := range v.Approvers {
		k.optional(fmt.Sprintf("view.approvers[%d]", i), string(id))
	}
	for i, w := range v.WaitingOn {
		k.optional(fmt.Sprintf("view.waiting_on[%d].person", i), string(w.Person))
	}
}
