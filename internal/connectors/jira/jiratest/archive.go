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

// archiveMany is Cloud's: up to 1,000 issues, of which those that are not there are told.
func (s *Server) archiveMany(archived bool) operation {
	return func(c *call) (*answer, error) {
		if err := s.needAdmin(c); err != nil {
			return nil, err
		}
		var in struct {
			IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
		}
		if err := c.decodeClosed(&in); err != nil {
			return nil, err
		}
		if n := len(in.IssueIDsOrKeys); n == 0 || n > 1000 {
			return nil, refuse(http.StatusBadRequest, "The number of issues must be between 1 and 1000.")
		}
		changed, missing := 0, []string{}
		for _, idOrKey := range in.IssueIDsOrKeys {
			i, exists := s.find(idOrKey)
			if !exists || s.hides(i) {
				missing = append(missing, idOrKey)
				continue
			}
			if i.Archived == archived {
				continue
			}
			if err := s.setArchived(i, archived); err != nil {
				return nil, err
			}
			changed++
		}
		problems := map[string]any{}
		if len(missing) > 0 {
			problems["issuesNotFound"] = map[string]any{"count": len(missing), "issueIdsOrKeys": missing, "message": "Issues not found"}
		}
		return ok(map[string]any{"numberOfIssuesUpdated": changed, "errors": problems})
	}
}

// archiveOne is Data Center's.
func (s *Server) archiveOne(archived bool) operation {
	return func(c *call) (*answer, error) {
		if err := s.needAdmin(c); err != nil {
			return nil, err
		}
		i, err := s.visible(c)
		if err != nil {
			return nil, err
		}
		if i.Archived == archived {
			return nil, refuse(http.StatusForbidden, "The issue is already archived, or is not.")
		}
		if err := s.setArchived(i, archived); err != nil {
			return nil, err
		}
		return noContent()
	}
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
