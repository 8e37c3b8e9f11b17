-- Runs on SQLite and PostgreSQL alike. Columns that end in _us are whole microseconds since 1970 UTC; a column body is
-- the JSON of the value; '' in a column of ids means none.

-- +goose Up
CREATE TABLE events (
    position   INTEGER PRIMARY KEY,
    id         TEXT   NOT NULL UNIQUE,
    request_id TEXT   NOT NULL,
    lease_id   TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    at_us      BIGINT NOT NULL,
    actor_id   TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    body       TEXT   NOT NULL
);
CREATE INDEX events_by_request ON events (request_id, position);
CREATE INDEX events_by_actor ON events (actor_id, position);

CREATE TABLE requests (
    id           TEXT    NOT NULL PRIMARY KEY,
    version      BIGINT  NOT NULL,
    state        TEXT    NOT NULL,
    ended        BOOLEAN NOT NULL,
    requester_id TEXT    NOT NULL,
    subject_id   TEXT    NOT NULL,
    submitted_us BIGINT  NOT NULL,
    body         TEXT    NOT NULL
);
CREATE INDEX requests_newest ON requests (submitted_us, id);
CREATE INDEX requests_open ON requests (submitted_us, id) WHERE NOT ended;
CREATE INDEX requests_by_state ON requests (state, submitted_us, id);
CREATE INDEX requests_by_requester ON requests (requester_id, submitted_us, id);
CREATE INDEX requests_by_subject ON requests (subject_id, submitted_us, id);

-- Whom a request waits for now.
CREATE TABLE request_waiting (
    request_id TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    PRIMARY KEY (request_id, person_id)
);
CREATE INDEX request_waiting_by_person ON request_waiting (person_id, request_id);

-- What a request asks for.
CREATE TABLE request_entitlements (
    request_id     TEXT NOT NULL,
    entitlement_id TEXT NOT NULL,
    PRIMARY KEY (request_id, entitlement_id)
);
CREATE INDEX request_entitlements_by_entitlement ON request_entitlements (entitlement_id, request_id);

CREATE TABLE leases (
    id             TEXT   NOT NULL PRIMARY KEY,
    version        BIGINT NOT NULL,
    state          TEXT   NOT NULL,
    request_id     TEXT   NOT NULL,
    subject_id     TEXT   NOT NULL,
    entitlement_id TEXT   NOT NULL,
    body           TEXT   NOT NULL
);
CREATE INDEX leases_by_subject ON leases (subject_id, id);

CREATE TABLE tickets (
    desk       TEXT NOT NULL,
    id         TEXT NOT NULL,
    request_id TEXT NOT NULL,
    lease_id   TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (desk, id)
);
CREATE INDEX tickets_by_request ON tickets (request_id, lease_id, desk, id);
