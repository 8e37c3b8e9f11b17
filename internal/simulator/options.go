package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/connectors/jira/jiratest"
)

// options are the program's flags.
type options struct {
	jiraAddr, scimAddr   string
	serviceNowAddr       string
	requestTrackerAddr   string
	jiraToken, scimToken string
	stateDir             string
	addressesFile        string
	webhookURL           string
	webhookSecret        string
	webhookEvents        []string
	edition              jiratest.Edition
	zone                 *time.Location
	faults               jiratest.Faults
	seed                 int
	staff                int
}

// program is what the flags are read with: the environment, and where usage and addresses are written.
type program struct {
	getenv func(string) string
	out    io.Writer
}

func (p program) options(args []string) (options, error) {
	var o options
	var secretEnv, events, edition, zone, faults string
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(p.out)
	flags.StringVar(&o.jiraAddr, "jira-addr", "127.0.0.1:0", "where Jira listens; port 0 is any free one")
	flags.StringVar(&o.scimAddr, "scim-addr", "127.0.0.1:0", "where the directory listens; port 0 is any free one")
	flags.StringVar(&o.serviceNowAddr, "servicenow-addr", "", "where ServiceNow listens; none: it is not served")
	flags.StringVar(&o.requestTrackerAddr, "requesttracker-addr", "", "where a real Request Tracker listens, which must be installed; none: it is not started")
	flags.StringVar(&o.jiraToken, "jira-token", "", "API token of "+jiratest.DefaultEmail+"; default $SIM_JIRA_TOKEN, else "+jiratest.DefaultToken)
	flags.StringVar(&o.scimToken, "scim-token", "", "bearer token of the directory; default $SIM_SCIM_TOKEN, else "+jiratest.DefaultToken)
	flags.StringVar(&o.stateDir, "state", "", "folder that keeps both over a restart; none: everything is forgotten")
	flags.StringVar(&o.addressesFile, "addresses-file", "", `file that gets {"jira":"http://..","scim":"http://.."} once both listen`)
	flags.StringVar(&o.webhookURL, "webhook-url", "", "where Jira posts its events; none: it posts nothing")
	flags.StringVar(&secretEnv, "webhook-secret-env", "", "environment variable with the secret that signs the events")
	flags.StringVar(&events, "webhook-events", "", "which events Jira posts, with commas between them; none: all of them")
	flags.StringVar(&edition, "edition", string(jiratest.Cloud), "which Jira: cloud or data_center")
	flags.StringVar(&zone, "time-zone", jiratest.DefaultZone, "time zone of everybody's profile in Jira, in which JQL times are read")
	flags.StringVar(&faults, "faults", "", "JSON object of the faults to begin with, as PUT /_sim/faults takes it; none: no faults")
	flags.IntVar(&o.seed, "seed", 0, "opens so many tickets at the start, with the labels usher and usher-seed-<n>, unless there are some already")
	flags.IntVar(&o.staff, "staff", 0, "so many more people, whose manager is mia, with an account of each desk: staff-1, staff-2 and so on, in ServiceNow with person, title and manager")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("expected flags only, not %q", flags.Arg(0))
	}
	o.jiraToken = cmp.Or(o.jiraToken, p.getenv("SIM_JIRA_TOKEN"), jiratest.DefaultToken)
	o.scimToken = cmp.Or(o.scimToken, p.getenv("SIM_SCIM_TOKEN"), jiratest.DefaultToken)
	if secretEnv != "" {
		o.webhookSecret = p.getenv(secretEnv)
		if o.webhookSecret == "" {
			return options{}, fmt.Errorf("-webhook-secret-env: the environment variable %s is empty", secretEnv)
		}
	}
	if events != "" {
		o.webhookEvents = strings.Split(events, ",")
	}
	if err := o.readJira(edition, zone, faults); err != nil {
		return options{}, err
	}
	return o, o.check()
}

// readJira reads what the imitated Jira is like.
func (o *options) readJira(edition, zone, faults string) error {
	o.edition = jiratest.Edition(edition)
	if o.edition != jiratest.Cloud && o.edition != jiratest.DataCenter {
		return fmt.Errorf("-edition: expected %s or %s, not %q", jiratest.Cloud, jiratest.DataCenter, edition)
	}
	var err error
	if o.zone, err = time.LoadLocation(zone); err != nil || zone == "" {
		return fmt.Errorf("-time-zone: expected a name such as %s, not %q", jiratest.DefaultZone, zone)
	}
	if faults != "" {
		if o.faults, err = jiratest.ParseFaults([]byte(faults)); err != nil {
			return fmt.Errorf("-faults: %w", err)
		}
	}
	if o.seed < 0 {
		return errors.New("-seed: expected a number that is not negative")
	}
	if o.staff < 0 {
		return errors.New("-staff: expected a number that is not negative")
	}
	return nil
}

func (o options) check() error {
	if o.requestTrackerAddr != "" && o.stateDir == "" {
		return errors.New("-requesttracker-addr needs -state, where Request Tracker has its database")
	}
	if o.webhookURL == "" {
		if o.webhookSecret != "" {
			return errors.New("-webhook-secret-env needs -webhook-url")
		}
		return nil
	}
	for _, event := range o.webhookEvents {
		if known := jiratest.KnownEvents(); !slices.Contains(known, event) {
			return fmt.Errorf("-webhook-events: expected some of %s, not %q", strings.Join(known, ", "), event)
		}
	}
	u, err := url.Parse(o.webhookURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("-webhook-url: expected an http or https URL")
	}
	return nil
}
