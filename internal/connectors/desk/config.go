package desk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
)

// Config is what a human sets for a desk of any vendor. A vendor's own configuration embeds it, so the keys are those of the
// configuration file.
type Config struct {
	// Statuses lists, for each phase, the statuses that are in it: by name, or by id where the desk shows ids to people. The first
	// ones are preferred when a ticket is moved. A status that is in no list goes by what the desk itself takes it for; a new
	// ticket that nobody moved waits, unless its status is listed. Approved and denied never happen without statuses of their own.
	Statuses map[access.TicketPhase][]string `yaml:"statuses"`
	// ClosingFields is, for a phase, the values of further fields by field id, for moves into it that take them. A string
	// is translated to the field's type; any other value is sent as it is.
	ClosingFields map[access.TicketPhase]map[string]any `yaml:"closing_fields"`
	// OpeningFields is the values of further fields of a new ticket by field id, such as its priority; the same for each. A string is
	// translated to the field's type; any other value is sent as it is.
	OpeningFields map[string]any `yaml:"opening_fields"`
	// Fields puts usher's values into fields of the ticket, by field id.
	Fields map[string]access.TicketField `yaml:"fields"`
	// FulfilledBy are the accounts of those who grant and remove access by hand: their word counts when they close a ticket as
	// done. Nobody else's does.
	FulfilledBy []access.AccountID `yaml:"fulfilled_by"`
	// TextEditors are accounts that may change the text of usher's tickets, such as that of an automation. While anybody else
	// has changed it, nothing on the ticket counts as a grant or an approval.
	TextEditors []access.AccountID `yaml:"text_editors"`
	// Accounts names the accounts of persons whom a search does not find. It comes before Match.
	Accounts map[access.PersonID]access.AccountID `yaml:"accounts"`
	// Match is how the account of a person is found who is not in Accounts; "" means MatchEmail, or MatchUserName where people
	// can change the addresses of their own accounts.
	Match Match `yaml:"match"`
	// Reporter makes the requester the ticket's reporter where the desk allows it.
	Reporter bool `yaml:"reporter"`
	// Approvals is true when approvers are asked by approvals of the desk's own as well. The key is that of the desk, beside its kind.
	Approvals bool `yaml:"-"`
	// Intake is which tickets of people ask for access; nil for none.
	Intake *Intake `yaml:"intake"`
	// RequestTimeout is the deadline of one call; 0 means the vendor's default.
	RequestTimeout access.Duration `yaml:"request_timeout"`
	// Rate is this worker's share of the desk's limit, in calls per second; 0 means the vendor's default.
	Rate float64 `yaml:"rate"`
}

// Match is how an account is found to be a person's.
type Match string

// The ways. Whoever can make an account look like an approver's is that approver on the desk.
const (
	// MatchEmail: the account has the person's e-mail address. Only where the desk's administrators control addresses.
	MatchEmail Match = "email"
	// MatchUserName: the account's user name is the person's.
	MatchUserName Match = "user_name"
	// MatchMap: only by Config.Accounts.
	MatchMap Match = "map"
)

func matches() []Match { return []Match{MatchEmail, MatchUserName, MatchMap} }

// Validate names every key that is wrong, relative to the desk. own are the fields that the driver fills without a mapping.
func (c Config) Validate(own ...string) error {
	var wrong []error
	problem := func(key, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
	}
	if c.RequestTimeout < 0 {
		problem("request_timeout", "expected a duration above 0")
	}
	if c.Rate < 0 {
		problem("rate", "expected calls per second, above 0")
	}
	if c.Match != "" && !slices.Contains(matches(), c.Match) {
		problem("match", "unknown value %q; expected one of %s", c.Match, names(matches()))
	}
	c.validatePhases(problem)
	for _, id := range slices.Sorted(maps.Keys(c.Fields)) {
		key := "fields." + id
		if !slices.Contains(access.TicketFields(), c.Fields[id]) {
			problem(key, "unknown value %q; expected one of %s", c.Fields[id], names(access.TicketFields()))
		}
		if slices.Contains(own, id) {
			problem(key, "usher fills this field itself; expected another one")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.OpeningFields)) {
		_, mapped := c.Fields[id]
		switch {
		case mapped:
			problem("opening_fields."+id, "it is in fields already; expected another field")
		case slices.Contains(own, id):
			problem("opening_fields."+id, "usher fills this field itself; expected another one")
		case strings.TrimSpace(id) == "":
			problem("opening_fields", "expected ids of fields, found an empty one")
		case saysNothing(c.OpeningFields[id]):
			problem("opening_fields."+id, "expected a value")
		}
	}
	c.validateAccounts(problem)
	c.validateIntake(problem)
	return errors.Join(wrong...)
}

