-- What the watch of a desk needs: how far it has come, what each ticket looked like, and which tickets are open.

-- +goose Up

-- The zero time stands here as what it is, the first of January of the year 1, so that it is older than every other.
CREATE TABLE watches (
    desk       TEXT NOT NULL PRIMARY KEY,
    cursor_us  BIGINT NOT NULL,
    polled_us  BIGINT NOT NULL,
    scanned_us BIGINT NOT NULL
);

-- The last fingerprint of a ticket. It has a table of its own, so that a watch and the requests never wait for each other's
-- tickets.
CREATE TABLE ticket_fingerprints (
    desk TEXT NOT NULL,
    id   TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (desk, id)
);

-- Whether the request has ended, as far as the ledger knew when it last wrote the request or first wrote the ticket. It
-- keeps ended requests out of the index below; what counts is requests.ended.
ALTER TABLE tickets ADD COLUMN ended BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE tickets SET ended = TRUE WHERE request_id IN (SELECT id FROM requests WHERE ended);
-- A ticket that its request has let go is asked for no more.
ALTER TABLE tickets ADD COLUMN unlinked BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX tickets_open ON tickets (desk, id) WHERE NOT ended AND NOT unlinked AND lease_id = '';
