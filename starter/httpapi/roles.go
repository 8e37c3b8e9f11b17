package httpapi

import (
	"fmt"
	"slices"
)

// relations is what a caller is: by role, and to what a call is about. A caller has several.
type relations uint16

// The relations. Those of a service are its own: it has no other.
const (
	// isRequester asked, isSubject is whose access it is.
	isRequester relations = 1 << iota
	isSubject
	// isApprover is named by the requirement, is awaited, or has decided; also after a peer decided.
	isApprover
	// isOwner is one of the owners whom the published catalog names for the application that a call is about. isAnyOwner is one of some application: it
	// is given only where what is answered is that application's.
	isOwner
	isAnyOwner
	// isSender handed an incident in.
	isSender
	isHelpDesk
	isAuditor
	isAdministrator
	isTicketCaller
	// isService is a program, and isMaker the one that made the request.
	isService
	isMaker
	// isReader is whoever is known, where the configuration opens the reads.
	isReader
	// isPerson is whoever is known and no service.
	isPerson
)

// thing are the relations to what a call is about. What has none of them in its row needs no look-up.
const thing = isRequester | isSubject | isApprover | isOwner | isAnyOwner | isSender | isMaker

// verdict is what a row says to a caller.
type verdict int

const (
	// unseen: to this caller there is no such thing.
	unseen verdict = iota
	// forbidden: the caller may see it, or its existence is no secret, and may not do this.
	forbidden
	allowed
)

// permission is who may make the calls of one route.
type permission struct {
	// route is the method and the path; part is the part of its calls that the row is about, "" for the rest.
	route, part string
	// open is what takes the place of an identity; "" where a caller must be known.
	open string
	// may are those who may make the call. sees are those to whom the thing exists as well: they are told that they may not. To everybody else
	// it does not exist. Without sees nothing is hidden.
	may, sees relations
	// refusal is the sentence of a 403.
	refusal string
}

// verdict decides about a caller, by what the caller is.
func (p permission) verdict(has relations) verdict {
	switch {
	case has&p.may != 0:
		return allowed
	case p.sees != 0 && has&p.sees == 0:
		return unseen
	}
	return forbidden
}

// byRole reports whether roles alone decide, so that nothing has to be looked up.
func (p permission) byRole() bool { return (p.may|p.sees)&thing == 0 }

// The parts of routes.
const (
	partTestTicket = "with a trial ticket"
	partOnBehalf   = "on behalf of somebody"
)

const (
	involved   = isRequester | isSubject | isApprover | isOwner
	seeRequest = involved | isMaker | isAuditor | isReader
	seePeople  = isAdministrator | isAuditor
)

// permissions is who may do what: the only place where it is said. Each route has a row, and so has each part of one that is for others.
func permissions() []permission {
	return slices.Concat(requestPermissions(), holdPermissions(), pausePermissions(), runPermissions(), incidentPermissions(), deskPermissions(), openPermissions())
}

func requestPermissions() []permission {
	const forPeople = "This is for people: a service asks on their behalf, and reads what it has asked."
	return []permission{
		{route: "GET /v1/me", may: isPerson, refusal: forPeople},
		{route: "GET /v1/catalog", may: isPerson, refusal: forPeople},
		{route: "GET /v1/inbox", may: isPerson, refusal: forPeople},
		{route: "POST /v1/requests", may: isPerson, refusal: "A service asks for access on behalf of a person: expected on_behalf_of."},
		{route: "POST /v1/requests", part: partOnBehalf, may: isService, refusal: "Only services ask on behalf of others: you are the requester."},
		{
			route: "GET /v1/requests", may: involved | isAuditor | isReader,
			refusal: "You may list the requests that you made, that are for you, that wait for you, or that ask for an entitlement of an application of yours.",
		},
		{route: "GET /v1/requests/{id}", may: seeRequest, sees: seeRequest},
		{route: "GET /v1/requests/{id}/audit", may: seeRequest, sees: seeRequest},
		{route: "POST /v1/requests/{id}/decisions", may: isApprover, sees: seeRequest, refusal: "Only the approvers of a request decide on it."},
		{
			route: "POST /v1/requests/{id}/withdraw", may: isRequester | isSubject, sees: seeRequest,
			refusal: "Only the requester or the subject may take a request back.",
		},
		{route: "POST /v1/requests/{id}/reassign", may: isAdministrator, refusal: "Only administrators may name who approves a request."},
	}
}

func holdPermissions() []permission {
	return []permission{
		{
			route: "GET /v1/subjects/{id}/leases", may: isSubject | isAnyOwner | isHelpDesk | isAdministrator | isAuditor | isReader,
			refusal: "You may list what you hold yourself; only auditors, owners of applications, and those who may take it back, see what others hold.",
		},
		{
			route: "POST /v1/leases/{id}/revocation", may: isSubject | isApprover | isOwner | isHelpDesk | isAdministrator, sees: seeRequest,
			refusal: "Only the subject, an approver of the request, an owner of the application, the help desk and administrators may take a lease back.",
		},
		{
			route: "POST /v1/people/{id}/revocations", may: isSubject | isHelpDesk | isAdministrator,
			refusal: "You may take back what you hold yourself; only the help desk and administrators take back what others hold.",
		},
		{
			route: "GET /v1/people/{id}/revocations", may: isSubject | isHelpDesk | isAdministrator | isAuditor,
			refusal: "You may list what was taken back from you; only the help desk, administrators and auditors see what was taken back from others.",
		},
	}
}

