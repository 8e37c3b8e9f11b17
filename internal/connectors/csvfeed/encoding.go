package csvfeed

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"usher/internal/access"
)

// marks are the byte order marks, and the encoding that a file with one has.
var marks = []struct {
	bytes    string
	encoding Encoding
}{{"\xEF\xBB\xBF", UTF8}, {"\xFF\xFE", UTF16}, {"\xFE\xFF", UTF16}}

// decode returns the text as UTF-8, without a byte order mark. key names the file.
func decode(op, key string, encoding Encoding, raw []byte) ([]byte, error) {
	mark := ""
	for _, m := range marks {
		if !bytes.HasPrefix(raw, []byte(m.bytes)) {
			continue
		}
		if m.encoding != encoding {
			return nil, wrong(access.Invalid, op, "encoding", "found %s, and the file begins with the byte order mark of %s", encoding, m.encoding)
		}
		mark = m.bytes
	}
	switch encoding {
	case UTF16:
		if mark == "" {
			return nil, wrong(access.Invalid, op, "encoding", "found utf-16, and the file begins without a byte order mark")
		}
		return decodeUTF16(op, key, raw)
	case ISO88591:
		return charmap.ISO8859_1.NewDecoder().Bytes(raw)
	case Windows1252:
		return charmap.Windows1252.NewDecoder().Bytes(raw)
	case UTF8:
	}
	text := raw[len(mark):]
	return text, validUTF8(op, key, text)
}

func validUTF8(op, key string, text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	line := 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && size == 1 && !utf8.FullRune(rest):
			return cutCharacter(op, key)
		case r == utf8.RuneError && size == 1:
			return notEncoded(op, line, UTF8)
		}
		rest = rest[size:]
	}
	return nil
}

func decodeUTF16(op, key string, raw []byte) ([]byte, error) {
	if len(raw)%2 != 0 {
		return nil, cutCharacter(op, key)
	}
	var order binary.ByteOrder = binary.BigEndian
	if raw[0] == 0xFF {
		order = binary.LittleEndian
	}
	line := 1
	for i := 2; i < len(raw); i += 2 {
		unit := rune(order.Uint16(raw[i:]))
		switch {
		case unit == '\n':
			line++
		case !utf16.IsSurrogate(unit):
		case i+2 >= len(raw):
			return nil, cutCharacter(op, key)
		case utf16.DecodeRune(unit, rune(order.Uint16(raw[i+2:]))) == utf8.RuneError:
			return nil, notEncoded(op, line, UTF16)
		default:
			i += 2
		}
	}
	return unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Bytes(raw)
}

// cutCharacter is for a file that ends within a character.
func cutCharacter(op, key string) error {
	return wrong(access.Transient, op, key, "the file ends within a character: it is cut, or is being written")
}

func notEncoded(op string, line int, encoding Encoding) error {
	return wrong(access.Invalid, op, "encoding", "line %d of the file is no %s", line, encoding)
}