// saysNothing reports whether a value of a field is none.
func saysNothing(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool { return !saysNothing(one) })
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// validateAccounts holds that an account is one person's: else one would decide in the other's name.
func (c Config) validateAccounts(problem func(key, format string, args ...any)) {
	owner := map[access.AccountID]access.PersonID{}
	for _, person := range slices.Sorted(maps.Keys(c.Accounts)) {
		account := c.Accounts[person]
		if other, twice := owner[account]; twice {
			problem("accounts."+string(person), "the account %q is that of %s already; expected one of their own", account, other)
		}
		owner[account] = person
	}
}

func (c Config) validateIntake(problem func(key, format string, args ...any)) {
	if c.Intake == nil {
		return
	}
	if strings.TrimSpace(c.Intake.Kind) == "" {
		problem("intake.kind", "expected the kind of tickets by which people ask for access")
	}
	fieldOf := map[access.AskedField]string{}
	for _, id := range slices.Sorted(maps.Keys(c.Intake.Fields)) {
		value := c.Intake.Fields[id]
		if other, twice := fieldOf[value]; twice {
			problem("intake.fields."+id, "%s is in the field %s already; expected another value", value, other)
		}
		fieldOf[value] = id
		if !slices.Contains(access.AskedFields(), c.Intake.Fields[id]) {
			problem("intake.fields."+id, "unknown value %q; expected one of %s", c.Intake.Fields[id], names(access.AskedFields()))
		}
	}
	_, named := fieldOf[access.AskedRequester]
	switch files := len(c.Intake.FilesFor) > 0; {
	case files && !named:
		problem("intake.files_for", "expected a field that intake.fields maps to requester: it says for whom these accounts file")
	case named && !files:
		problem("intake.files_for", "expected accounts: intake.fields maps a field to requester, and it counts on their tickets only")
	}
	if slices.Contains(c.Intake.FilesFor, "") {
		problem("intake.files_for", "expected ids of accounts, found an empty one")
	}
}

func (c Config) validatePhases(problem func(key, format string, args ...any)) {
	phaseOf := map[string]access.TicketPhase{}
	for _, phase := range slices.Sorted(maps.Keys(c.Statuses)) {
		key := fmt.Sprintf("statuses.%s", phase)
		if !slices.Contains(phases(), phase) {
			problem(key, "unknown phase; expected one of %s", names(phases()))
		}
		for _, status := range c.Statuses[phase] {
			if strings.TrimSpace(status) == "" {
				problem(key, "expected names of statuses, found an empty one")
			}
			if other, twice := phaseOf[strings.ToLower(status)]; twice && other != phase {
				problem(key, "status %q is in statuses.%s already", status, other)
			}
			phaseOf[strings.ToLower(status)] = phase
		}
	}
	for _, phase := range slices.Sorted(maps.Keys(c.ClosingFields)) {
		if !slices.Contains(phases(), phase) {
			problem(fmt.Sprintf("closing_fields.%s", phase), "unknown phase; expected one of %s", names(phases()))
		}
	}
}

// phases are those that statuses can be mapped to.
func phases() []access.TicketPhase {
	return []access.TicketPhase{
		access.TicketWaiting, access.TicketApproved, access.TicketDenied,
		access.TicketWorking, access.TicketDone, access.TicketWontDo,
	}
}

func names[S ~string](list []S) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

// Key returns a configuration key of the desk in full.
func Key(name access.DeskName, relative string) string {
	return fmt.Sprintf("desks.%s.%s", name, relative)
}

// Finding returns what is wrong with a configuration key of the desk.
func Finding(name access.DeskName, key, format string, args ...any) access.Finding {
	return access.Finding{Key: Key(name, key), Problem: fmt.Sprintf(format, args...)}
}
