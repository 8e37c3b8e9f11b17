package desktest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The methods of this file change a ticket as a person would, on the vendor's own pages and not through its API. An account is
// an id, an e-mail address or a user name. An error is a Refusal, which says in words what is wrong, but for one of the state
// file.

// MoveAs takes a ticket to the status of that name by the first transition that leads there. Where its screen requires a
// resolution, that is the usual one. The error names the statuses that can be reached.
func (d *Desk) MoveAs(account, idOrKey, status string) error {
	return d.as(account, idOrKey, func(t *Ticket, by *Account) error { return d.move(t, status, nil, by) })
}

// CommentAs adds a plain comment.
func (d *Desk) CommentAs(account, idOrKey, text string) error {
	return d.as(account, idOrKey, func(t *Ticket, by *Account) error { return d.comment(t, text, by) })
}

// NoteAs adds a comment that only those who work on the ticket may read.
func (d *Desk) NoteAs(account, idOrKey, text string) error {
	return d.as(account, idOrKey, func(t *Ticket, by *Account) error {
		_, _, err := d.Store.Comment(t, Comment{Body: Quote(text), Internal: true}, by)
		return err
	})
}

// Edit sets fields, in the vendor's form, on the screen or not; nil clears a field.
func (d *Desk) Edit(account, idOrKey string, fields map[string]any) error {
	return d.as(account, idOrKey, func(before *Ticket, by *Account) error {
		after, problems := before.Clone(), map[string]string{}
		for id, value := range fields {
			raw, err := json.Marshal(value)
			if err != nil {
				return fmt.Errorf("field %s: %w", id, err)
			}
			problems[id] = "There is no such field."
			if f, known := d.Store.ProjectOf(before).Field(id); known {
				problems[id] = d.Store.dialect.Set(after, f, raw)
			}
		}
		if err := refuseFields(problems); err != nil {
			return err
		}
		return d.Store.Change(before, after, by, EventEdited)
	})
}

// AssignAs assigns a ticket to an account; "" assigns nobody.
func (d *Desk) AssignAs(account, idOrKey, to string) error {
	return d.as(account, idOrKey, func(t *Ticket, by *Account) error { return d.assign(t, to, by) })
}

// Delete deletes a ticket, as the first account of the site.
func (d *Desk) Delete(idOrKey string) error { return d.asFirst(idOrKey, d.Store.Delete) }

// Hide takes a ticket out of everybody's sight in the API, as a lost permission does; false shows it again.
func (d *Desk) Hide(idOrKey string, hidden bool) error {
	return d.asFirst(idOrKey, func(t *Ticket, _ *Account) error {
		after := t.Clone()
		after.Hidden = hidden
		return d.Store.Commit(after)
	})
}

// Archive archives a ticket, or restores it, as an administrator does.
func (d *Desk) Archive(idOrKey string, archived bool) error {
	return d.asFirst(idOrKey, func(t *Ticket, _ *Account) error {
		after := t.Clone()
		after.Archived = archived
		return d.Store.Commit(after)
	})
}

// MoveToProject moves a ticket to another project of the site and returns the new key: see Store.Rekey.
func (d *Desk) MoveToProject(idOrKey, project string) (string, error) {
	key := ""
	err := d.asFirst(idOrKey, func(t *Ticket, by *Account) (err error) {
		key, err = d.rekey(t, project, by)
		return err
	})
	return key, err
}

// move takes a ticket to a status, with what a person typed into the fields of the screen on the way.
func (d *Desk) move(before *Ticket, status string, typed map[string]string, by *Account) error {
	s := d.Store
	p, here := s.ProjectOf(before), s.StatusOf(before).Name
	way, err := p.Way(here, status)
	if err != nil {
		return refuse(http.StatusConflict, "%s is in %q and %v.", before.Key, here, err)
	}
	after, problems := before.Clone(), map[string]string{}
	resolution, required := way.ScreenField("resolution")
	if required && resolution.Required && typed["resolution"] == "" {
		after.Resolution = p.UsualResolution(way)
	}
	for id, text := range typed {
		f, known := p.ScreenField(id)
		_, on := way.ScreenField(id)
		switch {
		case !known || !on:
			problems[id] = "It is not on the screen."
		case id != "resolution":
			problems[id] = s.dialect.Set(after, f, Quote(text))
		case !slices.Contains(p.Resolutions, text):
			problems[id] = fmt.Sprintf("There is no resolution %q.", text)
		default:
			after.Resolution = text
		}
	}
	for _, f := range s.Missing(after, way) {
		problems[f.ID] = cmp.Or(problems[f.ID], f.Name+" is required.")
	}
	if err := refuseFields(problems); err != nil {
		return err
	}
	s.Enter(after, way)
	return s.Change(before, after, by, EventMoved)
}

func (d *Desk) comment(t *Ticket, text string, by *Account) error {
	if strings.TrimSpace(text) == "" {
		return refuse(http.StatusBadRequest, "The comment is empty.")
	}
	_, _, err := d.Store.Comment(t, Comment{Body: Quote(text)}, by)
	return err
}

func (d *Desk) assign(before *Ticket, to string, by *Account) error {
	after := before.Clone()
	after.Assignee = ""
	if to != "" {
		a := d.Store.Account(to)
		if a == nil || !d.Store.Assignable(a) {
			return refuse(http.StatusBadRequest, "The account %q cannot be assigned.", to)
		}
		after.Assignee = a.ID
	}
	return d.Store.Change(before, after, by, EventAssigned)
}

func (d *Desk) rekey(t *Ticket, project string, by *Account) (string, error) {
	p, known := d.Store.Project(project)
	if !known || p.Key == t.Project {
		return "", refuse(http.StatusBadRequest, "%s cannot be moved to the project %q.", t.Key, project)
	}
	after, err := d.Store.Rekey(t, p, by)
	return after.Key, err
}
