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
			p.Workflow = p.WithTwoStepClose()
		}
		if f.NoResolutionScreen {
			p.Workflow = p.WithoutField("resolution")
		}
		for _, id := range f.RequiredFields {
			p = p.withRequired(id)
		}
		out = append(out, p)
	}
	return out
}

// withRequired demands a field of the project on the create screen and on every screen that closes.
func (p Project) withRequired(id string) Project {
	p.Fields = slices.Clone(p.Fields)
	for n := range p.Fields {
		if p.Fields[n].ID == id {
			p.Fields[n].Required, p.Fields[n].OffScreen = true, false
		}
	}
	p.Workflow = p.WithRequired(id)
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
