package fakewire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// Journal keeps the state of a fake in a file of JSON: the lines of the whole state, and behind them one line for each
// change, appended in one write. A process that is killed loses nothing that it has answered: what it has written is the
// system's, which survives it. A machine that loses power may lose more, for nothing waits for the disk.
//
// A nil Journal keeps nothing. It is not safe for concurrent use.
type Journal struct {
	path  string
	whole iter.Seq[any]
	// file takes the next line. It is nil before the first Rewrite, and after a write that failed: that may have left half a
	// line, to which nothing can be appended.
	file *os.File
	// written and appended are the lengths of the whole state and of what stands behind it, in bytes.
	written, appended int
}

// slack is how many bytes of changes are never too many.
const slack = 64 << 10

// NewJournal makes a journal whose first write replaces the file. whole are the lines of the state as it is when they are
// asked for.
func NewJournal(path string, whole iter.Seq[any]) *Journal { return &Journal{path: path, whole: whole} }

// Append writes down changes that the state has already. Where the last write failed, and where the file has become much
// longer than the state, it writes the whole state instead.
func (j *Journal) Append(changes ...any) error {
	if j == nil {
		return nil
	}
	if j.file == nil || j.appended > 10*j.written+slack {
		return j.Rewrite()
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, c := range changes {
		if err := enc.Encode(c); err != nil {
			return err
		}
	}
	if _, err := j.file.Write(lines.Bytes()); err != nil {
		err = errors.Join(err, j.file.Close())
		j.file = nil
		return err
	}
	j.appended += lines.Len()
	return nil
}

// Rewrite begins the journal anew, in one step: a kill leaves the old file or the new one.
func (j *Journal) Rewrite() error {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for line := range j.whole {
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	temp, err := os.CreateTemp(filepath.Dir(j.path), filepath.Base(j.path)+".*")
	if err != nil {
		return err
	}
	_, err = temp.Write(lines.Bytes())
	if err == nil {
		err = os.Rename(temp.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, temp.Close(), os.Remove(temp.Name()))
	}
	err = j.Close()
	j.file, j.written, j.appended = temp, lines.Len(), 0
	return err
}

// Close closes the file; the next change opens a new one. It is safe to repeat.
func (j *Journal) Close() error {
	if j == nil || j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// Values returns the JSON values of a journal's text, in order. An error is the last: what ends within a value, as a kill
// leaves it, is io.ErrUnexpectedEOF.
func Values(text []byte) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		d := json.NewDecoder(bytes.NewReader(text))
		for {
			var v json.RawMessage
			err := d.Decode(&v)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}
