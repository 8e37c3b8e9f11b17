package ldap_test

import (
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/ldap/ldaptest"
)

func TestGUID_text(t *testing.T) {
	t.Parallel()
	// The example of Microsoft's documentation of the string form.
	raw := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const text = "00112233-4455-6677-8899-aabbccddeeff"
	require.Equal(t, text, ldap.GUIDText(raw))
	require.Equal(t, raw, ldap.GUIDBytes(text))
	require.Empty(t, ldap.GUIDText(raw[1:]))
	for _, other := range []string{"", strings.ToUpper(text), "{" + text + "}", text + "0", strings.ReplaceAll(text, "-", ""), "0011223x-4455-6677-8899-aabbccddeeff"} {
		require.Nil(t, ldap.GUIDBytes(other), other)
	}
}

func TestNameKey_spellings(t *testing.T) {
	t.Parallel()
	want := ldap.NameKey(`cn=Löwe\, Ada,OU=Staff,dc=example`)
	for _, same := range []string{`CN=LÖWE\2C ada,ou=staff,DC=Example`, `cn = Löwe\2c  Ada , ou=Staff, dc=example`, `cn=l\C3\B6we\, ada,ou=staff,dc=example`} {
		require.Equal(t, want, ldap.NameKey(same), same)
	}
	require.Equal(t, ldap.NameKey("cn=a+uid=b,dc=x"), ldap.NameKey("UID=B+CN=A,dc=x"))
	for _, other := range []string{`cn=Löwe,cn=Ada,OU=Staff,dc=example`, `cn=Loewe\, Ada,OU=Staff,dc=example`, `cn=Löwe\, Ada,dc=example`, "no name", ""} {
		require.NotEqual(t, want, ldap.NameKey(other), other)
	}
}

func TestSource_days(t *testing.T) {
	t.Parallel()
	for format, row := range map[string]map[string]string{
		"":           {"20261231225959Z": "2026-12-31", "2026123122Z": "2026-12-31", "20261231225959.0+0100": "2026-12-31", "2026-12-31": "2026-12-31", "20261331000000Z": "20261331000000Z", "": ""},
		"DD.MM.YYYY": {"20261231225959Z": "31.12.2026", "01.02.2026": "01.02.2026"},
	} {
		c := valid()
		c.Fields.DateFormat = format
		s, err := ldap.NewSource(c)
		require.NoError(t, err)
		for value, want := range row {
			require.Equal(t, want, s.Day(value))
		}
	}
}

// TestScript_ranges holds that the values of an attribute are read to their end, or not taken.
func TestScript_ranges(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		parts map[string]string
		kind  access.Kind
		want  int
	}{
		"two parts":        {map[string]string{"memberOf": "memberOf;range=0-1", "memberOf;range=2-*": "memberOf;Range=2-*"}, "", 4},
		"one part":         {map[string]string{"memberOf": "memberOf;range=0-*"}, "", 2},
		"no second part":   {map[string]string{"memberOf": "memberOf;range=0-1"}, access.Transient, 0},
		"the same again":   {map[string]string{"memberOf": "memberOf;range=0-1", "memberOf;range=2-*": "memberOf;range=0-1"}, access.Transient, 0},
		"another one":      {map[string]string{"memberOf": "memberOf;range=0-1", "memberOf;range=2-*": "member;range=2-*"}, access.Transient, 0},
		"a number too big": {map[string]string{"memberOf": "memberOf;range=0-99999999999999999999"}, access.Transient, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := scripted(t, func(r ldaptest.Request) ([]*ber.Packet, error) {
				all := map[string][]string{"objectGUID": {guid(1)}, "sAMAccountName": {"p"}, "userAccountControl": {"512"}}
				for _, asked := range r.Attributes {
					if given := row.parts[asked]; given != "" {
						all[given] = []string{"CN=a", "CN=b"}
					}
				}
				return []*ber.Packet{ldaptest.Entry(r, "CN=p,"+scriptBase, all), ldaptest.Done(r, 0, "", "")}, nil
			}, nil)
			all, _, err := listAll(t, s, "")
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			if err == nil {
				require.Len(t, all["30303030-3030-3030-3030-303030303031"].Attributes["groups"], row.want)
			}
			_, err = s.Lookup(t.Context(), "30303030-3030-3030-3030-303030303031")
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
		})
	}
}
