package ldap_test

import (
	ber "github.com/go-asn1-ber/asn1-ber"

	"usher/internal/connectors/ldap/ldaptest"
)

// whole reports whether a request asks for whole records, page by page.
func whole(r ldaptest.Request) bool { return r.Paged && len(r.Attributes) > 1 }

// cutOnce cuts the connection after the second entry of a search for records, once.
func cutOnce(w *ldaptest.Wire) ldaptest.Change {
	entries := 0
	return func(r ldaptest.Request, p *ber.Packet) ([]*ber.Packet, error) {
		if whole(r) && ldaptest.IsEntry(p) {
			if entries++; entries > 2 {
				w.Set(nil)
				return nil, ldaptest.ErrCut
			}
		}
		return []*ber.Packet{p}, nil
	}
}

// hideThird leaves out every third entry of a search for records.
func hideThird() ldaptest.Change {
	entries := 0
	return func(r ldaptest.Request, p *ber.Packet) ([]*ber.Packet, error) {
		if whole(r) && ldaptest.IsEntry(p) {
			if entries++; entries%3 == 0 {
				return nil, nil
			}
		}
		return []*ber.Packet{p}, nil
	}
}

// repeat returns every entry of a search for records twice.
func repeat(r ldaptest.Request, p *ber.Packet) ([]*ber.Packet, error) {
	if whole(r) && ldaptest.IsEntry(p) {
		return []*ber.Packet{p, p}, nil
	}
	return []*ber.Packet{p}, nil
}
