package desk

import (
	"context"
	"slices"
	"strings"

	"usher/internal/access"
)

// Intake is which tickets of people ask for access.
type Intake struct {
	// Kind is what the desk calls such tickets: the issue type of a Jira project. Required.
	Kind string `yaml:"kind"`
	// Fields are those that hold what is asked for, by field id. What no field holds stands in the ticket's text, in lines
	// such as "Access: wiki/editor".
	Fields map[string]access.AskedField `yaml:"fields"`
	// FilesFor are accounts that file tickets for others, such as a portal's or a help desk's: who asks is then whom the field says
	// that Fields maps to requester. Such an account can ask in anybody's name.
	FilesFor []access.AccountID `yaml:"files_for"`
	// Channels are ways of opening a ticket that are taken though they do not prove who asks: "email".
	Channels []string `yaml:"channels"`
}

// Asker is a driver of a desk on which people ask for access by tickets of their own.
type Asker interface {
	// Asked returns one page of the tickets of a kind that carry no marker and changed at s.Since or later, the oldest change
	// first, with ids and times. It may find too many.
	Asked(ctx context.Context, op string, in Intake, s Search) (Page, error)
	// AskedTicket returns one ticket as it is now, with Creator and Markers, and with its history as far as that comes along: a
	// history that is Whole is not younger than what the ticket says.
	AskedTicket(ctx context.Context, op string, in Intake, id access.TicketID) (Asked, error)
	// Mark has a ticket carry a marker, so that Search finds it when it changes. Safe to repeat.
	Mark(ctx context.Context, op string, id access.TicketID, marker access.Marker) error
}

// Asked is a ticket of a person.
type Asked struct {
	Ticket
	// OfKind reports whether it is of Intake.Kind, and Marked whether it carries what all of usher's tickets carry.
	OfKind, Marked bool
	// By is the account that opened it; its ID is Creator. CreatorName is what people read.
	By          User
	CreatorName string
	// Unproven names the way it came if that way does not prove who opened it: "email"; "" for any other.
	Unproven string
	// Text is what it says, as plain text; Values what the fields of Intake.Fields hold, by field id.
	Summary, Text string
	Values        map[string]string
	// Unreadable are the fields of Intake.Fields that hold something that is no text, by field id.
	Unreadable []string
}

// asker returns what serves the intake; false where the configuration has none.
func (d *Desk) asker() (Asker, Intake, bool) {
	driver, can := d.driver.(Asker)
	if !can || d.config.Intake == nil {
		return nil, Intake{}, false
	}
	return driver, *d.config.Intake, true
}

// AskedTickets implements access.TicketIntake: one search, or, without intake in the configuration, no call and an empty page.
func (d *Desk) AskedTickets(ctx context.Context, q access.ChangesQuery) (access.ChangesPage, error) {
	const op = "list tickets that ask for access"
	driver, in, on := d.asker()
	if !on {
		return access.ChangesPage{None: true}, nil
	}
	if q.Since.IsZero() {
		self, err := d.checkCredentials(ctx, op)
		return access.ChangesPage{Now: self.Clock}, err
	}
	page, out, err := d.listed(ctx, op, q, true, func(s Search) (Page, error) { return driver.Asked(ctx, op, in, s) })
	if err != nil {
		return access.ChangesPage{}, err
	}
	for _, t := range page.tickets {
		out.Tickets = append(out.Tickets, access.TicketSnapshot{Ref: d.ref(t.Ref), UpdatedAt: t.Updated})
	}
	return out, nil
}

// ReadAsked implements access.TicketIntake. A marker of usher's on a ticket means that it is a request's, whoever put it there.
func (d *Desk) ReadAsked(ctx context.Context, id access.TicketID) (access.AskedTicket, error) {
	const op = "read a ticket that asks for access"
	t, err := d.askedTicket(ctx, op, id)
	if err != nil {
		return access.AskedTicket{}, err
	}
	nothing := func(why string) (access.AskedTicket, error) {
		return access.AskedTicket{}, access.Errorf(access.Invalid, op, "%s asks for nothing: %s", t.Key, why)
	}
	me, err := d.me(ctx, op)
	switch {
	case err != nil:
		return access.AskedTicket{}, err
	case !t.OfKind:
		return nothing("it is of another kind")
	case t.Creator == "" || t.Creator == me:
		return nothing("usher opened it")
	case t.ushers():
		return nothing("it belongs to a request")
	case d.phase(t.Ticket, true).Closed():
		return nothing("it is closed")
	case t.Unproven != "" && !slices.Contains(d.config.Intake.Channels, t.Unproven):
		return nothing("it came by " + t.Unproven + ", which does not prove who asks")
	}
	if t, err = d.withHistory(ctx, op, t); err != nil {
		return access.AskedTicket{}, err
	}
	asked := access.AskedTicket{Ref: d.ref(t.Ref), Summary: t.Summary, Text: t.Text, Values: map[access.AskedField]string{}}
	if text := d.lastTextChange(t.Ticket, me); text != nil {
		asked.TextChange, asked.ChangedByOther = text.name(), text.By != t.Creator
	}
	d.values(&asked, t)
	asked.Creator, err = d.creator(ctx, t)
	return asked, err
}

