// Package arch holds the house rules of the code: who may import whom, and how long a file may be.
//
// Check reads the import lines of every Go file of the module and compares them with the tables in this file. It
// parses in-process, so that go test knows which files the result depends on, and from a file system that the caller
// passes, so that planted violations show that every rule bites. Whoever changes a table changes docs/architecture.md as well, and says
// why in docs/adr.
package arch

// module is the path of the module whose files are checked.
const module = "usher"

// rule is one rule of the import arrow, by the number that docs/architecture.md gives it.
type rule struct {
	number   int
	sentence string
}

var (
	ruleAccess     = rule{1, "internal/access imports nothing of ours"}
	ruleInternal   = rule{2, "an internal package imports internal/access and no sibling, save the exceptions that are listed"}
	ruleActivities = rule{3, "activities imports internal/access, internal/policy, internal/ledger, internal/intake, internal/snapshot, internal/usersync and internal/personexpr, and never a connector"}
	ruleWorkflows  = rule{4, "workflows imports internal/access, internal/policy and activities, and a workflow's folder never another workflow's"}
	ruleStarter    = rule{5, "starter imports workflows and plain internal helpers, and never a connector, so it holds no credentials of a desk or directory"}
	ruleWorker     = rule{6, "worker alone may import everything below it, save what serves only development and tests"}
	ruleRoom       = rule{7, "a folder with no rule is an error: a new room is a decision, with a half-page ADR"}
	ruleWaiting    = rule{9, "coroutines, timers, channels and selectors of a workflow live in workflows/durable"}
	ruleConfined   = rule{8, "fx, sdk/workflow, sdk/client and go-jira are confined to the packages that are listed"}
)

// packageRule is a set of folders with one rule. Patterns are those of path.Match; {dir} stands for the folder itself, and
// {up} for the one above it.
type packageRule struct {
	pattern string
	rule    rule
	// imports are the folders of ours that its files may import; tests are those that its _test files may import
	// besides these and besides everyTest.
	imports []string
	tests   []string
}

// everyTest is what any _test file may import besides what its room allows: its own package, and what exists for tests.
var everyTest = []string{
	"{dir}",
	"internal/connectors/memory",
	"internal/connectors/fakewire",
	"internal/connectors/desktest",
	"internal/connectors/*/*test",
	"internal/connectors/apispec",
	"internal/access/accesstest",
	"internal/ledger/ledgertest",
}

