-- The snapshot of people, the listings that it is made of, the runs over a source, and what each plan changes. Ids are ordered by their bytes.

-- +goose Up
CREATE TABLE people (
    source    TEXT   NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    state     TEXT   NOT NULL,
    began_us  BIGINT NOT NULL,
    body      TEXT   NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE TABLE people_listed (
    source  TEXT NOT NULL,
    listing TEXT NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (source, listing, id)
);

CREATE TABLE people_problems (
    source  TEXT    NOT NULL,
    listing TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (source, listing, number)
);

CREATE TABLE people_runs (
    source   TEXT    NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    began_us BIGINT  NOT NULL,
    ended    BOOLEAN NOT NULL,
    failed   BOOLEAN NOT NULL,
    plan     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE INDEX people_runs_by_time ON people_runs (source, began_us);

-- One run over a source goes on at a time.
CREATE UNIQUE INDEX people_runs_open ON people_runs (source) WHERE NOT ended;

CREATE TABLE people_changes (
    source  TEXT    NOT NULL,
    plan    TEXT    NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    class   TEXT    NOT NULL,
    held    TEXT    NOT NULL,
    applied BOOLEAN NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (source, plan, id)
);
