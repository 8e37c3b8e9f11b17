-- What a ticket looked like when its incident was notified of it last, and whether people assigned it to an account that is not in the register.
-- This one is for SQLite.

-- +goose Up
ALTER TABLE incidents ADD COLUMN seen_as TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN by_hand BOOLEAN NOT NULL DEFAULT FALSE;

-- What is absent is "".
UPDATE incidents SET by_hand = TRUE
WHERE json_extract(body, '$.assignee.user') IS NULL AND json_extract(body, '$.assignee.account') IS NOT NULL;
