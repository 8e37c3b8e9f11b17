-- Events of runs over the people of a source stand beside those of desks.

-- +goose Up
ALTER TABLE desk_events ADD COLUMN source TEXT NOT NULL DEFAULT '';
CREATE INDEX desk_events_by_source ON desk_events (source, position);
