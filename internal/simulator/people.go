package main

import (
	"fmt"

	"usher/internal/connectors/jira/jiratest"
	"usher/internal/connectors/scim/scimtest"
)

// botName is the user name of the integration account on Data Center.
const botName = "usher-bot"

// borrowedEmail is an address that no account of the desk may have but that of the person whom it belongs to.
const borrowedEmail = "boss@example.test"

// eve is the user name of somebody who is nobody of the company, and has given the desk that address, where its accounts have
// user names like this.
const eve = "eve@example.test"

// person is somebody of the simulated company.
type person struct {
	id, name, manager string
	left              bool
}

// people are the company. ana and ben are employees and ask for access; mia is their manager, zoe hers; omar owns the
// wiki and the VPN; lea has left. So many employees come besides, called staff-1 and so on, who are mia's as well.
func people(staff int) []person {
	all := []person{
		{id: "ana", name: "Ana Alves", manager: "mia"},
		{id: "ben", name: "Ben Baker", manager: "mia"},
		{id: "mia", name: "Mia Moreau", manager: "zoe"},
		{id: "omar", name: "Omar Osman", manager: "zoe"},
		{id: "zoe", name: "Zoe Zimmer"},
		{id: "lea", name: "Lea Lindt", manager: "mia", left: true},
	}
	for n := range staff {
		all = append(all, person{id: fmt.Sprint(staffPrefix, n+1), name: fmt.Sprintf("Employee %d", n+1), manager: "mia"})
	}
	return all
}

// What the ids of the employees begin with who come besides, and the title that they have in ServiceNow.
const (
	staffPrefix = "staff-"
	staffTitle  = "Engineer"
)

func (p person) email() string { return p.id + "@example.test" }

// accounts are the integration account, and one for each person, with the id "acc-<person>" and the user name of the directory;
// and that of eve, who is nobody of the company and has written into her profile the e-mail address that the next head of a
// department will have. All are in that time zone. A person's token is "token-of-<person>": it opens nothing but the simulator.
func accounts(o options) []jiratest.Account {
	bot, zone := jiratest.DefaultAccount(), o.zone
	bot.Token, bot.Name, bot.Zone = o.jiraToken, botName, zone
	out := []jiratest.Account{bot}
	for _, p := range people(o.staff) {
		out = append(out, jiratest.Account{
			ID: "acc-" + p.id, Name: p.email(), Email: p.email(), DisplayName: p.name, Token: "token-of-" + p.id, Inactive: p.left, Zone: zone,
		})
	}
	return append(out, jiratest.Account{
		ID: "acc-eve", Name: "eve", Email: borrowedEmail, DisplayName: "Eve Evans", Token: "token-of-eve", Zone: zone,
	})
}

// users are the same people in the directory, by their own ids.
func users(staff int) []scimtest.User {
	var out []scimtest.User
	for _, p := range people(staff) {
		out = append(out, scimtest.User{
			ID: p.id, UserName: p.email(), DisplayName: p.name, Email: p.email(), Manager: p.manager, Inactive: p.left,
		})
	}
	return out
}

// deskGroups are groups of the desk that people may be in; nobody is a member yet. Request Tracker makes its own.
func deskGroups() []string { return []string{"Research", "Line managers"} }

// groups are what access means here: nobody is a member yet.
func groups() []scimtest.Group {
	var out []scimtest.Group
	for _, name := range []string{"wiki-editors", "wiki-admins", "vpn-users", "color-printers", "payroll-readers"} {
		out = append(out, scimtest.Group{ID: name, DisplayName: name})
	}
	return out
}
