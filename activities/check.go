package activities

import (
	"context"

	"usher/internal/access"
)

// CheckResult is what a check found: Problem is why the question could not be answered, "" when it could; Findings are
// what a human must mend.
type CheckResult struct {
	Problem  string           `json:"problem,omitempty"`
	Findings []access.Finding `json:"findings,omitempty"`
}

// check runs a port's own check once. A problem is an answer here, not an error: Doctor shows it and never retries.
func check(ctx context.Context, port access.Checker) (CheckResult, error) {
	findings, err := port.Check(ctx)
	return CheckResult{Problem: problem(err), Findings: findings}, nil
}

// InspectResult is CheckResult, and the desk as usher sees it.
type InspectResult struct {
	CheckResult
	Desk access.DeskView `json:"desk"`
}

// InspectDesk shows the desk as usher sees it. It changes nothing.
func (a *Desk) InspectDesk(ctx context.Context) (InspectResult, error) {
	view, findings, err := a.Port.Inspect(ctx)
	return InspectResult{CheckResult: CheckResult{Problem: problem(err), Findings: findings}, Desk: view}, nil
}

// problem is an error as an answer: "" for none.
func problem(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FindAccountsInput asks which of these people have an account on the desk.
type FindAccountsInput struct {
	People []access.Person `json:"people"`
}

// FindAccounts returns those who have none, in the order of the call: nobody asks them on this desk, and what they do there counts for
// nothing. It changes nothing.
func (a *Desk) FindAccounts(ctx context.Context, c FindAccountsInput) ([]access.Person, error) {
	accounts, err := a.LookupAccounts(ctx, c)
	var without []access.Person
	for i, account := range accounts {
		if account.ID == "" {
			without = append(without, c.People[i])
		}
	}
	return without, err
}

// LookupAccounts returns the accounts of people on the desk, in the order of the call, with no id for whom the desk knows none. It changes
// nothing.
func (a *Desk) LookupAccounts(ctx context.Context, c FindAccountsInput) ([]access.Account, error) {
	accounts := make([]access.Account, len(c.People))
	for i, person := range c.People {
		account, err := a.Port.FindAccount(ctx, person)
		if err != nil {
			return nil, translate(err)
		}
		account.Person = person.ID
		accounts[i] = account
	}
	return accounts, nil
}
