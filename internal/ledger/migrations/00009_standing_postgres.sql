-- Who has left and who is back, and what of it the requests and leases that go on have not been told yet. Ids are ordered by their bytes.

-- +goose Up
CREATE TABLE people_standing (
    source   TEXT    NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    absent   BOOLEAN NOT NULL,
    revision BIGINT  NOT NULL,
    reason   TEXT    NOT NULL,
    began_us BIGINT  NOT NULL,
    change   BIGINT  NOT NULL,
    told     BIGINT  NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE INDEX people_standing_untold ON people_standing (source, id) WHERE told < change;
