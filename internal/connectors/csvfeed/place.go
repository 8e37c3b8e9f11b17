package csvfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// place is where a file is.
type place interface {
	// read returns the whole content, or that it is unchanged since a version. known is nil where nothing was read before. The kinds of the
	// errors are those of the package's documentation; never NotFound.
	read(ctx context.Context, op string, known *version) (content, error)
}

// version is what shows that a file is still the one that was read.
type version struct {
	info fs.FileInfo
	// etag and modified are what a web server says; "" where it does not.
	etag, modified string
}

// content is what a place has.
type content struct {
	// unchanged is true where the content is that of the known version, and then there is nothing else.
	unchanged bool
	raw       []byte
	version   version
}

// file is a place on a disk. key is the key of the configuration that names it.
type file struct {
	key, path string
	maxBytes  int64
	// open is os.Open, but for tests.
	open func(path string) (*os.File, error)
}

func (f *file) read(_ context.Context, op string, known *version) (content, error) {
	before, err := os.Stat(f.path)
	if err != nil {
		return content{}, f.failed(op, err)
	}
	switch {
	case !before.Mode().IsRegular():
		return content{}, wrong(access.Invalid, op, f.key, "found something else, expected a file")
	case before.Size() > f.maxBytes:
		return content{}, tooLong(op, f.maxBytes)
	case known != nil && sameFile(known.info, before):
		return content{unchanged: true}, nil
	}
	raw, err := f.bytes()
	if err != nil {
		return content{}, f.failed(op, err)
	}
	if after, err := os.Stat(f.path); err != nil || !sameFile(before, after) || int64(len(raw)) != before.Size() {
		return content{}, access.Errorf(access.Transient, op, "%s: the file changed while it was read", f.key)
	}
	return content{raw: raw, version: version{info: before}}, nil
}

// bytes returns what is in the file, and no more of it than one byte too much.
func (f *file) bytes() ([]byte, error) {
	opened, err := f.open(f.path)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(opened, f.maxBytes+1))
	return raw, errors.Join(err, opened.Close())
}

// sameFile reports whether nothing shows that a file was written or replaced in between.
func sameFile(before, after fs.FileInfo) bool {
	return os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())
}

// failed classifies what the system said. Its text names the path, which the key names as well.
func (f *file) failed(op string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wrong(access.Transient, op, f.key, "there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return access.Errorf(access.Forbidden, op, "%s: usher may not read the file", f.key)
	}
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	return access.Errorf(access.Transient, op, "%s: %w", f.key, err)
}

// wrong is an error that a human can mend at a key of the configuration, or at what it names.
func wrong(kind access.Kind, op, key, format string, args ...any) error {
	finding := access.Finding{Key: key, Problem: fmt.Sprintf(format, args...)}
	return &access.Error{Kind: kind, Op: op, Err: &people.KeyError{Finding: finding}}
}

func tooLong(op string, limit int64) error {
	return wrong(access.Invalid, op, "max_bytes", "the file has more than %d bytes", limit)
}
