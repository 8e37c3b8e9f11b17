package main

import (
	"context"
	"time"

	"usher/activities"
	"usher/internal/access"
)

var _ activities.PeopleLedger = observedLedger{}

func (l observedLedger) StagePeople(ctx context.Context, source access.SourceName, listing string, page access.PeoplePage, first int) error {
	return ledgerDo(l, "stage_people", func() error { return l.Store.StagePeople(ctx, source, listing, page, first) })
}

func (l observedLedger) ListedPeople(ctx context.Context, source access.SourceName, listing string, after access.PersonID, limit int) ([]access.ListedRow, error) {
	return ledgerCall(l, "listed_people", func() ([]access.ListedRow, error) { return l.Store.ListedPeople(ctx, source, listing, after, limit) })
}

func (l observedLedger) KnownPeople(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.KnownPerson, error) {
	return ledgerCall(l, "known_people", func() ([]access.KnownPerson, error) { return l.Store.KnownPeople(ctx, source, after, limit) })
}

func (l observedLedger) PlanPeople(ctx context.Context, source access.SourceName, plan string, changes []access.PersonChange) error {
	return ledgerDo(l, "plan_people", func() error { return l.Store.PlanPeople(ctx, source, plan, changes) })
}

func (l observedLedger) PeopleChanges(ctx context.Context, source access.SourceName, plan string, q access.PeopleChangesQuery) ([]access.PersonChange, error) {
	return ledgerCall(l, "people_changes", func() ([]access.PersonChange, error) { return l.Store.PeopleChanges(ctx, source, plan, q) })
}

func (l observedLedger) ApplyPeople(ctx context.Context, run access.PeopleRun, changes []access.PersonChange) error {
	return ledgerDo(l, "apply_people", func() error { return l.Store.ApplyPeople(ctx, run, changes) })
}

func (l observedLedger) BeginPeopleRun(ctx context.Context, run access.PeopleRun) error {
	return ledgerDo(l, "begin_people_run", func() error { return l.Store.BeginPeopleRun(ctx, run) })
}

func (l observedLedger) SavePeopleRun(ctx context.Context, run access.PeopleRun) error {
	return ledgerDo(l, "save_people_run", func() error { return l.Store.SavePeopleRun(ctx, run) })
}

func (l observedLedger) PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error) {
	return ledgerCall(l, "people_run", func() (access.PeopleRun, error) { return l.Store.PeopleRun(ctx, source, id) })
}

func (l observedLedger) PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error) {
	return ledgerCall(l, "people_runs", func() ([]access.PeopleRun, error) { return l.Store.PeopleRuns(ctx, source, before, limit) })
}

func (l observedLedger) OpenPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error) {
	return ledgerCall(l, "open_people_run", func() (access.PeopleRun, error) { return l.Store.OpenPeopleRun(ctx, source) })
}

func (l observedLedger) LastPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error) {
	return ledgerCall(l, "last_people_run", func() (access.PeopleRun, error) { return l.Store.LastPeopleRun(ctx, source) })
}

func (l observedLedger) KnownPerson(ctx context.Context, source access.SourceName, id access.PersonID) (access.KnownPerson, error) {
	return ledgerCall(l, "known_person", func() (access.KnownPerson, error) { return l.Store.KnownPerson(ctx, source, id) })
}

func (l observedLedger) PendingNotices(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.PersonNotice, error) {
	return ledgerCall(l, "pending_notices", func() ([]access.PersonNotice, error) { return l.Store.PendingNotices(ctx, source, after, limit) })
}

func (l observedLedger) NoticeSent(ctx context.Context, n access.PersonNotice) error {
	return ledgerDo(l, "notice_sent", func() error { return l.Store.NoticeSent(ctx, n) })
}

func (l observedLedger) RequestsAbout(ctx context.Context, person access.PersonID, after access.RequestID, limit int) ([]access.RequestID, error) {
	return ledgerCall(l, "requests_about", func() ([]access.RequestID, error) { return l.Store.RequestsAbout(ctx, person, after, limit) })
}
