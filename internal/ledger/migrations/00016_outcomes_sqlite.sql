-- An outcome that is recorded stays: a request that has ended keeps its state, and a lease that has ended stays ended. This one is for SQLite.

-- +goose Up

-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS requests_keep_outcome BEFORE UPDATE ON requests
WHEN OLD.ended AND (NOT NEW.ended OR NEW.state <> OLD.state)
BEGIN
    SELECT RAISE(ABORT, 'the outcome of a request is recorded and never changes');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS leases_keep_outcome BEFORE UPDATE ON leases
WHEN OLD.state = 'ended' AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'the outcome of a lease is recorded and never changes');
END;
-- +goose StatementEnd
