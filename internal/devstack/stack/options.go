package stack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"usher/internal/access"
)

// Options say which stack to start. Dir is required; everything else works as its zero value.
type Options struct {
	// Dir keeps what outlives the stack: databases, the simulator's state, configuration, logs. It is created.
	Dir string
	// Root is the folder of usher's go.mod; "" looks for it in the working directory and above.
	Root string
	// BinDir is where programs are built; "" means Root/bin.
	BinDir string
	// Built is true when BinDir holds the programs already.
	Built bool
	// FixedPorts asks for the ports that people find again (PortTemporal and its neighbours) instead of free ones.
	FixedPorts bool
	// Headless leaves the Temporal UI out.
	Headless bool
	// TemporalAddress is the host:port of a Temporal server that runs already; "" starts one. Its further settings come
	// from the TEMPORAL_ variables of the environment.
	TemporalAddress string
	// TemporalArgs are further arguments for the server that the stack starts.
	TemporalArgs []string
	// Targets are further systems where access is granted, by the names that the catalog uses: SCIM 2.0, with the
	// simulator's token.
	Targets map[access.TargetName]string
	// NoIntake is true when tickets of people are not to become requests: only the watch of a desk finds them.
	NoIntake bool
	// MoreDesks are further desks, by the names that the catalog uses: the YAML of each one's section, in one line.
	MoreDesks map[access.DeskName]string
	// MoreSources are identity sources beside the directory, by their names: the YAML of each one's section, in one line.
	MoreSources map[access.SourceName]string
	// Staff is true when the users of the desk follow the people of a source named staff: the file StaffFile in Dir, which is the caller's.
	Staff bool
	// Joined is true when the source staff joins that file with the directory, by the ids of the people; addresses are the directory's. It needs Staff.
	Joined bool
	// Groups is true when the groups ResearchGroup and ManagersGroup of the desk follow these people as well. It needs Staff.
	Groups bool
	// Desk is which desk the simulator serves; "" means Jira.
	Desk DeskKind
	// SimulatorArgs are further flags for the desk and the directory, such as "-edition=data_center".
	SimulatorArgs []string
	// Jira is a real Jira instead of the simulator's; nil for the simulator's.
	Jira *RealJira
	// Catalog is the catalog's YAML; "" means DemoCatalog, unless Dir has a catalog already, which people may have
	// edited.
	Catalog string
	// WorkerEnv and StarterEnv are further variables, such as "USHER_DESKS_JIRA_POLL_INITIAL_INTERVAL=1s", that override the
	// configuration that the stack writes.
	WorkerEnv, StarterEnv []string
	// Log is told what happens, a line at a time; nil for nobody.
	Log io.Writer
}

// RealJira is a desk of the world outside.
type RealJira struct {
	// URL is the site, User the account's e-mail address. The token is taken from JIRA_TOKEN by the worker itself and
	// is never written down.
	URL, User string
	// Project is a project's key, IssueType the name of a type.
	Project, IssueType string
	// FulfilledBy are the accounts of those who grant by hand. At least one; one that does not exist is nobody.
	FulfilledBy []string
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("start the stack: Dir is empty, expected a folder")
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return o, fmt.Errorf("start the stack: %w", err)
	}
	if o.Root == "" {
		if o.Root, err = FindRoot(); err != nil {
			return o, err
		}
	}
	if o.BinDir == "" {
		o.BinDir = filepath.Join(o.Root, "bin")
	}
	if o.BinDir, err = filepath.Abs(o.BinDir); err != nil {
		return o, fmt.Errorf("start the stack: %w", err)
	}
	if o.Desk == "" {
		o.Desk = Jira
	}
	if !o.Desk.known() {
		return o, fmt.Errorf("start the stack: Desk is %q, expected one of %v", o.Desk, DeskKinds())
	}
	if o.Jira != nil && o.Desk != Jira {
		return o, fmt.Errorf("start the stack: Desk is %s, expected %s with a Jira of one's own", o.Desk, Jira)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, nil
}

// FindRoot returns the folder of usher's go.mod, from the working directory upwards.
func FindRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find usher's folder: %w", err)
	}
	for here := dir; ; here = filepath.Dir(here) {
		text, err := os.ReadFile(filepath.Join(here, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module usher\n") {
			return here, nil
		}
		if here == filepath.Dir(here) {
			return "", fmt.Errorf("find usher's folder: neither %s nor a folder above has usher's go.mod", dir)
		}
	}
}
