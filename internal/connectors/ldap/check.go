package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

const (
	opCheck = "check the directory"
	// sampleSize is how many entries are looked at.
	sampleSize = 100
)

// Check implements access.Checker: the directory takes the account, shows the base and people below it, and has the attributes that the
// configuration names. It looks at a sample.
func (s *Source) Check(ctx context.Context) ([]access.Finding, error) {
	c, err := s.open(ctx, opCheck)
	if err != nil {
		return s.connectFindings(err)
	}
	defer c.close()
	if err := c.proveBase(ctx); err != nil {
		if access.IsKind(err, access.Invalid) || access.IsKind(err, access.Forbidden) {
			return []access.Finding{{Key: "base_dn", Problem: err.Error()}}, nil
		}
		return nil, err
	}
	q := s.who("", s.asked()...)
	q.limit = sampleSize
	sample, err := c.search(ctx, q)
	switch {
	case access.IsKind(err, access.Invalid):
		return []access.Finding{{Key: "filter", Problem: err.Error()}}, nil
	case err != nil:
		return nil, err
	case len(sample) == 0:
		return []access.Finding{{Key: "filter", Problem: "no entry below base_dn matches " + s.config.Filter}}, nil
	}
	return append(referenceFindings(c.references), s.sampleFindings(sample)...), nil
}

// connectFindings makes findings of what only another configuration can mend; else it returns the error.
func (s *Source) connectFindings(err error) ([]access.Finding, error) {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return []access.Finding{{Key: "ca_file", Problem: "the directory's certificate is not trusted: " + s.clean(err)}}, nil
	case access.IsKind(err, access.Invalid):
		return []access.Finding{{Key: "bind_dn", Problem: err.Error()}}, nil
	}
	return nil, err
}

// usualReferences are the parts of a domain that the root of every domain of Active Directory refers to. They have no people.
var usualReferences = []string{"cn=configuration,", "dc=domaindnszones,", "dc=forestdnszones,"}

// referenceFindings names the references to other servers that may hold people.
func referenceFindings(references []string) []access.Finding {
	var findings []access.Finding
	for _, reference := range references {
		u, err := url.Parse(reference)
		dn := ""
		if err == nil {
			dn = strings.ToLower(strings.TrimPrefix(u.Path, "/"))
		}
		usual := slices.ContainsFunc(usualReferences, func(begin string) bool { return strings.HasPrefix(dn, begin) })
		if !usual {
			findings = append(findings, access.Finding{
				Key: "base_dn", Problem: "a part below it is on another server, which usher does not follow: " + reference,
			})
		}
	}
	return findings
}

// sampleFindings names the attributes that are missing in entries.
func (s *Source) sampleFindings(sample []*goldap.Entry) []access.Finding {
	has := map[string]int{}
	for _, e := range sample {
		for _, a := range e.Attributes {
			if name, _, _ := strings.Cut(strings.ToLower(a.Name), ";"); len(a.Values) > 0 {
				has[name]++
			}
		}
	}
	var findings []access.Finding
	needed := []people.Key{{Name: "fields.id", Field: s.config.Fields.ID}, {Name: "fields.user_name", Field: s.config.Fields.UserName}}
	if s.control() {
		needed = append(needed, people.Key{Name: "fields.active", Field: s.config.Fields.Active})
	}
	for _, f := range needed {
		if missing := len(sample) - has[strings.ToLower(f.Field)]; missing > 0 {
			findings = append(findings, access.Finding{
				Key:     f.Name,
				Problem: fmt.Sprintf("%d of %d entries have no %s, which everybody needs; expected another attribute, or a narrower filter", missing, len(sample), f.Field),
			})
		}
	}
	for _, f := range s.chosen {
		if has[strings.ToLower(f.Field)] == 0 {
			findings = append(findings, access.Finding{
				Key: f.Name, Problem: fmt.Sprintf("none of %d entries has %s: bind_dn may not read it, or it is another attribute", len(sample), f.Field),
			})
		}
	}
	return findings
}

// chosenFields are the attributes that the configuration names itself, save those that everybody needs.
func (c Config) chosenFields() []people.Key {
	return slices.DeleteFunc(c.Fields.Keys(), func(k people.Key) bool { return k.Name == "fields.id" || k.Name == "fields.user_name" })
}
