package jiratest

import (
	"net/http"
	"slices"
)

// permission is one that usher asks for, as the vendor lists it.
type permission struct {
	id, key, name, kind, text string
	has                       bool
}

// myPermissions answers with the permissions that usher asks for: on Cloud those that the call names, on Data Center all.
func (s *Server) myPermissions(c *call) (*answer, error) {
	if c.edition != Cloud {
		if err := s.needAccount(c); err != nil {
			return nil, err
		}
	}
	named := c.queryList("permissions")
	if len(named) == 0 && c.edition == Cloud {
		return nil, refuse(http.StatusBadRequest, "The 'permissions' query parameter is required.")
	}
	writes := c.account != nil
	if key := c.query("projectKey"); key != "" {
		p, known := s.store.Project(key)
		if !known || s.store.HidesProject(p) || c.account == nil {
			return nil, refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
		}
		writes = !s.store.ReadOnly(&issue{Project: p.Key})
	}
	out := map[string]any{}
	for _, p := range []permission{
		{"0", "ADMINISTER", "Administer Jira", "GLOBAL", "Ability to perform most administration functions.", c.account != nil && !c.account.NoAdmin},
		{"12", "EDIT_ISSUES", "Edit Issues", "PROJECT", "Ability to edit issues.", writes},
		{"13", "ASSIGN_ISSUES", "Assign Issues", "PROJECT", "Ability to assign issues to other people.", writes},
		{"30", "MODIFY_REPORTER", "Modify Reporter", "PROJECT", "Ability to modify the reporter.", writes && !s.faults.ReporterRefused},
	} {
		if c.edition != Cloud || slices.Contains(named, p.key) {
			out[p.key] = map[string]any{"id": p.id, "key": p.key, "name": p.name, "type": p.kind, "description": p.text, "havePermission": p.has}
		}
	}
	return ok(map[string]any{"permissions": out})
}
