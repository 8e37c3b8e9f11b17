package scimtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// KeepIn makes the directory outlive its process: what the file holds replaces the seeds where it names the same ids,
// seeds that it does not know are added, and every later change is in the file before it is answered. A file that does
// not exist is made. Call it once, before serving.
//
// The file is JSON: a line with the whole state, and then one line for each change, appended in one write. A process
// that is killed loses nothing that it has answered: what it has written is the system's, which survives it. A machine
// that loses power may lose more, for nothing waits for the disk. KeepIn rewrites the file to one line, and so does a
// change when the file has become much longer than the state. Half a line at its end is left out: nobody was told of
// that change. Anything else that cannot be read is an error, and the file stays as it is.
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
	s.journal = &journal{path: file}
	return s.journal.rewrite(s.state)
}

// commit makes a change and, where the directory is kept, writes it down.
func (s *Server) commit(u update) error {
	u.At = s.clock()
	s.state.apply(u)
	if s.journal == nil {
		return nil
	}
	return s.journal.keep(u, s.state)
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
	lines := json.NewDecoder(bytes.NewReader(text))
	lines.DisallowUnknownFields()
	var first snapshot
	if err := lines.Decode(&first); err != nil {
		return state{}, fmt.Errorf("it begins with no state of a directory: %w", err)
	}
	st := first.state()
	for n := 1; ; n++ {
		var u update
		err := lines.Decode(&u)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return st, nil
		}
		if err == nil && u.Edit != nil && !st.groups.has(u.Edit.Group) {
			err = fmt.Errorf("no group %q", u.Edit.Group)
		}
		if err != nil {
			return state{}, fmt.Errorf("change %d after the state: %w", n, err)
		}
		st.apply(u)
	}
}

// journal writes the file: see KeepIn.
type journal struct {
	path string
	// file takes the next line. It is nil after a write that failed: that may have left half a line, to which nothing can
	// be appended.
	file *os.File
	// whole and appended are the lengths of the snapshot and of what stands behind it, in bytes.
	whole, appended int
}

// slack is how many bytes of changes are never too many.
const slack = 64 << 10

// keep writes down an update that st has.
func (j *journal) keep(u update, st state) error {
	if j.file == nil || j.appended > 10*j.whole+slack {
		return j.rewrite(st)
	}
	line, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		err = errors.Join(err, j.file.Close())
		j.file = nil
		return fmt.Errorf("write the directory's state: %w", err)
	}
	j.appended += len(line) + 1
	return nil
}

// rewrite begins the journal anew, in one step: a kill leaves the old file or the new one.
func (j *journal) rewrite(st state) error {
	line, err := json.Marshal(st.snapshot())
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(j.path), filepath.Base(j.path)+".*")
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", err)
	}
	_, err = temp.Write(append(line, '\n'))
	if err == nil {
		err = os.Rename(temp.Name(), j.path)
	}
	if err != nil {
		return fmt.Errorf("write the directory's state: %w", errors.Join(err, temp.Close(), os.Remove(temp.Name())))
	}
	if j.file != nil {
		err = j.file.Close()
	}
	j.file, j.whole, j.appended = temp, len(line)+1, 0
	return err
}
