package jiratest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// tokenKind is the kind of a word of JQL.
type tokenKind int

const (
	endToken tokenKind = iota
	wordToken
	textToken
	signToken
)

type token struct {
	kind tokenKind
	text string
	at   int
}

// is reports whether the token is that sign or, in any case of letters, that unquoted word.
func (t token) is(text string) bool {
	return (t.kind == wordToken || t.kind == signToken) && strings.EqualFold(t.text, text)
}

func jqlError(at int, format string, args ...any) error {
	return refuse(http.StatusBadRequest, fmt.Sprintf("Error in the JQL Query: "+format+" (line 1, character %d)", append(args, at+1)...))
}

// reserved characters must be quoted. A full stop and a hyphen need not be.
const reserved = "+,;?|*/%^$#@[]{}&`\\~"

// lex splits a query into words, quoted texts and signs.
func lex(jql string) ([]token, error) {
	runes := []rune(jql)
	var out []token
	for n := 0; n < len(runes); {
		r := runes[n]
		switch {
		case unicode.IsSpace(r):
			n++
		case r == '"' || r == '\'':
			t, next, err := lexText(runes, n)
			if err != nil {
				return nil, err
			}
			out, n = append(out, t), next
		case strings.ContainsRune("()=!<>,~", r):
			t := lexSign(runes, n)
			out, n = append(out, t), n+len([]rune(t.text))
		case strings.ContainsRune(reserved, r):
			return nil, jqlError(n, `The character '%c' is a reserved JQL character. You must enclose it in a string or use the escape '\u%04x' instead.`, r, r)
		default:
			start := n
			for n < len(runes) && wordRune(runes[n]) {
				n++
			}
			n += bracketed(string(runes[start:n]), runes[n:])
			out = append(out, token{kind: wordToken, text: string(runes[start:n]), at: start})
		}
	}
	return append(out, token{kind: endToken, at: len(runes)}), nil
}

// bracketed returns how many runes of the number of a custom field follow its name: cf[10041].
func bracketed(word string, rest []rune) int {
	end := slices.Index(rest, ']')
	if !strings.EqualFold(word, "cf") || end < 0 || rest[0] != '[' {
		return 0
	}
	return end + 1
}

func wordRune(r rune) bool {
	return !unicode.IsSpace(r) && !strings.ContainsRune("()=!<>,~\"'"+reserved, r)
}

func lexSign(runes []rune, n int) token {
	sign := string(runes[n])
	if n+1 < len(runes) && strings.Contains(" != <= >= !~ ", " "+sign+string(runes[n+1])+" ") {
		sign += string(runes[n+1])
	}
	return token{kind: signToken, text: sign, at: n}
}

// lexText reads a quoted text with its escapes.
func lexText(runes []rune, start int) (token, int, error) {
	quote := runes[start]
	var b strings.Builder
	for n := start + 1; n < len(runes); n++ {
		switch r := runes[n]; r {
		case quote:
			return token{kind: textToken, text: b.String(), at: start}, n + 1, nil
		case '\\':
			r, used, err := unescape(runes, n)
			if err != nil {
				return token{}, 0, err
			}
			b.WriteRune(r)
			n += used
		case '\n', '\r':
			return token{}, 0, jqlError(n, "The quoted string '%s' has not been completed.", b.String())
		default:
			b.WriteRune(r)
		}
	}
	return token{}, 0, jqlError(start, "The quoted string '%s' has not been completed.", b.String())
}

// unescape reads the escape at n and says how many runes follow the backslash.
func unescape(runes []rune, n int) (rune, int, error) {
	plain := map[rune]rune{'"': '"', '\'': '\'', '\\': '\\', ' ': ' ', 'n': '\n', 't': '\t', 'r': '\r'}
	if n+1 < len(runes) {
		if r, known := plain[runes[n+1]]; known {
			return r, 1, nil
		}
		if runes[n+1] == 'u' && n+5 < len(runes) {
			if code, err := strconv.ParseUint(string(runes[n+2:n+6]), 16, 16); err == nil {
				return rune(code), 5, nil
			}
		}
	}
	bad := string(runes[n:min(n+2, len(runes))])
	return 0, 0, jqlError(n, `'%s' is an illegal JQL escape sequence. The valid escape sequences are \', \", \t, \n, \r, \\, '\ ' and \uXXXX.`, bad)
}
