package ledger

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"usher/internal/access"
)

// maxKey is the most bytes of an id: PostgreSQL indexes rows of up to 2704 bytes, and two ids stand in one index.
const maxKey = 512

// usableKey reports whether both databases can keep s as an id, and tell it from others.
func usableKey(s string) bool {
	return len(s) <= maxKey && utf8.ValidString(s) && !strings.Contains(s, "\x00")
}

// keys collects what is wrong with the ids of an entry: the first problem stays.
type keys struct{ problem error }

func (k *keys) optional(field, id string) {
	if k.problem == nil && !usableKey(id) {
		k.problem = access.Errorf(access.Invalid, opRecord, "%s: expected at most %d bytes of UTF-8 without NUL, found %d bytes",
			field, maxKey, len(id))
	}
}

func (k *keys) required(field, id string) {
	if k.problem == nil && id == "" {
		k.problem = access.Errorf(access.Invalid, opRecord, "%s: is empty", field)
	}
	k.optional(field, id)
}

func checkEntry(e access.Entry) error {
	var k keys
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
	return k.problem
}

func (k *keys) checkView(v access.RequestView) {
	k.required("view.request.id", string(v.Request.ID))
	k.optional("view.request.requester", string(v.Request.Requester))
	k.optional("view.request.subject", string(v.Request.Subject))
	k.required("view.state", string(v.State))
	for i, item := range v.Request.Items {
		k.optional(fmt.Sprintf("view.request.items[%d].entitlement", i), string(item.Entitlement))
	}
	for i, w := range v.WaitingOn {
		k.optional(fmt.Sprintf("view.waiting_on[%d].person", i), string(w.Person))
	}
}
