package stack

import (
	"bytes"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"text/template"
	"time"

	"usher/internal/access"
)

// The files that the stack writes into its folder.
const (
	workerFile  = "worker.yaml"
	starterFile = "starter.yaml"
	catalogFile = "catalog.yaml"
	secretsDir  = "secrets"
)

// The account with which usher calls the simulator. The token is no secret: it opens nothing but a simulator.
const (
	simulatorUser  = "usher-bot@example.test"
	simulatorToken = "sim-token"
)

// webhookSecretEnv is the variable that hands the webhooks' secret to the simulator.
const webhookSecretEnv = "SIM_WEBHOOK_SECRET"

// The times of a development stack: a person watches, and the desk is on the same machine.
const (
	lookFirst  = 5 * time.Second
	lookAtMost = 30 * time.Second
	// deskSettles is above the request time-out in files/worker.yaml; the simulator's search does not lag.
	deskSettles = 6 * time.Second
)

//go:embed files/catalog.yaml
var demoCatalog string

//go:embed files/worker.yaml
var workerTemplate string

// deskTemplates are the sections of the desks, by kind.
//
//go:embed files/desks
var deskTemplates embed.FS

//go:embed files/starter.yaml
var starterTemplate string

// DemoCatalog is the catalog of a stack that is given none, as YAML: wiki/editor (manager), wiki/admin (manager, then
// owner), vpn/user (for two minutes at most), badge/lab (by hand) and printer/color (by hand, read back in the
// directory). The people are the simulator's: ana and ben ask, mia is their manager, omar owns, zoe is above them
// and grants by hand.
func DemoCatalog() string { return demoCatalog }

// values are what the templates show.
type values struct {
	Temporal, Catalog, Health, API                         string
	Kind                                                   DeskKind
	Desk, DeskUser, SCIM                                   string
	RequestURL                                             string
	PollInitialInterval, PollMaxInterval, SearchIndexDelay string
	Fulfiller, FulfillerName                               string
	RealJira                                               *RealJira
	Targets                                                map[access.TargetName]string
	MoreDesks                                              map[access.DeskName]string
	MoreSources                                            map[access.SourceName]string
	NoIntake                                               bool
	// Staff is the path of the file of the source staff; "" for none.
	Staff string
	// Joined and Groups are those of Options.
	Joined, Groups bool
}

// HandsOver reports whether the desk hands over what leavers own. The templates call it.
func (v values) HandsOver() bool { return v.Kind.handsOver() }

// writeConfiguration writes what worker and starter read. The secrets stand in files of their own, which only their
// owner can read.
func (s *Stack) writeConfiguration() error {
	if err := s.writeCatalog(); err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	if err := s.writeSecrets(); err != nil {
		return fmt.Errorf("write the secrets: %w", err)
	}
	v := values{
		Temporal: s.urls.TemporalAddress, Catalog: s.path(catalogFile), Health: s.listen.health, API: s.listen.api,
		Kind: s.options.Desk, Desk: s.urls.Desk, DeskUser: simulatorUser, SCIM: s.urls.DirectoryAPI + "/scim/v2",
		RequestURL: s.requestURL(), Fulfiller: DeskAccount(Auditor), FulfillerName: string(Auditor) + "@example.test", RealJira: s.options.Jira, Targets: s.options.Targets, MoreDesks: s.options.MoreDesks, MoreSources: s.options.MoreSources, NoIntake: s.options.NoIntake, Joined: s.options.Joined, Groups: s.options.Groups,
		PollInitialInterval: lookFirst.String(), PollMaxInterval: lookAtMost.String(), SearchIndexDelay: deskSettles.String(),
	}
	if s.options.Staff {
		v.Staff = s.path(StaffFile)
	}
	section, err := deskTemplates.ReadFile("files/desks/" + string(s.options.Desk) + ".yaml")
	if err != nil {
		return fmt.Errorf("write %s: %w", workerFile, err)
	}
	for name, text := range map[string]string{workerFile: workerTemplate, starterFile: starterTemplate} {
		parsed, err := template.New(name).Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(text)
		if err == nil {
			_, err = parsed.New("desk").Parse(string(section))
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, v); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := writeFile(s.path(name), out.String(), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// requestURL is where tickets send people: the run in the Temporal UI, which a browser can open, or else the API.
func (s *Stack) requestURL() string {
	if run := s.urls.Run("{id}"); run != "" {
		return run
	}
	return s.urls.API + "/v1/requests/{id}"
}

func (s *Stack) writeCatalog() error {
	if s.options.Catalog != "" {
		return writeFile(s.path(catalogFile), s.options.Catalog, 0o644)
	}
	if _, err := os.Stat(s.path(catalogFile)); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeFile(s.path(catalogFile), demoCatalog, 0o644)
}

func (s *Stack) writeSecrets() error {
	secret, err := s.webhookSecret()
	if err != nil {
		return err
	}
	s.simulator.command.env = s.environment(webhookSecretEnv + "=" + secret)
	for name, text := range map[string]string{
		"ledger-url": "sqlite:" + s.path("ledger.db"), "desk-token": simulatorToken, "directory-token": simulatorToken,
		"webhook-secret": secret,
	} {
		if err := writeFile(s.path(secretsDir+"/"+name), text+"\n", 0o600); err != nil {
			return err
		}
	}
	return nil
}

// webhookSecret is the one of this folder; the first call makes it.
func (s *Stack) webhookSecret() (string, error) {
	text, err := os.ReadFile(s.path(secretsDir + "/webhook-secret"))
	if errors.Is(err, fs.ErrNotExist) {
		return rand.Text(), nil
	}
	return string(bytes.TrimSpace(text)), err
}

// simulatorArguments are those of the desk and the directory. With a real Jira only the directory is used. The events
// are those that `usher doctor` asks a Jira administrator for.
func (s *Stack) simulatorArguments() []string {
	args := []string{"-scim-addr", s.listen.directory, "-state", s.path("simulator"), "-" + string(s.options.Desk) + "-addr", s.listen.desk}
	if s.options.Desk == Jira && s.options.Jira == nil {
		args = append(args, "-webhook-url", s.urls.API+"/v1/desks/jira/webhook", "-webhook-secret-env", webhookSecretEnv,
			"-webhook-events", "jira:issue_updated,jira:issue_deleted")
	}
	return append(args, s.options.SimulatorArgs...)
}
