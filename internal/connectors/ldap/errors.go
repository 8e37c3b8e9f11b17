package ldap

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
)

// verdict is what a result code means to usher.
type verdict struct {
	kind access.Kind
	text string
}

// verdicts are the result codes that mean anything else than Transient, and those that a human can do something about.
var verdicts = map[uint16]verdict{
	goldap.LDAPResultInvalidCredentials:          {access.Forbidden, "bind_dn or password is wrong"},
	goldap.LDAPResultInsufficientAccessRights:    {access.Forbidden, "bind_dn lacks a right"},
	goldap.LDAPResultInappropriateAuthentication: {access.Forbidden, "bind_dn cannot log in with a password"},
	goldap.LDAPResultAuthMethodNotSupported:      {access.Forbidden, "the directory takes no log-in with a password"},
	goldap.LDAPResultStrongAuthRequired:          {access.Forbidden, "the directory wants TLS: use ldaps://, or start_tls: true"},
	goldap.LDAPResultConfidentialityRequired:     {access.Forbidden, "the directory wants TLS: use ldaps://, or start_tls: true"},
	goldap.LDAPResultAuthorizationDenied:         {access.Forbidden, "bind_dn lacks a right"},
	goldap.LDAPResultNoSuchObject:                {access.Invalid, "base_dn does not exist, or bind_dn may not see it"},
	goldap.LDAPResultInvalidDNSyntax:             {access.Invalid, "the directory does not take bind_dn or base_dn for a name"},
	goldap.LDAPResultReferral:                    {access.Invalid, "base_dn is on another server, and usher does not follow references"},
	goldap.LDAPResultSizeLimitExceeded: {
		access.Transient,
		"size limit exceeded: the directory gives bind_dn no more entries (slapd: limits … size.prtotal=unlimited; Active Directory: page_size at most MaxPageSize)",
	},
	goldap.LDAPResultTimeLimitExceeded:  {access.Transient, "time limit exceeded: the directory, or request_timeout, gives a page no more time"},
	goldap.LDAPResultAdminLimitExceeded: {access.Transient, "administrative limit exceeded: the directory searches no further for bind_dn"},
}

// bindCodes are the sub-codes in the text of Active Directory's answer to a bind.
var bindCodes = map[string]string{
	"525": "no such account", "52e": "wrong account or password", "530": "not at this time", "531": "not from this host",
	"532": "the password has expired", "533": "the account is disabled", "701": "the account has expired", "773": "the password must be changed",
	"775": "the account is locked",
}

var bindCode = regexp.MustCompile(`\bdata ([0-9a-f]+)\b`)

// classify makes an error of the port of what an operation ended with. It holds no password.
func (s *Source) classify(op string, err error) error {
	var known *access.Error
	if errors.As(err, &known) {
		return err
	}
	var answer *goldap.Error
	if !errors.As(err, &answer) {
		return &access.Error{Kind: access.Transient, Op: op, Err: &cleaned{text: s.clean(err), cause: err}}
	}
	found, listed := verdicts[answer.ResultCode]
	switch {
	case !listed:
		return access.Errorf(access.Transient, op, "%s", s.clean(err))
	case answer.ResultCode == goldap.LDAPResultInvalidCredentials:
		if code := bindCode.FindStringSubmatch(err.Error()); code != nil && bindCodes[code[1]] != "" {
			found.text += ": " + bindCodes[code[1]]
		}
	}
	return access.Errorf(found.kind, op, "%s (%s)", found.text, s.clean(err))
}

// maxErrorText is how much of a server's words is kept.
const maxErrorText = 300

// clean returns the text of an error in one line, without the password.
func (s *Source) clean(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within request_timeout (%s)", s.config.RequestTimeout)
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "?")), " ")
	text = strings.ReplaceAll(text, s.config.Password, "[redacted]")
	if runes := []rune(text); len(runes) > maxErrorText {
		text = string(runes[:maxErrorText]) + "…"
	}
	return text
}

// cleaned shows a cause by a clean text. errors.As still finds what is in it.
type cleaned struct {
	text  string
	cause error
}

// Error implements error.
func (e *cleaned) Error() string { return e.text }

// As implements the interface of errors.As.
func (e *cleaned) As(target any) bool { return errors.As(e.cause, target) }
