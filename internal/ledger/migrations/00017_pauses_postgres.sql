-- What of usher's work on targets was paused and resumed. Ids are ordered by their bytes.

-- +goose Up
CREATE TABLE pauses (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       TEXT COLLATE "C" NOT NULL UNIQUE,
    what     TEXT COLLATE "C" NOT NULL,
    target   TEXT COLLATE "C" NOT NULL,
    paused   BOOLEAN NOT NULL,
    at_us    BIGINT NOT NULL,
    body     TEXT   NOT NULL
);

CREATE INDEX pauses_by_target ON pauses (what, target, at_us, position);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION pauses_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'pauses are append-only' USING ERRCODE = 'restrict_violation';
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER pauses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pauses
    FOR EACH STATEMENT EXECUTE FUNCTION pauses_append_only();
