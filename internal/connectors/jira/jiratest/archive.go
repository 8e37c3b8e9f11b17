package jiratest

import (
	"net/http"
)

const archivedIssue = "The issue is archived. Restore it before you change it."

// changeable returns the issue of the path's key to somebody who may change it.
func (s *Server) changeable(c *call) (*issue, error) {
	i, err := s.visible(c)
	switch {
	case err != nil:
		return nil, err
	case s.readOnly(i):
		return nil, refuse(http.StatusForbidden, "You do not have permission to edit issues in this project.")
	case i.Archived:
		return nil, refuse(http.StatusBadRequest, archivedIssue)
	}
	return i, nil
}

func (s *Server) setArchived(i *issue, archived bool) error {
	after := i.clone()
	after.Archived = archived
	return s.commit(after)
}

// Archive archives an issue, or restores it, as an administrator does.
func (s *Server) Archive(idOrKey string, archived bool) error {
	return s.asFirst(idOrKey, func(i *issue, _ *Account) error { return s.setArchived(i, archived) })
}