func pausePermissions() []permission {
	const change = "Only administrators pause and resume work on targets."
	return []permission{
		{
			route: "GET /v1/pauses", may: isHelpDesk | isAdministrator | isAuditor,
			refusal: "Only administrators, auditors and the help desk see what is paused.",
		},
		{route: "POST /v1/pauses", may: isAdministrator, refusal: change},
		{route: "POST /v1/pauses/resume", may: isAdministrator, refusal: change},
	}
}

func runPermissions() []permission {
	const see = "Only administrators and auditors may see the runs over people and over users."
	rows := []permission{
		{route: "POST /v1/people/{source}/runs", may: isAdministrator, refusal: "Only administrators may start runs over people, and release what one held back."},
		{route: "POST /v1/desks/{desk}/syncs", may: isAdministrator, refusal: "Only administrators may start runs over users, and release what one held back."},
		{
			route: "POST /v1/desks/{desk}/links/{person}/remove", may: isAdministrator,
			refusal: "Only administrators may take the link between a person and a user away.",
		},
	}
	for _, route := range []string{
		"GET /v1/people/{source}/runs", "GET /v1/people/{source}/runs/{run}", "GET /v1/people/{source}/runs/{run}/changes",
		"GET /v1/people/{source}/runs/{run}/problems", "GET /v1/people/{source}/events",
		"GET /v1/desks/{desk}/syncs", "GET /v1/desks/{desk}/syncs/{run}", "GET /v1/desks/{desk}/syncs/{run}/rows",
	} {
		rows = append(rows, permission{route: route, may: seePeople, refusal: see})
	}
	return rows
}

func incidentPermissions() []permission {
	const change = "Only administrators may change and check integration users."
	return []permission{
		{route: "POST /v1/tickets", may: isTicketCaller, refusal: "Only ticket callers may hand in incidents."},
		{
			route: "GET /v1/tickets", may: seePeople | isTicketCaller,
			refusal: "Only ticket callers, administrators and auditors may list incidents.",
		},
		{route: "GET /v1/tickets/{id}", may: seePeople | isSender, sees: seePeople | isSender},
		{route: "GET /v1/tickets/{id}/events", may: seePeople | isSender, sees: seePeople | isSender},
		{
			route: "GET /v1/integration-users", may: seePeople | isTicketCaller,
			refusal: "Only administrators, auditors and ticket callers may list integration users.",
		},
		{
			route: "GET /v1/integration-users/{desk}/events", may: seePeople,
			refusal: "Only administrators and auditors may see what happened at a desk.",
		},
		{route: "POST /v1/integration-users", may: isAdministrator, refusal: change},
		{route: "POST /v1/integration-users/{desk}/{user}/remove", may: isAdministrator, refusal: change},
		{route: "POST /v1/integration-users/{desk}/check", may: isAdministrator, refusal: change},
	}
}

func deskPermissions() []permission {
	const (
		see   = "Only auditors may see how desks are set up: it uses their credentials."
		check = "Only auditors and administrators may check connectors: it uses their credentials."
		write = "Only administrators may open a trial ticket: an auditor changes nothing."
	)
	return []permission{
		{route: "GET /v1/desks", may: isAuditor, refusal: see},
		{route: "GET /v1/desks/{desk}", may: isAuditor, refusal: see},
		{route: "POST /v1/desks/{desk}/test", may: seePeople, refusal: check},
		{route: "POST /v1/desks/{desk}/test", part: partTestTicket, may: isAdministrator, refusal: write},
		{route: "POST /v1/doctor", may: seePeople, refusal: check},
		{route: "POST /v1/doctor", part: partTestTicket, may: isAdministrator, refusal: write},
	}
}

func openPermissions() []permission {
	const nobody = "nobody is asked who they are"
	return []permission{
		{route: "POST " + webhookPath, open: "the desk proves itself"},
		{route: "GET /livez", open: nobody},
		{route: "GET /readyz", open: nobody},
		{route: "GET /docs", open: nobody},
		{route: "GET /docs/{file}", open: nobody},
		{route: "GET /openapi.json", open: nobody},
		{route: "GET /openapi.yaml", open: nobody},
		{route: "GET /openapi-3.0.json", open: nobody},
	}
}

// rowsOf returns the rows of a route. A route without one, and one that is open only here or only there, is a mistake of this package.
func (a *API) rowsOf(route string, open bool) []permission {
	var rows []permission
	for _, p := range permissions() {
		if p.route == route {
			rows = append(rows, p)
		}
	}
	if len(rows) == 0 || open != (rows[0].open != "") {
		panic(fmt.Sprintf("the table of permissions does not say who may call %s", route))
	}
	a.routed[route] = true
	return rows
}

// allows reports whether the table allows a caller another route than that of the present call: an answer shows nothing that the caller could not read.
func allows(route string, has relations) bool {
	rows := permissions()
	return rows[slices.IndexFunc(rows, func(p permission) bool { return p.route == route })].verdict(has) == allowed
}

// complete refuses a table with rows of routes that there are not.
func (a *API) complete() {
	for _, p := range permissions() {
		if !a.routed[p.route] {
			panic(fmt.Sprintf("the table of permissions has a row for %s, which is no route", p.route))
		}
	}
}
