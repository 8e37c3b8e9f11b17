-- The catalog as a worker has published it: which one, in a single row, and what is in it. Ids are ordered by their bytes. This one is for SQLite.

-- +goose Up
CREATE TABLE catalog (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    hash         TEXT    NOT NULL,
    published_us BIGINT  NOT NULL,
    renewed_us   BIGINT  NOT NULL
);

CREATE TABLE catalog_applications (
    id   TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE catalog_entitlements (
    id             TEXT NOT NULL PRIMARY KEY,
    application_id TEXT NOT NULL,
    words          TEXT NOT NULL,
    body           TEXT NOT NULL
);

CREATE INDEX catalog_entitlements_by_application ON catalog_entitlements (application_id, id);

CREATE TABLE catalog_owners (
    person_id      TEXT NOT NULL,
    application_id TEXT NOT NULL,
    PRIMARY KEY (person_id, application_id)
);
