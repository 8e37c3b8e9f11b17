-- Who has left and who is back, and what of it the requests and leases that go on have not been notified of yet. This one is for SQLite.

-- +goose Up
CREATE TABLE people_standing (
    source   TEXT    NOT NULL,
    id       TEXT   NOT NULL,
    absent   BOOLEAN NOT NULL,
    revision BIGINT  NOT NULL,
    reason   TEXT    NOT NULL,
    began_us BIGINT  NOT NULL,
    change   BIGINT  NOT NULL,
    notified BIGINT   NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE INDEX people_standing_pending ON people_standing (source, id) WHERE notified < change;

-- Who may have to decide on a request that goes on, now or later.
CREATE TABLE request_approvers (
    request_id TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    PRIMARY KEY (request_id, person_id)
);
CREATE INDEX request_approvers_by_person ON request_approvers (person_id, request_id);
