package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/time/rate"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/policy"
	"usher/internal/usersync"
	"usher/workflows"
)

// syncConfig is when the users of a desk follow the people of a source, and how.
type syncConfig struct {
	Times timesConfig `yaml:",inline"`
	// Source is whose people they are; "" for the source by which policy knows people.
	Source access.SourceName `yaml:"source"`
	// Modes are what is done: link, create, update, deactivate, reactivate, hand_over. What is left out is planned and shown only.
	Modes []access.UserOperation `yaml:"modes"`
	// Fields are the fields of the desk's users, by the desk's names, and Tables what expressions look values up in.
	Fields map[string]usersync.Field `yaml:"fields"`
	Tables usersync.Tables           `yaml:"tables"`
	// Groups are groups of the desk, by name, and who of the people is in them. Its other groups are left alone.
	Groups map[string]usersync.Group `yaml:"groups"`
	// Protected are patterns of users who are never touched, and ProtectedWhen is an expression that is true for such a user.
	Protected     []string `yaml:"protected"`
	ProtectedWhen string   `yaml:"protected_when"`
	// ProtectedGroups are groups of the desk whose members are never touched.
	ProtectedGroups []string `yaml:"protected_groups"`
	// LinkByEmail lets a user be taken for a person's because both have the same address. It is safe only where people cannot change their
	// own addresses in the desk.
	LinkByEmail bool `yaml:"link_by_email"`
	// MaxActive is how many users may be active; 0 for any number.
	MaxActive int `yaml:"max_active"`
	// WritesPerSecond is how many users this worker changes a second at most; 0 for 5.
	WritesPerSecond float64          `yaml:"writes_per_second"`
	Brakes          syncBrakesConfig `yaml:"brakes"`
	// HandOver is how what leavers own is handed to their managers; nil for not at all.
	HandOver *handOverConfig `yaml:"hand_over"`
	// TicketsOn is the desk on which a ticket is opened when people have to look; "" for this desk if it takes incidents, and noTickets for none.
	TicketsOn access.DeskName `yaml:"tickets_on"`
}

// syncBrakesConfig is usersync.Brakes as it is written. What is left out has a careful value.
type syncBrakesConfig struct {
	DeactivationsCount *int     `yaml:"deactivations_count"`
	DeactivationsShare *float64 `yaml:"deactivations_share"`
	FieldShare         *float64 `yaml:"field_share"`
	MissingShare       *float64 `yaml:"missing_share"`
	Floor              *int     `yaml:"floor"`
}

func (b syncBrakesConfig) brakes() usersync.Brakes {
	return usersync.Brakes{
		DeactivationsCount: or(b.DeactivationsCount, 50), DeactivationsShare: or(b.DeactivationsShare, 0.02),
		FieldShare: or(b.FieldShare, 0.2), MissingShare: or(b.MissingShare, 0.05), Floor: or(b.Floor, 5),
	}
}

// handOverConfig is activities.HandOverSettings as it is written.
type handOverConfig struct {
	// Kinds are kinds of records that the desk's section has in users.owned.
	Kinds []string `yaml:"kinds"`
	// Fallback is who gets what nobody else can take; "" for nobody.
	Fallback access.PersonID `yaml:"fallback"`
	// Within is how long their things are looked for after people have left; 0 for 30 days.
	Within access.Duration `yaml:"within"`
	// Most is how many records a leaver may own, so that they are handed over without a human; 0 for 500.
	Most int `yaml:"most"`
}

// What holds for hand_over where nothing is configured, and how many records a leaver may own at most: a run keeps their ids.
const (
	usualWithin   = 30 * 24 * time.Hour
	usualMost     = 500
	mostHandOvers = 2000
)

// settings are the settings of the activities; nil for none.
func (c *handOverConfig) settings() *activities.HandOverSettings {
	if c == nil {
		return nil
	}
	return &activities.HandOverSettings{
		Kinds: c.Kinds, Fallback: c.Fallback, Within: cmp.Or(c.Within.Std(), usualWithin), Most: cmp.Or(c.Most, usualMost),
	}
}

// validate names every key that is wrong; modes are those of the desk.
func (c *handOverConfig) validate(modes []access.UserOperation, problem func(format string, args ...any)) {
	if c == nil {
		if slices.Contains(modes, access.UserHandOver) {
			problem("hand_over: expected what is handed over, where modes has hand_over")
		}
		return
	}
	if len(c.Kinds) == 0 {
		problem("hand_over.kinds: expected some of users.owned of the desk")
	}
	if c.Within < 0 {
		problem("hand_over.within: found %s, expected a time, or 0 for %s", c.Within, access.Duration(usualWithin))
	}
	if c.Most < 0 || c.Most > mostHandOvers {
		problem("hand_over.most: found %d, expected 1 to %d, or 0 for %d", c.Most, mostHandOvers, usualMost)
	}
}

