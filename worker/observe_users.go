package main

import (
	"context"
	"time"

	"usher/activities"
	"usher/internal/access"
)

// observedUsers are a desk's users whose calls are counted.
type observedUsers struct {
	observer
	users access.UserDirectory
}

// observedGroups are a desk's groups whose calls are counted.
type observedGroups struct {
	observer
	groups access.UserGroups
}

// observedBelongings are what a desk's users own, whose calls are counted.
type observedBelongings struct {
	observer
	owned access.UserBelongings
}

var (
	_ access.UserDirectory  = observedUsers{}
	_ access.UserBelongings = observedBelongings{}
	_ access.UserGroups     = observedGroups{}
	_ activities.SyncLedger = observedLedger{}
)

func (u observedUsers) UserSchema(ctx context.Context) (access.UserSchema, error) {
	return observe(ctx, u.observer, "user_schema", u.users.UserSchema)
}

// ListUsers observes a listing as one call, however many pages it has.
func (u observedUsers) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	return observe(ctx, u.observer, "list_users", func(ctx context.Context) (int, error) { return u.users.ListUsers(ctx, take) })
}

func (u observedUsers) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	return observe(ctx, u.observer, "read_user", func(ctx context.Context) (access.DeskUser, error) { return u.users.ReadUser(ctx, id) })
}

func (u observedUsers) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	return observe(ctx, u.observer, "find_users", func(ctx context.Context) ([]access.DeskUser, error) { return u.users.FindUsers(ctx, q) })
}

func (u observedUsers) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	return observe(ctx, u.observer, "create_user", func(ctx context.Context) (access.DeskUser, error) { return u.users.CreateUser(ctx, n) })
}

func (u observedUsers) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	return observe(ctx, u.observer, "update_user", func(ctx context.Context) (access.DeskUser, error) { return u.users.UpdateUser(ctx, id, change) })
}

func (g observedGroups) FindGroup(ctx context.Context, name string) (access.DeskGroup, error) {
	return observe(ctx, g.observer, "find_group", func(ctx context.Context) (access.DeskGroup, error) { return g.groups.FindGroup(ctx, name) })
}

func (g observedGroups) GroupMembers(ctx context.Context, id access.GroupID) ([]access.UserID, error) {
	return observe(ctx, g.observer, "group_members", func(ctx context.Context) ([]access.UserID, error) { return g.groups.GroupMembers(ctx, id) })
}

func (g observedGroups) AddGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	return observeDo(ctx, g.observer, "add_group_member", func(ctx context.Context) error { return g.groups.AddGroupMember(ctx, id, user) })
}

func (g observedGroups) RemoveGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	return observeDo(ctx, g.observer, "remove_group_member", func(ctx context.Context) error { return g.groups.RemoveGroupMember(ctx, id, user) })
}

func (b observedBelongings) OwnedKinds(ctx context.Context) ([]access.OwnedKind, error) {
	return observe(ctx, b.observer, "owned_kinds", b.owned.OwnedKinds)
}

func (b observedBelongings) ListOwned(ctx context.Context, q access.OwnedQuery) ([]access.Owned, error) {
	return observe(ctx, b.observer, "list_owned", func(ctx context.Context) ([]access.Owned, error) { return b.owned.ListOwned(ctx, q) })
}

func (b observedBelongings) HandOver(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	return observeDo(ctx, b.observer, "hand_over", func(ctx context.Context) error { return b.owned.HandOver(ctx, o, from, to) })
}

func (u observedUsers) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	return observe(ctx, u.observer, "set_user_active", func(ctx context.Context) (access.DeskUser, error) { return u.users.SetUserActive(ctx, id, active) })
}

func (l observedLedger) StageDeskUsers(ctx context.Context, desk access.DeskName, listing string, users []access.ListedUser) error {
	return ledgerDo(l, "stage_desk_users", func() error { return l.Store.StageDeskUsers(ctx, desk, listing, users) })
}

func (l observedLedger) CountDeskUsers(ctx context.Context, desk access.DeskName, listing string) (int, error) {
	return ledgerCall(l, "count_desk_users", func() (int, error) { return l.Store.CountDeskUsers(ctx, desk, listing) })
}

func (l observedLedger) DeskUsers(ctx context.Context, desk access.DeskName, listing string, q access.DeskUsersQuery) ([]access.DeskUser, error) {
	return ledgerCall(l, "desk_users", func() ([]access.DeskUser, error) { return l.Store.DeskUsers(ctx, desk, listing, q) })
}

func (l observedLedger) DeskLinks(ctx context.Context, desk access.DeskName, people []access.PersonID) ([]access.DeskLink, error) {
	return ledgerCall(l, "desk_links", func() ([]access.DeskLink, error) { return l.Store.DeskLinks(ctx, desk, people) })
}

