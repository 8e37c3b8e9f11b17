// Package strictjson refuses JSON that two readers could take for two different things, or that people could not read as it was written.
//
// Go's decoder is lenient: it finds a field by a name in other case, lets a later duplicate overwrite the first, and puts U+FFFD where a text is
// no UTF-8. Check looks at the text itself before it is decoded.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep objects and lists may nest; a text without either has depth 0.
const MaxDepth = 16

// longestName is how many bytes of an unknown name are repeated in an error.
const longestName = 64

// Shape is which names a JSON value may use. A nil *Shape accepts every name.
type Shape struct {
	// Members are the fields of an object, by their exact names. nil accepts every name.
	Members map[string]*Shape
	// Elements is the shape of each element of a list.
	Elements *Shape
	// AnyCharacter accepts characters in a text that people could not read: it is for ids of elsewhere, which are compared and not read.
	AnyCharacter bool
}

// Error is the first thing that is wrong with a text.
type Error struct {
	// Pointer is the JSON Pointer (RFC 6901) of the value that is wrong; "" is the whole text.
	Pointer string
	// Path is the same place with dots and brackets: ".items[0].reason"; "" is the whole text.
	Path string
	// Problem is what was expected there.
	Problem string
}

// Error returns the place and the problem.
func (e *Error) Error() string {
	if e.Pointer == "" {
		return e.Problem
	}
	return e.Pointer + ": " + e.Problem
}

// Check reports the first thing that is wrong with a text, as an *Error: it is not one JSON value, nests too deep, has a field that the shape does
// not know or has it twice, or holds text that is no UTF-8 or has characters that people cannot see or that change how others are shown. Every text
// that passes means the same to every reader. Safe for concurrent use.
func Check(text []byte, shape *Shape) error {
	c := &checker{text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
	c.decoder.UseNumber()
	if err := c.value(place{}, shape, 0); err != nil {
		return err
	}
	if _, err := c.decoder.Token(); !errors.Is(err, io.EOF) {
		return place{}.wrong("expected one JSON value and nothing after it; found more from byte %d on", c.decoder.InputOffset())
	}
	// The token reader has been more lenient than the grammar before.
	if !json.Valid(text) {
		return place{}.wrong("expected one JSON value")
	}
	return nil
}

// place is where in the text the checker is.
type place struct{ pointer, path string }

func (p place) wrong(format string, args ...any) error {
	return &Error{Pointer: p.pointer, Path: p.path, Problem: fmt.Sprintf(format, args...)}
}

func (p place) member(name string) place {
	return place{p.pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name), p.path + "." + name}
}

func (p place) element(i int) place {
	n := strconv.Itoa(i)
	return place{p.pointer + "/" + n, p.path + "[" + n + "]"}
}

type checker struct {
	text    []byte
	decoder *json.Decoder
}

// token returns the next token and its own bytes.
func (c *checker) token(at place) (json.Token, []byte, error) {
	begin := c.decoder.InputOffset()
	token, err := c.decoder.Token()
	if err != nil {
		return nil, nil, at.wrong("expected a JSON value, which cannot be read from byte %d on", c.decoder.InputOffset())
	}
	return token, bytes.TrimLeft(c.text[begin:c.decoder.InputOffset()], " \t\r\n,:"), nil
}

func (c *checker) value(at place, shape *Shape, depth int) error {
	token, raw, err := c.token(at)
	if err != nil {
		return err
	}
	delimiter, composed := token.(json.Delim)
	switch {
	case composed && depth == MaxDepth:
		return at.wrong("expected at most %d levels of objects and lists", MaxDepth)
	case composed && delimiter == '{':
		err = c.object(at, shape, depth+1)
	case composed:
		err = c.list(at, shape, depth+1)
	default:
		if problem := problemOf(raw, shape != nil && shape.AnyCharacter); problem != "" {
			return at.wrong("%s", problem)
		}
		return nil
	}
	if err != nil {
		return err
	}
	// The end of the object or list.
	_, _, err = c.token(at)
	return err
}

func (c *checker) object(at place, shape *Shape, depth int) error {
	seen := map[string]bool{}
	for c.decoder.More() {
		token, raw, err := c.token(at)
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if problem := problemOf(raw, false); problem != "" {
			return at.wrong("the name of a field: %s", problem)
		}
		member, err := memberOf(at, shape, name)
		if err != nil {
			return err
		}
		if seen[name] {
			return named(at, name).wrong("expected the field once")
		}
		seen[name] = true
		if err := c.value(at.member(name), member, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) list(at place, shape *Shape, depth int) error {
	var elements *Shape
	if shape != nil {
		elements = shape.Elements
	}
	for i := 0; c.decoder.More(); i++ {
		if err := c.value(at.element(i), elements, depth); err != nil {
			return err
		}
	}
	return nil
}

// memberOf returns the shape of a field of an object.
func memberOf(at place, shape *Shape, name string) (*Shape, error) {
	if shape == nil || shape.Members == nil {
		return nil, nil
	}
	if member, known := shape.Members[name]; known {
		return member, nil
	}
	names := slices.Sorted(maps.Keys(shape.Members))
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return nil, named(at, name).wrong("expected %q in exactly this spelling", known)
		}
	}
	return nil, named(at, name).wrong("expected none but the fields %s", strings.Join(names, ", "))
}

// named is the place of a field whose name the caller made up: one too long is not repeated.
func named(at place, name string) place {
	if len(name) > longestName {
		return at
	}
	return at.member(name)
}

// problemOf returns what is wrong with a token as it is written; "" for nothing, and for what is no text.
func problemOf(raw []byte, anyCharacter bool) string {
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	if !utf8.Valid(raw) {
		return "expected UTF-8"
	}
	for rest := raw[1 : len(raw)-1]; len(rest) > 0; {
		r, size := first(rest)
		if utf16.IsSurrogate(r) {
			return `expected UTF-8, without half of a surrogate pair such as \ud83d`
		}
		if !anyCharacter && !readable(r) {
			return fmt.Sprintf("expected text without control characters and without marks that change the order of reading, found U+%04X", r)
		}
		rest = rest[size:]
	}
	return ""
}

// first returns the first character of a text as JSON writes it, and in how many bytes. Half a surrogate pair is returned as it is.
func first(text []byte) (rune, int) {
	const escape, unicodeEscape = 2, 6
	if text[0] != '\\' {
		return utf8.DecodeRune(text)
	}
	switch text[1] {
	case 'u':
		r := hex(text[escape:unicodeEscape])
		if rest := text[unicodeEscape:]; len(rest) >= unicodeEscape && rest[0] == '\\' && rest[1] == 'u' {
			if pair := utf16.DecodeRune(r, hex(rest[escape:unicodeEscape])); pair != unicode.ReplacementChar {
				return pair, 2 * unicodeEscape
			}
		}
		return r, unicodeEscape
	case 'b':
		return '\b', escape
	case 'f':
		return '\f', escape
	case 'r':
		return '\r', escape
	case 'n':
		return '\n', escape
	case 't':
		return '\t', escape
	}
	return rune(text[1]), escape
}

// hex reads four digits, which the decoder has checked.
func hex(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits), 16, 32)
	return rune(n)
}

// readable reports whether people see a character as it is meant. Line breaks and tabs are.
func readable(r rune) bool {
	if unicode.IsControl(r) {
		return r == '\n' || r == '\t'
	}
	return !bidirectional(r)
}

// bidirectional reports whether a character changes the order in which others are shown.
func bidirectional(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f' || r == '\u061c'
}
