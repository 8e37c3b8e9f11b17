package stack

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const (
	repository    = "../../.."
	composeFolder = repository + "/docs/examples/compose/"
)

// composeFile is what these tests read of docker-compose.yml.
type composeFile struct {
	Services map[string]struct {
		Image       string                  `yaml:"image"`
		Build       struct{ Target string } `yaml:"build"`
		Ports       []string                `yaml:"ports"`
		Volumes     []string                `yaml:"volumes"`
		Secrets     []string                `yaml:"secrets"`
		Environment map[string]string       `yaml:"environment"`
	} `yaml:"services"`
	Secrets map[string]struct{ File string } `yaml:"secrets"`
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	require.NoError(t, yaml.Unmarshal([]byte(read(t, repository+"/docker-compose.yml")), &file))
	require.NotEmpty(t, file.Services)
	return file
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestCompose_mounts(t *testing.T) {
	file, mounted := compose(t), 0
	for name, service := range file.Services {
		for _, volume := range service.Volumes {
			if source, rest, _ := strings.Cut(volume, ":"); strings.HasPrefix(source, "./") {
				mounted++
				require.FileExists(t, filepath.Join(repository, source), "service %s", name)
				require.True(t, strings.HasSuffix(rest, ":ro"), "service %s: %s is mounted read-only", name, source)
			}
		}
		for _, secret := range service.Secrets {
			require.Contains(t, file.Secrets, secret, "service %s", name)
		}
	}
	require.NotZero(t, mounted)
	for name, secret := range file.Secrets {
		require.NotEmpty(t, strings.TrimSpace(read(t, filepath.Join(repository, secret.File))), "the secret %s", name)
	}
}

func TestCompose_loopback_only(t *testing.T) {
	for name, service := range compose(t).Services {
		for _, port := range service.Ports {
			require.True(t, strings.HasPrefix(port, loopback+":"), "service %s: %s", name, port)
		}
	}
}

func TestCompose_images(t *testing.T) {
	stages := regexp.MustCompile(`(?m)^FROM image AS (\S+)$`).FindAllStringSubmatch(read(t, repository+"/Dockerfile"), -1)
	require.NotEmpty(t, stages)
	var targets []string
	for _, stage := range stages {
		targets = append(targets, stage[1])
	}
	for name, service := range compose(t).Services {
		if service.Build.Target != "" {
			require.Contains(t, targets, service.Build.Target, "service %s", name)
			continue
		}
		require.Regexp(t, `:v?\d+\.\d+`, service.Image, "service %s", name)
	}
}

// The secrets that a service lists are the only ones that its configuration may read; a file that is missing in the
// container would stop the program.
func TestCompose_secrets(t *testing.T) {
	file := compose(t)
	for service, configuration := range map[string]string{"worker": "usher-worker.yaml", "usher": "usher.yaml"} {
		var reads []string
		for _, found := range regexp.MustCompile(`\$\{file:/run/secrets/([^}]+)\}`).FindAllStringSubmatch(read(t, composeFolder+configuration), -1) {
			reads = append(reads, found[1])
		}
		slices.Sort(reads)
		require.ElementsMatch(t, file.Services[service].Secrets, slices.Compact(reads), "service %s", service)
	}
}

func TestWebhook_secret_of_the_stack(t *testing.T) {
	const variable = "SIM_WEBHOOK_SECRET"
	require.Equal(t, strings.TrimSpace(read(t, composeFolder+"secrets/webhook-secret")),
		compose(t).Services["simulator"].Environment[variable])
}

func TestCompose_search_attributes(t *testing.T) {
	script := read(t, composeFolder+"temporal-setup.sh")
	_, list, found := strings.Cut(script, "<<'ATTRIBUTES'\n")
	require.True(t, found)
	list, _, found = strings.Cut(list, "ATTRIBUTES\n")
	require.True(t, found)
	var want []string
	for _, attribute := range searchAttributes() {
		want = append(want, attribute[0]+" "+attribute[1])
	}
	require.ElementsMatch(t, want, strings.Split(strings.TrimSpace(list), "\n"))
}
