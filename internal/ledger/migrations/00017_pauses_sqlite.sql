-- What of usher's work on targets was paused and resumed. Ids are ordered by their bytes. This one is for SQLite.

-- +goose Up
CREATE TABLE pauses (
    position INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    what     TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    paused   BOOLEAN NOT NULL,
    at_us    BIGINT  NOT NULL,
    body     TEXT    NOT NULL
);

CREATE INDEX pauses_by_target ON pauses (what, target, at_us, position);

-- +goose StatementBegin
CREATE TRIGGER pauses_keep_content BEFORE UPDATE ON pauses
BEGIN
    SELECT RAISE(ABORT, 'pauses are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pauses_keep_rows BEFORE DELETE ON pauses
BEGIN
    SELECT RAISE(ABORT, 'pauses are append-only');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE removes a row without firing the trigger above, so an insert over an existing row does nothing.
-- +goose StatementBegin
CREATE TRIGGER pauses_keep_first BEFORE INSERT ON pauses
WHEN EXISTS (SELECT 1 FROM pauses WHERE id = NEW.id OR position = NEW.position)
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
