package intake

import (
	"cmp"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// parties are the people of a ticket, as far as the source knows them: whoever is missing has no id.
type parties struct {
	Requester access.Person `json:"requester"`
	Subject   access.Person `json:"subject"`
	// Filer is whose the account is that filed the ticket for the requester.
	Filer access.Person `json:"filer,omitzero"`
}

// findPeople looks up who asks, whose access it shall be, and who has filed the ticket.
func (a *asked) findPeople() {
	said := a.Look.Asked
	creator := access.PersonQuery{ID: said.Creator.Person, UserName: said.Creator.UserName, Email: said.Creator.Email}
	call := activities.FindPeopleInput{Queries: []access.PersonQuery{creator, said.Draft.Requester, said.Draft.Subject}}
	var policy *activities.Policy
	durable.StartLocal(a.loop, workflows.LocalQuestion(), policy.SourceOfPeople, struct{}{}, func(name access.SourceName, err error) {
		if !a.done(err) {
			return
		}
		var source *activities.Source
		durable.Start(a.loop, workflows.LookupPeople(name), source.FindPeople, call, func(found activities.FindPeopleResult, err error) {
			if a.done(err) {
				a.found(found.People)
			}
		})
	})
}

// found takes the creator of the ticket, the requester whom a field names, and the subject.
func (a *asked) found(people []access.Person) {
	said := a.Look.Asked
	p := parties{Requester: people[0], Subject: people[2]}
	if said.Filed {
		p.Requester, p.Filer = people[1], people[0]
	}
	switch {
	case p.Requester.ID != "":
	case said.Filed:
		a.Look.Findings = append(a.Look.Findings, unknown(access.AskedRequester, said.Draft.Requester))
	default:
		a.Look.Findings = append(a.Look.Findings, a.unknownCreator())
	}
	switch asks := said.Draft.Subject; {
	case asks == (access.PersonQuery{}):
		p.Subject = p.Requester
	case p.Subject.ID == "":
		a.Look.Findings = append(a.Look.Findings, unknown(access.AskedSubject, asks))
	}
	a.Look.People = &p
}

func unknown(field access.AskedField, asks access.PersonQuery) access.Refusal {
	return access.Refusal{
		Field: field.Label(), Problem: "Nobody is known as " + asks.UserName + ", or more than one person is. Expected an e-mail address or a user name.",
	}
}

func (a *asked) unknownCreator() access.Refusal {
	who := a.Look.Asked.Creator
	return access.Refusal{
		Field: access.AskedRequester.Label(), Problem: "The account that opened this ticket (" + cmp.Or(who.Name, string(who.ID)) +
			") is nobody's whom usher knows. An administrator can name its person in the configuration of this desk.",
	}
}

// match holds that the account which opened the ticket is that of who asks, found as an approver's is. An account that files for
// others is believed by the configuration.
func (a *asked) match() {
	if a.Look.Asked.Filed {
		a.Look.Matched = true
		return
	}
	var desk *activities.Desk
	options := workflows.Ticket(a.desk, "whose account it is")
	durable.Start(a.loop, options, desk.MatchAccount, a.Look.People.Requester, func(account access.Account, err error) {
		if !a.done(err) {
			return
		}
		if account.ID == "" || account.ID != a.Look.Asked.Creator.ID {
			a.Look.Findings = []access.Refusal{a.unknownCreator()}
			return
		}
		a.Look.Matched = true
	})
}
