-- +goose Up

ALTER TABLE events ALTER COLUMN position TYPE BIGINT;
ALTER TABLE events ALTER COLUMN position ADD GENERATED ALWAYS AS IDENTITY;

-- What is sorted by sorts by bytes, as SQLite does, whatever the collation of the database; and an update of the
-- system's collations cannot disturb these indexes.
ALTER TABLE requests ALTER COLUMN id TYPE TEXT COLLATE "C";
ALTER TABLE leases ALTER COLUMN id TYPE TEXT COLLATE "C";
ALTER TABLE tickets ALTER COLUMN desk TYPE TEXT COLLATE "C";
ALTER TABLE tickets ALTER COLUMN id TYPE TEXT COLLATE "C";
ALTER TABLE tickets ALTER COLUMN lease_id TYPE TEXT COLLATE "C";

-- +goose StatementBegin
CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_append_only();
