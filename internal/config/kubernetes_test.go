package config_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/config"
)

// ofUsher are the variables that Kubernetes sets in each container for a Service "usher" with the ports http 8080 and metrics 9090, and for a Service
// "usher-worker", which has an address of its own.
func ofUsher() []string {
	return []string{
		"USHER_SERVICE_HOST=10.96.0.17", "USHER_SERVICE_PORT=8080", "USHER_SERVICE_PORT_HTTP=8080", "USHER_SERVICE_PORT_METRICS=9090",
		"USHER_PORT=tcp://10.96.0.17:8080", "USHER_PORT_8080_TCP=tcp://10.96.0.17:8080", "USHER_PORT_8080_TCP_PROTO=tcp",
		"USHER_PORT_8080_TCP_PORT=8080", "USHER_PORT_8080_TCP_ADDR=10.96.0.17", "USHER_PORT_9090_TCP=tcp://10.96.0.17:9090",
		"USHER_PORT_9090_TCP_PROTO=tcp", "USHER_PORT_9090_TCP_PORT=9090", "USHER_PORT_9090_TCP_ADDR=10.96.0.17",
		"USHER_WORKER_SERVICE_HOST=fd00::1", "USHER_WORKER_SERVICE_PORT=9090", "USHER_WORKER_PORT=tcp://[fd00::1]:9090",
		"USHER_WORKER_PORT_9090_TCP=tcp://[fd00::1]:9090", "USHER_WORKER_PORT_9090_TCP_PROTO=tcp", "USHER_WORKER_PORT_9090_TCP_PORT=9090",
		"USHER_WORKER_PORT_9090_TCP_ADDR=fd00::1", "KUBERNETES_SERVICE_HOST=10.96.0.1",
	}
}

func TestLoad_kubernetes(t *testing.T) {
	path := write(t, "http: {port: 1}\n")
	s := defaults()
	require.NoError(t, config.Load(path, append(ofUsher(), "USHER_HTTP_PORT=2"), s))
	require.Equal(t, int16(2), s.HTTP.Port)
	for name, row := range map[string]struct {
		set     string
		without string
	}{
		"a port that somebody has set":                  {set: "USHER_PORT=8080", without: "USHER_PORT=tcp://10.96.0.17:8080"},
		"a port of another address":                     {set: "USHER_PORT=tcp://10.96.0.18:8080", without: "USHER_PORT=tcp://10.96.0.17:8080"},
		"an address of another Service":                 {set: "USHER_PORT_8080_TCP_ADDR=10.96.0.18", without: "USHER_PORT_8080_TCP_ADDR=10.96.0.17"},
		"a protocol that there is not":                  {set: "USHER_PORT_8080_TCP_PROTO=http", without: "USHER_PORT_8080_TCP_PROTO=tcp"},
		"a port that is none":                           {set: "USHER_PORT_8080_TCP_PORT=http", without: "USHER_PORT_8080_TCP_PORT=8080"},
		"a port of the Service that is none":            {set: "USHER_SERVICE_PORT_HTTP=http", without: "USHER_SERVICE_PORT_HTTP=8080"},
		"a host that is no address":                     {set: "USHER_OTHER_SERVICE_HOST=usher.example"},
		"a name that only begins like it":               {set: "USHER_PORTS=tcp://10.96.0.17:8080"},
		"a name that goes on":                           {set: "USHER_PORT_8080_TCP_ADDRESS=10.96.0.17"},
		"a Service that has no address":                 {set: "USHER_OTHER_PORT=tcp://10.96.0.17:8080"},
		"a key that is misspelt":                        {set: "USHER_HTTP_PROT=2"},
		"a value of Kubernetes for a key, which counts": {set: "USHER_HTTP_PORT=tcp://10.96.0.17:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := slices.DeleteFunc(ofUsher(), func(one string) bool { return one == row.without })
			require.Error(t, config.Load(path, append(environ, row.set), defaults()))
		})
	}
	t.Run("without the address of the Service", func(t *testing.T) {
		require.Error(t, config.Load(path, []string{"USHER_PORT=tcp://10.96.0.17:8080"}, defaults()))
	})
}
