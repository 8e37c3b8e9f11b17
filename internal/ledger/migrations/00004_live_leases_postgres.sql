-- Which leases have not ended, by subject: what is to be held or taken away is found there, however many leases have ended.

-- +goose Up

-- Subjects are listed by bytes, as SQLite does, whatever the collation of the database.
ALTER TABLE leases ALTER COLUMN subject_id TYPE TEXT COLLATE "C";
CREATE INDEX leases_live ON leases (subject_id, id) WHERE state <> 'ended';
