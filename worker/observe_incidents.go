package main

import (
	"context"

	"usher/activities"
	"usher/internal/access"
)

var _ activities.RegisterLedger = observedLedger{}

func (l observedLedger) SaveIntegrationUser(ctx context.Context, u access.IntegrationUser, e access.DeskEvent) error {
	return ledgerDo(l, "save_integration_user", func() error { return l.Store.SaveIntegrationUser(ctx, u, e) })
}

func (l observedLedger) UpdateIntegrationUser(ctx context.Context, u access.IntegrationUser, events ...access.DeskEvent) error {
	return ledgerDo(l, "update_integration_user", func() error { return l.Store.UpdateIntegrationUser(ctx, u, events...) })
}

func (l observedLedger) RemoveIntegrationUser(ctx context.Context, desk access.DeskName, id access.UserID, e access.DeskEvent) error {
	return ledgerDo(l, "remove_integration_user", func() error { return l.Store.RemoveIntegrationUser(ctx, desk, id, e) })
}

func (l observedLedger) IntegrationUser(ctx context.Context, desk access.DeskName, id access.UserID) (access.IntegrationUser, error) {
	return ledgerCall(l, "integration_user", func() (access.IntegrationUser, error) { return l.Store.IntegrationUser(ctx, desk, id) })
}

func (l observedLedger) IntegrationUsers(ctx context.Context, q access.IntegrationUsersQuery) ([]access.IntegrationUser, error) {
	return ledgerCall(l, "integration_users", func() ([]access.IntegrationUser, error) { return l.Store.IntegrationUsers(ctx, q) })
}

func (l observedLedger) AssignIncident(ctx context.Context, id access.IncidentID, c access.Assignees) (access.IntegrationUser, error) {
	return ledgerCall(l, "assign_incident", func() (access.IntegrationUser, error) { return l.Store.AssignIncident(ctx, id, c) })
}

func (l observedLedger) SaveIncident(ctx context.Context, v access.IncidentView, events ...access.DeskEvent) error {
	return ledgerDo(l, "save_incident", func() error { return l.Store.SaveIncident(ctx, v, events...) })
}

func (l observedLedger) Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error) {
	return ledgerCall(l, "incident", func() (access.IncidentView, error) { return l.Store.Incident(ctx, id) })
}

func (l observedLedger) Incidents(ctx context.Context, q access.IncidentsQuery) ([]access.IncidentView, error) {
	return ledgerCall(l, "incidents", func() ([]access.IncidentView, error) { return l.Store.Incidents(ctx, q) })
}

func (l observedLedger) IncidentsOf(
	ctx context.Context, desk access.DeskName, user access.UserID, after access.IncidentID, limit int,
) ([]access.IncidentID, error) {
	return ledgerCall(l, "incidents_of", func() ([]access.IncidentID, error) { return l.Store.IncidentsOf(ctx, desk, user, after, limit) })
}

func (l observedLedger) IncidentsByTicket(ctx context.Context, desk access.DeskName, ids []access.TicketID) ([]access.IncidentTicket, error) {
	return ledgerCall(l, "incidents_by_ticket", func() ([]access.IncidentTicket, error) { return l.Store.IncidentsByTicket(ctx, desk, ids) })
}

func (l observedLedger) SaveIncidentsSeen(ctx context.Context, desk access.DeskName, seen map[access.TicketID]access.SeenChange) error {
	return ledgerDo(l, "save_incidents_seen", func() error { return l.Store.SaveIncidentsSeen(ctx, desk, seen) })
}

func (l observedLedger) UnassignedIncidents(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error) {
	return ledgerCall(l, "unassigned_incidents", func() ([]access.IncidentID, error) { return l.Store.UnassignedIncidents(ctx, desk, after, limit) })
}

func (l observedLedger) StrayIncidents(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error) {
	return ledgerCall(l, "stray_incidents", func() ([]access.IncidentID, error) { return l.Store.StrayIncidents(ctx, desk, after, limit) })
}

func (l observedLedger) DeskEvent(ctx context.Context, id string) (access.DeskEvent, error) {
	return ledgerCall(l, "desk_event", func() (access.DeskEvent, error) { return l.Store.DeskEvent(ctx, id) })
}
