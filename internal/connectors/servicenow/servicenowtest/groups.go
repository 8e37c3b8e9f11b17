package servicenowtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// The groups, and who is in them. Only the members can be written, and what is written is lost with a restart.
const (
	groupTable  = "sys_user_group"
	memberTable = "sys_user_grmember"
)

// Group is a group of users. Source is where it comes from, and Parent the sys_id of the group that it is in.
type Group struct {
	Name, Source, Parent string
	Inactive             bool
}

// AddGroup adds a group as an administrator does, and returns its sys_id. Several may have one name.
func (s *Server) AddGroup(g Group) (id string) {
	_ = s.With(func() error {
		id = hash(fmt.Sprint("group number ", len(s.groups)))
		s.groups = append(s.groups, record{
			"sys_id": id, "sys_updated_on": setUp, "name": g.Name, "source": g.Source, "parent": g.Parent, "active": strconv.FormatBool(!g.Inactive),
		})
		return nil
	})
	return id
}

// SetGroupParent puts a group into another one, by their sys_ids.
func (s *Server) SetGroupParent(group, parent string) {
	_ = s.With(func() error {
		for _, r := range s.groups {
			if r["sys_id"] == group {
				r["parent"] = parent
			}
		}
		return nil
	})
}

// AddMember adds a row that makes a user a member of a group, also where there is one.
func (s *Server) AddMember(group, user string) {
	_ = s.With(func() error {
		s.addMember(group, user)
		return nil
	})
}

func (s *Server) addMember(group, user string) record {
	s.made++
	r := record{"sys_id": hash(fmt.Sprint("member number ", s.made)), "sys_updated_on": setUp, "group": group, "user": user}
	s.members = append(s.members, r)
	return r
}

// refusesMember refuses a write of sys_user_grmember; nil refuses nothing.
func (s *Server) refusesMember() *fakewire.Answer {
	switch {
	case slices.Contains(s.faults.ForbiddenTables, memberTable):
		return s.refusesTable(memberTable, true)
	case slices.Contains(s.store.Faults().ReadOnlyProjects, memberTable):
		return refuse(http.StatusForbidden, "Operation Failed", "ACL Exception Insert Failed due to security constraints")
	case s.faults.AbortedUpdates:
		return refuse(http.StatusForbidden, "Operation Failed", "Operation against file 'sys_user_grmember' was aborted by Business Rule 'Freeze^"+idOf(3)+"'.")
	}
	return nil
}

func (s *Server) insertMember(c *call) *fakewire.Answer {
	if refused := s.refusesMember(); refused != nil {
		return refused
	}
	var in struct{ Group, User string }
	if json.Unmarshal(c.Body, &in) != nil {
		return refuse(http.StatusBadRequest, "Exception while reading request", "Cannot decode the body")
	}
	// A reference that leads nowhere becomes empty, without a word.
	if !slices.ContainsFunc(s.groups, func(r record) bool { return r["sys_id"] == in.Group }) {
		in.Group = ""
	}
	if s.store.AccountBy(desktest.ByID, in.User) == nil {
		in.User = ""
	}
	r := s.addMember(in.Group, in.User)
	if s.faults.DeafMembers {
		s.members = s.members[:len(s.members)-1]
	}
	return ok(http.StatusCreated, s.render(c, r))
}

// erase deletes a member; no other table of the fake lets go of a record.
func (s *Server) erase(c *call) *fakewire.Answer {
	if c.PathValue("table") != memberTable {
		return refuse(http.StatusForbidden, "Operation Failed", "ACL Exception Delete Failed due to security constraints")
	}
	at := slices.IndexFunc(s.members, func(r record) bool { return r["sys_id"] == c.PathValue("id") })
	if at < 0 || s.hides(memberTable, s.members[at]) {
		return noRecord()
	}
	if refused := s.refusesMember(); refused != nil {
		return refused
	}
	if !s.faults.DeafMembers {
		s.members = slices.Delete(s.members, at, at+1)
	}
	return &fakewire.Answer{Status: http.StatusNoContent}
}
