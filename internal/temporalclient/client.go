// Package temporalclient connects to Temporal, and sees to it that the namespace has the search attributes that usher
// writes.
package temporalclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"usher/internal/access"
	"usher/internal/telemetry"
)

// Config is where Temporal is. What is empty here is taken from the variables of Temporal's own tools
// (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_..., TEMPORAL_GRPC_META_...) and, when
// TEMPORAL_CONFIG_FILE is set, from the profile in that file; what is set here wins over both.
type Config struct {
	// Address is "host:port"; when nobody sets one it is localhost:7233.
	Address string `yaml:"address"`
	// Namespace is "default" when nobody sets one.
	Namespace string `yaml:"namespace"`
	// APIKey authenticates, and turns TLS on; "" for none.
	APIKey string `yaml:"api_key" secret:"true"`
	TLS    TLS    `yaml:"tls"`
	// Compression is what calls are compressed with: "gzip" or "none". "" is gzip with TLS, where the network may be slow
	// or paid for, and none without, where the server is near: there it costs processor time on both sides and saves
	// nothing.
	Compression string `yaml:"compression"`
}

// The values of Config.Compression.
const (
	compressionGzip = "gzip"
	compressionNone = "none"
)

// TLS is how the connection is protected. Any of its keys turns TLS on.
type TLS struct {
	// Enabled turns TLS on or off, whatever else is set; nil leaves it to the other keys.
	Enabled *bool `yaml:"enabled"`
	// CertFile and KeyFile are the paths of the client's PEM certificate and key; both or none.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// CAFile is the path of the PEM certificates that the server's is checked against; "" for the system's.
	CAFile string `yaml:"ca_file"`
	// ServerName is the name that the server's certificate must have; "" for the address's host.
	ServerName string `yaml:"server_name"`
}

const opConnect = "connect to Temporal"

// Validate names every key that has a value that is not allowed, as "address: ...", relative to this section.
func (c Config) Validate() error {
	var wrong []error
	if c.Address != "" {
		if _, port, err := net.SplitHostPort(c.Address); err != nil || port == "" {
			wrong = append(wrong, fmt.Errorf("address: found %q, expected host:port", c.Address))
		}
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		wrong = append(wrong, errors.New("tls.cert_file: found it or tls.key_file alone, expected both or none"))
	}
	if allowed := []string{"", compressionGzip, compressionNone}; !slices.Contains(allowed, c.Compression) {
		wrong = append(wrong, fmt.Errorf("compression: found %q, expected %s or %s", c.Compression, compressionGzip, compressionNone))
	}
	return errors.Join(wrong...)
}

// Options are the SDK's options for this configuration; the caller may add to them. The error is Invalid and names the
// key, the variable or the file.
func (c Config) Options(logger *slog.Logger) (client.Options, error) {
	if err := c.Validate(); err != nil {
		return client.Options{}, access.Errorf(access.Invalid, opConnect, "%w", err)
	}
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		DisableFile: os.Getenv("TEMPORAL_CONFIG_FILE") == "",
	})
	if err != nil {
		return client.Options{}, access.Errorf(access.Invalid, opConnect, "%w", err)
	}
	c.over(&profile)
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, access.Errorf(access.Invalid, opConnect, "%w", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	options.Logger = log.NewStructuredLogger(logger)
	options.ConnectionOptions.GrpcCompression = c.compression(options.ConnectionOptions)
	return options, nil
}

// compression is that of a connection whose other options are set.
func (c Config) compression(connection client.ConnectionOptions) client.GrpcCompression {
	kind := c.Compression
	if kind == "" && connection.TLS != nil {
		kind = compressionGzip
	}
	if kind == compressionGzip {
		return &client.GrpcCompressionGzip{}
	}
	return &client.GrpcCompressionNone{}
}

// over lays what is set here over a profile.
func (c Config) over(profile *envconfig.ClientConfigProfile) {
	replace(&profile.Address, c.Address)
	replace(&profile.Namespace, c.Namespace)
	replace(&profile.APIKey, c.APIKey)
	if c.TLS == (TLS{}) {
		return
	}
	if profile.TLS == nil {
		profile.TLS = &envconfig.ClientConfigTLS{}
	}
	if c.TLS.Enabled != nil {
		profile.TLS.Disabled = !*c.TLS.Enabled
	}
	if c.TLS.CertFile != "" {
		profile.TLS.ClientCertPath, profile.TLS.ClientKeyPath = c.TLS.CertFile, c.TLS.KeyFile
		profile.TLS.ClientCertData, profile.TLS.ClientKeyData = nil, nil
	}
	if c.TLS.CAFile != "" {
		profile.TLS.ServerCACertPath, profile.TLS.ServerCACertData = c.TLS.CAFile, nil
	}
	replace(&profile.TLS.ServerName, c.TLS.ServerName)
}

func replace(old *string, with string) {
	if with != "" {
		*old = with
	}
}

// Dial makes a client that connects with its first call, so a server that is away stops nobody from starting. The
// caller closes it. The client is safe for concurrent use. The SDK counts in metrics; nil for nowhere. The error is
// Invalid and names what is wrong with the configuration, or the context's own when that has ended.
func Dial(ctx context.Context, cfg Config, logger *slog.Logger, metrics *telemetry.Metrics) (client.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	options, err := cfg.Options(logger)
	if err != nil {
		return nil, err
	}
	if series := metrics.Series(); series != nil {
		options.MetricsHandler = sdkMetrics{series: series}
	}
	connected, err := client.NewLazyClient(options)
	if err != nil {
		return nil, access.Errorf(access.Invalid, opConnect, "%w", err)
	}
	return connected, nil
}
