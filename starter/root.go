package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK = 0
	// exitFailed: the call was refused or failed, or the server could not run.
	exitFailed = 1
	// exitUsage: the command line or the configuration is wrong; nothing was tried.
	exitUsage = 2
)

// surroundings are what a run may touch of the process.
type surroundings struct {
	out, err io.Writer
	environ  []string
}

func (s *surroundings) variable(name string) string {
	value := ""
	for _, one := range s.environ {
		if found, ok := strings.CutPrefix(one, name+"="); ok {
			value = found
		}
	}
	return value
}

// failure is an error of a command that was understood and tried.
type failure struct {
	err  error
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func failed(err error) error {
	if err == nil {
		return nil
	}
	return &failure{err: err, code: exitFailed}
}

// run does what the arguments say and gives the exit code.
func run(ctx context.Context, args []string, s *surroundings) int {
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(s.err, "usher:", strings.TrimRight(plain(err.Error()), "\n"))
	var tried *failure
	if errors.As(err, &tried) {
		return tried.code
	}
	fmt.Fprintln(s.err, "Run `usher --help` for the commands.")
	return exitUsage
}

func newRoot(s *surroundings) *cobra.Command {
	options := &clientOptions{}
	root := &cobra.Command{
		Use:           "usher",
		Short:         "Request, approve and track access",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVar(&options.url, "url", orElse(s.variable("USHER_URL"), "http://127.0.0.1:8080"), "usher's address (USHER_URL)")
	flags.StringVar(&options.as, "as", s.variable("USHER_AS"), "in development: the person who calls (USHER_AS)")
	flags.StringVarP(&options.output, "output", "o", "text", "text or json")
	options.token = s.variable("USHER_TOKEN")
	c := &commands{surroundings: s, options: options}
	root.AddCommand(newServe(s), c.request(), c.decide("approve", "Approve a request, or some of its items"),
		c.decide("deny", "Deny a request, or some of its items"), c.withdraw(), c.reassign(), c.revoke(), c.revocations(), c.pause(), c.resume(), c.pauses(), c.show(), c.list(), c.inbox(), c.catalog(), c.whoami(), c.leases(), c.audit(), c.doctor(), c.desk(), c.people(), c.integrationUsers(), c.tickets(),
		c.sync(),
		newVersion(s))
	for _, command := range root.Commands() {
		if command.HasSubCommands() {
			refuseUnknown(command)
		}
	}
	return root
}

// refuseUnknown makes a command that has commands of its own refuse one that it does not have: a script must not take its help for success.
func refuseUnknown(parent *cobra.Command) {
	parent.Args = cobra.ArbitraryArgs
	parent.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, one := range cmd.Commands() {
			names = append(names, one.Name())
		}
		return fmt.Errorf("unknown command %q for %q, expected one of %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
	}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func newVersion(s *surroundings) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(s.out, "usher", version())
			return failed(err)
		},
	}
}

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			text += " " + setting.Value
		}
	}
	return text + " " + info.GoVersion
}

func newServe(s *surroundings) *cobra.Command {
	path, ask := "", false
	serve := &cobra.Command{
		Use: "serve", Short: "Answer HTTP calls, until SIGINT or SIGTERM", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			do := serve
			if ask {
				do = ready
			}
			if code, err := do(cmd.Context(), path, s); err != nil {
				return &failure{err: err, code: code}
			}
			return nil
		},
	}
	serve.Flags().StringVar(&path, "config", orElse(s.variable("USHER_CONFIG"), "usher.yaml"), "the configuration file (USHER_CONFIG)")
	serve.Flags().BoolVar(&ask, "probe", false, "ask the server that runs with this configuration here whether it is ready, and end: 0 it is, 1 it is not")
	return serve
}
