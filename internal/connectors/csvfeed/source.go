package csvfeed

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

const (
	// remembered is how long a file is used without another reading although nothing shows that it changed.
	remembered = time.Minute
	// lastWhole is how long the last whole file is used in the place of one that cannot be read.
	lastWhole = time.Hour
)

// Source is an access.IdentitySource over a CSV file. Safe for concurrent use.
type Source struct {
	// key is the key of the file's place, and name the name of the file.
	key, name string
	place     place
	// digest is where the digest is; nil where another proof is configured.
	digest   place
	end      end
	encoding Encoding
	comma    rune
	fields   people.Fields
	reader   *people.Reader
	now      func() time.Time

	// turn is held by whoever reads the file, and last is guarded by it: what was read last and whole; nil for nothing.
	turn chan struct{}
	last *reading
}

// reading is a file that was read.
type reading struct {
	table   *people.Table
	proof   access.ListingProof
	version version
	// at is when it was read, and confirmed when it was last known to be the present one.
	at, confirmed time.Time
}

var _ access.IdentitySource = (*Source)(nil)

// NewSource checks the configuration and reads nothing. The error names the keys.
func NewSource(c Config) (*Source, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	reader, err := people.NewReader(c.Fields)
	if err != nil {
		return nil, err
	}
	s := &Source{
		encoding: c.Encoding, comma: delimiters[c.Delimiter], fields: c.Fields, reader: reader,
		now: time.Now, turn: make(chan struct{}, 1),
	}
	s.end = c.Whole.end(s.comma)
	if c.URL == "" {
		s.key, s.name = "path", filepath.Base(c.Path)
		s.place = &file{key: s.key, path: c.Path, maxBytes: c.MaxBytes, open: os.Open}
		if c.Whole.Digest != "" {
			s.digest = &file{key: "whole.digest", path: c.Whole.Digest, maxBytes: c.MaxBytes, open: os.Open}
		}
		return s, nil
	}
	address, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	s.key, s.name = "url", path.Base(address.Path)
	if s.place, err = newLink(c, s.key, c.URL); err != nil {
		return nil, err
	}
	if c.Whole.Digest != "" {
		s.digest, err = newLink(c, "whole.digest", c.Whole.Digest)
	}
	return s, err
}

// Lookup implements access.IdentitySource. Invalid: there is a row with the id, and nobody can be read from it.
func (s *Source) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	const op = "look up a person"
	table, err := s.present(ctx, op)
	if err != nil {
		return access.Person{}, err
	}
	return table.Person(op, id)
}

// FindPerson implements access.IdentitySource. Invalid: the configuration names no column for e-mail addresses.
func (s *Source) FindPerson(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	const op = "find a person"
	table, err := s.present(ctx, op)
	if err != nil {
		return access.Person{}, err
	}
	return table.Find(op, q)
}

// FindPeople implements access.PeopleFinder. Invalid: the configuration names no column for the field.
func (s *Source) FindPeople(ctx context.Context, field, value string) (access.FoundPeople, error) {
	const op = "find people"
	table, err := s.present(ctx, op)
	if err != nil {
		return access.FoundPeople{}, err
	}
	return table.FindPeople(op, field, value)
}

// present returns the people of the file as it is now, as far as can be known: see the package's documentation.
func (s *Source) present(ctx context.Context, op string) (*people.Table, error) {
	leave, err := s.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	var known *version
	if s.last != nil && s.now().Sub(s.last.at) < remembered {
		known = &s.last.version
	}
	err = s.refresh(ctx, op, known)
	switch {
	case err == nil:
		return s.last.table, nil
	case ctx.Err() == nil && passing(err) && s.last != nil && s.now().Sub(s.last.confirmed) < lastWhole:
		return s.last.table, nil
	}
	return nil, err
}

// passing reports whether the file may be readable again without anybody's help.
func passing(err error) bool {
	return access.IsKind(err, access.Transient) || access.IsKind(err, access.RateLimited)
}

// enter waits until nobody else reads the file, so that one file at a time is in memory.
func (s *Source) enter(ctx context.Context, op string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, &access.Error{Kind: access.Transient, Op: op, Err: err}
	}
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, &access.Error{Kind: access.Transient, Op: op, Err: ctx.Err()}
	}
}

// refresh makes last what the file is now. With an error it stays as it is.
func (s *Source) refresh(ctx context.Context, op string, known *version) error {
	now := s.now()
	got, err := s.place.read(ctx, op, known)
	if err != nil {
		return err
	}
	if got.unchanged {
		s.last.confirmed = now
		return nil
	}
	table, proof, err := s.people(ctx, op, got.raw)
	if err != nil {
		return err
	}
	s.last = &reading{table: table, proof: proof, version: got.version, at: now, confirmed: now}
	return nil
}

// people returns the people of a file, once it is proved that it is whole.
func (s *Source) people(ctx context.Context, op string, raw []byte) (*people.Table, access.ListingProof, error) {
	if len(raw) == 0 {
		return nil, "", wrong(access.Transient, op, s.key, "the file is empty: %s", cut)
	}
	if s.digest != nil {
		if err := s.checkDigest(ctx, op, raw); err != nil {
			return nil, "", err
		}
	}
	text, err := decode(op, s.key, s.encoding, raw)
	if err != nil {
		return nil, "", err
	}
	begin := bytes.ToLower(bytes.TrimSpace(text[:min(len(text), 64)]))
	if bytes.HasPrefix(begin, []byte("<!doctype")) || bytes.HasPrefix(begin, []byte("<html")) {
		return nil, "", html(op, s.key)
	}
	return s.parse(op, text)
}
