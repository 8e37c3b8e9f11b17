package httpapi

import "slices"

// Row is a row of the table of permissions, for tests.
type Row struct{ Route, Part, Open string }

// Rows returns the table of permissions.
func Rows() []Row {
	var rows []Row
	for _, p := range permissions() {
		rows = append(rows, Row{p.route, p.part, p.open})
	}
	return rows
}

// Verdict returns what a row says to somebody who is all that is named.
func (r Row) Verdict(is ...string) string {
	all := map[string]relations{
		"requester": isRequester, "subject": isSubject, "approver": isApprover, "owner": isOwner, "any owner": isAnyOwner, "sender": isSender, "service": isService, "maker": isMaker, "help desk": isHelpDesk,
		"auditor": isAuditor, "administrator": isAdministrator, "ticket caller": isTicketCaller, "reader": isReader, "person": isPerson,
	}
	var has relations
	for _, name := range is {
		has |= all[name]
	}
	table := permissions()
	i := slices.IndexFunc(table, func(p permission) bool { return p.route == r.Route && p.part == r.Part })
	return map[verdict]string{allowed: "yes", forbidden: "403", unseen: "404"}[table[i].verdict(has)]
}

// ServiceIn returns the service whose token has these claims; nil for a person's.
func ServiceIn(c OIDCConfig, claims map[string]any, sub string) *ServiceCaller {
	return c.serviceIn(claims, sub)
}
