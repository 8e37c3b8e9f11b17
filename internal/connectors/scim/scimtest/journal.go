package scimtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"usher/internal/connectors/fakewire"
)

// KeepIn makes the directory outlive its process: what the file holds replaces the seeds where it names the same ids,
// seeds that it does not know are added, and every later change is in the file before it is answered. A file that does
// not exist is made. Call it once, before serving.
//
// The file is a fakewire.Journal; its first line is the whole state. KeepIn rewrites it to one line. Half a line at its end
// is left out: nobody was told of that change. Anything else that cannot be read is an error, and the file stays as it is.
func (s *Server) KeepIn(file string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, err := readFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read the directory's state: %w", err)
	default:
		kept.addMissing(s.state)
		s.state = kept
	}
	s.journal = fakewire.NewJournal(file, func(yield func(any) bool) { yield(s.state.snapshot()) })
	return written(s.journal.Rewrite())
}

// commit makes a change and, where the directory is kept, writes it down.
func (s *Server) commit(u update) error {
	u.At = s.clock()
	s.state.apply(u)
	return written(s.journal.Append(u))
}

func written(err error) error {
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", err)
	}
	return nil
}

// snapshot is the first line of the file: the whole state.
type snapshot struct {
	Users   []User      `json:"users"`
	Groups  []keptGroup `json:"groups"`
	Changes []Change    `json:"changes"`
	Made    int         `json:"made"`
}

type keptGroup struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"display_name"`
	Members     []member `json:"members"`
}

func (st *state) snapshot() snapshot {
	kept := snapshot{Users: slices.Collect(st.users.values()), Changes: st.changes, Made: st.made}
	for g := range st.groups.values() {
		kept.Groups = append(kept.Groups, keptGroup{g.ID, g.DisplayName, slices.Collect(g.members.values())})
	}
	return kept
}

func (kept snapshot) state() state {
	st := newState()
	st.changes, st.made = kept.Changes, kept.Made
	for _, u := range kept.Users {
		st.users.put(u.ID, u)
	}
	for _, g := range kept.Groups {
		st.groups.put(g.ID, newGroup(g.ID, g.DisplayName, g.Members))
	}
	return st
}

// addMissing adds the users and groups of seeds whose ids the state does not have.
func (st *state) addMissing(seeds state) {
	for u := range seeds.users.values() {
		if !st.users.has(u.ID) {
			st.users.put(u.ID, u)
		}
	}
	for g := range seeds.groups.values() {
		if !st.groups.has(g.ID) {
			st.groups.put(g.ID, g)
		}
	}
	st.made = max(st.made, seeds.made)
}

func readFile(path string) (state, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return state{}, err
	}
	st, err := read(text)
	if err != nil {
		return state{}, fmt.Errorf("%s: %w", path, err)
	}
	return st, nil
}

// read reads a journal. A snapshot is never cut, because it was in its place only when it was whole.
func read(text []byte) (state, error) {
	var st *state
	n := 0
	for line, err := range fakewire.Values(text) {
		if st == nil {
			if st, err = readSnapshot(line, err); err != nil {
				return state{}, err
			}
			continue
		}
		n++
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err == nil {
			err = st.read(line)
		}
		if err != nil {
			return state{}, fmt.Errorf("change %d after the state: %w", n, err)
		}
	}
	if st == nil {
		return state{}, errors.New(noState)
	}
	return *st, nil
}

const noState = "it begins with no state of a directory"

func readSnapshot(line json.RawMessage, err error) (*state, error) {
	var first snapshot
	if err == nil {
		err = fakewire.Strict(bytes.NewReader(line), &first)
	}
	if err != nil {
		return nil, fmt.Errorf(noState+": %w", err)
	}
	st := first.state()
	return &st, nil
}

func (st *state) read(line json.RawMessage) error {
	var u update
	if err := fakewire.Strict(bytes.NewReader(line), &u); err != nil {
		return err
	}
	if u.Edit != nil && !st.groups.has(u.Edit.Group) {
		return fmt.Errorf("no group %q", u.Edit.Group)
	}
	st.apply(u)
	return nil
}
