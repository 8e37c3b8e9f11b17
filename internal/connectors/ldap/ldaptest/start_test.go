package ldaptest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/ldap/ldaptest"
)

func TestStart_real(t *testing.T) {
	for _, start := range []func(testing.TB) *ldaptest.Server{ldaptest.StartOpenLDAP, ldaptest.StartActiveDirectory} {
		begin := time.Now()
		s := start(t)
		t.Logf("%s after %s", s.Version, time.Since(begin))
		c, err := s.Admin()
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
}
