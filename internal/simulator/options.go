package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"

	"usher/internal/connectors/jira/jiratest"
)

// options are the program's flags.
type options struct {
	jiraAddr, scimAddr   string
	jiraToken, scimToken string
	stateDir             string
	addressesFile        string
	webhookURL           string
	webhookSecret        string
}

// program is what the flags are read with: the environment, and where usage and addresses are written.
type program struct {
	getenv func(string) string
	out    io.Writer
}

func (p program) options(args []string) (options, error) {
	var o options
	var secretEnv string
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(p.out)
	flags.StringVar(&o.jiraAddr, "jira-addr", "127.0.0.1:0", "where Jira listens; port 0 is any free one")
	flags.StringVar(&o.scimAddr, "scim-addr", "127.0.0.1:0", "where the directory listens; port 0 is any free one")
	flags.StringVar(&o.jiraToken, "jira-token", "", "API token of "+jiratest.DefaultEmail+"; default $SIM_JIRA_TOKEN, else "+jiratest.DefaultToken)
	flags.StringVar(&o.scimToken, "scim-token", "", "bearer token of the directory; default $SIM_SCIM_TOKEN, else "+jiratest.DefaultToken)
	flags.StringVar(&o.stateDir, "state", "", "folder that keeps both over a restart; none: everything is forgotten")
	flags.StringVar(&o.addressesFile, "addresses-file", "", `file that gets {"jira":"http://..","scim":"http://.."} once both listen`)
	flags.StringVar(&o.webhookURL, "webhook-url", "", "where Jira posts its events; none: it posts nothing")
	flags.StringVar(&secretEnv, "webhook-secret-env", "", "environment variable with the secret that signs the events")
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
	return o, o.check()
}

func (o options) check() error {
	if o.webhookURL == "" {
		if o.webhookSecret != "" {
			return errors.New("-webhook-secret-env needs -webhook-url")
		}
		return nil
	}
	u, err := url.Parse(o.webhookURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("-webhook-url: expected an http or https URL")
	}
	return nil
}
