package csvfeed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
)

// cut is what is said of a file whose end is not there.
const cut = "the file is cut, or is being written"

// end is the last record of a file, and how it is recognised. Its zero value is for a file that has none.
type end struct {
	// key is the key of the configuration, and mark the first value.
	key, mark string
	// counts is true where the second value is the number of rows.
	counts bool
	comma  rune
}

func (w Whole) end(comma rune) end {
	switch {
	case w.Trailer != "":
		return end{key: "whole.trailer", mark: w.Trailer, counts: true, comma: comma}
	case w.EndMarker != "":
		return end{key: "whole.end_marker", mark: w.EndMarker, comma: comma}
	}
	return end{}
}

// is reports whether a record is the end of a file, and returns the number of rows that it names.
func (e end) is(record []string) (rows int, ok bool) {
	if e.mark == "" || strings.TrimSpace(record[0]) != e.mark {
		return 0, false
	}
	rest := record[1:]
	if e.counts {
		if len(rest) == 0 {
			return 0, false
		}
		n, err := strconv.ParseUint(strings.TrimSpace(rest[0]), 10, 31)
		if err != nil {
			return 0, false
		}
		rows, rest = int(n), rest[1:]
	}
	return rows, !slices.ContainsFunc(rest, func(value string) bool { return strings.TrimSpace(value) != "" })
}

// split returns a text without its last line, which must be the end, and the number of rows that the end names.
func (e end) split(op string, text []byte) (body []byte, rows int, err error) {
	if e.mark == "" {
		return text, 0, nil
	}
	text = bytes.TrimRight(text, "\r\n")
	begin := bytes.LastIndexByte(text, '\n') + 1
	reader := csv.NewReader(bytes.NewReader(text[begin:]))
	reader.Comma = e.comma
	record, err := reader.Read()
	if err == nil {
		if rows, ok := e.is(record); ok {
			return text[:begin], rows, nil
		}
	}
	expected := "the value alone"
	if e.counts {
		expected = "the value and the number of rows"
	}
	return nil, 0, wrong(access.Transient, op, e.key, "found something else in the last line, expected %s: %s", expected, cut)
}

// checkDigest compares the bytes of a file with its digest.
func (s *Source) checkDigest(ctx context.Context, op string, raw []byte) error {
	const key = "whole.digest"
	got, err := s.digest.read(ctx, op, nil)
	if err != nil {
		return err
	}
	wanted, ok := digestOf(string(got.raw), s.name)
	if !ok {
		return wrong(access.Transient, op, key, "expected a line of sha256sum for the file: %s", cut)
	}
	if sum := sha256.Sum256(raw); !bytes.Equal(sum[:], wanted) {
		return wrong(access.Transient, op, key, "the digest is of something else than the file: %s", cut)
	}
	return nil
}

// digestOf returns the digest of a file in the output of sha256sum: of its only line, or of the line with the name of the file.
func digestOf(text, name string) ([]byte, bool) {
	var lines [][]string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(strings.TrimPrefix(line, `\`)); len(fields) > 0 {
			lines = append(lines, fields)
		}
	}
	for _, fields := range lines {
		named := len(fields) > 1 && path.Base(strings.TrimPrefix(fields[len(fields)-1], "*")) == name
		if !named && len(lines) > 1 {
			continue
		}
		digest, err := hex.DecodeString(fields[0])
		return digest, err == nil && len(digest) == sha256.Size
	}
	return nil, false
}
