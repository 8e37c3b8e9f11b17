package rest

import (
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// maxText is how many characters of another system's sentence an error text keeps.
const maxText = 600

var (
	urlQuery    = regexp.MustCompile(`(https?://[^\s?#"'<>]*)\?[^\s"'<>]*`)
	urlUserinfo = regexp.MustCompile(`(https?://)[^\s/@"'<>]*@`)
	credentials = regexp.MustCompile(`(?i)\b(basic|bearer)\s+[a-z0-9+/=._~-]{8,}`)
)

// redactor takes secrets out of texts.
type redactor struct{ secrets []string }

// newRedactor knows each secret as it is, as a URL writes it and as base64; a secret shorter than 4 characters is
// left alone, because replacing it would only garble texts.
func newRedactor(secrets []string) redactor {
	var r redactor
	for _, s := range secrets {
		if len(s) < 4 {
			continue
		}
		r.secrets = append(r.secrets, s, base64.StdEncoding.EncodeToString([]byte(s)))
		if escaped := url.QueryEscape(s); escaped != s {
			r.secrets = append(r.secrets, escaped)
		}
	}
	return r
}

// clean makes one short line without secrets, URL queries and control characters.
func (r redactor) clean(text string) string {
	for _, s := range r.secrets {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	text = urlQuery.ReplaceAllString(text, "$1")
	text = urlUserinfo.ReplaceAllString(text, "$1")
	text = credentials.ReplaceAllString(text, "$1 [redacted]")
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "..."
	}
	return text
}

// redacted shows a cause by a clean text. errors.Is and errors.As still find what is in it, but nothing can unwrap it and
// print: a workflow history keeps the text of every error in a chain.
type redacted struct {
	text  string
	cause error
}

func (e *redacted) Error() string        { return e.text }
func (e *redacted) Is(target error) bool { return errors.Is(e.cause, target) }
func (e *redacted) As(target any) bool   { return errors.As(e.cause, target) }

// wrap hides the URL that net/http puts before the cause, and cleans the rest.
func (r redactor) wrap(err error) error {
	cause := err
	var withURL *url.Error
	for errors.As(cause, &withURL) {
		cause = withURL.Err
	}
	return &redacted{text: r.clean(cause.Error()), cause: cause}
}