func (l observedLedger) DeskLinksOf(ctx context.Context, desk access.DeskName, users []access.UserID) ([]access.DeskLink, error) {
	return ledgerCall(l, "desk_links_of", func() ([]access.DeskLink, error) { return l.Store.DeskLinksOf(ctx, desk, users) })
}

func (l observedLedger) SaveDeskLink(ctx context.Context, desk access.DeskName, link access.DeskLink, replaces access.UserID) error {
	return ledgerDo(l, "save_desk_link", func() error { return l.Store.SaveDeskLink(ctx, desk, link, replaces) })
}

func (l observedLedger) RemoveDeskLink(ctx context.Context, u access.Unlink) (access.DeskLink, error) {
	return ledgerCall(l, "remove_desk_link", func() (access.DeskLink, error) { return l.Store.RemoveDeskLink(ctx, u) })
}

func (l observedLedger) PlanSyncRows(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error {
	return ledgerDo(l, "plan_sync_rows", func() error { return l.Store.PlanSyncRows(ctx, run, rows) })
}

func (l observedLedger) HoldSyncRows(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error {
	return ledgerDo(l, "hold_sync_rows", func() error { return l.Store.HoldSyncRows(ctx, run, rows) })
}

func (l observedLedger) ClaimSyncRun(ctx context.Context, run access.SyncRun, attempt string) error {
	return ledgerDo(l, "claim_sync_run", func() error { return l.Store.ClaimSyncRun(ctx, run, attempt) })
}

func (l observedLedger) SaveSyncRows(ctx context.Context, run access.SyncRun, attempt string, rows []access.SyncRow) error {
	return ledgerDo(l, "save_sync_rows", func() error { return l.Store.SaveSyncRows(ctx, run, attempt, rows) })
}

func (l observedLedger) SyncRows(ctx context.Context, desk access.DeskName, plan string, q access.SyncRowsQuery) ([]access.SyncRow, error) {
	return ledgerCall(l, "sync_rows", func() ([]access.SyncRow, error) { return l.Store.SyncRows(ctx, desk, plan, q) })
}

func (l observedLedger) CountSyncRows(ctx context.Context, desk access.DeskName, plan string) (map[access.SyncState]int, error) {
	return ledgerCall(l, "count_sync_rows", func() (map[access.SyncState]int, error) { return l.Store.CountSyncRows(ctx, desk, plan) })
}

func (l observedLedger) BeginSyncRun(ctx context.Context, run access.SyncRun) error {
	return ledgerDo(l, "begin_sync_run", func() error { return l.Store.BeginSyncRun(ctx, run) })
}

func (l observedLedger) SaveSyncRun(ctx context.Context, run access.SyncRun) error {
	return ledgerDo(l, "save_sync_run", func() error { return l.Store.SaveSyncRun(ctx, run) })
}

func (l observedLedger) LeaverMarks(ctx context.Context, run access.SyncRun, people []access.PersonID) ([]access.LeaverMark, error) {
	return ledgerCall(l, "leaver_marks", func() ([]access.LeaverMark, error) { return l.Store.LeaverMarks(ctx, run, people) })
}

func (l observedLedger) SaveLeaverMarks(ctx context.Context, run access.SyncRun, marks []access.LeaverMark) error {
	return ledgerDo(l, "save_leaver_marks", func() error { return l.Store.SaveLeaverMarks(ctx, run, marks) })
}

func (l observedLedger) SaveHandOver(ctx context.Context, run access.SyncRun, attempt string, h access.HandOver, events ...access.DeskEvent) error {
	return ledgerDo(l, "save_hand_over", func() error { return l.Store.SaveHandOver(ctx, run, attempt, h, events...) })
}

func (l observedLedger) SyncRun(ctx context.Context, desk access.DeskName, id string) (access.SyncRun, error) {
	return ledgerCall(l, "sync_run", func() (access.SyncRun, error) { return l.Store.SyncRun(ctx, desk, id) })
}

func (l observedLedger) SyncRuns(ctx context.Context, desk access.DeskName, before time.Time, limit int) ([]access.SyncRun, error) {
	return ledgerCall(l, "sync_runs", func() ([]access.SyncRun, error) { return l.Store.SyncRuns(ctx, desk, before, limit) })
}

func (l observedLedger) OpenSyncRun(ctx context.Context, desk access.DeskName) (access.SyncRun, error) {
	return ledgerCall(l, "open_sync_run", func() (access.SyncRun, error) { return l.Store.OpenSyncRun(ctx, desk) })
}

func (l observedLedger) LastSyncRun(ctx context.Context, desk access.DeskName) (access.SyncRun, error) {
	return ledgerCall(l, "last_sync_run", func() (access.SyncRun, error) { return l.Store.LastSyncRun(ctx, desk) })
}
