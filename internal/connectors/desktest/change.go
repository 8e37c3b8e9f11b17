package desktest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Open adds a ticket of a project, whose fields are filled in. It gets its id, its key, its times and, where these are empty,
// its creator and the first status of the project.
func (s *Store) Open(t *Ticket, by *Account) error {
	p := s.ProjectOf(t)
	s.number(t, p)
	t.Created = s.Moment()
	t.Updated, t.UpdatedBy = t.Created, by.ID
	t.Creator = cmp.Or(t.Creator, by.ID)
	t.Status = cmp.Or(t.Status, p.Statuses[0].ID)
	if err := s.commit(t); err != nil {
		return err
	}
	s.dialect.Announce(Event{Kind: EventOpened, Ticket: t, By: by})
	return nil
}

// number fills in the numbers of a new ticket, and what is made of them.
func (s *Store) number(t *Ticket, p *Project) {
	s.numbers[p.Key]++
	t.Seq, t.Project, t.Number = s.NextSeq(), p.Key, s.numbers[p.Key]
	s.name(t)
}

// name fills in what is made of numbers.
func (s *Store) name(t *Ticket) {
	t.ID, t.Key = s.dialect.ID(t.Seq), s.dialect.Key(s.ProjectOf(t), t.Number)
}

// Change puts the after state of a ticket in the place of the before state, with an entry of the history that says what
// differs, and announces it. Without a difference it does nothing.
func (s *Store) Change(before, after *Ticket, by *Account, kind EventKind) error {
	items := s.differences(before, after)
	if len(items) == 0 {
		return nil
	}
	c := Change{Seq: s.NextSeq(), By: by.ID, At: s.Moment(), Items: items}
	after.History = append(after.History, c)
	if err := s.Touch(after, by); err != nil {
		return err
	}
	s.dialect.Announce(Event{Kind: kind, Ticket: after, By: by, Change: &c})
	return nil
}

// Touch commits a state of a ticket that differs in what no history tells, and announces nothing.
func (s *Store) Touch(after *Ticket, by *Account) error {
	after.Updated, after.UpdatedBy = s.Moment(), by.ID
	return s.commit(after)
}

// Commit is Touch for what does not count as a change of the ticket: its times stay.
func (s *Store) Commit(after *Ticket) error { return s.commit(after) }

// Comment adds a comment to a ticket, whose body is filled in, and returns the ticket and the comment as they are then.
func (s *Store) Comment(before *Ticket, c Comment, by *Account) (*Ticket, *Comment, error) {
	after := before.Clone()
	added := s.AppendComment(after, c, by)
	if err := s.Touch(after, by); err != nil {
		return nil, nil, err
	}
	s.dialect.Announce(Event{Kind: EventCommented, Ticket: after, By: by, Comment: added})
	return after, added, nil
}

// AppendComment adds a comment to a state of a ticket that is not committed yet. Who commits it announces it.
func (s *Store) AppendComment(t *Ticket, c Comment, by *Account) *Comment {
	c.Seq, c.Author, c.Created = s.NextSeq(), by.ID, s.Moment()
	t.Comments = append(t.Comments, c)
	return &c
}

// Announce hands on an event of a change that was committed without one.
func (s *Store) Announce(e Event) { s.dialect.Announce(e) }

// Missing returns the fields that a transition's screen requires and the ticket has not.
func (s *Store) Missing(t *Ticket, by Transition) []Field {
	var out []Field
	for _, on := range by.Screen {
		if f, known := s.ProjectOf(t).ScreenField(on.ID); known && on.Required && !s.Holds(t, f) {
			out = append(out, f)
		}
	}
	return out
}

// Enter puts a state of a ticket that is not committed yet into the status that a transition leads to. A closed status sets when
// it was resolved; an open one clears that and the resolution.
func (s *Store) Enter(t *Ticket, by Transition) {
	to, _ := s.ProjectOf(t).StatusNamed(by.To)
	t.Status = to.ID
	t.Resolution = cmp.Or(by.SetResolution, t.Resolution)
	t.Resolved = s.Moment()
	if to.Category != CategoryDone {
		t.Resolution, t.Resolved = "", time.Time{}
	}
}