// usualWrites is how many users are changed a second where nothing is configured.
const usualWrites = 5.0

var syncModes = []access.UserOperation{access.UserLink, access.UserCreate, access.UserUpdate, access.UserDeactivate, access.UserReactivate, access.UserHandOver}

// validate names every key that is wrong. It is nil for no configuration.
func (c *syncConfig) validate() error {
	if c == nil {
		return nil
	}
	var wrong []error
	problem := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("sync."+format, args...)) }
	for _, err := range c.Times.validate() {
		problem("%w", err)
	}
	for _, mode := range c.Modes {
		if !slices.Contains(syncModes, mode) {
			problem("modes: found %q, expected some of %v", mode, syncModes)
		}
	}
	if len(c.Fields) == 0 {
		problem("fields: expected the fields of the desk's users, by name")
	}
	if c.MaxActive < 0 {
		problem("max_active: found %d, expected 1 or more, or 0 for any number", c.MaxActive)
	}
	if !(c.WritesPerSecond >= 0) {
		problem("writes_per_second: found %v, expected more than 0, or 0 for %v", c.WritesPerSecond, usualWrites)
	}
	for _, err := range c.Brakes.brakes().Validate() {
		problem("brakes.%w", err)
	}
	for _, name := range c.ProtectedGroups {
		if _, both := c.Groups[name]; name == "" || both {
			problem("protected_groups: found %q, expected the name of a group of the desk that is not one of groups", name)
		}
	}
	c.HandOver.validate(c.Modes, problem)
	if _, err := c.settings(""); err != nil {
		problem("%w", err)
	}
	return errors.Join(wrong...)
}

// settings are the settings of the activities. source is whose people they are where the section does not say so.
func (c *syncConfig) settings(source access.SourceName) (activities.SyncSettings, error) {
	mapping, err := usersync.NewMapping(c.Fields, c.Tables)
	if err != nil {
		return activities.SyncSettings{}, err
	}
	groups, err := usersync.NewGroups(c.Groups, c.Tables)
	if err != nil {
		return activities.SyncSettings{}, err
	}
	guard, err := usersync.NewGuard(c.Protected, c.ProtectedWhen)
	if err != nil {
		return activities.SyncSettings{}, err
	}
	guard = guard.WithGroups(c.ProtectedGroups)
	if c.Source != "" {
		source = c.Source
	}
	// Another source calls other people by the same ids.
	configuration := []any{source, c.Fields, c.Tables}
	if len(c.Groups) > 0 {
		configuration = append(configuration, c.Groups)
	}
	digest, err := digestOf(configuration)
	s := activities.SyncSettings{
		Source: source, Mapping: mapping, Groups: groups, Digest: digest, Guard: guard, Brakes: c.Brakes.brakes(), MaxActive: c.MaxActive, LinkByEmail: c.LinkByEmail,
		Modes: map[access.UserOperation]bool{}, HandOver: c.HandOver.settings(),
	}
	for _, mode := range c.Modes {
		s.Modes[mode] = true
	}
	return s, err
}

// digestOf returns a digest of a configuration.
func digestOf(configuration any) (string, error) {
	text, err := json.Marshal(configuration)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	const bytes = 8
	return hex.EncodeToString(sum[:bytes]), nil
}

// fields are the fields that the desk has to have, but for the usual ones.
func (c *syncConfig) fields() []string {
	usual := []string{access.UserFieldName, access.UserFieldEmail, access.UserFieldDisplayName, access.UserFieldManager}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.Fields)), func(name string) bool { return slices.Contains(usual, name) })
}

// writes is usher's share of what the desk takes.
func (c *syncConfig) writes() *rate.Limiter {
	perSecond := c.WritesPerSecond
	if perSecond == 0 {
		perSecond = usualWrites
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
}

// syncProblems names the desks whose users this worker cannot sync: whoever reads the desk has to know the ledger, and the people of the source have
// to be listed.
func (c *workerConfig) syncProblems() []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.Desks)) {
		d := c.Desks[name]
		if d.Sync == nil {
			continue
		}
		if kind, known := deskKinds[d.Kind]; known && kind.users == nil {
			wrong = append(wrong, fmt.Errorf("desks.%s.sync: a desk of the kind %s has no users that usher can sync; expected no sync", name, d.Kind))
		}
		if handOver := d.Sync.HandOver; handOver != nil {
			wrong = append(wrong, d.ownedProblems(name, handOver.Kinds)...)
		}
		if d.Queue.Edge || !c.Serve.Workflows {
			wrong = append(wrong, fmt.Errorf("desks.%s.sync: a worker at the edge does not know the ledger, which gets the listings; expected no sync,"+
				" or a worker that serves workflows and the desk", name))
		}
		source := d.Sync.Source
		if source == "" {
			source = c.Source
		}
		if found, known := c.Sources[source]; !known || found.People == nil {
			wrong = append(wrong, fmt.Errorf("desks.%s.sync.source: found %q, expected one of sources that has people", name, source))
		}
	}
	return wrong
}

