-- The users of desks: their listings, whose they are, the runs over them, and what each plan does. This one is for SQLite.

-- +goose Up
CREATE TABLE desk_users_listed (
    desk      TEXT NOT NULL,
    listing   TEXT NOT NULL,
    id        TEXT NOT NULL,
    person    TEXT NOT NULL,
    name_key  TEXT NOT NULL,
    email_key TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (desk, listing, id)
);

CREATE INDEX desk_users_by_person ON desk_users_listed (desk, listing, person);
CREATE INDEX desk_users_by_name ON desk_users_listed (desk, listing, name_key);
CREATE INDEX desk_users_by_email ON desk_users_listed (desk, listing, email_key);

CREATE TABLE desk_links (
    desk    TEXT NOT NULL,
    person  TEXT NOT NULL,
    user_id TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (desk, person)
);

-- A user is of at most one person.
CREATE UNIQUE INDEX desk_links_by_user ON desk_links (desk, user_id);

CREATE TABLE sync_runs (
    desk     TEXT    NOT NULL,
    id       TEXT NOT NULL,
    began_us BIGINT  NOT NULL,
    ended    BOOLEAN NOT NULL,
    failed   BOOLEAN NOT NULL,
    plan     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (desk, id)
);

CREATE INDEX sync_runs_by_time ON sync_runs (desk, began_us);

-- One run over a desk goes on at a time.
CREATE UNIQUE INDEX sync_runs_open ON sync_runs (desk) WHERE NOT ended;

CREATE TABLE sync_rows (
    desk      TEXT NOT NULL,
    plan      TEXT NOT NULL,
    person    TEXT NOT NULL,
    operation TEXT NOT NULL,
    state     TEXT NOT NULL,
    at_us     BIGINT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (desk, plan, person)
);

CREATE INDEX sync_rows_by_time ON sync_rows (desk, at_us);

-- Which attempt applies the rows of a run: one that was given up must not go on.
CREATE TABLE sync_appliers (
    desk    TEXT NOT NULL,
    run     TEXT NOT NULL,
    attempt TEXT NOT NULL,
    PRIMARY KEY (desk, run)
);

CREATE INDEX sync_rows_by_state ON sync_rows (desk, plan, state, person);
