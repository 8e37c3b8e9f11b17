-- +goose Up

-- SQLite gives an INTEGER PRIMARY KEY that is left out the highest value plus one; nothing is ever removed, so
-- positions only grow.

-- +goose StatementBegin
CREATE TRIGGER events_keep_content BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_keep_rows BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE removes a row without firing the trigger above, so an insert over an existing row does nothing.
-- +goose StatementBegin
CREATE TRIGGER events_keep_first BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id OR position = NEW.position)
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