// packageRules are all rooms of the house. The first whose pattern matches a folder is its room.
var packageRules = []packageRule{
	{pattern: "internal/access", rule: ruleAccess},
	{pattern: "internal/access/accesstest", rule: ruleInternal, imports: []string{"internal/access", "internal/connectors/fakewire"}},
	{pattern: "internal/policy", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/ledger", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/ledger/ledgertest", rule: ruleInternal, imports: []string{"internal/access", "internal/ledger"}},
	{pattern: "internal/rest", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/config", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/telemetry", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/probe", rule: ruleInternal},
	{pattern: "internal/strictjson", rule: ruleInternal},
	{pattern: "internal/temporalclient", rule: ruleInternal, imports: []string{"internal/access", "internal/telemetry"}},
	{pattern: "internal/connectors/memory", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/connectors/desk", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/connectors/fakewire", rule: ruleInternal},
	{pattern: "internal/connectors/desktest", rule: ruleInternal, imports: []string{"internal/connectors/fakewire"}},
	{pattern: "internal/connectors/apispec", rule: ruleInternal, imports: []string{"internal/access"}, tests: []string{"internal/connectors/jira"}},
	// It joins other connectors and knows none: the worker opens them. Its tests join real ones.
	{
		pattern: "internal/connectors/joined", rule: ruleInternal, imports: []string{"internal/access", "internal/connectors/people"},
		tests: []string{"internal/connectors/csvfeed", "internal/connectors/sqlview"},
	},
	{pattern: "internal/connectors/*", rule: ruleInternal, imports: []string{
		"internal/access", "internal/rest", "internal/connectors/desk", "internal/connectors/people",
	}},
	{pattern: "internal/connectors/*/*test", rule: ruleInternal, imports: []string{
		"internal/access", "{up}", "internal/connectors/fakewire", "internal/connectors/desktest",
	}},
	{pattern: "internal/simulator", rule: ruleInternal, imports: []string{
		"internal/access", "internal/connectors/memory", "internal/connectors/desktest", "internal/connectors/*/*test",
		"internal/connectors/apispec",
	}},
	{pattern: "internal/devstack", rule: ruleInternal, imports: []string{
		"internal/access", "internal/devstack/stack", "internal/devstack/bench", "internal/simulator",
	}},
	{pattern: "internal/devstack/bench", rule: ruleInternal, imports: []string{
		"internal/access", "internal/ledger", "internal/temporalclient", "internal/devstack/stack", "internal/connectors/ldap/ldaptest",
		"workflows", "workflows/registry", "activities",
	}},
	{pattern: "internal/devstack/stack", rule: ruleInternal, imports: []string{
		"internal/access", "internal/simulator", "internal/connectors/requesttracker/rttest",
	}},
	{pattern: "internal/intake", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/snapshot", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/personexpr", rule: ruleInternal, imports: []string{"internal/access"}},
	{pattern: "internal/usersync", rule: ruleInternal, imports: []string{"internal/access", "internal/personexpr"}},
	{pattern: "internal/arch", rule: ruleInternal},
	{pattern: "internal/tools/testsum", rule: ruleInternal},
	{pattern: "internal/tools/mutants", rule: ruleInternal},
	{pattern: "internal/tools/promises", rule: ruleInternal},
	{pattern: "internal/tools/contract", rule: ruleInternal, imports: []string{"internal/connectors/apispec"}},
	{pattern: "internal/e2e", rule: ruleInternal, imports: []string{"*", "*/*", "*/*/*", "*/*/*/*"}},

	{pattern: "activities", rule: ruleActivities, imports: []string{"internal/access", "internal/policy", "internal/ledger", "internal/intake", "internal/snapshot", "internal/usersync", "internal/personexpr"}},
	{
		pattern: "workflows", rule: ruleWorkflows, imports: []string{"internal/access", "internal/policy", "activities"},
		tests: []string{"internal/ledger", "workflows/*"},
	},
	{pattern: "workflows/durable", rule: ruleWorkflows},
	{pattern: "workflows/outbox", rule: ruleWorkflows, imports: []string{"internal/access", "activities", "workflows", "workflows/durable"}},
	{pattern: "workflows/ticket", rule: ruleWorkflows, imports: []string{
		"internal/access", "internal/policy", "activities", "workflows", "workflows/durable",
	}},
	{pattern: "workflows/registry", rule: ruleWorkflows, imports: []string{"workflows", "workflows/*"}},
	// It has no signals and shares nothing with the worlds of the tests in workflows, so its tests stand beside it: real activities over a
	// real ledger, under brakes of their own.
	{
		pattern: "workflows/people", rule: ruleWorkflows, imports: []string{"internal/access", "activities", "workflows"},
		tests: []string{"internal/ledger", "internal/snapshot", "internal/personexpr"},
	},
	{
		pattern: "workflows/usersync", rule: ruleWorkflows, imports: []string{"internal/access", "activities", "workflows"},
		tests: []string{"internal/ledger", "internal/usersync", "internal/connectors/membership"},
	},
	{pattern: "workflows/*", rule: ruleWorkflows, imports: []string{
		"internal/access", "internal/policy", "activities", "workflows", "workflows/durable", "workflows/outbox", "workflows/ticket",
	}},
	{pattern: "starter", rule: ruleStarter, imports: starterImports},
	{pattern: "starter/gateway", rule: ruleStarter, imports: starterImports},
	{pattern: "starter/httpapi", rule: ruleStarter, imports: starterImports},
	{pattern: "worker", rule: ruleWorker, imports: []string{
		"activities", "workflows", "workflows/registry", "internal/access", "internal/policy", "internal/ledger", "internal/rest",
		// The brakes, the mapping and the scope are configured there.
		"internal/config", "internal/snapshot", "internal/usersync", "internal/personexpr",
		"internal/telemetry", "internal/temporalclient", "internal/probe", "internal/connectors/*",
	}},
}

var starterImports = []string{
	"starter/gateway", "starter/httpapi", "workflows", "internal/access", "internal/policy", "internal/ledger", "internal/config",
	"internal/telemetry", "internal/temporalclient", "internal/probe", "internal/strictjson",
}

// confinement is which folders may import a package that is not ours, or one below it. Tests are free.
type confinement struct {
	path    string
	folders []string
}

var confined = []confinement{
	{path: "go.uber.org/fx", folders: []string{"worker", "starter"}},
	{path: "go.temporal.io/sdk/workflow", folders: []string{"workflows", "workflows/*", "internal/devstack/bench"}},
	{path: "go.temporal.io/sdk/client", folders: []string{
		// workflows: the options with which gateway and worker start a request are in one place.
		"starter/gateway", "internal/temporalclient", "worker", "activities", "workflows", "internal/devstack/bench", "internal/e2e",
	}},
	{path: "github.com/prometheus/client_golang", folders: []string{"internal/telemetry"}},
	{path: "github.com/andygrunwald/go-jira", folders: []string{"internal/connectors/jira"}},
	{path: "github.com/google/cel-go", folders: []string{"internal/usersync", "internal/personexpr"}},
	{path: "github.com/go-ldap/ldap", folders: []string{"internal/connectors/ldap", "internal/connectors/ldap/ldaptest"}},
}

// waiting are the functions and methods of the SDK by which a workflow waits or runs beside itself. workflow.Await is not
// among them: a handler of an update waits with it.
var waiting = []string{
	"workflow.Go", "workflow.GoNamed", "workflow.Sleep", "workflow.NewTimer", "workflow.NewTimerWithOptions", "workflow.NewSelector",
	"workflow.NewNamedSelector", "workflow.NewChannel", "workflow.NewBufferedChannel", "workflow.NewMutex", "workflow.NewSemaphore",
	"workflow.NewWaitGroup", "workflow.AwaitWithTimeout", "workflow.AwaitWithOptions", "workflow.GetSignalChannel",
	"workflow.GetSignalChannelWithOptions",
}

// waitingFolder is where they may be used.
const waitingFolder = "workflows/durable"
