package temporalclient_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/temporalclient"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// clearEnvironment takes away what the developer's own shell says about Temporal.
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_TLS", "TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
}

func TestDial_options(t *testing.T) {
	yes, no := true, false
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte("[profile.default]\naddress = \"profile:1\"\nnamespace = \"from-profile\"\n"), 0o600))
	rows := map[string]struct {
		cfg       temporalclient.Config
		env       map[string]string
		address   string
		namespace string
		tls       bool
		noTLS     bool
	}{
		"nothing set is the local server": {address: "localhost:7233", namespace: "default"},
		"the configuration":               {cfg: temporalclient.Config{Address: "a:1", Namespace: "n"}, address: "a:1", namespace: "n"},
		"Temporal's variables": {
			env:     map[string]string{"TEMPORAL_ADDRESS": "env:1", "TEMPORAL_NAMESPACE": "from-env"},
			address: "env:1", namespace: "from-env",
		},
		"the configuration before Temporal's variables": {
			cfg: temporalclient.Config{Address: "a:1"}, env: map[string]string{"TEMPORAL_ADDRESS": "env:1", "TEMPORAL_NAMESPACE": "from-env"},
			address: "a:1", namespace: "from-env",
		},
		"the profile of a file that is named": {
			env: map[string]string{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "env:1"}, address: "env:1", namespace: "from-profile",
		},
		"an API key turns TLS on": {
			cfg: temporalclient.Config{APIKey: "k"}, address: "localhost:7233", namespace: "default", tls: true,
		},
		"TLS by a server name": {
			cfg: temporalclient.Config{TLS: temporalclient.TLS{ServerName: "x"}}, address: "localhost:7233", namespace: "default", tls: true,
		},
		"TLS alone": {
			cfg: temporalclient.Config{TLS: temporalclient.TLS{Enabled: &yes}}, address: "localhost:7233", namespace: "default", tls: true,
		},
		"TLS turned off in spite of a variable": {
			cfg: temporalclient.Config{TLS: temporalclient.TLS{Enabled: &no}}, env: map[string]string{"TEMPORAL_TLS": "true"},
			address: "localhost:7233", namespace: "default", noTLS: true,
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			clearEnvironment(t)
			for key, value := range row.env {
				t.Setenv(key, value)
			}
			options, err := row.cfg.Options(quiet())
			require.NoError(t, err)
			require.Equal(t, row.address, options.HostPort)
			require.Equal(t, row.namespace, options.Namespace)
			require.Equal(t, row.tls, options.ConnectionOptions.TLS != nil)
			require.Equal(t, row.noTLS, options.ConnectionOptions.TLSDisabled)
		})
	}
}

func TestDial_compression(t *testing.T) {
	clearEnvironment(t)
	gzip, none := client.GrpcCompression(&client.GrpcCompressionGzip{}), client.GrpcCompression(&client.GrpcCompressionNone{})
	no := false
	for name, row := range map[string]struct {
		cfg  temporalclient.Config
		want client.GrpcCompression
	}{
		"a server nearby":                 {temporalclient.Config{}, none},
		"over TLS":                        {temporalclient.Config{TLS: temporalclient.TLS{ServerName: "x"}}, gzip},
		"with an API key":                 {temporalclient.Config{APIKey: "k"}, gzip},
		"with an API key and without TLS": {temporalclient.Config{APIKey: "k", TLS: temporalclient.TLS{Enabled: &no}}, none},
		"gzip without TLS":                {temporalclient.Config{Compression: "gzip"}, gzip},
		"none over TLS":                   {temporalclient.Config{APIKey: "k", Compression: "none"}, none},
	} {
		t.Run(name, func(t *testing.T) {
			options, err := row.cfg.Options(quiet())
			require.NoError(t, err)
			require.IsType(t, row.want, options.ConnectionOptions.GrpcCompression)
		})
	}
}

func TestDialRefusesBadSettings(t *testing.T) {
	clearEnvironment(t)
	rows := map[string]struct {
		cfg  temporalclient.Config
		want string
	}{
		"an address without a port":   {temporalclient.Config{Address: "temporal"}, `address: found "temporal", expected host:port`},
		"a certificate without a key": {temporalclient.Config{TLS: temporalclient.TLS{CertFile: "c"}}, "tls.cert_file: found it or tls.key_file alone"},
		"an unknown compression":      {temporalclient.Config{Compression: "zip"}, `compression: found "zip", expected gzip or none`},
		"a CA file that is missing":   {temporalclient.Config{TLS: temporalclient.TLS{CAFile: "/nope/ca.pem"}}, "/nope/ca.pem"},
		"a client certificate that is missing": {
			temporalclient.Config{TLS: temporalclient.TLS{CertFile: "/nope/c.pem", KeyFile: "/nope/k.pem"}}, "/nope/c.pem",
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			_, err := temporalclient.Dial(t.Context(), row.cfg, quiet(), nil)
			require.ErrorContains(t, err, row.want)
			require.Equal(t, access.Invalid, access.KindOf(err))
		})
	}
}

func TestDial_does_not_wait(t *testing.T) {
	clearEnvironment(t)
	c, err := temporalclient.Dial(t.Context(), temporalclient.Config{Address: "127.0.0.1:1"}, quiet(), nil)
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.CheckHealth(ctx, &client.CheckHealthRequest{})
	require.Error(t, err)
	_, err = temporalclient.Dial(ctx, temporalclient.Config{}, quiet(), nil)
	require.ErrorIs(t, err, context.Canceled)
}
