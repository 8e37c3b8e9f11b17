-- The register of integration users, the incidents whose tickets are assigned to them, and what happened to both. This one is for SQLite.

-- +goose Up
CREATE TABLE integration_users (
    desk     TEXT NOT NULL,
    id       TEXT NOT NULL,
    added_by TEXT   NOT NULL,
    added_us BIGINT NOT NULL,
    -- The turn of the desk in which an incident was assigned to the user last; 0 for never.
    assigned BIGINT NOT NULL,
    body     TEXT   NOT NULL,
    PRIMARY KEY (desk, id)
);

-- How often the register of a desk was changed or picked from. Whoever does so holds the row, so that it is one at a time.
CREATE TABLE integration_turns (
    desk TEXT   NOT NULL PRIMARY KEY,
    turn BIGINT NOT NULL
);

CREATE TABLE incidents (
    id           TEXT NOT NULL PRIMARY KEY,
    version      BIGINT  NOT NULL,
    state        TEXT    NOT NULL,
    ended        BOOLEAN NOT NULL,
    caller       TEXT    NOT NULL,
    reference    TEXT    NOT NULL,
    desk         TEXT NOT NULL,
    ticket_id    TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    submitted_us BIGINT  NOT NULL,
    -- The desk's time of the last change of the ticket of which the incident was notified; the zero time for none.
    seen_us      BIGINT  NOT NULL,
    body         TEXT    NOT NULL
);

CREATE INDEX incidents_newest ON incidents (submitted_us, id);
CREATE INDEX incidents_open ON incidents (submitted_us, id) WHERE NOT ended;
CREATE INDEX incidents_by_caller ON incidents (caller, submitted_us, id);
CREATE INDEX incidents_by_reference ON incidents (reference, submitted_us, id);
CREATE INDEX incidents_by_desk ON incidents (desk, submitted_us, id);
CREATE INDEX incidents_by_user ON incidents (user_id, submitted_us, id);
CREATE INDEX incidents_open_by_user ON incidents (desk, user_id, id) WHERE NOT ended;
CREATE INDEX incidents_open_by_ticket ON incidents (desk, ticket_id) WHERE NOT ended;

CREATE TABLE desk_events (
    position    INTEGER PRIMARY KEY,
    id          TEXT   NOT NULL UNIQUE,
    desk        TEXT   NOT NULL,
    incident_id TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    at_us       BIGINT NOT NULL,
    actor_id    TEXT   NOT NULL,
    body        TEXT   NOT NULL
);

CREATE INDEX desk_events_by_desk ON desk_events (desk, position);
CREATE INDEX desk_events_by_incident ON desk_events (incident_id, position);

-- +goose StatementBegin
CREATE TRIGGER desk_events_keep_content BEFORE UPDATE ON desk_events
BEGIN
    SELECT RAISE(ABORT, 'desk events are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER desk_events_keep_rows BEFORE DELETE ON desk_events
BEGIN
    SELECT RAISE(ABORT, 'desk events are append-only');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE removes a row without firing the trigger above, so an insert over an existing row does nothing.
-- +goose StatementBegin
CREATE TRIGGER desk_events_keep_first BEFORE INSERT ON desk_events
WHEN EXISTS (SELECT 1 FROM desk_events WHERE id = NEW.id OR position = NEW.position)
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
