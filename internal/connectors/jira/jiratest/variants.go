package jiratest

import (
	"slices"
	"strings"
)

// projects returns the projects as the faults change them; the originals stay as they are.
func (f Faults) projects(originals []Project) []Project {
	out := make([]Project, 0, len(originals))
	for _, p := range originals {
		if f.TwoStepClose {
			p = p.withTwoStepClose()
		}
		if f.NoResolutionScreen {
			p = p.withoutResolution()
		}
		for _, id := range f.RequiredFields {
			p = p.withRequired(id)
		}
		out = append(out, p)
	}
	return out
}

// withTwoStepClose puts, before each closed status, an open one that is called alike; what led to the closed one leads
// there, and one more transition, with the screen, confirms.
func (p Project) withTwoStepClose() Project {
	statuses, transitions := slices.Clone(p.Statuses), []Transition{}
	for _, t := range p.Transitions {
		closed, _ := p.statusNamed(t.To)
		if closed.Category != CategoryDone {
			transitions = append(transitions, t)
			continue
		}
		waiting := Status{ID: closed.ID + "9", Name: closed.Name + " (to confirm)", Category: CategoryIndeterminate}
		if !slices.Contains(statuses, waiting) {
			statuses = append(statuses, waiting)
		}
		confirm := t
		confirm.ID, confirm.Name, confirm.From = t.ID+"9", "Confirm: "+t.Name, []string{waiting.Name}
		t.To, t.Screen, t.SetResolution = waiting.Name, nil, ""
		transitions = append(transitions, t, confirm)
	}
	p.Statuses, p.Transitions = statuses, transitions
	return p
}

func (p Project) withoutResolution() Project {
	return p.withScreens(func(_ Status, screen []ScreenField) []ScreenField {
		return slices.DeleteFunc(screen, func(f ScreenField) bool { return f.ID == "resolution" })
	})
}

// withRequired demands a field of the project on the create screen and on every screen that closes.
func (p Project) withRequired(id string) Project {
	p.Fields = slices.Clone(p.Fields)
	for n := range p.Fields {
		if p.Fields[n].ID == id {
			p.Fields[n].Required, p.Fields[n].OffScreen = true, false
		}
	}
	return p.withScreens(func(to Status, screen []ScreenField) []ScreenField {
		if to.Category != CategoryDone {
			return screen
		}
		screen = slices.DeleteFunc(screen, func(f ScreenField) bool { return f.ID == id })
		return append(screen, ScreenField{ID: id, Required: true})
	})
}

func (p Project) withScreens(change func(to Status, screen []ScreenField) []ScreenField) Project {
	p.Transitions = slices.Clone(p.Transitions)
	for n, t := range p.Transitions {
		to, _ := p.statusNamed(t.To)
		p.Transitions[n].Screen = change(to, slices.Clone(t.Screen))
	}
	return p
}

// hidesProject and hides say what nobody sees in the API.
func (s *Server) hidesProject(p *Project) bool {
	return slices.ContainsFunc(s.faults.HiddenProjects, func(key string) bool { return strings.EqualFold(key, p.Key) })
}

func (s *Server) hides(i *issue) bool {
	return i.Hidden || s.hidesProject(s.projectOf(i)) || slices.ContainsFunc(s.faults.HiddenIssues, i.isCalled)
}

func (s *Server) readOnly(i *issue) bool {
	return slices.ContainsFunc(s.faults.ReadOnlyProjects, func(key string) bool { return strings.EqualFold(key, i.Project) })
}

func (i *issue) isCalled(idOrKey string) bool {
	return idOrKey == i.id() || strings.EqualFold(idOrKey, i.key())
}
