package scimtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// state is everything that a restart keeps.
type state struct {
	Users   []User   `json:"users"`
	Groups  []group  `json:"groups"`
	Changes []Change `json:"changes"`
	// Made counts the ids that were made up.
	Made int `json:"made"`
}

type group struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"display_name"`
	Members     []member `json:"members"`
	// before is what stale reads show, and staleReads how many are left.
	before     []member
	staleReads int
}

type member struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// ChangeKind says what happened to a membership.
type ChangeKind string

// The kinds of change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
)

// Change is one change of a membership, in the order in which they happened. A seeded membership is not a change.
type Change struct {
	Kind  ChangeKind `json:"kind"`
	Group string     `json:"group"`
	User  string     `json:"user"`
	At    time.Time  `json:"at"`
}

func (st *state) madeUpID(prefix string) string {
	st.Made++
	return prefix + strconv.Itoa(st.Made)
}

func (st *state) user(id string) *User {
	for i := range st.Users {
		if st.Users[i].ID == id {
			return &st.Users[i]
		}
	}
	return nil
}

func (st *state) putUser(u User) User {
	if u.ID == "" {
		u.ID = st.madeUpID("user-")
	}
	if old := st.user(u.ID); old != nil {
		*old = u
		return u
	}
	st.Users = append(st.Users, u)
	return u
}

// dropUser removes a user and, as a directory with references does, every membership.
func (st *state) dropUser(id string, now time.Time) {
	st.Users = slices.DeleteFunc(st.Users, func(u User) bool { return u.ID == id })
	for i := range st.Groups {
		kept := slices.DeleteFunc(slices.Clone(st.Groups[i].Members), func(m member) bool { return m.ID == id })
		st.setMembers(&st.Groups[i], kept, now)
	}
}

func (st *state) group(id string) *group {
	for i := range st.Groups {
		if st.Groups[i].ID == id {
			return &st.Groups[i]
		}
	}
	return nil
}

func (st *state) putGroup(g Group, now time.Time) *group {
	if g.ID == "" {
		g.ID = st.madeUpID("group-")
	}
	made := group{ID: g.ID, DisplayName: g.DisplayName}
	for _, id := range g.Members {
		made.Members = append(made.Members, member{ID: id, Since: now})
	}
	if old := st.group(g.ID); old != nil {
		*old = made
		return old
	}
	st.Groups = append(st.Groups, made)
	return &st.Groups[len(st.Groups)-1]
}

// setMembers logs the difference and reports whether there is one.
func (st *state) setMembers(g *group, members []member, now time.Time) bool {
	changed := false
	log := func(kind ChangeKind, from, missingIn []member) {
		for _, m := range from {
			if !slices.ContainsFunc(missingIn, func(other member) bool { return other.ID == m.ID }) {
				st.Changes = append(st.Changes, Change{Kind: kind, Group: g.ID, User: m.ID, At: now})
				changed = true
			}
		}
	}
	log(Removed, g.Members, members)
	log(Added, members, g.Members)
	g.Members = members
	return changed
}

// KeepIn makes the directory outlive its process: what the file holds replaces the seeds where it names the same ids,
// seeds that it does not know are added, and every later change is in the file before it is answered. A file that does
// not exist is made. Call it before serving.
func (s *Server) KeepIn(file string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read the directory's state: %w", err)
	default:
		var kept state
		if err := json.Unmarshal(text, &kept); err != nil {
			return fmt.Errorf("read the directory's state from %s: %w", file, err)
		}
		for _, u := range s.state.Users {
			if kept.user(u.ID) == nil {
				kept.Users = append(kept.Users, u)
			}
		}
		for _, g := range s.state.Groups {
			if kept.group(g.ID) == nil {
				kept.Groups = append(kept.Groups, g)
			}
		}
		kept.Made = max(kept.Made, s.state.Made)
		s.state = kept
	}
	s.file = file
	return s.save()
}

// save writes the state in one step, so that a kill leaves the old file or the new one.
func (s *Server) save() error {
	if s.file == "" {
		return nil
	}
	text, err := json.MarshalIndent(s.state, "", "  ")
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(s.file), filepath.Base(s.file)+".*")
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", err)
	}
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), s.file)
	}
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}
