-- What was taken back from people before its time. Ids are ordered by their bytes. This one is for SQLite.

-- +goose Up
CREATE TABLE revocations (
    position   INTEGER PRIMARY KEY,
    id         TEXT   NOT NULL UNIQUE,
    subject_id TEXT   NOT NULL,
    at_us      BIGINT NOT NULL,
    body       TEXT   NOT NULL
);

CREATE INDEX revocations_by_subject ON revocations (subject_id, position);

-- +goose StatementBegin
CREATE TRIGGER revocations_keep_content BEFORE UPDATE ON revocations
BEGIN
    SELECT RAISE(ABORT, 'revocations are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER revocations_keep_rows BEFORE DELETE ON revocations
BEGIN
    SELECT RAISE(ABORT, 'revocations are append-only');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE removes a row without firing the trigger above, so an insert over an existing row does nothing.
-- +goose StatementBegin
CREATE TRIGGER revocations_keep_first BEFORE INSERT ON revocations
WHEN EXISTS (SELECT 1 FROM revocations WHERE id = NEW.id OR position = NEW.position)
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