// ownedProblems names the kinds of records that the desk's own section does not have.
func (c deskConfig) ownedProblems(name access.DeskName, kinds []string) []error {
	known := deskKinds[c.Kind]
	if known.owned == nil {
		return []error{fmt.Errorf("desks.%s.sync.hand_over: usher hands nothing over on a desk of the kind %s; expected none", name, c.Kind)}
	}
	var wrong []error
	for _, kind := range kinds {
		if there := known.owned(c); !slices.Contains(there, kind) {
			wrong = append(wrong, fmt.Errorf("desks.%s.sync.hand_over.kinds: found %q, expected some of %s.users.owned: %v", name, kind, c.Kind, there))
		}
	}
	return wrong
}

// groupProblems names the groups of desks that people would get by what they are, though the catalog has a role of that name for which they have to
// ask, and those that ask what people own who are not those of the catalog.
func (c *workerConfig) groupProblems(catalog *policy.Catalog) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.Desks)) {
		if c.Desks[name].Sync == nil {
			continue
		}
		groups := c.Desks[name].Sync.Groups
		settings, err := c.Desks[name].Sync.settings(c.Source)
		if err != nil {
			return fmt.Errorf("desks.%s.sync.%w", name, err)
		}
		for _, group := range slices.Sorted(maps.Keys(groups)) {
			if by := askedFor(catalog, group); by != "" && !groups[group].Birthright {
				wrong = append(wrong, fmt.Errorf("desks.%s.sync.groups.%s: people have to ask for a group of this name, by %s of the catalog; expected birthright: true,"+
					" or no such group", name, group, by))
			}
		}
		for _, group := range settings.Groups.ByOwns() {
			if settings.Source != c.Source {
				wrong = append(wrong, fmt.Errorf("desks.%s.sync.groups.%s.members: owns is what people of the source %q own, by the catalog, and sync.source is %q;"+
					" expected an expression without owns", name, group, c.Source, settings.Source))
			}
		}
	}
	return errors.Join(wrong...)
}

// askedFor returns the first entitlement of the catalog whose role has the name of a group, "" for none. Many directories and desks do not tell names
// apart by their case.
func askedFor(catalog *policy.Catalog, group string) access.EntitlementID {
	for _, e := range catalog.Entitlements() {
		if e.Binding != nil && access.FoldKey(e.Binding.Role) == access.FoldKey(group) {
			return e.ID
		}
	}
	return ""
}

// ownsOf are the entitlements that people own, by person.
func ownsOf(catalog *policy.Catalog) map[access.PersonID][]string {
	owns := map[access.PersonID][]string{}
	for _, e := range catalog.Entitlements() {
		for _, owner := range e.Owners {
			owns[owner] = append(owns[owner], string(e.ID))
		}
	}
	return owns
}

// syncSettings are those of the desks whose users are synced.
func (c *workerConfig) syncSettings(catalog *policy.Catalog) (map[access.DeskName]activities.SyncSettings, error) {
	all := map[access.DeskName]activities.SyncSettings{}
	for name, d := range c.Desks {
		if d.Sync == nil {
			continue
		}
		settings, err := d.Sync.settings(c.Source)
		if err != nil {
			return nil, fmt.Errorf("desks.%s.sync.%w", name, err)
		}
		settings.TicketsOn = c.ticketsOn(d.Sync.TicketsOn, name)
		// The owners of the catalog are people of the source by which policy knows people; another source has others by the same ids.
		if settings.Source == c.Source {
			settings.Owns = ownsOf(catalog)
		}
		all[name] = settings
	}
	return all, nil
}

// ensureSyncs sees to it that the schedule of every desk whose users are synced is there, as it is configured.
func (r *runner) ensureSyncs(ctx context.Context) error {
	var wanted []wantedSchedule
	for _, name := range slices.Sorted(maps.Keys(r.parts.Config.Desks)) {
		if sync := r.parts.Config.Desks[name].Sync; sync != nil {
			wanted = append(wanted, wantedSchedule{"desks." + string(name) + ".sync", sync.schedule(name)})
		}
	}
	return r.ensureSchedules(ctx, "schedule syncs of users", wanted)
}

// schedule is the schedule of a desk's syncs.
func (c *syncConfig) schedule(name access.DeskName) client.ScheduleOptions {
	params := workflows.UserSyncParams{Desk: name}
	return c.Times.schedule(workflows.UserSyncScheduleID(name), &client.ScheduleWorkflowAction{
		Workflow: workflows.UserSyncType, TaskQueue: workflows.TaskQueue, Args: []any{params},
		StaticSummary: workflows.UserSyncSummary(params), WorkflowExecutionTimeout: workflows.UserSyncTimeout,
	})
}