// values takes what the fields of a ticket hold. Whom it was filed for counts only if the account that files was the last to write.
func (d *Desk) values(asked *access.AskedTicket, t Asked) {
	for field, value := range t.Values {
		asked.Values[d.config.Intake.Fields[field]] = value
	}
	for _, field := range t.Unreadable {
		asked.Unreadable = append(asked.Unreadable, d.config.Intake.Fields[field])
	}
	asked.Filed = slices.ContainsFunc(d.config.Intake.FilesFor, func(id access.AccountID) bool { return sameAccount(id, t.Creator) })
	if asked.Filed && asked.ChangedByOther {
		delete(asked.Values, access.AskedRequester)
	}
}

// withHistory completes the history of a ticket. What the ticket says is read again after it: a text that was changed in between must not
// pass for the one from before the change.
func (d *Desk) withHistory(ctx context.Context, op string, t Asked) (Asked, error) {
	if t.Whole {
		return t, nil
	}
	whole := []Ticket{t.Ticket}
	if err := d.complete(ctx, op, whole); err != nil {
		return t, err
	}
	again, err := d.askedTicket(ctx, op, t.ID)
	again.Changes, again.Whole = whole[0].Changes, true
	if err == nil && again.ushers() {
		err = access.Errorf(access.Transient, op, "%s was marked while it was read", t.Key)
	}
	return again, err
}

// creator returns who opened a ticket, with what people are matched by.
func (d *Desk) creator(ctx context.Context, t Asked) (access.DeskAccount, error) {
	who := access.DeskAccount{ID: t.Creator, Name: t.CreatorName}
	for person, account := range d.config.Accounts {
		if sameAccount(account, t.Creator) {
			if who.Person != "" {
				return access.DeskAccount{ID: t.Creator, Name: t.CreatorName}, nil
			}
			who.Person = person
		}
	}
	match, err := d.match(ctx)
	switch match {
	case MatchUserName:
		who.UserName = t.By.Name
	case MatchEmail:
		who.Email = t.By.Email
	case MatchMap:
	}
	return who, err
}

// sameAccount reports whether a configured account is one that the desk shows: some desks do not care for case.
func sameAccount(configured, shown access.AccountID) bool {
	return strings.EqualFold(string(configured), string(shown))
}

// ushers reports whether a ticket belongs to a request, or looks as if it did.
func (a Asked) ushers() bool {
	return a.Marked || slices.ContainsFunc(a.Markers, func(m access.Marker) bool { return strings.HasPrefix(string(m), "usher-") })
}

func (d *Desk) askedTicket(ctx context.Context, op string, id access.TicketID) (Asked, error) {
	driver, in, on := d.asker()
	if !on {
		return Asked{}, access.Errorf(access.Invalid, op, "%s: expected one, for tickets that ask for access", Key(d.name, "intake"))
	}
	if !d.traits.IsID(id) {
		return Asked{}, d.noID(ctx, op, id)
	}
	t, err := driver.AskedTicket(ctx, op, in, id)
	if err != nil {
		return t, d.confirmNotFound(ctx, op, err)
	}
	return t, t.check(op)
}

// BindTicket implements access.TicketIntake: a read, a write if the ticket does not carry the marker yet, and a read of the whole.
func (d *Desk) BindTicket(ctx context.Context, id access.TicketID, creator access.AccountID, marker access.Marker) (access.TicketSnapshot, error) {
	const op = "bind a ticket"
	t, err := d.askedTicket(ctx, op, id)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	if t.Creator == "" || t.Creator != creator {
		return access.TicketSnapshot{}, access.Errorf(access.Invalid, op, "%s was opened by another account", t.Key)
	}
	if !slices.Contains(t.Markers, marker) {
		if !t.OfKind {
			return access.TicketSnapshot{}, access.Errorf(access.Invalid, op, "%s asks for nothing any more: it is of another kind", t.Key)
		}
		if t.ushers() {
			return access.TicketSnapshot{}, access.Errorf(access.Invalid, op, "%s belongs to another request", t.Key)
		}
		driver, _, _ := d.asker()
		if err := driver.Mark(ctx, op, id, marker); err != nil {
			return access.TicketSnapshot{}, err
		}
	}
	return d.ReadTicket(ctx, id)
}