// Delete deletes a ticket. Its key is never used again.
func (s *Store) Delete(t *Ticket, by *Account) error {
	gone := t.Clone()
	gone.Deleted = true
	if err := s.Touch(gone, by); err != nil {
		return err
	}
	s.dialect.Announce(Event{Kind: EventDeleted, Ticket: t, By: by})
	return nil
}

// Rekey moves a ticket to another project and returns it as it is then. The id stays, and the old key still finds it. The
// status stays where the other project has one of that id, else it is the first one.
func (s *Store) Rekey(before *Ticket, to *Project, by *Account) (*Ticket, error) {
	after := before.Clone()
	after.OldKeys = append(after.OldKeys, before.Key)
	s.numbers[to.Key]++
	after.Project, after.Number = to.Key, s.numbers[to.Key]
	s.name(after)
	if to.Status(after.Status).ID == "" {
		after.Status = to.Statuses[0].ID
	}
	return after, s.Change(before, after, by, EventRekeyed)
}

// Holds reports whether a ticket has a value of a field.
func (s *Store) Holds(t *Ticket, f Field) bool {
	switch f.ID {
	case "summary":
		return t.Summary != ""
	case "description":
		return len(t.Description) > 0
	case "labels":
		return len(t.Labels) > 0
	case "reporter":
		return t.Reporter != ""
	case "assignee":
		return t.Assignee != ""
	case "resolution":
		return t.Resolution != ""
	}
	return s.dialect.Text(t.Fields[f.ID]) != ""
}

// commit puts a new or changed ticket into the state, and saves it.
func (s *Store) commit(t *Ticket) error {
	t.Revision++
	s.put(t, s.visibleAt())
	return s.save(t)
}

func (s *Store) put(t *Ticket, visibleAt time.Time) {
	s.view.Put(t, visibleAt, s.Clock())
	s.names[t.ID] = t.Seq
	for _, key := range append([]string{t.Key}, t.OldKeys...) {
		if key != "" {
			s.names[strings.ToUpper(key)] = t.Seq
		}
	}
	s.numbers[t.Project] = max(s.numbers[t.Project], t.Number)
	s.revision++
}

// differences lists what differs between two states of a ticket.
func (s *Store) differences(before, after *Ticket) []Item {
	from, to := s.ProjectOf(before), s.ProjectOf(after)
	var out []Item
	add := func(i Item) {
		if i.From != i.To || i.FromText != i.ToText {
			i.Name = cmp.Or(i.Name, i.Field)
			out = append(out, i)
		}
	}
	account := func(field, from, to string) {
		add(Item{Field: field, From: from, FromText: s.NameOf(from), To: to, ToText: s.NameOf(to)})
	}
	add(Item{Field: "summary", FromText: before.Summary, ToText: after.Summary})
	add(Item{Field: "description", FromText: s.Text(before.Description), ToText: s.Text(after.Description)})
	add(Item{Field: "labels", FromText: strings.Join(before.Labels, " "), ToText: strings.Join(after.Labels, " ")})
	account("reporter", before.Reporter, after.Reporter)
	account("assignee", before.Assignee, after.Assignee)
	add(Item{Field: "resolution", From: before.Resolution, FromText: before.Resolution, To: after.Resolution, ToText: after.Resolution})
	add(Item{
		Field: "status", From: before.Status, FromText: from.Status(before.Status).Name, To: after.Status, ToText: to.Status(after.Status).Name,
	})
	add(Item{Field: "project", From: from.ID, FromText: from.Name, To: to.ID, ToText: to.Name})
	add(Item{Field: "Key", FromText: before.Key, ToText: after.Key})
	for _, id := range s.customFields(to, before, after) {
		f, _ := to.Field(id)
		add(Item{Field: id, Name: f.Name, FromText: s.Text(before.Fields[id]), ToText: s.Text(after.Fields[id])})
	}
	return out
}

// customFields returns the ids of the fields that two states have beside the ticket's own: those of the project in its
// order, then all others.
func (s *Store) customFields(p *Project, states ...*Ticket) []string {
	var ids, others []string
	for _, f := range p.Fields {
		ids = append(ids, f.ID)
	}
	for _, t := range states {
		for _, id := range slices.Sorted(maps.Keys(t.Fields)) {
			if !slices.Contains(ids, id) && !slices.Contains(others, id) {
				others = append(others, id)
			}
		}
	}
	return append(ids, others...)
}
