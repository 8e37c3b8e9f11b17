package activities

import (
	"context"
	"time"

	"usher/internal/access"
	"usher/internal/usersync"
)

// SyncLedger is what runs over the users of desks need of the ledger; *ledger.Store is one.
type SyncLedger interface {
	StageDeskUsers(ctx context.Context, desk access.DeskName, listing string, users []access.ListedUser) error
	CountDeskUsers(ctx context.Context, desk access.DeskName, listing string) (int, error)
	DeskUsers(ctx context.Context, desk access.DeskName, listing string, q access.DeskUsersQuery) ([]access.DeskUser, error)
	DeskLinks(ctx context.Context, desk access.DeskName, people []access.PersonID) ([]access.DeskLink, error)
	DeskLinksOf(ctx context.Context, desk access.DeskName, users []access.UserID) ([]access.DeskLink, error)
	SaveDeskLink(ctx context.Context, desk access.DeskName, link access.DeskLink, replaces access.UserID) error
	RemoveDeskLink(ctx context.Context, u access.Unlink) (access.DeskLink, error)
	PlanSyncRows(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error
	HoldSyncRows(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error
	ClaimSyncRun(ctx context.Context, run access.SyncRun, attempt string) error
	SaveSyncRows(ctx context.Context, run access.SyncRun, attempt string, rows []access.SyncRow) error
	LeaverMarks(ctx context.Context, run access.SyncRun, people []access.PersonID) ([]access.LeaverMark, error)
	SaveLeaverMarks(ctx context.Context, run access.SyncRun, marks []access.LeaverMark) error
	SaveHandOver(ctx context.Context, run access.SyncRun, attempt string, h access.HandOver, events ...access.DeskEvent) error
	SyncRows(ctx context.Context, desk access.DeskName, plan string, q access.SyncRowsQuery) ([]access.SyncRow, error)
	CountSyncRows(ctx context.Context, desk access.DeskName, plan string) (map[access.SyncState]int, error)
	BeginSyncRun(ctx context.Context, run access.SyncRun) error
	SaveSyncRun(ctx context.Context, run access.SyncRun) error
	SyncRun(ctx context.Context, desk access.DeskName, id string) (access.SyncRun, error)
	SyncRuns(ctx context.Context, desk access.DeskName, before time.Time, limit int) ([]access.SyncRun, error)
	OpenSyncRun(ctx context.Context, desk access.DeskName) (access.SyncRun, error)
	LastSyncRun(ctx context.Context, desk access.DeskName) (access.SyncRun, error)
	KnownPeople(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.KnownPerson, error)
	KnownPerson(ctx context.Context, source access.SourceName, id access.PersonID) (access.KnownPerson, error)
	Standings(ctx context.Context, source access.SourceName, people ...access.PersonID) ([]access.Standing, error)
	LastPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error)
	AttentionLedger
}

// SyncSettings are how the users of one desk follow the people of a source.
type SyncSettings struct {
	Source access.SourceName
	// Mapping makes fields of people, and Digest is one of how it is configured.
	Mapping *usersync.Mapping
	Digest  string
	// Groups are who is in the groups of the desk, nil for none, and Owns what of the catalog a person owns.
	Groups *usersync.Groups
	Owns   map[access.PersonID][]string
	Guard  *usersync.Guard
	Brakes usersync.Brakes
	// LinkByEmail lets a user be taken for a person's because both have the same address.
	LinkByEmail bool
	// MaxActive is how many users may be active; 0 for any number.
	MaxActive int
	// Modes are the operations that are applied; the others are only observed.
	Modes map[access.UserOperation]bool
	// HandOver is how what leavers own is handed over; nil for not at all.
	HandOver *HandOverSettings
	// TicketsOn is the desk on which a ticket is opened when people have to look at the desk's users; "" for none.
	TicketsOn access.DeskName
}

// rules are the rules for a schema.
func (s SyncSettings) rules(schema access.UserSchema) usersync.Rules {
	return usersync.Rules{Mapping: s.Mapping, Schema: schema, Guard: s.Guard, MaxActive: s.MaxActive, LinkByEmail: s.LinkByEmail, Modes: s.Modes}
}

// UserSync are the activities of runs over the users of desks that need the ledger alone. They run on the usher queue.
type UserSync struct {
	Ledger   SyncLedger
	Settings map[access.DeskName]SyncSettings
	// Running reports whether a workflow runs.
	Running func(ctx context.Context, workflow string) (bool, error)
	// Started reports whether a workflow of an id was started, be it one that has ended.
	Started func(ctx context.Context, workflow string) (bool, error)
}

// settingsOf returns how the users of a desk are made. Transient: this worker's configuration does not have it, as while workers are started
// again one by one; another one's may.
func (a *UserSync) settingsOf(desk access.DeskName) (SyncSettings, error) {
	settings, known := a.Settings[desk]
	if !known {
		return settings, access.Errorf(access.Transient, "read the settings of a desk",
			"desk: this worker's configuration has no sync of %q; expected that of every worker which serves workflows to have it", desk)
	}
	return settings, nil
}

// settingsFor returns the settings for a run that has listed the users. Conflict: this worker's configuration makes other users of people than that of
// the worker which began it, or protects others than that of the worker which listed, as while workers are started again one by one; the next run has
// one configuration.
func (a *UserSync) settingsFor(run access.SyncRun) (SyncSettings, error) {
	settings, err := a.settingsOf(run.Desk)
	if err == nil && settings.Digest != run.Mapping {
		err = access.Errorf(access.Conflict, "read the settings of a desk", "desks.%s.sync: the configuration has changed since the run began", run.Desk)
	}
	if err == nil {
		err = settings.guards(run)
	}
	return settings, err
}

// guards returns a Conflict where a run has listed users without a group that protects its members.
func (s SyncSettings) guards(run access.SyncRun) error {
	if name := s.Guard.Unlisted(run.Schema); name != "" {
		return access.Errorf(access.Conflict, "read the settings of a desk",
			"desks.%s.sync.protected_groups: the configuration has changed since the run began: it has listed users without %q", run.Desk, name)
	}
	return nil
}

// BeginSyncResult is the run as it was recorded.
type BeginSyncResult struct {
	access.SyncRun
	// Attends is true where a ticket is opened when people have to look at the desk's users, or closed when they do not any more.
	Attends bool `json:"attends,omitempty"`
	// HandsOver is true where what leavers own is handed over, or would be.
	HandsOver bool `json:"hands_over,omitempty"`
	// NotBefore is when the desk is synced again that has failed too often; zero for now. Such a run is not recorded.
	NotBefore time.Time `json:"not_before,omitzero"`
}

// BeginSync records a new run, and returns it with its source. Conflict: another one goes on or began later, or this one has ended. Invalid: a
// desk whose users nobody asked to sync, or a release that comes too late. Safe to repeat.
func (a *UserSync) BeginSync(ctx context.Context, run access.SyncRun) (BeginSyncResult, error) {
	settings, known := a.Settings[run.Desk]
	if !known {
		return BeginSyncResult{SyncRun: run}, translate(access.Errorf(access.Invalid, "begin a run over users", "desk: found %q, expected one of desks that has `sync`", run.Desk))
	}
	run.Source, run.Mapping = settings.Source, settings.Digest
	if _, err := a.releaseOf(ctx, run); err != nil {
		return BeginSyncResult{SyncRun: run}, translate(err)
	}
	if run.By == "" {
		failed, err := a.failures(ctx, run.Desk)
		if err != nil || run.BeganAt.Before(failed.Until()) {
			return BeginSyncResult{SyncRun: run, NotBefore: failed.Until()}, translate(err)
		}
	}
	attended, err := attends(ctx, a.Ledger, settings.TicketsOn, "usersync/"+string(run.Desk))
	if err != nil {
		return BeginSyncResult{SyncRun: run}, translate(err)
	}
	return BeginSyncResult{SyncRun: run, Attends: attended, HandsOver: settings.HandOver != nil}, translate(a.begin(ctx, run))
}

// begin records a new run.
func (a *UserSync) begin(ctx context.Context, run access.SyncRun) error {
	return beginning{
		running: a.Running,
		begin:   func(ctx context.Context) error { return a.Ledger.BeginSyncRun(ctx, run) },
		open:    a.open(run.Desk),
	}.do(ctx)
}

// open returns what finds the run over a desk that goes on, for beginning.
func (a *UserSync) open(desk access.DeskName) func(context.Context) (string, func(context.Context, string) error, error) {
	return func(ctx context.Context) (string, func(context.Context, string) error, error) {
		open, err := a.Ledger.OpenSyncRun(ctx, desk)
		return open.Workflow, func(ctx context.Context, problem string) error {
			open.EndedAt, open.Problem = time.Now().UTC(), problem
			return a.Ledger.SaveSyncRun(ctx, open)
		}, err
	}
}

// SyncInput names a plan.
type SyncInput struct {
	Desk access.DeskName `json:"desk"`
	Run  string          `json:"run"`
	Plan string          `json:"plan"`
}

// plannedSync returns the run as the ledger has it, with this plan. Conflict: it has failed meanwhile, or has another plan.
func plannedSync(ctx context.Context, ledger SyncLedger, c SyncInput) (access.SyncRun, error) {
	run, err := ledger.SyncRun(ctx, c.Desk, c.Run)
	if err == nil && (run.Problem != "" || run.Plan != c.Plan) {
		return run, access.Errorf(access.Conflict, "read a plan for users", "the run %q over the users of %s has failed meanwhile, or has another plan",
			c.Run, c.Desk)
	}
	return run, err
}

// EndSync records that a run has ended, and how its rows stand, and returns it. Safe to repeat.
func (a *UserSync) EndSync(ctx context.Context, c SyncInput) (access.SyncRun, error) {
	run, err := plannedSync(ctx, a.Ledger, c)
	if err != nil || run.Ended() {
		return run, translate(err)
	}
	if run.States, err = a.Ledger.CountSyncRows(ctx, c.Desk, run.Rows); err != nil {
		return run, translate(err)
	}
	if err := accept(ctx, a.Ledger, &run); err != nil {
		return run, translate(err)
	}
	run.EndedAt = time.Now().UTC()
	if err := a.Ledger.SaveSyncRun(ctx, run); err != nil {
		return run, translate(err)
	}
	run, err = plannedSync(ctx, a.Ledger, c)
	return run, translate(err)
}

// FailSync records that a run failed, and why. Safe to repeat.
func (a *UserSync) FailSync(ctx context.Context, run access.SyncRun) error {
	run.EndedAt = time.Now().UTC()
	if run.Rows != "" {
		states, err := a.Ledger.CountSyncRows(ctx, run.Desk, run.Rows)
		if err != nil {
			return translate(err)
		}
		run.States = states
	}
	// What an attempt has handed over before it failed is known to the ledger alone.
	known, err := a.Ledger.SyncRun(ctx, run.Desk, run.ID)
	if err != nil && !access.IsKind(err, access.NotFound) {
		return translate(err)
	}
	run.HandOver = known.HandOver
	return translate(a.Ledger.SaveSyncRun(ctx, run))
}
