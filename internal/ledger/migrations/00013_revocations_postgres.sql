-- What was taken back from people before its time. Ids are ordered by their bytes.

-- +goose Up
CREATE TABLE revocations (
    position   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL UNIQUE,
    subject_id TEXT COLLATE "C" NOT NULL,
    at_us      BIGINT NOT NULL,
    body       TEXT   NOT NULL
);

CREATE INDEX revocations_by_subject ON revocations (subject_id, position);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION revocations_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'revocations are append-only' USING ERRCODE = 'restrict_violation';
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER revocations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON revocations
    FOR EACH STATEMENT EXECUTE FUNCTION revocations_append_only();
